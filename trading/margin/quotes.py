"""What a trader asks for, as data, and what the engine answers: before → after, fees, refusals.

A request that makes no sense as a number is a MarginInputError when it is built. A request that the venue would
refuse is answered in full, with a Refusal beside the figures: its code, the field, the bound and the reason.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from trading.margin.errors import MarginInputError, Problem
from trading.margin.isolated import Bound, MaximumLoss
from trading.margin.rounding import not_zero, positive, whole_positive
from trading.margin.rules import MarginRules
from trading.margin.types import FeeRates, Liquidation, MarginMode, MarginRestriction, Position, Side, TierTable


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """The margin terms of one market."""

    market: str
    tiers: TierTable
    rules: MarginRules
    restriction: MarginRestriction = MarginRestriction.NONE


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order; `side` long buys. Without `limit_price` it is a market order.

    `size` is unsigned, in coins. `is_maker` is for an order that can only rest. `expected_price` is an own estimate of
    the fill, which goes before the venue's assumption.
    `available` is the venue's own figure of what may be used for this market and side (Hyperliquid rules 2.6).
    An order with a `trigger_price` waits until the mark is there; it is answered as it stands at that mark.
    """

    terms: MarketTerms
    side: Side
    size: Decimal
    mark_price: Decimal
    mode: MarginMode
    leverage: int
    fees: FeeRates = FeeRates()  # noqa: RUF009
    limit_price: Decimal | None = None
    reduce_only: bool = False
    is_maker: bool = False
    expected_price: Decimal | None = None
    available: Decimal | None = None
    trigger_price: Decimal | None = None

    def __post_init__(self) -> None:
        positive(self.size, "size")
        positive(self.mark_price, "mark_price")
        whole_positive(self.leverage, "leverage")
        if not isinstance(self.mode, MarginMode):
            raise MarginInputError("mode", Problem.UNKNOWN_VALUE)
        for name in ("limit_price", "expected_price", "trigger_price"):
            if getattr(self, name) is not None:
                positive(getattr(self, name), name)

    @property
    def signed_size(self) -> Decimal:
        """Above zero for a buy."""
        return self.side.sign * self.size


@dataclass(frozen=True, slots=True)
class MarginChange:
    """Collateral into (above zero) or out of (below zero) the isolated position of a market."""

    terms: MarketTerms
    amount: Decimal

    def __post_init__(self) -> None:
        not_zero(self.amount, "amount")


@dataclass(frozen=True, slots=True)
class LeverageChange:
    """A new leverage for a market with or without a position."""

    terms: MarketTerms
    leverage: int

    def __post_init__(self) -> None:
        whole_positive(self.leverage, "leverage")


class RefusalCode(StrEnum):
    """Why the venue would refuse."""

    NO_POSITION = "no_position"
    REDUCE_ONLY_WITHOUT_POSITION = "reduce_only_without_position"
    REDUCE_ONLY_WOULD_INCREASE = "reduce_only_would_increase"
    MODE_DIFFERS_FROM_POSITION = "mode_differs_from_position"
    CROSS_NOT_ALLOWED = "cross_not_allowed"
    ISOLATED_NOT_ALLOWED = "isolated_not_allowed"
    LEVERAGE_ABOVE_MARKET = "leverage_above_market"
    LEVERAGE_ABOVE_TIER = "leverage_above_tier"
    NOTIONAL_ABOVE_CAP = "notional_above_cap"
    NOT_ENOUGH_COLLATERAL = "not_enough_collateral"
    NOT_ISOLATED = "not_isolated"
    BEYOND_REMOVABLE = "beyond_removable"
    REMOVAL_NOT_ALLOWED = "removal_not_allowed"
    BEYOND_ADDABLE = "beyond_addable"
    TOO_MANY_DECIMALS = "too_many_decimals"
    LOWER_LEVERAGE_NOT_ALLOWED = "lower_leverage_not_allowed"
    EQUITY_BELOW_INITIAL_MARGIN = "equity_below_initial_margin"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code for the panel's sentence, the field beside which it stands, the bound that was passed, the reason."""

    code: RefusalCode
    field: str
    bound: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill: signed size, its price, the mark at that moment, the leverage set then, and all its fees."""

    size: Decimal
    price: Decimal
    mark_price: Decimal
    leverage: int
    fee: Decimal

    def part(self, size: Decimal) -> "Fill":
        """The share of this fill that has the given signed size, with its share of the fee."""
        return replace(self, size=size, fee=self.fee * abs(size) / abs(self.size))


class OrderEffect(StrEnum):
    """What an order does to the position in its market."""

    OPENS = "opens"
    ADDS = "adds"
    REDUCES = "reduces"
    CLOSES = "closes"
    FLIPS = "flips"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Readout:
    """What a panel shows of one position, beside what the position itself says.

    Isolated: `margin` is the bucket's equity, and effective leverage, utilisation and loss are the position's own.
    Cross: `margin` is the initial margin it occupies, while effective leverage, utilisation and loss are those of the
    whole cross account, because all of it answers; they are None where its collateral is not known.
    """

    position: Position
    margin: Decimal
    effective_leverage: Decimal | None
    utilisation: Decimal | None
    liquidation: Liquidation
    distance: Decimal | None
    maximum_loss: MaximumLoss | None
    removable: Bound | None


@dataclass(frozen=True, slots=True)
class CrossEffect:
    """How another position's liquidation price moves."""

    market: str
    before: Liquidation
    after: Liquidation


@dataclass(frozen=True, slots=True)
class OrderFees:
    """The fees of this order's fill, in collateral; a maker rebate is below zero."""

    venue: Decimal = Decimal(0)
    builder: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """What leaves the account."""
        return self.venue + self.builder


@dataclass(frozen=True, slots=True)
class Preview:
    """Before → after. A side is None when the market is flat there; free collateral is None when not knowable.

    `margin_needed` is what this order or change takes from the free collateral before its fees, `released` what it
    gives back. With refusals, the figures are those the venue would show if it accepted, or unchanged if it cannot.
    """

    before: Readout | None
    after: Readout | None
    free_before: Decimal | None
    free_after: Decimal | None
    others: tuple[CrossEffect, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    effect: OrderEffect = OrderEffect.NOTHING
    fill: Fill | None = None
    margin_needed: Decimal = Decimal(0)
    released: Decimal = Decimal(0)
    fees: OrderFees = OrderFees()
    addable: Bound | None = None

    @property
    def allowed(self) -> bool:
        """Whether the venue is expected to accept."""
        return not self.refusals
