"""Hyperliquid's margin rules (Hyperliquid rules 3.2-3.11) and its sentences (rules 4.4)."""

from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.markets import Market
from trading.sandbox.numbers import MICRO, ZERO
from trading.sandbox.refusals import Refusal, Sentence
from trading.sandbox.rules import Best, Bucket, CrossSums, Rules
from trading.sandbox.state import Order

# What must remain after margin leaves a position or an account: at least this part of the notional (rules 3.7).
TRANSFER_FLOOR = Decimal("0.1")
# An order further from the oracle than this share of it is refused.
PRICE_BAND = Decimal("0.8")
MARKET_ORDERS = ("Ioc", "FrontendMarket")

# Largest notional of a market order by the market's maximum leverage; limit orders may be ten times that.
MARKET_ORDER_LIMITS = (
    (25, Decimal(30_000_000)),
    (20, Decimal(5_000_000)),
    (10, Decimal(2_000_000)),
    (0, Decimal(500_000)),
)

_SENTENCES = {
    Refusal.LEVERAGE_OUT_OF_RANGE: "Invalid leverage value",
    Refusal.CROSS_NOT_ALLOWED: "Cross margin is not allowed for this asset.",
    Refusal.POSITION_OPEN: "Cannot switch leverage type with open position.",
    Refusal.ISOLATED_LEVERAGE_TOO_LOW: (
        "Isolated position does not have sufficient margin available to decrease leverage. "
        "To decrease leverage, add margin to the position."
    ),
    Refusal.CROSS_LEVERAGE_TOO_LOW: (
        "Cross position does not have sufficient margin available to decrease leverage. "
        "To decrease leverage, deposit more collateral."
    ),
    Refusal.ABOVE_TIER: "Order would cause position to exceed margin tier limit at current leverage",
    Refusal.AMOUNT_NOT_POSITIVE: "Update to isolated margin cannot be zero.",
    Refusal.NO_POSITION: "Cannot update margin for empty position.",
    Refusal.NOT_ISOLATED: "Position does not use isolated margin.",
    Refusal.ADDING_TOO_MUCH: "Account does not have sufficient margin available for increase.",
    Refusal.REMOVING_TOO_MUCH: "Position does not have sufficient margin for reduction.",
    Refusal.REMOVING_NOT_ALLOWED: (
        "Cannot remove isolated margin for this asset. To remove margin, reduce the position."
    ),
    Refusal.NO_SIZE: "Order has zero size.",
    Refusal.SIZE_OFF_LOT: "Order has invalid size.",
    Refusal.SIZE_TOO_LARGE: "Order has invalid size.",
    Refusal.PRICE_OFF_TICK: "Price must be divisible by tick size.",
    Refusal.PRICE_TOO_HIGH: "Order price cannot be more than 80% away from the reference price",
    Refusal.PRICE_TOO_LOW: "Order price cannot be more than 80% away from the reference price",
    Refusal.VALUE_TOO_SMALL: "Order must have minimum value of $10.",
    Refusal.WOULD_TRIGGER: "Invalid TP/SL price.",
    Refusal.WOULD_INCREASE: "Reduce only order would increase position.",
    Refusal.MARGIN_TOO_SMALL: "Insufficient margin to place order.",
    Refusal.WOULD_MATCH: "Post only order would have immediately matched, bbo was {bid}@{ask}.",
    Refusal.NOTHING_MATCHED: "Order could not immediately match against any resting orders.",
    Refusal.NO_LIQUIDITY: "No liquidity available for market order.",
}


@dataclass(frozen=True)
class HyperliquidRules(Rules):
    """Fresh margin is taken at the mark, and what leaves must leave a tenth of the notional behind."""

    def initial(self, notional: Decimal, leverage: int) -> Decimal:
        return notional / leverage

    def opening_price(self, fill: Decimal, mark: Decimal) -> Decimal:
        return mark

    def order_price(self, order: Order, mark: Decimal, best: Best) -> Decimal:
        """The mark, or the limit price where that is the better one for the trader (rules 3.5)."""
        return min(mark, order.limit_price) if order.is_buy else max(mark, order.limit_price)

    def opening_loss(self, order: Order, price: Decimal, mark: Decimal) -> Decimal:
        return ZERO

    def is_due(self, equity: Decimal, maintenance: Decimal) -> bool:
        """Below maintenance (rules 3.10)."""
        return equity < maintenance

    def keeps_enough(self, left: Bucket, leverage: int) -> bool:
        return left.equity >= max(self.initial(left.notional, leverage), TRANSFER_FLOOR * left.notional)

    def may_lower(self, bucket: Bucket, leverage: int) -> bool:
        return bucket.equity >= self.initial(bucket.notional, leverage)

    def addable(self, cross: CrossSums) -> Decimal:
        return cross.free

    def withdrawable(self, cross: CrossSums) -> Decimal:
        required = max(cross.initial, TRANSFER_FLOOR * cross.notional)
        return max(ZERO, cross.equity - required) - cross.reserved

    def is_too_large(self, market: Market, order: Order) -> bool:
        limit = next(value for leverage, value in MARKET_ORDER_LIMITS if market.max_leverage >= leverage)
        return order.size * order.limit_price > limit * (1 if order.time_in_force in MARKET_ORDERS else 10)

    def off_band(self, market: Market, order: Order, mark: Decimal, oracle: Decimal) -> Refusal | None:
        if abs(order.limit_price - oracle) <= PRICE_BAND * oracle:
            return None
        return Refusal.PRICE_TOO_HIGH if order.limit_price > oracle else Refusal.PRICE_TOO_LOW


HYPERLIQUID_RULES = HyperliquidRules(
    money_step=MICRO,
    taker_rate=Decimal("0.00045"),
    maker_rate=Decimal("0.00015"),
    liquidation_rate=Decimal("0.00045"),
    minimum_value=Decimal(10),
    takeover_share=Decimal(2) / 3,
    sells_to_bankruptcy=False,
    funds_at_oracle=True,
    orders_fix_mode=False,
    first_share=Decimal("0.2"),
    first_above=Decimal(100_000),
    first_pause=30_000,
    leverage_obeys_tier=False,
    sentences={reason: Sentence(text) for reason, text in _SENTENCES.items()},
)
