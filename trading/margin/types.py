"""The frozen data of the margin engine: what a position, an account and an answer are.

Sizes are signed (long above zero), prices and notionals are unsigned, money is in units of the collateral, rates are
fractions. An isolated position carries the cash leg of its bucket, so that its equity at a price p is cash + size · p:
on Hyperliquid the cash leg is `rawUsd` (rules 2.3), on Aster it is isolatedWallet − positionAmt · entryPrice
(rules 4.1). Everything is checked once, here, so that the formulas need not.

>>> tiers = TierTable.single(40)
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5, tiers,
...                 cash=Decimal("-103.731933"))
>>> held.side, held.notional, held.maintenance
(<Side.LONG: 'long'>, Decimal('129.588'), Decimal('1.6198500'))
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

from trading.margin.errors import MarginInputError, Problem
from trading.margin.rounding import decimal_of, not_negative, not_zero, positive, whole_positive
from trading.margin.tiers import Bracket, Tier, TierTable

__all__ = [
    "Account",
    "AccountMode",
    "Basis",
    "Bracket",
    "FeeRates",
    "Liquidation",
    "MarginMode",
    "MarginRestriction",
    "NoLiquidation",
    "Position",
    "Side",
    "Tier",
    "TierTable",
]

_ZERO = Decimal(0)
_HIGHEST_FEE_RATE = Decimal("0.1")


class MarginMode(StrEnum):
    """Who answers for a position's losses: its own bucket, or the whole cross account."""

    ISOLATED = "isolated"
    CROSS = "cross"


class Side(StrEnum):
    """The direction of a position, or of an order (a buy is long)."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for long, −1 for short."""
        return 1 if self is Side.LONG else -1


class MarginRestriction(StrEnum):
    """What a market's own rules take away (Hyperliquid rules 2.1, marginMode)."""

    NONE = "none"
    ISOLATED_ONLY = "isolated_only"
    STRICT_ISOLATED = "strict_isolated"


class AccountMode(StrEnum):
    """Where the collateral of cross positions lies.

    UNKNOWN is for a payload that does not say: then the venue's own prices decide whether its equity is all there is.
    """

    STANDARD = "standard"
    UNIFIED = "unified"
    PORTFOLIO = "portfolio"
    MULTI_ASSET = "multi_asset"
    UNKNOWN = "unknown"


class NoLiquidation(StrEnum):
    """Why there is no liquidation price."""

    COVERED = "covered"
    """A long whose collateral outlasts a fall of the price to zero."""
    UNDER_WATER = "under_water"
    """A short without equity at any price."""
    BEYOND_REACH = "beyond_reach"
    """The formula's answer is beyond any price: above 1e15, which venues report as none, or for a short that is told a
    thousand times its mark."""
    COLLATERAL_OUTSIDE = "collateral_outside"
    """Cross collateral lies outside what is known, and no venue price tells how much."""
    CONTRADICTORY_PRICES = "contradictory_prices"
    """The venue's own prices imply different collateral for different positions."""
    MULTI_ASSET_COLLATERAL = "multi_asset_collateral"
    """Several assets with haircuts back the account; the engine does not price them."""
    VENUE_GIVES_NONE = "venue_gives_none"
    """The venue itself reports no price."""
    FLAT = "flat"
    """There is no position."""

    @property
    def is_known(self) -> bool:
        """Whether the absence is an answer (nothing to fear or nothing left) and not a gap in our knowledge."""
        return self not in _NOT_KNOWABLE


_NOT_KNOWABLE = frozenset(
    {
        NoLiquidation.COLLATERAL_OUTSIDE,
        NoLiquidation.CONTRADICTORY_PRICES,
        NoLiquidation.MULTI_ASSET_COLLATERAL,
    }
)


class Basis(StrEnum):
    """From what a liquidation price was computed."""

    OWN = "own"
    """The position's bucket or the account's own equity."""
    SPOT = "spot"
    """The spot balance of a unified account."""
    ANCHORED = "anchored"
    """The collateral that the venue's own liquidation prices imply."""
    VENUE = "venue"
    """The venue's figure, passed on."""


class Liquidation(NamedTuple):
    """A liquidation price, exact and unrounded, or the reason why there is none."""

    price: Decimal | None
    reason: NoLiquidation | None = None
    basis: Basis = Basis.OWN


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fractions of the notional. A maker rate below zero is a rebate; the builder's fee comes on top of either."""

    taker: Decimal = _ZERO
    maker: Decimal = _ZERO
    builder: Decimal = _ZERO

    def __post_init__(self) -> None:
        not_negative(self.taker, "taker")
        not_negative(self.builder, "builder")
        for name in ("taker", "maker", "builder"):
            if abs(decimal_of(getattr(self, name), name)) > _HIGHEST_FEE_RATE:
                raise MarginInputError(name, Problem.OUT_OF_RANGE, "a fee rate is a fraction of the notional")

    def venue_rate(self, *, is_maker: bool) -> Decimal:
        """What the venue takes."""
        return self.maker if is_maker else self.taker

    def rate(self, *, is_maker: bool) -> Decimal:
        """What a fill costs in all: the venue's rate and the builder's."""
        return self.venue_rate(is_maker=is_maker) + self.builder


