"""From what a trader decided to the venue's commands: orders, their exits, their replacements. Pure.

An order at market is one with a limit beyond the mark, so that a bad moment costs no more than the share named here;
where a venue has market orders of its own and asks for the margin of that limit else, its own bound takes the place of
ours (Aster 2.1, 4.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from trading.margin.types import MarginMode, Side
from trading.models import Order, Position
from trading.services.commands import Name
from trading.venues.base import (
    BuilderFee,
    MarketSpec,
    PlaceOrder,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)

# A market order never pays more than this share beyond the mark (Hyperliquid 4.1 calls it slippage).
SLIPPAGE = Decimal("0.03")
# One that waits for a trigger meets a market in motion; the venue's own page allows as much (Hyperliquid 4.1).
TRIGGERED_SLIPPAGE = Decimal("0.1")
WHOLE_POSITION = Decimal(0)


@dataclass(frozen=True, slots=True)
class Exits:
    """The prices at which a position is closed at market; None for no such exit."""

    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None

    def __bool__(self) -> bool:
        return self.take_profit is not None or self.stop_loss is not None

    def prices(self) -> dict[TriggerKind, Decimal]:
        """The exits there are, by their kind."""
        found = {TriggerKind.TAKE_PROFIT: self.take_profit, TriggerKind.STOP_LOSS: self.stop_loss}
        return {kind: price for kind, price in found.items() if price is not None}


NO_EXITS = Exits()


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """An order as a trader decided it. ``size`` is unsigned, in coins; without ``limit_price`` it takes the market.

    ``mark`` bounds a market order's price. ``form_key`` names the form it was placed with and ``form`` is what that
    said: a share of what is available, say, where ``size`` is what it came to at this mark. With a ``trigger`` the
    order waits for the mark; ``exits`` close what it opens.
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
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    trigger: Trigger | None = None
    exits: Exits = NO_EXITS

    def fields(self, market: str) -> dict[str, str]:
        """What goes on record of it."""
        told = {
            "market": market,
            "side": self.side.value,
            "size": f"{self.size:f}",
            "price": "market" if self.limit_price is None else f"{self.limit_price:f}",
            "mode": self.mode.value,
            "leverage": str(self.leverage),
            "reduce_only": str(self.reduce_only),
        }
        if self.limit_price is not None:
            told["time_in_force"] = self.time_in_force.value
        if self.trigger is not None:
            told |= {"trigger": f"{self.trigger.price:f}", "trigger_kind": self.trigger.kind.value}
        if self.builder is not None:
            told |= {"builder": self.builder.address, "builder_fee": f"{self.builder.rate.normalize():f}"}
        return told | {kind.value: f"{price:f}" for kind, price in self.exits.prices().items()}


@dataclass(frozen=True, slots=True)
class Closing:
    """How a position is closed: whole or ``size`` coins of it, at market or at a limit, or over into its opposite."""

    form: Mapping[str, str]
    size: Decimal | None = None
    limit_price: Decimal | None = None
    flips: bool = False
    builder: BuilderFee | None = None


def closing_ticket(position: Position, mark: Decimal, form_key: UUID, closing: Closing) -> OrderTicket:
    """The order that does it: reduce-only, so that it can never flip, unless that is what is wanted."""
    size = abs(position.size) * (2 if closing.flips else 1) if closing.size is None else closing.size
    return OrderTicket(
        form_key=form_key,
        form=closing.form,
        side=Side.SHORT if position.size > 0 else Side.LONG,
        size=size,
        mode=MarginMode(position.mode),
        leverage=position.leverage,
        mark=mark,
        limit_price=closing.limit_price,
        reduce_only=not closing.flips,
        builder=closing.builder,
    )


def entry_order(market: MarketSpec, ticket: OrderTicket, client_id: str) -> PlaceOrder:
    """The order itself. Raises ``InvalidCommand`` where the market has no usable price."""
    is_buy = ticket.side is Side.LONG
    if ticket.trigger is not None:
        return triggered_order(
            market,
            ticket.size,
            ticket.trigger,
            ticket.limit_price,
            is_buy=is_buy,
            reduce_only=ticket.reduce_only,
            client_id=client_id,
            builder=ticket.builder,
        )
    if ticket.limit_price is None:
        bounded = market_order(
            market,
            is_buy=is_buy,
            size=ticket.size,
            mark=ticket.mark,
            slippage=SLIPPAGE,
            reduce_only=ticket.reduce_only,
            client_id=client_id,
            builder=ticket.builder,
        )
        return replace(bounded, at_market=True)
    return PlaceOrder(
        market, is_buy, ticket.size, ticket.limit_price, ticket.time_in_force, ticket.reduce_only, client_id,
        ticket.builder,
    )  # fmt: skip


def triggered_order(
    market: MarketSpec,
    size: Decimal,
    trigger: Trigger,
    limit_price: Decimal | None = None,
    *,
    is_buy: bool,
    reduce_only: bool,
    client_id: str,
    builder: BuilderFee | None,
) -> PlaceOrder:
    """An order that waits for the mark; at market it gets a limit beyond its trigger (Hyperliquid 4.1)."""
    bounded = market_order(
        market,
        is_buy=is_buy,
        size=size,
        mark=trigger.price,
        slippage=TRIGGERED_SLIPPAGE,
        reduce_only=reduce_only,
        client_id=client_id,
        builder=builder,
    )
    return replace(
        bounded,
        limit_price=bounded.limit_price if limit_price is None else limit_price,
        time_in_force=TimeInForce.GOOD_TILL_CANCELLED,
        trigger=trigger,
    )


def exit_orders(
    market: MarketSpec, side: Side, size: Decimal, exits: Exits, builder: BuilderFee | None, name: Name
) -> tuple[PlaceOrder, ...]:
    """Take-profit and stop-loss of a position of this side, at market and reduce-only. A size of ``WHOLE_POSITION``
    follows the position."""
    return tuple(
        triggered_order(
            market,
            size,
            Trigger(price, kind),
            is_buy=side is Side.SHORT,
            reduce_only=True,
            client_id=name(kind.value),
            builder=builder,
        )
        for kind, price in exits.prices().items()
    )


def replacement_order(
    order: Order, size: Decimal, price: Decimal, client_id: str, builder: BuilderFee | None
) -> PlaceOrder:
    """The order that takes the place of a resting one. ``price`` is its new limit, or the new trigger of one that goes
    out at market; of a stop with a limit the trigger stays."""
    market = order.market.rules
    if order.trigger_price is None:
        time = TimeInForce(order.time_in_force) if order.time_in_force else TimeInForce.GOOD_TILL_CANCELLED
        return PlaceOrder(market, order.is_buy, size, price, time, order.reduce_only, client_id, builder)
    kind = TriggerKind(order.trigger_kind)
    at_market = order.trigger_is_market
    trigger = Trigger(price if at_market else order.trigger_price, kind, at_market)
    limit = None if at_market else price
    return triggered_order(
        market,
        size,
        trigger,
        limit,
        is_buy=order.is_buy,
        reduce_only=order.reduce_only,
        client_id=client_id,
        builder=builder,
    )
