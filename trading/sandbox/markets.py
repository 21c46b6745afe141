"""What a market is: its prices and sizes, its tiers, and what it forbids.

A market carries everything a ledger asks about it, so that the ledger is the same for every venue.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from itertools import pairwise

from trading.sandbox import numbers
from trading.sandbox.numbers import ZERO


class MarketStatus(StrEnum):
    """What may be done in a market: everything, closing what is open, or nothing because it is gone."""

    TRADING = "trading"
    CLOSING = "closing"
    GONE = "gone"


class MarginMode(StrEnum):
    """What a market forbids: nothing, cross margin, or cross margin and removing isolated margin."""

    FREE = ""
    NO_CROSS = "noCross"
    STRICT_ISOLATED = "strictIsolated"


@dataclass(frozen=True)
class Tier:
    """From ``lower_bound`` of notional on: maintenance = notional * rate - deduction."""

    lower_bound: Decimal
    max_leverage: int
    rate: Decimal
    deduction: Decimal


@dataclass(frozen=True)
class TierTable:
    """``cap``: no position may be worth as much, at any leverage; None where the last tier is open."""

    tiers: tuple[Tier, ...]
    cap: Decimal | None = None

    def at(self, notional: Decimal) -> Tier:
        held = self.tiers[0]
        for tier in self.tiers:
            if notional >= tier.lower_bound:
                held = tier
        return held

    def maintenance(self, notional: Decimal) -> Decimal:
        tier = self.at(notional)
        return notional * tier.rate - tier.deduction

    def allows(self, notional: Decimal, leverage: int) -> bool:
        """Whether a position of this notional may be held at this leverage."""
        return leverage <= self.at(notional).max_leverage and (self.cap is None or notional < self.cap)


def tiers_by_rate(*rows: tuple[Decimal, int, Decimal], cap: Decimal | None = None) -> TierTable:
    """Tiers as (lower bound, maximum leverage, rate); the deductions make maintenance grow without a jump
    (Hyperliquid rules 3.1; Aster rules 4.1, where a deduction is called cum)."""
    deduction, deductions = ZERO, [ZERO]
    for (_, _, below), (bound, _, rate) in pairwise(rows):
        deduction += bound * (rate - below)
        deductions.append(deduction)
    return TierTable(tuple(Tier(*row, held) for row, held in zip(rows, deductions, strict=True)), cap)


def tiers_by_leverage(rows: Iterable[tuple[str, int]]) -> TierTable:
    """Tiers whose maintenance rate is half of the initial rate at their maximum leverage (Hyperliquid rules 3.1)."""
    return tiers_by_rate(*((Decimal(bound), leverage, 1 / Decimal(2 * leverage)) for bound, leverage in rows))


@dataclass(frozen=True)
class Market:
    """One perpetual market; ``start`` is its price at rest, ``volatility`` its daily standard deviation,
    ``depth`` the dollars on each side of its book. Markets of one ``underlying`` follow one price path.

    A ``closing`` market takes only what reduces. Without a ``tick_size`` prices have five significant figures.
    ``table`` is the number of its margin table where the venue numbers them; ``largest_sizes`` are of a limit and of a
    market order.
    """

    index: int
    name: str
    size_decimals: int
    tiers: TierTable
    start: Decimal
    volatility: float
    depth: Decimal
    open_interest: Decimal
    underlying: str
    mode: MarginMode = MarginMode.FREE
    delisted: bool = False
    table: int = 0
    tick_size: Decimal | None = None
    largest_sizes: tuple[Decimal, Decimal] = (ZERO, ZERO)
    price_band: Decimal = ZERO
    liquidation_fee: Decimal = ZERO
    funding_hours: int = 1
    closing: bool = False

    @property
    def max_leverage(self) -> int:
        return self.tiers.tiers[0].max_leverage

    def tick(self, price: Decimal) -> Decimal:
        """Distance between neighbouring valid prices around ``price``."""
        return numbers.tick(price, self.size_decimals) if self.tick_size is None else self.tick_size

    def to_tick(self, price: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        return price.quantize(self.tick(price), rounding)

    def fits_tick(self, price: Decimal) -> bool:
        if self.tick_size is None:
            return numbers.fits_tick(price, self.size_decimals)
        return price % self.tick_size == 0

    def to_lot(self, size: Decimal) -> Decimal:
        return numbers.to_lot(size, self.size_decimals)
