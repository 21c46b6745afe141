"""Placing, closing and cancelling: verbs that take the adapter and leave a command behind.

Nothing here reads a form or a template. What a trader asked for arrives as an ``OrderTicket`` whose numbers were
checked against the market's rules; the venue has the last word, and its word is on the command.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from trading.margin.types import MarginMode, Side
from trading.models import Command, Market, Order, Position, Preference, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.commands import Intent, Name, prepare, submit
from trading.services.sync import sync_after_command
from trading.venues.base import (
    Adapter,
    BuilderFee,
    CancelOrder,
    PlaceOrder,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    market_order,
)
from trading.venues.base import Command as VenueCommand

# A market order never pays more than this share beyond the mark (Hyperliquid 4.1 calls it slippage).
SLIPPAGE = Decimal("0.03")


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """An order as a trader decided it. ``size`` is unsigned, in coins; without ``limit_price`` it is a market order.

    ``mark`` bounds a market order's price. ``form_key`` names the form it was placed with and ``form`` is what that
    said: a share of what is available, say, where ``size`` is what it came to at this mark.
    """

    form_key: UUID
    form: Mapping[str, str]
    side: Side
    size: Decimal
    mode: MarginMode
    leverage: int
    mark: Decimal
    limit_price: Decimal | None = None
    reduce_only: bool = False
    builder: BuilderFee | None = None


def place_order(adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket) -> Command:
    """Choose mode and leverage at the venue where they differ, then place the order; return the deciding command.

    Orders carry no leverage (Hyperliquid 3.2), so where the first command is refused or unproven, the order is not
    sent at all and the first command is what the trader sees. Raises ``FormReused`` and ``InvalidCommand``.
    """
    setting = None if ticket.reduce_only else _choose_leverage(adapter, account, market, ticket)
    if setting is not None and setting.state != CommandState.ACCEPTED:
        return setting
    command, is_new = prepare(adapter, account, market, _order_intent(market, ticket))
    if is_new:
        command = submit(adapter, command)
        sync_after_command(adapter, account)
    return command


def remember_choice(account: VenueAccount, market: Market, mode: MarginMode, leverage: int) -> None:
    """Keep the trader's own mode and leverage for the next time he opens this market."""
    Preference.objects.update_or_create(
        trader_id=account.trader_id, market=market, defaults={"mode": mode.value, "leverage": leverage}
    )


def _choose_leverage(adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket) -> Command | None:
    """The last command that sets mode and leverage, or the first that was not accepted; None where an open position
    shows that they are set already."""
    position = Position.objects.filter(account=account, market=market).first()
    if position and (position.mode, position.leverage) == (ticket.mode, ticket.leverage):
        return None
    command = None
    for step in adapter.steps(SetLeverage(market.rules, ticket.mode, ticket.leverage)):
        command = _take_step(adapter, account, market, ticket, step)
        if command.state != CommandState.ACCEPTED:
            break
    return command


def _take_step(
    adapter: Adapter, account: VenueAccount, market: Market, ticket: OrderTicket, step: VenueCommand
) -> Command:
    intent = Intent(
        kind=CommandKind.MODE if isinstance(step, SetMarginMode) else CommandKind.LEVERAGE,
        form_key=ticket.form_key,
        form=ticket.form,
        fields={"market": market.name, "mode": ticket.mode.value, "leverage": str(ticket.leverage)},
        build=lambda _: step,
    )
    command, is_new = prepare(adapter, account, market, intent)
    return submit(adapter, command) if is_new else command


def _order_intent(market: Market, ticket: OrderTicket) -> Intent:
    def build(name: Name) -> PlaceOrder:
        is_buy = ticket.side is Side.LONG
        if ticket.limit_price is None:
            return market_order(
                market.rules,
                is_buy=is_buy,
                size=ticket.size,
                mark=ticket.mark,
                slippage=SLIPPAGE,
                reduce_only=ticket.reduce_only,
                client_id=name(),
                builder=ticket.builder,
            )
        return PlaceOrder(
            market.rules,
            is_buy,
            ticket.size,
            ticket.limit_price,
            TimeInForce.GOOD_TILL_CANCELLED,
            ticket.reduce_only,
            name(),
            ticket.builder,
        )

    fields = {
        "market": market.name,
        "side": ticket.side.value,
        "size": f"{ticket.size:f}",
        "price": "market" if ticket.limit_price is None else f"{ticket.limit_price:f}",
        "mode": ticket.mode.value,
        "leverage": str(ticket.leverage),
        "reduce_only": str(ticket.reduce_only),
    }
    if ticket.builder is not None:
        fields["builder_fee"] = f"{ticket.builder.rate.normalize():f}"
    return Intent(kind=CommandKind.ORDER, form_key=ticket.form_key, form=ticket.form, fields=fields, build=build)


def close_position(
    adapter: Adapter,
    account: VenueAccount,
    position: Position,
    mark: Decimal,
    form_key: UUID,
    builder: BuilderFee | None = None,
) -> Command:
    """Close a whole position at market, reduce-only, so that it can never flip."""
    ticket = OrderTicket(
        form_key=form_key,
        form={"close": str(position.pk)},
        side=Side.SHORT if position.size > 0 else Side.LONG,
        size=abs(position.size),
        mode=MarginMode(position.mode),
        leverage=position.leverage,
        mark=mark,
        reduce_only=True,
        builder=builder,
    )
    return place_order(adapter, account, position.market, ticket)


def cancel_order(adapter: Adapter, account: VenueAccount, order: Order, form_key: UUID) -> Command:
    """Cancel a resting order by the venue's id."""
    intent = Intent(
        kind=CommandKind.CANCEL,
        form_key=form_key,
        form={"cancel": str(order.venue_id)},
        fields={"market": order.market.name, "order": str(order.venue_id)},
        build=lambda _: CancelOrder(order.market.rules, order.venue_id),
    )
    command, is_new = prepare(adapter, account, order.market, intent)
    if is_new:
        command = submit(adapter, command)
        sync_after_command(adapter, account)
    return command
