"""The collateral of one isolated position: added, taken out, or moved until liquidation lies where it is wanted."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from tenants.models import User
from trading.connect import trading_adapter
from trading.desk import UNREADABLE, Desk
from trading.forms import Unreadable
from trading.margin.errors import MarginInputError
from trading.margin.types import MarginMode
from trading.models import Command, Position
from trading.models.commands import CommandKind
from trading.moving import Direction, preview_move, refusal_of, signed_amount, unmoved
from trading.ownership import position_of
from trading.panels.dialogs import build_margin_dialog, build_margin_preview
from trading.panels.view_models import MarginDialog, MarginPreview
from trading.portfolio import desk_of
from trading.recent import recent_desk
from trading.services.margin import change_margin as move_margin
from trading.venues.snapshots import Venue
from trading.views.dialogs import REUSED, answer_form, kept_key, render_dialog
from trading.views.gone import render_gone, tells_when_gone
from trading.views.seen import may_be_sent_again, refuse_if_moved

FIELDS = ("direction", "amount", "target")
PREVIEW = "margin_preview"


@trader_required
@require_GET
@tells_when_gone()
def show_margin_dialog(request: MemberRequest, position_id: int) -> HttpResponse:
    """The position as it is, and what may be moved."""
    row = _isolated(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    typed = _typed(request.GET)
    dialog = build_margin_dialog(desk, row, typed, _preview(desk, row, typed), unmoved(desk, row), uuid4())
    return _render_dialog(request, dialog)


@trader_required
@require_GET
@tells_when_gone(PREVIEW)
def show_margin_preview(request: MemberRequest, position_id: int) -> HttpResponse:
    """What moving the amount would do, while it is being typed."""
    row = _isolated(request.user, position_id)
    preview = _preview(recent_desk(request.user, Venue(row.account.venue)), row, _typed(request.GET))
    return render(request, "trading/_margin_preview.html", {"preview": preview, "position_id": row.pk})


@trader_required
@require_form
@tells_when_gone(PREVIEW)
def change_margin(request: MemberRequest, position_id: int) -> HttpResponse:
    """Move the margin, once, however often the form arrives: also when the position has gone since."""
    typed = _typed(request.POST)
    form = {"position": str(position_id), **typed}
    return answer_form(
        request,
        [CommandKind.MARGIN],
        form,
        make=lambda form_key: _move(request, _isolated(request.user, position_id), typed, form_key, form),
        refuse=lambda problem, status: _render_problem(request, position_id, typed, problem, status),
    )


def _move(
    request: MemberRequest, row: Position, typed: Mapping[str, str], form_key: UUID, form: Mapping[str, str]
) -> Command:
    desk = desk_of(request.user, Venue(row.account.venue))
    preview = _preview(desk, row, typed)
    if not preview.can_submit:
        raise Unreadable(preview.error or preview.blocked_because or "Enter an amount.")
    amount = _signed(desk, row, typed)
    if amount is None:
        raise Unreadable("Enter an amount.")
    if preview.changes:  # without figures there is nothing that could have moved
        refuse_if_moved(request, seen_liquidation=preview.seen_liquidation)
    return move_margin(trading_adapter(row.account), row.account, row, amount=amount, form_key=form_key, form=form)


def _typed(data: Mapping[str, str]) -> dict[str, str]:
    typed = {name: data.get(name, "").strip() for name in FIELDS}
    known = typed["direction"] in set(Direction)
    return typed | {"direction": typed["direction"] if known else Direction.ADD.value}


def _signed(desk: Desk, row: Position, typed: Mapping[str, str]) -> Decimal | None:
    return signed_amount(desk, row, Direction(typed["direction"]), typed["amount"], typed["target"])


def _preview(desk: Desk, row: Position, typed: Mapping[str, str]) -> MarginPreview:
    direction, base = Direction(typed["direction"]), unmoved(desk, row)
    if base is None:
        return _blind(desk, row, direction, typed)
    try:
        amount = _signed(desk, row, typed)
        if amount is None:
            return build_margin_preview(desk, row, direction, None, base, "")
        preview = preview_move(desk, row, amount)
    except (Unreadable, MarginInputError) as problem:
        return build_margin_preview(desk, row, direction, None, base, str(problem))
    return build_margin_preview(
        desk, row, direction, amount, preview, refusal_of(desk, row, direction, amount, preview)
    )


def _blind(desk: Desk, row: Position, direction: Direction, typed: Mapping[str, str]) -> MarginPreview:
    """Where no figure may be computed, margin is added all the same, and the venue refuses what it must; all else
    waits."""
    may_add = desk.capabilities(row.market).add_margin
    if direction is not Direction.ADD or not may_add.allowed:
        return build_margin_preview(desk, row, direction, None, None, may_add.reason or UNREADABLE)
    try:
        amount, problem = _signed(desk, row, typed), ""
    except Unreadable as unread:
        amount, problem = None, str(unread)
    return build_margin_preview(desk, row, direction, amount, None, problem)


def _render_problem(
    request: MemberRequest, position_id: int, typed: Mapping[str, str], problem: str, status: int
) -> HttpResponse:
    """The preview; without scripts the whole dialog again. Either way the form keeps its key, so it counts once."""
    try:
        row = _isolated(request.user, position_id)
    except Http404:
        return render_gone(request, PREVIEW, problem)
    desk = desk_of(request.user, Venue(row.account.venue))
    preview = _preview(desk, row, typed)
    can_submit = preview.can_submit and may_be_sent_again(problem)
    preview = replace(preview, error=problem, can_submit=can_submit, must_start_over=problem == REUSED)
    if request.htmx:
        context = {"preview": preview, "position_id": row.pk}
        return render(request, "trading/_margin_preview.html", context, status=status)
    dialog = build_margin_dialog(desk, row, typed, preview, unmoved(desk, row), kept_key(request))
    return _render_dialog(request, dialog, status)


def _render_dialog(request: MemberRequest, dialog: MarginDialog, status: int = 200) -> HttpResponse:
    return render_dialog(request, "trading/_margin_dialog.html", {"dialog_view": dialog}, status)


def _isolated(trader: User, position_id: int) -> Position:
    row = position_of(trader, position_id)
    if row.mode != MarginMode.ISOLATED:
        raise Http404
    return row
