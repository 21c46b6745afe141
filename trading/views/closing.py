"""Closing a position, or reversing it: shown, tried out, done once."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.connect import trading_adapter
from trading.desk import Desk
from trading.forms import CloseForm, CloseKind, Unreadable, read_close
from trading.models import Command, Position
from trading.models.commands import CommandKind
from trading.ownership import position_of
from trading.panels.closing import build_close_dialog, build_close_preview
from trading.portfolio import desk_of
from trading.recent import recent_desk
from trading.services.drafts import Closing
from trading.services.orders import close_position as send_close
from trading.venues.snapshots import Venue
from trading.views.dialogs import REUSED, answer_form, kept_key, render_dialog
from trading.views.gone import render_gone, tells_when_gone
from trading.views.seen import may_be_sent_again, refuse_if_moved

FIELDS = ("kind", "percent", "size", "price")
PREVIEW = "close_preview"


@trader_required
@require_GET
@tells_when_gone()
def show_close_dialog(request: MemberRequest, position_id: int) -> HttpResponse:
    """What closing brings and costs; the whole at market, unless something else is chosen."""
    row = position_of(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    typed = _typed(request.GET)
    form = _read(row, typed)
    dialog = build_close_dialog(desk, row, form, typed, build_close_preview(desk, row, form), uuid4())
    return render_dialog(request, "trading/_close_dialog.html", {"dialog_view": dialog})


@trader_required
@require_GET
@tells_when_gone(PREVIEW)
def show_close_preview(request: MemberRequest, position_id: int) -> HttpResponse:
    """What the close would leave, while it is being chosen."""
    row = position_of(request.user, position_id)
    desk = recent_desk(request.user, Venue(row.account.venue))
    return _render_preview(request, desk, row, _typed(request.GET))


@trader_required
@require_form
@tells_when_gone(PREVIEW)
def close_position(request: MemberRequest, position_id: int) -> HttpResponse:
    """Close as the form says, once. A form that was taken before is answered even when the position is gone."""
    typed = _typed(request.POST)
    form = {"close": str(position_id), **typed}
    return answer_form(
        request,
        [CommandKind.ORDER],
        form,
        make=lambda form_key: _close(request, position_of(request.user, position_id), typed, form_key, form),
        refuse=lambda problem, status: _render_problem(request, position_id, typed, problem, status),
    )


def _close(
    request: MemberRequest, row: Position, typed: Mapping[str, str], form_key: UUID, fields: Mapping[str, str]
) -> Command:
    desk = desk_of(request.user, Venue(row.account.venue))
    form = _read(row, typed)
    preview = build_close_preview(desk, row, form)
    if not preview.can_submit:
        raise Unreadable(preview.blocked_because or next(iter(preview.errors.values()), "Enter a size."))
    flips = form.kind is CloseKind.FLIP
    if flips:
        refuse_if_moved(request, seen_liquidation=preview.seen_liquidation)
    size = None if flips else form.size
    closing = Closing(form=fields, size=size, limit_price=form.price, flips=flips, builder=desk.access.fee)
    mark = desk.mark(row.market) or row.mark_price
    return send_close(trading_adapter(row.account), row.account, row, mark=mark, form_key=form_key, closing=closing)


def _typed(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data.get(name, "").strip() for name in FIELDS}


def _read(row: Position, typed: Mapping[str, str]) -> CloseForm:
    return read_close(typed, row.market.rules, abs(row.size))


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
    form = _read(row, typed)
    preview = build_close_preview(desk, row, form)
    if problem and problem not in preview.errors.values():
        can_submit = preview.can_submit and may_be_sent_again(problem)
        preview = replace(preview, blocked_because=problem, can_submit=can_submit, must_start_over=problem == REUSED)
    if request.htmx:
        return render(request, "trading/_close_preview.html", {"preview": preview}, status=status)
    dialog = build_close_dialog(desk, row, form, typed, preview, kept_key(request))
    return render_dialog(request, "trading/_close_dialog.html", {"dialog_view": dialog}, status)
