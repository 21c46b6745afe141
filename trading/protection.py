"""Prices that have to lie on one side of the mark: triggers, take-profits and stop-losses, and what they come to.

A buy stop waits above the mark and a buy take-profit below it; sells are mirrored (Hyperliquid 4.1, Aster 3.7). A stop
beyond the liquidation price never fires: the position is gone before (Hyperliquid 3.10).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.margin.rounding import Direction
from trading.margin.types import FeeRates, Side
from trading.models import Order, Position
from trading.panels.numbers import plain
from trading.venues.snapshots import MarketSpec, TriggerKind

WORDS = {TriggerKind.STOP_LOSS: "stop", TriggerKind.TAKE_PROFIT: "take-profit"}
# A stop this close before the liquidation price may fill beyond it.
NARROW = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Result:
    """What closing at a price leaves, fees paid, in collateral; ``share`` is that over the margin put up."""

    profit: Decimal
    share: Decimal


def exits_of(orders: Iterable[Order], row: Position) -> dict[TriggerKind, tuple[Order, ...]]:
    """The orders that close a position at a trigger, by their kind; what waits for another order is not among them."""
    found: dict[TriggerKind, tuple[Order, ...]] = {}
    for order in orders:
        is_exit = order.trigger_price is not None and order.reduce_only and order.parent_id is None
        if is_exit and order.market_id == row.market_id and order.is_buy == (row.size < 0) and order.trigger_kind:
            kind = TriggerKind(order.trigger_kind)
            found[kind] = (*found.get(kind, ()), order)
    return found


def exit_price(orders: Sequence[Order]) -> Decimal | None:
    """The price that stands for the exits of one kind: the newest one's."""
    return orders[0].trigger_price if orders else None


def opposite(side: Side) -> Side:
    """The side of the order that closes a position of this side."""
    return Side.SHORT if side is Side.LONG else Side.LONG


def triggers_above(kind: TriggerKind, side: Side) -> bool:
    """Whether an order of this side waits for a rise of the mark."""
    return (kind is TriggerKind.STOP_LOSS) == (side is Side.LONG)


def at_once(kind: TriggerKind, side: Side, price: Decimal, mark: Decimal, spec: MarketSpec) -> str:
    """Why a trigger order of this side would go out at once; empty where it waits. ``side`` is the order's own."""
    above = triggers_above(kind, side)
    if price > mark if above else price < mark:
        return ""
    verb, direction = "buy" if side is Side.LONG else "sell", "above" if above else "below"
    return (
        f"{spec.base} is at {plain(mark)}: a {verb} {WORDS[kind]} at {plain(price)} would trigger at once. "
        f"Choose a price {direction} the mark."
    )


def wrong_end(kind: TriggerKind, side: Side, price: Decimal, entry: Decimal) -> str:
    """Why a position of this side, entered at ``entry``, cannot be closed so; empty where it can."""
    above = triggers_above(kind, opposite(side))
    if price > entry if above else price < entry:
        return ""
    verb = "takes its profit" if kind is TriggerKind.TAKE_PROFIT else "stops its loss"
    return f"A {side.value} {verb} {'above' if above else 'below'} its entry at about {plain(entry)}."


def never_fires(side: Side, stop: Decimal, liquidation: Decimal | None, spec: MarketSpec) -> str:
    """Why a stop-loss would be of no use; empty where it comes before liquidation, or where there is none."""
    if liquidation is None or (stop - liquidation) * side.sign > 0:
        return ""
    ends = spec.price_rule.rounded(liquidation, Direction.UP if side is Side.LONG else Direction.DOWN)
    return (
        f"Liquidation at about {plain(ends)} comes first: this stop would never fire. "
        f"Choose a price {'above' if side is Side.LONG else 'below'} it, or lock more margin."
    )


def is_narrow(side: Side, stop: Decimal, liquidation: Decimal | None) -> bool:
    """Whether a stop-loss leaves hardly any room before liquidation."""
    return liquidation is not None and 0 < (stop - liquidation) * side.sign < liquidation * NARROW


def result_at(
    size: Decimal, entry: Decimal, price: Decimal, leverage: int, fees: FeeRates, paid: Decimal
) -> Result | None:
    """What closing ``size`` (signed) at market at ``price`` leaves; ``paid`` are the fees of the entry.

    The share is over the initial margin at entry, as the venue's return on equity (Hyperliquid 2.3). None where a venue
    tells of a position that cost nothing: then nothing can be said of it.
    """
    if size == 0 or entry <= 0:
        return None
    profit = size * (price - entry) - abs(size) * price * fees.rate(is_maker=False) - paid
    return Result(profit, profit * leverage / (abs(size) * entry))
