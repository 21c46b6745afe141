"""Leverage tiers of a market: the maintenance margin of a notional, and the leverage it allows.

    maintenance(N) = N · rate(t) − deduction(t),     t = the tier with lower_bound(t) <= N
    deduction(0)   = 0
    deduction(t)   = deduction(t−1) + lower_bound(t) · (rate(t) − rate(t−1))

Hyperliquid (rules 3.1): rate(t) = 1 / (2 · max_leverage(t)). Aster (rules 3.4, 4.1): rate and deduction are the
bracket's maintMarginRatio and cum. Notionals and deductions are in collateral units; rates are fractions.

>>> bitcoin = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])
>>> bitcoin.maintenance(Decimal("12073.655")).quantize(Decimal("0.0001"))
Decimal('166.4731')
>>> bitcoin.maintenance(Decimal("5873.49")).quantize(Decimal("0.000001"))
Decimal('73.418625')
>>> first = Bracket(Decimal(0), Decimal(50000), 50, Decimal("0.004"), Decimal(0))
>>> second = Bracket(Decimal(50000), Decimal(250000), 20, Decimal("0.005"), Decimal(50))
>>> TierTable.from_brackets([first, second]).maintenance(Decimal(60000))
Decimal('250.000')
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple, Self

from trading.margin.errors import MarginInputError, Problem
from trading.margin.rounding import decimal_of, not_negative, positive, whole_positive

_ONE = Decimal(1)
# Aster prints cum as whole units, so a table may be off its own formula by a fraction of one.
_DEDUCTION_TOLERANCE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier: from `lower_bound` of notional on, this leverage at most and this maintenance."""

    lower_bound: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    deduction: Decimal

    def __post_init__(self) -> None:
        not_negative(self.lower_bound, "lower_bound")
        whole_positive(self.max_leverage, "max_leverage")
        not_negative(self.deduction, "deduction")
        if positive(self.maintenance_rate, "maintenance_rate") >= 1:
            raise MarginInputError("maintenance_rate", Problem.OUT_OF_RANGE, "must be below one")

    def maintenance(self, notional: Decimal) -> Decimal:
        """Maintenance margin of a notional that lies in this tier."""
        return notional * self.maintenance_rate - self.deduction


class Bracket(NamedTuple):
    """One bracket as Aster prints it: notionalFloor, notionalCap, initialLeverage, maintMarginRatio, cum."""

    floor: Decimal
    cap: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    deduction: Decimal


