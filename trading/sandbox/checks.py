"""What an order must satisfy before it is taken, with the venue's sentence for each failure
(Hyperliquid rules 1.3, 1.4, 3.2, 4.4)."""

from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.fills import Execution
from trading.sandbox.ledger import RefusedError
from trading.sandbox.markets import Market
from trading.sandbox.numbers import fits_size, fits_tick
from trading.sandbox.state import Account, Order

MINIMUM_NOTIONAL = Decimal(10)
# An order further from the oracle than this share of it is refused.
PRICE_BAND = Decimal("0.8")
IMMEDIATE = ("Ioc", "FrontendMarket")

# Largest notional of a market order by the market's maximum leverage; limit orders may be ten times that.
MARKET_ORDER_LIMITS = (
    (25, Decimal(30_000_000)),
    (20, Decimal(5_000_000)),
    (10, Decimal(2_000_000)),
    (0, Decimal(500_000)),
)


@dataclass(frozen=True)
class OrderRequest:
    """One order as asked for; ``trigger_price`` set makes it a trigger order."""

    market: Market
    is_buy: bool
    price: Decimal
    size: Decimal
    reduce_only: bool
    time_in_force: str = ""
    client_id: str | None = None
    trigger_price: Decimal | None = None
    trigger_is_market: bool = False
    trigger_kind: str = ""
    builder: str | None = None
    builder_rate: int = 0


@dataclass(frozen=True)
class Checks:
    """Refusals raise; ``oracles`` are the reference prices of the price band."""

    execution: Execution
    oracles: dict[str, Decimal]

    def order(self, account: Account, order: Order) -> None:
        market = self.execution.ledger.markets[order.market]
        self.form(market, order)
        held = self.execution.ledger.size(account, order.market)
        if order.reduce_only and not order.dormant:
            if held == 0 or (held > 0) == order.is_buy:
                raise RefusedError("Reduce only order would increase position.")
            order.size = min(order.size, abs(held))
        closes = order.reduce_only and order.size == abs(held)
        if order.size * order.limit_price < MINIMUM_NOTIONAL and not closes:
            raise RefusedError("Order must have minimum value of $10.")
        if order.dormant:
            self.trigger(order, self.execution.ledger.marks[order.market])
        else:
            self.margin(account, market, order)

    def form(self, market: Market, order: Order) -> None:
        if order.size <= 0:
            raise RefusedError("Order has zero size.")
        if not fits_size(order.size, market.size_decimals):
            raise RefusedError("Order has invalid size.")
        prices = [order.limit_price, *([order.trigger_price] if order.trigger_price is not None else [])]
        if not all(fits_tick(price, market.size_decimals) for price in prices):
            raise RefusedError("Price must be divisible by tick size.")
        reference = self.oracles[market.name]
        if abs(order.limit_price - reference) > PRICE_BAND * reference:
            raise RefusedError("Order price cannot be more than 80% away from the reference price")
        limit = next(value for leverage, value in MARKET_ORDER_LIMITS if market.max_leverage >= leverage)
        if order.size * order.limit_price > limit * (1 if order.time_in_force in IMMEDIATE else 10):
            raise RefusedError("Order has invalid size.")

    @staticmethod
    def trigger(order: Order, reference: Decimal) -> None:
        above = (order.trigger_kind == "sl") == order.is_buy
        trigger = order.trigger_price
        if trigger is None or (trigger <= reference if above else trigger >= reference):
            raise RefusedError("Invalid TP/SL price.")

    def margin(self, account: Account, market: Market, order: Order) -> None:
        execution, ledger = self.execution, self.execution.ledger
        if execution.increase(account, order) <= 0:
            return
        signed = order.size if order.is_buy else -order.size
        notional = abs(ledger.size(account, market.name) + signed) * execution.margin_price(order)
        if ledger.leverage(account, market.name) > market.tiers.at(notional).max_leverage:
            raise RefusedError("Order would cause position to exceed margin tier limit at current leverage")
        if not execution.affordable(account, order):
            raise RefusedError("Insufficient margin to place order.")