@dataclass(frozen=True, slots=True)
class Position:
    """One open position. `cash` is the cash leg of an isolated bucket and absent on a cross position.

    `venue_liquidation` is the venue's own figure when known.
    """

    market: str
    size: Decimal
    entry_price: Decimal
    mark_price: Decimal
    mode: MarginMode
    leverage: int
    tiers: TierTable
    cash: Decimal | None = None
    restriction: MarginRestriction = MarginRestriction.NONE
    venue_liquidation: Liquidation | None = None

    def __post_init__(self) -> None:
        not_zero(self.size, "size")
        positive(self.entry_price, "entry_price")
        positive(self.mark_price, "mark_price")
        whole_positive(self.leverage, "leverage")
        if not isinstance(self.mode, MarginMode):
            raise MarginInputError("mode", Problem.UNKNOWN_VALUE)
        if (self.cash is not None) != (self.mode is MarginMode.ISOLATED):
            raise MarginInputError("cash", Problem.MISSING, "an isolated position has a cash leg, a cross one has none")
        if self.cash is not None:
            decimal_of(self.cash, "cash")

    @property
    def side(self) -> Side:
        """Long or short."""
        return Side.LONG if self.size > 0 else Side.SHORT

    @property
    def notional(self) -> Decimal:
        """Unsigned value at the mark."""
        return abs(self.size) * self.mark_price

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin at the mark."""
        return self.tiers.maintenance(self.notional)

    @property
    def unrealised_profit(self) -> Decimal:
        """size · (mark − entry), on both venues (Hyperliquid rules 2.3, Aster rules 4.1)."""
        return self.size * (self.mark_price - self.entry_price)

    @property
    def equity(self) -> Decimal:
        """What the isolated bucket is worth at the mark: Hyperliquid's marginUsed, Aster's isolatedMargin."""
        return self.bucket + self.size * self.mark_price

    @property
    def collateral(self) -> Decimal:
        """What was put into the isolated bucket: equity without open profit, Aster's isolatedWallet."""
        return self.bucket + self.size * self.entry_price

    @property
    def bucket(self) -> Decimal:
        """The cash leg of an isolated position; MarginInputError on a cross one."""
        if self.cash is None:
            raise MarginInputError("cash", Problem.MISSING, "a cross position has no bucket of its own")
        return self.cash


@dataclass(frozen=True, slots=True)
class Account:
    """The collateral of one account as data, and the positions that share it.

    `cross_equity` is the value of the cross account with its open profit: accountValue of Hyperliquid's
    crossMarginSummary, or Aster's cross wallet plus the profit of its cross positions. The rest need not be known:

    - `spot_collateral`: the whole spot balance of the collateral token, isolated margins included; it replaces
      `cross_equity` in a unified account (Hyperliquid rules 3.4, 3.9).
    - `outside_collateral`: what backs the cross positions beyond `cross_equity`, as the venue's prices once implied.
    - `cross_maintenance`, `cross_initial_margin`: the venue's own totals, where positions exist that are not listed
      here; otherwise the totals are summed over the positions.
    - `order_margin`: initial margin reserved by resting orders; `isolated_order_margin` the part of isolated markets.
    - `available`: the venue's own figure of free collateral, which goes before ours.
    """

    positions: tuple[Position, ...] = ()
    cross_equity: Decimal = _ZERO
    mode: AccountMode = AccountMode.STANDARD
    spot_collateral: Decimal | None = None
    outside_collateral: Decimal | None = None
    cross_maintenance: Decimal | None = None
    cross_initial_margin: Decimal | None = None
    order_margin: Decimal = _ZERO
    isolated_order_margin: Decimal = _ZERO
    available: Decimal | None = None

    def __post_init__(self) -> None:
        decimal_of(self.cross_equity, "cross_equity")
        not_negative(self.order_margin, "order_margin")
        not_negative(self.isolated_order_margin, "isolated_order_margin")
        for name in ("cross_maintenance", "cross_initial_margin"):
            if getattr(self, name) is not None:
                not_negative(getattr(self, name), name)
        for name in ("available", "spot_collateral", "outside_collateral"):
            if getattr(self, name) is not None:
                decimal_of(getattr(self, name), name)
        if len({position.market for position in self.positions}) != len(self.positions):
            raise MarginInputError("positions", Problem.INCONSISTENT, "one position per market (one-way mode)")

    def position(self, market: str) -> Position | None:
        """The position in a market, if there is one."""
        return next((held for held in self.positions if held.market == market), None)

    def of_mode(self, mode: MarginMode) -> tuple[Position, ...]:
        """The positions of one margin mode."""
        return tuple(held for held in self.positions if held.mode is mode)

    @classmethod
    def of(cls, positions: Iterable[Position], cross_equity: Decimal = _ZERO) -> Self:
        """A standard account."""
        return cls(tuple(positions), cross_equity)
