"""The positions panel and what can be done from it: move margin, close, cancel."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from tenants.access import MemberRequest, trader_required
from tenants.models import User
from trading.connect import KeyUnreadable, trading_adapter
from trading.desk import (
    NO_FIGURES,
    UNREADABLE,
    Desk,
    accounts_of,
    desk_of,
    portfolio_of,
    position_of,
    recent_desk,
    unsettled_commands,
)
from trading.forms import Unreadable, read_form_key, read_number
from trading.holdings import market_terms
from trading.margin.errors import MarginInputError
from trading.margin.preview import preview_margin_change
from trading.margin.quotes import MarginChange, Preview
from trading.margin.types import MarginMode
from trading.models import Command, Position
from trading.models.commands import CommandKind
from trading.panels.dialogs import build_margin_dialog, build_margin_preview
from trading.panels.numbers import field_text
from trading.panels.portfolio import (
    build_portfolio_fills,
    build_portfolio_margin_changes,
    build_portfolio_orders,
    build_portfolio_positions,
)
from trading.panels.view_models import MarginPreview
from trading.services.commands import FormReused, earlier
from trading.services.margin import change_margin as move_margin
from trading.venues.errors import InvalidCommand
from trading.venues.snapshots import Venue
from trading.views.commands import answer_command
from trading.views.seen import refuse_if_moved

AMOUNT_DECIMALS = 2
REUSED = "This form was already sent with other values. The first one counts; close this and look at the result."
Problem = (Unreadable, InvalidCommand, KeyUnreadable)


@trader_required
@require_GET
def show_positions(request: MemberRequest) -> HttpResponse:
    """Every open position."""
    desks = portfolio_of(request.user)
    panel = build_portfolio_positions(desks, unsettled_commands(accounts_of(desks)))
    return render(request, "trading/_positions.html", {"positions": panel})


@trader_required
@require_GET
def show_orders(request: MemberRequest) -> HttpResponse:
    """Orders that rest at the venue."""
    return render(request, "trading/_orders.html", {"orders": build_portfolio_orders(portfolio_of(request.user))})


@trader_required
@require_GET
def show_fills(request: MemberRequest) -> HttpResponse:
    """The newest executions."""
    fills = build_portfolio_fills(portfolio_of(request.user))
    return render(request, "trading/_fills.html", {"fills": fills})


@trader_required
@require_GET
def show_margin_changes(request: MemberRequest) -> HttpResponse:
    """Collateral moved in and out."""
    changes = build_portfolio_margin_changes(portfolio_of(request.user))
    return render(request, "trading/_margin_changes.html", {"margin_changes": changes})


@trader_required
@require_GET
def show_margin_dialog(request: MemberRequest, position_id: int) -> HttpResponse:
    """Add or remove margin of one isolated position."""
    row = _isolated(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    direction = _direction(request.GET.get("direction", ""))
    preview = _preview(desk, row, direction, request.GET.get("amount", ""))
    dialog = build_margin_dialog(desk, row, direction, preview, _unmoved(desk, row), uuid4())
    return _render_dialog(request, "trading/_margin_dialog.html", {"dialog_view": dialog})


@trader_required
@require_GET
def show_margin_preview(request: MemberRequest, position_id: int) -> HttpResponse:
    """What moving the amount would do, while it is being typed."""
    row = _isolated(request.user, position_id)
    desk = recent_desk(request.user, Venue(row.account.venue))
    preview = _preview(desk, row, _direction(request.GET.get("direction", "")), request.GET.get("amount", ""))
    return render(request, "trading/_margin_preview.html", {"preview": preview, "position_id": row.pk})


@trader_required
@require_POST
def change_margin(request: MemberRequest, position_id: int) -> HttpResponse:
    """Move the margin, once, however often the form arrives."""
    row = _isolated(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    direction, typed = _direction(request.POST.get("direction", "")), request.POST.get("amount", "")
    try:
        command = _move(request, desk, row, direction, typed)
    except FormReused:
        return _render_margin_problem(request, desk, row, direction, typed, REUSED, 409)
    except Problem as problem:
        return _render_margin_problem(request, desk, row, direction, typed, str(problem), 422)
    return answer_command(request, command)


def _move(request: MemberRequest, desk: Desk, row: Position, direction: str, typed: str) -> Command:
    form_key = read_form_key(request.POST.get("form_key", ""))
    amount = read_number(typed, "The amount", AMOUNT_DECIMALS)
    signed = amount if direction == "add" else -amount
    made = earlier(row.account, CommandKind.MARGIN, form_key, {"position": str(row.pk), "amount": f"{signed:f}"})
    if made is not None:
        return made
    preview = _preview(desk, row, direction, typed)
    if not preview.can_submit:
        raise Unreadable(preview.error or preview.blocked_because or "Enter an amount.")
    refuse_if_moved(request, seen_liquidation=preview.seen_liquidation)
    return move_margin(trading_adapter(row.account), row.account, row, signed, form_key)


def _render_margin_problem(
    request: MemberRequest, desk: Desk, row: Position, direction: str, typed: str, problem: str, status: int
) -> HttpResponse:
    preview = replace(_preview(desk, row, direction, typed), error=problem, can_submit=False)
    if request.htmx:
        context = {"preview": preview, "position_id": row.pk}
        return render(request, "trading/_margin_preview.html", context, status=status)
    dialog = build_margin_dialog(desk, row, direction, preview, _unmoved(desk, row), uuid4())
    return _render_dialog(request, "trading/_margin_dialog.html", {"dialog_view": dialog}, status)


def _isolated(trader: User, position_id: int) -> Position:
    row = position_of(trader, position_id)
    if row.mode != MarginMode.ISOLATED:
        raise Http404
    return row


def _direction(text: str) -> str:
    return "remove" if text == "remove" else "add"


def _unmoved(desk: Desk, row: Position) -> Preview | None:
    """The position as it is, with its bounds: the smallest amount that can be moved stands for none.

    None where no figure may be computed.
    """
    terms = market_terms(row.market.rules)
    try:
        preview = preview_margin_change(desk.engine, MarginChange(terms, terms.rules.margin_step))
    except NO_FIGURES:
        return None
    return replace(preview, after=preview.before, free_after=preview.free_before, refusals=())


def _preview(desk: Desk, row: Position, direction: str, typed: str) -> MarginPreview:
    unmoved = _unmoved(desk, row)
    if unmoved is None:
        return build_margin_preview(desk, row, direction, typed, None, UNREADABLE)
    if not typed.strip():
        return build_margin_preview(desk, row, direction, "", unmoved, "")
    try:
        amount = read_number(typed, "The amount", AMOUNT_DECIMALS)
        change = MarginChange(market_terms(row.market.rules), amount if direction == "add" else -amount)
        preview = preview_margin_change(desk.engine, change)
    except (Unreadable, MarginInputError) as problem:
        return build_margin_preview(desk, row, direction, typed, unmoved, str(problem))
    return build_margin_preview(desk, row, direction, typed, preview, _refusal(preview, row, Decimal(amount)))


def _refusal(preview: Preview, row: Position, amount: Decimal) -> str:
    if not preview.refusals:
        return ""
    refusal = preview.refusals[0]
    collateral = row.market.rules.collateral
    if refusal.bound is None:
        return refusal.reason
    most = field_text(max(Decimal(0), refusal.bound).quantize(Decimal("0.01"), "ROUND_FLOOR"))
    return f"{field_text(amount)} {collateral} is more than can be moved: {most} is the most. {refusal.reason}"


def _render_dialog(
    request: MemberRequest, template: str, context: dict[str, object], status: int = 200
) -> HttpResponse:
    """The dialog's fragment, or the same fragment on a page of its own where there are no scripts."""
    if request.htmx:
        return render(request, template, context, status=status)
    return render(request, "trading/dialog_page.html", {**context, "fragment": template}, status=status)
