"""What can be done with resting orders: change one, cancel one, cancel all of a market."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.connect import trading_adapter
from trading.desk import Desk
from trading.forms import Unreadable, read_number, read_price
from trading.margin.types import MarginMode
from trading.markets import market_named
from trading.models import Command, Market, Order
from trading.models.commands import CommandKind
from trading.ownership import order_of
from trading.panels.numbers import field_text
from trading.panels.orders import (
    ModifyPreview,
    build_cancel_dialog,
    build_modify_dialog,
    build_modify_preview,
    decisive_price,
    filled_text,
)
from trading.portfolio import desk_of
from trading.recent import recent_desk
from trading.services.flat_settings import Chosen, expected
from trading.services.orders import cancel_order as send_cancel
from trading.services.orders import cancel_orders as send_cancels
from trading.services.orders import modify_order as send_change
from trading.venues.snapshots import Venue
from trading.views.dialogs import REUSED, StartsOver, answer_form, kept_key, render_dialog

FIELDS = ("price", "size")
FILLED_SINCE = "More of this order was filled since this was opened. Close it and look at what is left to fill."
STARTS_OVER = (REUSED, FILLED_SINCE)


@trader_required
@require_form
def cancel_order(request: MemberRequest, order_id: int) -> HttpResponse:
    """Cancel a resting order, once."""
    row = order_of(request.user, order_id)
    return answer_form(
        request,
        [CommandKind.CANCEL],
        {"cancel": str(row.pk)},
        make=lambda form_key: send_cancel(trading_adapter(row.account), row.account, row, form_key=form_key),
        refuse=lambda problem, status: render(request, "422.html", {"reason": problem, "code": status}, status=status),
    )


@trader_required
@require_GET
def show_modify_dialog(request: MemberRequest, order_id: int) -> HttpResponse:
    """The order's price and size as they are."""
    order = order_of(request.user, order_id)
    desk = desk_of(request.user, Venue(order.account.venue))
    typed = {"price": field_text(decisive_price(order)), "size": field_text(order.size)}
    return _render_modify_dialog(request, desk, order, typed, uuid4())


@trader_required
@require_GET
def show_modify_preview(request: MemberRequest, order_id: int) -> HttpResponse:
    """What the change comes to, while it is being typed."""
    order = order_of(request.user, order_id)
    return _render_modify(request, recent_desk(request.user, Venue(order.account.venue)), order, _typed(request.GET))


@trader_required
@require_form
def modify_order(request: MemberRequest, order_id: int) -> HttpResponse:
    """Change the order, once."""
    order, typed = order_of(request.user, order_id), _typed(request.POST)
    desk = desk_of(request.user, Venue(order.account.venue))
    form = {"modify": str(order.pk), **typed}
    return answer_form(
        request,
        [CommandKind.MODIFY],
        form,
        make=lambda form_key: _modify(request, desk, order, form_key, form),
        refuse=lambda problem, status: _render_modify(request, desk, order, typed, problem, status),
    )


def _modify(request: MemberRequest, desk: Desk, order: Order, form_key: UUID, form: dict[str, str]) -> Command:
    if request.POST.get("filled", filled_text(order)) != filled_text(order):
        raise StartsOver(FILLED_SINCE)
    price, size, errors = _read(order, form)
    preview = build_modify_preview(desk, order, price, size, errors, _chosen(desk, order))
    if not preview.can_submit or preview.blocked_because or price is None or size is None:
        raise Unreadable(preview.blocked_because or next(iter(preview.errors.values()), preview.button))
    fee = desk.access.fee
    return send_change(
        trading_adapter(order.account),
        order.account,
        order,
        size=size,
        price=price,
        form_key=form_key,
        form=form,
        builder=fee,
    )


def _typed(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data.get(name, "").strip() for name in FIELDS}


def _read(order: Order, typed: Mapping[str, str]) -> tuple[Decimal | None, Decimal | None, dict[str, str]]:
    spec, errors = order.market.rules, {}
    price = size = None
    try:
        price = read_price(typed["price"], spec) if typed["price"] else None
    except Unreadable as problem:
        errors["price"] = str(problem)
    try:
        size = read_number(typed["size"], "The size", spec.size_decimals) if typed["size"] else None
    except Unreadable as problem:
        errors["size"] = str(problem)
    return price, size, errors


def _preview(desk: Desk, order: Order, typed: Mapping[str, str]) -> ModifyPreview:
    return build_modify_preview(desk, order, *_read(order, typed), _chosen(desk, order))


def _chosen(desk: Desk, order: Order) -> Chosen | None:
    """Mode and leverage in the order's market, by the position there or else by all that is known."""
    held = desk.position_in(order.market)
    if held is not None:
        return Chosen(MarginMode(held.mode), held.leverage)
    return expected(order.account, order.market)


def _render_modify(
    request: MemberRequest, desk: Desk, order: Order, typed: Mapping[str, str], problem: str = "", status: int = 200
) -> HttpResponse:
    """The preview; without scripts the whole dialog again. Either way the form keeps its key, so it counts once."""
    preview = _preview(desk, order, typed)
    if problem and problem not in preview.errors.values():
        preview = replace(preview, blocked_because=problem, can_submit=False, must_start_over=problem in STARTS_OVER)
    if request.htmx:
        return render(request, "trading/_modify_preview.html", {"preview": preview}, status=status)
    dialog = build_modify_dialog(order, typed, preview, kept_key(request))
    return render_dialog(request, "trading/_modify_dialog.html", {"dialog_view": dialog}, status)


def _render_modify_dialog(
    request: MemberRequest, desk: Desk, order: Order, typed: Mapping[str, str], form_key: UUID
) -> HttpResponse:
    preview = _preview(desk, order, typed)
    dialog = build_modify_dialog(order, typed, preview, form_key)
    return render_dialog(request, "trading/_modify_dialog.html", {"dialog_view": dialog})


@trader_required
@require_GET
def show_cancel_dialog(request: MemberRequest, market_name: str) -> HttpResponse:
    """What cancelling every order of a market takes away."""
    market = market_named(market_name)
    dialog = build_cancel_dialog(market, _orders_in(request, market), uuid4())
    return render_dialog(request, "trading/_cancel_dialog.html", {"dialog_view": dialog})


@trader_required
@require_form
def cancel_orders(request: MemberRequest, market_name: str) -> HttpResponse:
    """Cancel every order of a market, once."""
    market = market_named(market_name)
    orders = _orders_in(request, market)

    def refuse(problem: str, status: int) -> HttpResponse:
        dialog = build_cancel_dialog(market, orders, kept_key(request), problem)
        dialog = replace(dialog, must_start_over=problem == REUSED)
        return render_dialog(request, "trading/_cancel_dialog.html", {"dialog_view": dialog}, status)

    return answer_form(
        request,
        [CommandKind.CANCEL_ALL],
        {"cancel_all": market.address},
        make=lambda form_key: _cancel_orders(request, market, orders, form_key),
        refuse=refuse,
    )


def _cancel_orders(request: MemberRequest, market: Market, orders: tuple[Order, ...], form_key: UUID) -> Command:
    account = desk_of(request.user, Venue(market.venue)).account
    if account is None:
        raise Unreadable("Connect an account at the venue to trade.")
    return send_cancels(trading_adapter(account), account, market, orders, form_key=form_key)


def _orders_in(request: MemberRequest, market: Market) -> tuple[Order, ...]:
    desk = desk_of(request.user, Venue(market.venue))
    return tuple(order for order in desk.orders if order.market_id == market.pk)
