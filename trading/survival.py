"""How often a liquidation at some distance would have been reached lately: a count of past days, and no forecast.

On each day a position is opened at the day's first price. It is hit when a trade of the same day is as far away as its
liquidation, as a fraction d of that first price, or further:

    long:  low  <= open * (1 - d)        short:  high >= open * (1 + d)

Traded prices reach a little further than the mark price that the venues liquidate by, so the count is not flattering.

>>> days = [Day(open=Decimal(100), high=Decimal(104), low=Decimal(91)), Day(Decimal(100), Decimal(109), Decimal(97))]
>>> [days_hit(days, Side.LONG, Decimal(text)) for text in ("0.02", "0.05", "0.09", "0.0901")]
[2, 1, 1, 0]
>>> days_hit(days, Side.SHORT, Decimal("0.05"))
1
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.margin.types import Side

# As many whole days are looked back on; of a market with fewer than so few, nothing is said.
DAYS = 30
FEWEST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Day:
    """A day's first, highest and lowest traded price."""

    open: Decimal
    high: Decimal
    low: Decimal


def worst_move(day: Day, side: Side) -> Decimal:
    """The furthest that a day went against a position opened at its first price, as a fraction of that price."""
    against = day.open - day.low if side is Side.LONG else day.high - day.open
    return against / day.open


def is_hit(day: Day, side: Side, distance: Decimal) -> bool:
    """Whether the day reached a liquidation at this distance, a fraction of the price at entry."""
    return worst_move(day, side) >= distance


def days_hit(days: Iterable[Day], side: Side, distance: Decimal) -> int:
    """On how many of the days a position opened at the first price would have been liquidated."""
    return sum(is_hit(day, side, distance) for day in days)
