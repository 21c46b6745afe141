"""What the venues do differently, as data: no formula ever asks which venue it serves.

A rule that forbids something carries the reason a trader is told. Sources: Hyperliquid rules 3.2 to 3.8,
Aster rules 3.4 to 3.6 and 4.2 to 4.9.

>>> HYPERLIQUID.initial_rate(40)
Decimal('0.025')
>>> ASTER.initial_rate(75)
Decimal('0.01333334')
>>> HYPERLIQUID.kept_notional_fraction, ASTER.kept_notional_fraction
(Decimal('0.1'), Decimal('0'))
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from trading.margin.rounding import Direction, to_step, whole_positive


class MarginPrice(StrEnum):
    """The price at which an opening fill is margined."""

    MARK = "mark"
    FILL = "fill"


class AssumedFill(StrEnum):
    """The price a preview assumes for a limit order."""

    MARK_OR_BETTER_LIMIT = "mark_or_better_limit"
    """The mark, or the limit where it is better for the trader than the mark (Hyperliquid rules 3.5)."""
    LIMIT = "limit"
    """The limit price (Aster rules 4.2)."""


class LeverageCeiling(StrEnum):
    """Which maximum a leverage change on an open position must respect."""

    MARKET = "market"
    """The market's own maximum; tiers are checked when opening (Hyperliquid rules 3.2, 3.8)."""
    TIER = "tier"
    """The maximum of the tier in which the position lies (Aster rules 3.4, error −2027)."""


@dataclass(frozen=True, slots=True)
class MarginRules:
    """One venue's rules. Amounts are in units of the collateral, fractions are of the notional."""

    name: str
    margin_step: Decimal
    """The smallest amount of collateral that can be moved."""
    margin_price: MarginPrice
    assumed_fill: AssumedFill
    market_buy_factor: Decimal
    """What a market buy is assumed to pay, as a multiple of the mark."""
    charges_open_loss: bool
    """Whether an order must also cover the loss it opens with."""
    initial_rate_decimals: int | None
    """Decimals to which 1 / leverage is rounded up; None where it is exact."""
    kept_notional_fraction: Decimal
    """The share of the notional that must stay in an isolated bucket after a removal."""
    keeps_wallet_above_maintenance: bool
    """Whether collateral without open profit must stay above maintenance after a removal."""
    adding_keeps_cross_maintenance: bool
    """Whether adding must leave the cross wallet (without open profit) above cross maintenance."""
    leverage_ceiling: LeverageCeiling
    may_lower_isolated_leverage: bool
    assumes_top_up: bool
    """Whether a cross preview assumes the account topped up to the initial margin of the new position."""
    removal_reason: str
    wallet_reason: str
    adding_reason: str
    leverage_reason: str
    lower_leverage_reason: str
    open_position_reason: str

    def initial_rate(self, leverage: int) -> Decimal:
        """The fraction of the notional that a leverage asks for."""
        return _initial_rate(leverage, self.initial_rate_decimals)

    def initial_margin(self, notional: Decimal, leverage: int) -> Decimal:
        """Initial margin of an unsigned notional (Hyperliquid rules 3.2, Aster rules 4.1)."""
        if self.initial_rate_decimals is None and leverage > 0:
            return notional / leverage
        return notional * self.initial_rate(leverage)

    def notional_for(self, money: Decimal, leverage: int, fee_rate: Decimal = Decimal(0)) -> Decimal:
        """The inverse: the notional whose initial margin, with a fee on top, is this sum."""
        if self.initial_rate_decimals is None:
            return money * whole_positive(leverage, "leverage") / (1 + fee_rate * leverage)
        return money / (self.initial_rate(leverage) + fee_rate)


@lru_cache(maxsize=1024)
def _initial_rate(leverage: int, decimals: int | None) -> Decimal:
    rate = Decimal(1) / whole_positive(leverage, "leverage")
    return rate if decimals is None else to_step(rate, Decimal(1).scaleb(-decimals), Direction.UP)


HYPERLIQUID = MarginRules(
    name="Hyperliquid",
    margin_step=Decimal("0.000001"),
    margin_price=MarginPrice.MARK,
    assumed_fill=AssumedFill.MARK_OR_BETTER_LIMIT,
    market_buy_factor=Decimal(1),
    charges_open_loss=False,
    initial_rate_decimals=None,
    kept_notional_fraction=Decimal("0.1"),
    keeps_wallet_above_maintenance=False,
    adding_keeps_cross_maintenance=False,
    leverage_ceiling=LeverageCeiling.MARKET,
    may_lower_isolated_leverage=True,
    assumes_top_up=True,
    removal_reason="What stays must cover the initial margin at the set leverage and a tenth of the position's value.",
    wallet_reason="",
    adding_reason="Margin comes from the free collateral of the cross account.",
    leverage_reason="Leverage is a whole number up to the market's maximum.",
    lower_leverage_reason="Its equity must cover the initial margin at the lower leverage: add margin first.",
    open_position_reason="The margin mode cannot change while a position is open: close it first.",
)

ASTER = MarginRules(
    name="Aster",
    margin_step=Decimal("0.00000001"),
    margin_price=MarginPrice.FILL,
    assumed_fill=AssumedFill.LIMIT,
    market_buy_factor=Decimal("1.0005"),
    charges_open_loss=True,
    initial_rate_decimals=8,
    kept_notional_fraction=Decimal(0),
    keeps_wallet_above_maintenance=True,
    adding_keeps_cross_maintenance=True,
    leverage_ceiling=LeverageCeiling.TIER,
    may_lower_isolated_leverage=False,
    assumes_top_up=False,
    removal_reason="The position's equity must keep covering the initial margin at the set leverage.",
    wallet_reason="The collateral without open profit must stay above the maintenance margin.",
    adding_reason="Margin comes from the free balance and must leave the cross wallet above its maintenance margin.",
    leverage_reason="The position's value is above what this leverage allows.",
    lower_leverage_reason="Aster refuses a lower leverage while an isolated position is open: add margin instead.",
    open_position_reason="Aster never converts an open position: close it first.",
)