@dataclass(frozen=True, slots=True)
class TierTable:
    """The tiers of one market in ascending order; the first begins at zero, the last is open unless capped.

    The five fields that are not given are the tiers' constants, prepared once so that a liquidation price costs one
    division: see `liquidation.py`.
    """

    tiers: tuple[Tier, ...]
    notional_cap: Decimal | None = None
    lower_bounds: tuple[Decimal, ...] = field(init=False, repr=False, compare=False)
    long_starts: tuple[Decimal, ...] = field(init=False, repr=False, compare=False)
    short_starts: tuple[Decimal, ...] = field(init=False, repr=False, compare=False)
    long_divisors: tuple[tuple[Decimal, Decimal], ...] = field(init=False, repr=False, compare=False)
    short_divisors: tuple[tuple[Decimal, Decimal], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_order(self.tiers)
        for lower, upper in pairwise(self.tiers):
            _check_step(lower, upper)
        if self.notional_cap is not None and positive(self.notional_cap, "notional_cap") <= self.tiers[-1].lower_bound:
            raise MarginInputError("notional_cap", Problem.OUT_OF_ORDER, "the cap lies below the last tier")
        self._prepare()

    def _prepare(self) -> None:
        tiers = self.tiers
        prepared = {
            "lower_bounds": tuple(t.lower_bound for t in tiers),
            "long_starts": tuple(t.lower_bound - t.maintenance(t.lower_bound) for t in tiers),
            "short_starts": tuple(t.lower_bound + t.maintenance(t.lower_bound) for t in tiers),
            "long_divisors": tuple((-t.deduction, _ONE - t.maintenance_rate) for t in tiers),
            "short_divisors": tuple((t.deduction, -_ONE - t.maintenance_rate) for t in tiers),
        }
        for name, value in prepared.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_max_leverages(cls, pairs: Iterable[tuple[str | Decimal, int]]) -> Self:
        """Hyperliquid's `marginTiers` as (lowerBound, maxLeverage) pairs (rules 3.1)."""
        tiers: list[Tier] = []
        for bound_text, leverage in pairs:
            bound = decimal_of(bound_text, "lower_bound")
            rate = _ONE / (2 * whole_positive(leverage, "max_leverage"))
            deduction = tiers[-1].deduction + bound * (rate - tiers[-1].maintenance_rate) if tiers else Decimal(0)
            if deduction < 0:
                raise MarginInputError("max_leverage", Problem.OUT_OF_ORDER, "leverage must fall from tier to tier")
            tiers.append(Tier(bound, leverage, rate, deduction))
        return cls(tuple(tiers))

    @classmethod
    def from_brackets(cls, brackets: Iterable["Bracket"]) -> Self:
        """Aster's brackets (rules 3.4), each reaching exactly to the floor of the next."""
        rows = tuple(brackets)
        if not rows:
            raise MarginInputError("tiers", Problem.MISSING, "a market has at least one tier")
        for row, following in pairwise(rows):
            if row.cap != following.floor:
                raise MarginInputError("lower_bound", Problem.GAP, "a bracket must end where the next begins")
        tiers = tuple(Tier(row.floor, row.max_leverage, row.maintenance_rate, row.deduction) for row in rows)
        return cls(tiers, rows[-1].cap)

    @classmethod
    def single(cls, max_leverage: int) -> Self:
        """A table of one tier, such as every Hyperliquid margin table below 50."""
        return cls.from_max_leverages([(Decimal(0), max_leverage)])

    @property
    def max_leverage(self) -> int:
        """The market's greatest leverage."""
        return self.tiers[0].max_leverage

    def at(self, notional: Decimal) -> Tier:
        """The tier that holds an unsigned notional."""
        if notional < 0:
            raise MarginInputError("notional", Problem.NEGATIVE)
        return self.tiers[bisect_right(self.lower_bounds, notional) - 1]

    def maintenance(self, notional: Decimal) -> Decimal:
        """Maintenance margin of an unsigned notional."""
        tier = self.tiers[0] if len(self.tiers) == 1 else self.at(notional)
        return notional * tier.maintenance_rate - tier.deduction

    def max_leverage_at(self, notional: Decimal) -> int:
        """The greatest leverage with which a position of this notional may be opened."""
        return self.at(notional).max_leverage

    def max_notional(self, leverage: int) -> Decimal | None:
        """The notional below which a position at `leverage` must stay; None when there is no limit."""
        beyond = (tier.lower_bound for tier in self.tiers if tier.max_leverage < leverage)
        return next(beyond, self.notional_cap)

    def as_shown(self, max_leverage: int, notional: Decimal) -> "TierTable":
        """The table that holds for a position whose venue row shows `max_leverage`.

        Special accounts carry their own leverage for every market (Hyperliquid rules 3.1): where the row's figure
        belongs neither to the table's first tier nor to the tier of its notional, the row decides.
        """
        if max_leverage in (self.max_leverage, self.max_leverage_at(notional)):
            return self
        return TierTable.single(max_leverage)


def _check_order(tiers: tuple[Tier, ...]) -> None:
    if not tiers:
        raise MarginInputError("tiers", Problem.MISSING, "a market has at least one tier")
    if tiers[0].lower_bound != 0:
        raise MarginInputError("lower_bound", Problem.GAP, "the first tier must begin at zero")


def _check_step(lower: Tier, upper: Tier) -> None:
    """Two neighbours: bounds rise, leverage does not rise, rates do not fall, and maintenance has no jump."""
    if upper.lower_bound <= lower.lower_bound:
        raise MarginInputError("lower_bound", Problem.OUT_OF_ORDER, "tiers must be in ascending order")
    if upper.max_leverage > lower.max_leverage:
        raise MarginInputError("max_leverage", Problem.OUT_OF_ORDER, "leverage must fall from tier to tier")
    if upper.maintenance_rate < lower.maintenance_rate:
        raise MarginInputError("maintenance_rate", Problem.OUT_OF_ORDER, "rates must rise from tier to tier")
    jump = upper.maintenance(upper.lower_bound) - lower.maintenance(upper.lower_bound)
    if abs(jump) > _DEDUCTION_TOLERANCE:
        raise MarginInputError("deduction", Problem.INCONSISTENT, "maintenance jumps between two tiers")
