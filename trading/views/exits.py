"""Take-profit and stop-loss of an open position: shown, tried out, set, changed and taken away."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.connect import trading_adapter
from trading.desk import Desk
from trading.forms import Unreadable, read_price
from trading.models import Command, Position
from trading.models.commands import CommandKind
from trading.ownership import position_of
from trading.panels.exits import build_exits_dialog, build_exits_preview, change_of, typed_exits
from trading.portfolio import desk_of
from trading.recent import recent_desk
from trading.services.drafts import Exits
from trading.services.orders import set_exits as send_exits
from trading.venues.snapshots import Venue
from trading.views.dialogs import REUSED, answer_form, kept_key, made_before, render_dialog
from trading.views.gone import render_gone, tells_when_gone

NAMES = ("take_profit", "stop_loss")
PREVIEW = "exits_preview"


@trader_required
@require_GET
@tells_when_gone()
def show_exits_dialog(request: MemberRequest, position_id: int) -> HttpResponse:
    """Both prices as they are."""
    row = position_of(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    return _render_dialog(request, desk, row, typed_exits(desk, row), uuid4())


@trader_required
@require_GET
@tells_when_gone(PREVIEW)
def show_exits_preview(request: MemberRequest, position_id: int) -> HttpResponse:
    """What the prices come to, while they are being typed."""
    row = position_of(request.user, position_id)
    desk = recent_desk(request.user, Venue(row.account.venue))
    return _render_preview(request, desk, row, _typed(request.GET))


@trader_required
@require_form
@tells_when_gone(PREVIEW)
def set_exits(request: MemberRequest, position_id: int) -> HttpResponse:
    """Make the position's exits what the form says, once."""
    typed = _typed(request.POST)
    form = {"exits": str(position_id), **typed}
    return answer_form(
        request,
        [CommandKind.ORDERS],
        form,
        make=lambda form_key: _set(request, position_id, typed, form_key, form),
        refuse=lambda problem, status: _render_problem(request, position_id, typed, problem, status),
    )


def _set(
    request: MemberRequest, position_id: int, typed: Mapping[str, str], form_key: UUID, form: dict[str, str]
) -> Command:
    """What this form makes now. Where nothing is left to make, what it took away before is its answer."""
    try:
        row = position_of(request.user, position_id)
    except Http404:
        removed = made_before(request.user, [CommandKind.CANCEL_ALL], form_key, form)
        if removed is None:
            raise
        return removed
    desk = desk_of(request.user, Venue(row.account.venue))
    wanted, errors = _read(row, typed)
    preview = build_exits_preview(desk, row, wanted, errors)
    if not preview.can_submit:
        removed = made_before(request.user, [CommandKind.CANCEL_ALL], form_key, form)
        if removed is not None and not preview.errors:
            return removed
        raise Unreadable(next(iter(preview.errors.values()), preview.button))
    change = change_of(desk, row, wanted)
    command = send_exits(
        trading_adapter(row.account),
        row.account,
        row,
        exits=change.placed,
        replaced=change.replaced,
        form_key=form_key,
        form=form,
        builder=desk.access.fee,
    )
    if command is None:
        raise Unreadable(preview.button)
    return command


def _typed(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data.get(name, "").strip() for name in NAMES}


def _read(row: Position, typed: Mapping[str, str]) -> tuple[Exits, dict[str, str]]:
    prices, errors = {}, {}
    for name in NAMES:
        try:
            prices[name] = read_price(typed[name], row.market.rules) if typed[name] else None
        except Unreadable as problem:
            errors[name] = str(problem)
    return Exits(**prices), errors


def _render_problem(
    request: MemberRequest, position_id: int, typed: Mapping[str, str], problem: str, status: int
) -> HttpResponse:
    try:
        row = position_of(request.user, position_id)
    except Http404:
        return render_gone(request, PREVIEW, problem)
    return _render_preview(request, desk_of(request.user, Venue(row.account.venue)), row, typed, problem, status)


def _render_preview(
    request: MemberRequest, desk: Desk, row: Position, typed: Mapping[str, str], problem: str = "", status: int = 200
) -> HttpResponse:
    """The preview; without scripts the whole dialog again. Either way the form keeps its key, so it counts once."""
    preview = build_exits_preview(desk, row, *_read(row, typed))
    if problem and problem not in preview.errors.values():
        preview = replace(preview, blocked_because=problem, can_submit=False, must_start_over=problem == REUSED)
    if request.htmx:
        return render(request, "trading/_exits_preview.html", {"preview": preview}, status=status)
    dialog = build_exits_dialog(desk, row, typed, preview, kept_key(request))
    return render_dialog(request, "trading/_exits_dialog.html", {"dialog_view": dialog}, status)


def _render_dialog(
    request: MemberRequest, desk: Desk, row: Position, typed: Mapping[str, str], form_key: UUID
) -> HttpResponse:
    preview = build_exits_preview(desk, row, *_read(row, typed))
    dialog = build_exits_dialog(desk, row, typed, preview, form_key)
    return render_dialog(request, "trading/_exits_dialog.html", {"dialog_view": dialog})
