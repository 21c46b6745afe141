"""One isolated position: what it holds, where it dies, what it can cost, what may be taken out.

With q the signed size, m the mark, C the cash leg, L the leverage, N = |q| · m:

    equity             = C + q · m
    collateral         = C + q · entry
    effective leverage = N / equity
    utilisation        = maintenance(N) / equity            (liquidation at 1)
    distance           = side · (m − liquidation price) / m
    maximum loss       = collateral + the fee of opening, which has left the bucket
    removable          = equity − max(N / L, kept share · N), and where the venue asks for it at most
                         collateral − maintenance(N); rounded down

Sources: Hyperliquid rules 2.3, 3.3, 3.4, 3.7; Aster rules 4.1, 4.3, 4.5, 4.6.

>>> from trading.margin.rules import ASTER, HYPERLIQUID
>>> from trading.margin.types import Bracket, MarginMode, TierTable
>>> at_40x = TierTable.single(40)
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5, at_40x,
...                 cash=Decimal("-83.731933"))
>>> liquidation(held).price.quantize(Decimal("1e-9"))
Decimal('42395.915443038')
>>> removable(held, HYPERLIQUID).amount
Decimal('19.938467')
>>> example = TierTable.from_brackets([Bracket(Decimal(0), Decimal(50000), 125, Decimal("0.004"), Decimal(0))])
>>> long = Position("BTCUSDT", Decimal("0.1"), Decimal(100000), Decimal(101000), MarginMode.ISOLATED, 10, example,
...                 cash=Decimal(1500) - Decimal(10000))
>>> removable(long, ASTER).amount
Decimal('590.00000000')
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from trading.margin.liquidation import liquidation_from_cash
from trading.margin.rounding import maximum_loss_up, positive, removable_down
from trading.margin.rules import MarginRules
from trading.margin.types import FeeRates, Liquidation, MarginRestriction, Position, Side

_ZERO = Decimal(0)


class BoundRule(StrEnum):
    """The venue's rule that sets a bound."""

    INITIAL_MARGIN = "initial_margin"
    NOTIONAL_SHARE = "notional_share"
    WALLET_ABOVE_MAINTENANCE = "wallet_above_maintenance"
    STRICT_ISOLATED = "strict_isolated"
    FREE_COLLATERAL = "free_collateral"
    CROSS_MAINTENANCE = "cross_maintenance"
    NOT_KNOWABLE = "not_knowable"


@dataclass(frozen=True, slots=True)
class Bound:
    """How much may move, and the rule that says so; no amount where it cannot be known."""

    amount: Decimal | None
    rule: BoundRule
    reason: str


@dataclass(frozen=True, slots=True)
class MaximumLoss:
    """What a position can cost at most, rounded up.

    `closing_fee` is the fee of a forced close at the liquidation price. It is paid from the collateral, at most what is
    left of it, and therefore already inside `total`.
    """

    collateral: Decimal
    opening_fee: Decimal
    closing_fee: Decimal
    total: Decimal


def liquidation(position: Position) -> Liquidation:
    """The liquidation price of an isolated position, in every account mode (Hyperliquid rules 3.9)."""
    return liquidation_from_cash(position.size, position.bucket, position.tiers)


def distance(side: Side, mark_price: Decimal, price: Decimal | None) -> Decimal | None:
    """The move against the position that reaches `price`, as a fraction of the mark; negative when it is passed."""
    return None if price is None else side.sign * (mark_price - price) / positive(mark_price, "mark_price")


def effective_leverage(notional: Decimal, equity: Decimal) -> Decimal | None:
    """Notional over equity; None where no equity is left."""
    return notional / equity if equity > 0 else None


def utilisation(maintenance: Decimal, equity: Decimal) -> Decimal | None:
    """Maintenance margin over equity, liquidation at 1; None where no equity is left."""
    return maintenance / equity if equity > 0 else None


def maximum_loss(
    position: Position, rules: MarginRules, fees: FeeRates | None = None, opening_fee: Decimal = _ZERO
) -> MaximumLoss:
    """The most an isolated position can lose against its entry, opening fees included (rounded up).

    Nothing beyond the bucket can be lost (Hyperliquid rules 3.10, Aster rules 4.5, 4.9).
    """
    rates = fees or FeeRates()
    collateral = max(_ZERO, position.collateral)
    price = liquidation(position).price
    closing = min(collateral, abs(position.size) * (price or _ZERO) * rates.taker)
    total = maximum_loss_up(collateral + opening_fee, rules.margin_step)
    return MaximumLoss(collateral, opening_fee, closing, max(_ZERO, total))


def loss_at(size: Decimal, entry_price: Decimal, exit_price: Decimal, fees: FeeRates, *, is_maker: bool) -> Decimal:
    """What a trade loses that is opened at `entry_price` and closed by a market order at `exit_price`, fees included.

    A gain is negative. Not rounded.
    """
    opening = abs(size) * entry_price * fees.rate(is_maker=is_maker)
    closing = abs(size) * exit_price * fees.rate(is_maker=False)
    return size * (entry_price - exit_price) + opening + closing


def removable(position: Position, rules: MarginRules) -> Bound:
    """How much collateral may leave an isolated position, rounded down, and the rule that decides."""
    if position.restriction is MarginRestriction.STRICT_ISOLATED:
        reason = "Margin cannot be removed on this market: it comes back in proportion when the position is reduced."
        return Bound(_ZERO, BoundRule.STRICT_ISOLATED, reason)
    notional = position.notional
    initial = rules.initial_margin(notional, position.leverage)
    share = rules.kept_notional_fraction * notional
    rule = BoundRule.INITIAL_MARGIN if initial >= share else BoundRule.NOTIONAL_SHARE
    amount, reason = position.equity - max(initial, share), rules.removal_reason
    spare = position.collateral - position.maintenance
    if rules.keeps_wallet_above_maintenance and spare < amount:
        amount, rule, reason = spare, BoundRule.WALLET_ABOVE_MAINTENANCE, rules.wallet_reason
    return Bound(removable_down(max(_ZERO, amount), rules.margin_step), rule, reason)


def lowest_leverage(position: Position, rules: MarginRules) -> int:
    """The lowest leverage the venue would set now (Hyperliquid rules 3.8, Aster rules 3.4)."""
    if position.equity <= 0 or not rules.may_lower_isolated_leverage:
        return position.leverage
    wanted = int((position.notional / position.equity).to_integral_value(ROUND_CEILING))
    return min(position.leverage, max(1, wanted))
