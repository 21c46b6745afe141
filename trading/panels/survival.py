"""The line below the leverage: how often recent days reached a liquidation as far away as the ticket's."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.margin.types import Side
from trading.panels.elements import Tone
from trading.panels.numbers import percent
from trading.survival import FEWEST_DAYS, Day, days_hit, is_hit, worst_move

BAR_HEIGHT = 12
NOTHING_YET = "No liquidation price to try on the last 30 days."
NO_HISTORY = "Recent prices are not available right now."


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """How near a day came, as the height of a bar; full where it was hit."""

    height: int
    is_hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """What the last days say of a distance. Without ``result`` the ``words`` say why they say nothing."""

    market: str
    words: str
    result: str = ""
    tone: Tone = Tone.MUTED
    bars: tuple[DayBar, ...] = ()
    asks_again: bool = False


def build_survival(market: str, side: Side, distance: Decimal, days: Sequence[Day] | None) -> Survival:
    """The line for a liquidation at ``distance``, a fraction of the price; None for days that cannot be had."""
    if days is None:
        return Survival(market=market, words=NO_HISTORY, asks_again=True)
    if len(days) < FEWEST_DAYS:
        return Survival(market=market, words=f"Too young a market to try: {_days(len(days))} of prices.")
    hit = days_hit(days, side, distance)
    return Survival(
        market=market,
        words=f"{percent(-side.sign * distance, 1, signed=True)} in a day:",
        result=f"hit on {hit} of {_days(len(days))}" if hit else f"never hit in {_days(len(days))}",
        # That it did not happen makes nothing safe.
        tone=Tone.WARN if hit else Tone.MUTED,
        bars=tuple(_bar(day, side, distance) for day in days),
    )


def unasked(market: str) -> Survival:
    """The line while there is no distance to try."""
    return Survival(market=market, words=NOTHING_YET)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _bar(day: Day, side: Side, distance: Decimal) -> DayBar:
    share = min(worst_move(day, side) / distance, Decimal(1)) if distance else Decimal(1)
    return DayBar(height=max(1, int(share * BAR_HEIGHT)), is_hit=is_hit(day, side, distance))
