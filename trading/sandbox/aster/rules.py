"""Aster's margin rules (Aster rules 3.4-3.7, 4.1-4.9) and its error codes (rules 3.8)."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.refusals import Refusal, Sentence
from trading.sandbox.rules import Best, Bucket, CrossSums, Rules
from trading.sandbox.state import Order

STEP = Decimal("0.00000001")
# What a market buy is taken to pay, as a multiple of the best ask (rules 4.2).
MARKET_BUY = Decimal("1.0005")
MARKET_ORDER = "FrontendMarket"

_SENTENCES = {
    Refusal.LEVERAGE_OUT_OF_RANGE: Sentence("Leverage {leverage} is not valid", -4028),
    Refusal.POSITION_OPEN: Sentence("Margin type cannot be changed if there exists position.", -4048),
    Refusal.ORDERS_OPEN: Sentence("Margin type cannot be changed if there exists open orders.", -4047),
    Refusal.ISOLATED_LEVERAGE_TOO_LOW: Sentence(
        "Leverage reduction is not supported in Isolated Margin Mode with open positions", -4161
    ),
    Refusal.CROSS_LEVERAGE_TOO_LOW: Sentence("Leverage is smaller than permitted: insufficient margin balance.", -2028),
    Refusal.ABOVE_TIER: Sentence("Exceeded the maximum allowable position at current leverage.", -2027),
    Refusal.AMOUNT_NOT_POSITIVE: Sentence("Amount must be positive.", -4055),
    Refusal.NO_POSITION: Sentence("Cannot add position margin: position is 0.", -4054),
    Refusal.NOT_ISOLATED: Sentence("Add margin only support for isolated position.", -4049),
    Refusal.ADDING_TOO_MUCH: Sentence("Cross balance insufficient.", -4050),
    Refusal.REMOVING_TOO_MUCH: Sentence("Isolated balance insufficient.", -4051),
    Refusal.NO_SIZE: Sentence("Quantity less than zero.", -4003),
    Refusal.SIZE_OFF_LOT: Sentence("Qty not increased by step size.", -4023),
    # The texts of -4005, -2020 and -2010 are recorded nowhere; the codes' meanings are.
    Refusal.SIZE_TOO_LARGE: Sentence("Quantity greater than max quantity.", -4005),
    Refusal.PRICE_OFF_TICK: Sentence("Price not increased by tick size.", -4014),
    Refusal.PRICE_TOO_HIGH: Sentence("Price is higher than mark price multiplier cap.", -4016),
    Refusal.PRICE_TOO_LOW: Sentence("Price is lower than mark price multiplier floor.", -4024),
    Refusal.VALUE_TOO_SMALL: Sentence(
        "Order's notional must be no smaller than 5.0 (unless you choose reduce only)", -4164
    ),
    Refusal.WOULD_TRIGGER: Sentence("Order would immediately trigger.", -2021),
    Refusal.WOULD_INCREASE: Sentence("ReduceOnly Order is rejected.", -2022),
    Refusal.MARGIN_TOO_SMALL: Sentence("Margin is insufficient.", -2019),
    Refusal.WOULD_MATCH: Sentence("Order is rejected.", -2010),
    Refusal.NOTHING_MATCHED: Sentence("Unable to fill.", -2020),
    Refusal.NO_LIQUIDITY: Sentence("Unable to fill.", -2020),
    Refusal.LIMIT_ABOVE_STOP: Sentence("Limit price can't be higher than the stop price's multiplier cap.", -4183),
    Refusal.LIMIT_BELOW_STOP: Sentence("Limit price can't be lower than the stop price's multiplier floor.", -4184),
}


def take_bound(market: Market, mark: Decimal, *, is_buy: bool) -> Decimal:
    """The worst price of an order at market: marketTakeBound from the mark, which every recorded symbol has as wide as
    its price band (rules 2.1)."""
    bound = market.price_band if is_buy else -market.price_band
    return market.to_tick(mark * (1 + bound), ROUND_FLOOR if is_buy else ROUND_CEILING)


@dataclass(frozen=True)
class AsterRules(Rules):
    """Fresh margin is taken at the fill, and what leaves must leave the wallet above maintenance."""

    def initial(self, notional: Decimal, leverage: int) -> Decimal:
        """One over the leverage is rounded up at its eighth decimal (rules 4.1)."""
        return notional * (1 / Decimal(leverage)).quantize(STEP, ROUND_CEILING)

    def opening_price(self, fill: Decimal, mark: Decimal) -> Decimal:
        return fill

    def order_price(self, order: Order, mark: Decimal, best: Best) -> Decimal:
        """The limit; of a market order the best ask and a little, or the better of best bid and mark (rules 4.2)."""
        if order.time_in_force != MARKET_ORDER:
            return order.limit_price
        bid, ask = best()
        return (ask or mark) * MARKET_BUY if order.is_buy else max(bid or mark, mark)

    def opening_loss(self, order: Order, price: Decimal, mark: Decimal) -> Decimal:
        return max(ZERO, price - mark if order.is_buy else mark - price)

    def is_due(self, equity: Decimal, maintenance: Decimal) -> bool:
        """At a margin ratio of one hundred percent (rules 4.1)."""
        return equity <= maintenance

    def keeps_enough(self, left: Bucket, leverage: int) -> bool:
        """The two terms of rules 4.6: the wallet covers maintenance, the equity covers the initial margin."""
        return left.wallet >= left.maintenance and left.equity >= self.initial(left.notional, leverage)

    def may_lower(self, bucket: Bucket, leverage: int) -> bool:
        return False

    def addable(self, cross: CrossSums) -> Decimal:
        return min(cross.wallet - cross.reserved_isolated - cross.maintenance, cross.free)

    def withdrawable(self, cross: CrossSums) -> Decimal:
        """The smaller of the two figures that the venue documents (rules 4.7)."""
        without_profit = cross.wallet - cross.reserved_isolated - cross.maintenance
        return min(without_profit, cross.equity - cross.initial - cross.reserved_isolated)

    def is_too_large(self, market: Market, order: Order) -> bool:
        limit, market_limit = market.largest_sizes
        return order.size > (market_limit if order.time_in_force == MARKET_ORDER else limit)

    def off_band(self, market: Market, order: Order, mark: Decimal, oracle: Decimal) -> Refusal | None:
        """Only the side that the trader would lose by is bounded, by the mark (rules 2.1, PERCENT_PRICE) or, while a
        stop waits, by its stop price (rules 3.8)."""
        if order.dormant and order.trigger_price is not None:
            return self._off_stop(market, order, order.trigger_price)
        if order.is_buy and order.limit_price > mark * (1 + market.price_band):
            return Refusal.PRICE_TOO_HIGH
        if not order.is_buy and order.limit_price < mark * (1 - market.price_band):
            return Refusal.PRICE_TOO_LOW
        return None

    @staticmethod
    def _off_stop(market: Market, order: Order, stop: Decimal) -> Refusal | None:
        if order.is_buy and order.limit_price > stop * (1 + market.price_band):
            return Refusal.LIMIT_ABOVE_STOP
        if not order.is_buy and order.limit_price < stop * (1 - market.price_band):
            return Refusal.LIMIT_BELOW_STOP
        return None

    def is_too_small(self, order: Order, held: Decimal, mark: Decimal) -> bool:
        """By the mark for an order at market; what only reduces may be as small as it likes (rules 2.1)."""
        if order.reduce_only:
            return False
        return order.size * (mark if order.time_in_force == MARKET_ORDER else order.limit_price) < self.minimum_value

    def market_limit(self, market: Market, order: Order, mark: Decimal) -> Decimal:
        return take_bound(market, mark, is_buy=order.is_buy)


ASTER_RULES = AsterRules(
    money_step=STEP,
    taker_rate=Decimal("0.00035"),
    maker_rate=Decimal("0.0001"),
    liquidation_rate=ZERO,
    minimum_value=Decimal(5),
    takeover_share=ZERO,
    sells_to_bankruptcy=True,
    funds_at_oracle=False,
    orders_fix_mode=True,
    leverage_obeys_tier=True,
    sentences=_SENTENCES,
    expiring=frozenset({Refusal.WOULD_MATCH, Refusal.NOTHING_MATCHED, Refusal.NO_LIQUIDITY}),
    keeps_refused=False,
    books_clearance=True,
    rate_step=STEP,
    triggers_stay=True,
)
