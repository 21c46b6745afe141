"""What an order must satisfy before it is taken, with the venue's sentence for each failure
(Hyperliquid rules 1.3, 1.4, 3.2, 4.4, Aster rules 2.1, 3.8, 4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trading.sandbox.fills import Execution
from trading.sandbox.markets import Market
from trading.sandbox.numbers import fits_size
from trading.sandbox.refusals import Refusal
from trading.sandbox.rules import Rules
from trading.sandbox.state import Account, Order

IMMEDIATE = ("Ioc", "Fok", "FrontendMarket")


@dataclass(frozen=True)
class OrderRequest:
    """One order as asked for; ``trigger_price`` set makes it a trigger order, of the whole position without a size if
    it ``follows_position``."""

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
    builder_rate: Decimal | int = 0
    leg: str = ""
    follows_position: bool = False
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checks:
    """Refusals raise; ``oracles`` are the reference prices of the price band."""

    execution: Execution
    oracles: dict[str, Decimal]

    @property
    def rules(self) -> Rules:
        return self.execution.ledger.rules

    def order(self, account: Account, order: Order) -> None:
        market = self.execution.ledger.markets[order.market]
        self.form(market, order)
        held = self.execution.ledger.size(account, order.key)
        mark = self.execution.ledger.marks[order.market]
        if order.reduce_only and not order.dormant:
            if held == 0 or (held > 0) == order.is_buy:
                raise self.rules.refused(Refusal.WOULD_INCREASE)
            order.size = min(order.size, abs(held))
        if self.rules.is_too_small(order, held, mark):
            raise self.rules.refused(Refusal.VALUE_TOO_SMALL)
        if order.dormant:
            self.trigger(order, mark)
        else:
            self.margin(account, market, order)

    def form(self, market: Market, order: Order) -> None:
        if order.size <= 0 and not (order.dormant and order.follows_position):
            raise self.rules.refused(Refusal.NO_SIZE)
        if not fits_size(order.size, market.size_decimals):
            raise self.rules.refused(Refusal.SIZE_OFF_LOT)
        prices = [order.limit_price, *([order.trigger_price] if order.trigger_price is not None else [])]
        if not all(map(market.fits_tick, prices)):
            raise self.rules.refused(Refusal.PRICE_OFF_TICK)
        mark = self.execution.ledger.marks[market.name]
        off = self.rules.off_band(market, order, mark, self.oracles[market.name])
        if off is not None:
            raise self.rules.refused(off)
        if self.rules.is_too_large(market, order):
            raise self.rules.refused(Refusal.SIZE_TOO_LARGE)

    def trigger(self, order: Order, reference: Decimal) -> None:
        above = (order.trigger_kind == "sl") == order.is_buy
        trigger = order.trigger_price
        if trigger is None or (trigger <= reference if above else trigger >= reference):
            raise self.rules.refused(Refusal.WOULD_TRIGGER)

    def margin(self, account: Account, market: Market, order: Order) -> None:
        execution, ledger = self.execution, self.execution.ledger
        if execution.increase(account, order) <= 0:
            return
        signed = order.size if order.is_buy else -order.size
        notional = abs(ledger.size(account, order.key) + signed) * execution.margin_price(order)
        if not market.tiers.allows(notional, ledger.leverage(account, market.name)):
            raise self.rules.refused(Refusal.ABOVE_TIER)
        if not execution.affordable(account, order):
            raise self.rules.refused(Refusal.MARGIN_TOO_SMALL)
