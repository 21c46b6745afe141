"""From the parameters of an order to what the ledger is asked for, with every check that no margin decides
(Aster rules 1.6, 2.1, 3.7)."""

import re
from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.aster import failures
from trading.sandbox.aster.listing import LISTINGS, MOST_ORDERS, MOST_TRIGGERS
from trading.sandbox.aster.numbers import decimals
from trading.sandbox.aster.parameters import Parameters
from trading.sandbox.aster.rules import MARKET_ORDER, take_bound
from trading.sandbox.checks import OrderRequest
from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Order

LIMIT, MARKET = "LIMIT", "MARKET"
# type -> what it needs, and what it does not take
_FORMS = {
    "LIMIT": (("timeInForce", "quantity", "price"), ("stopPrice",)),
    "MARKET": (("quantity",), ("timeInForce", "price", "stopPrice")),
    "STOP": (("quantity", "price", "stopPrice"), ()),
    "TAKE_PROFIT": (("quantity", "price", "stopPrice"), ()),
    "STOP_MARKET": (("stopPrice",), ("price",)),
    "TAKE_PROFIT_MARKET": (("stopPrice",), ("price",)),
}
_NEVER = ("activationPrice", "callbackRate")
TIMES_IN_FORCE = {"GTC": "Gtc", "IOC": "Ioc", "FOK": "Fok", "GTX": "Alo", "HIDDEN": "Gtc"}
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
# A builder's rate counts tenths of a basis point in the ledger.
_RATE_UNIT = Decimal(100_000)


@dataclass(frozen=True)
class OrderForms:
    """Reads orders for one engine; refusals raise."""

    engine: Engine

    def read(self, account: Account, parameters: Parameters) -> OrderRequest:
        """One order as the ledger takes it."""
        market = self.market(parameters)
        is_buy, kind = _side(parameters), _kind(parameters)
        closes = self._check_form(parameters, kind)
        leg = _leg(account, parameters)
        size = ZERO if closes else self.size(market, parameters.number("quantity"))
        trigger = self.price(market, parameters.number("stopPrice")) if "stopPrice" in parameters else None
        time_in_force, words = _time_in_force(parameters, kind)
        reduces = parameters.flag("reduceOnly") or closes or bool(leg and (leg == "LONG") != is_buy)
        self._check_status(market, reduces=reduces)
        self._check_counts(account, market, is_trigger=trigger is not None)
        trigger_kind = "" if trigger is None else "sl" if kind.startswith("STOP") else "tp"
        if closes:
            self._check_only_one(account, market, trigger_kind, leg, is_buy=is_buy)
        builder, rate = _builder(account, parameters)
        return OrderRequest(
            market=market,
            is_buy=is_buy,
            price=self._limit(market, parameters, kind, trigger, is_buy=is_buy),
            size=size,
            reduce_only=reduces,
            time_in_force=MARKET_ORDER if kind == MARKET else time_in_force,
            client_id=self._client_id(account, parameters),
            trigger_price=trigger,
            trigger_is_market=kind in ("STOP_MARKET", "TAKE_PROFIT_MARKET"),
            trigger_kind=trigger_kind,
            builder=builder,
            builder_rate=rate,
            leg=leg,
            follows_position=closes,
            words=words,
        )

    def market(self, parameters: Parameters) -> Market:
        market = self.engine.markets.get(parameters.text("symbol"))
        if market is None:
            raise failures.bad_symbol()
        return market

    @staticmethod
    def _check_form(parameters: Parameters, kind: str) -> bool:
        """Everything that the type needs and nothing else; whether the order closes the whole position."""
        needed, unwanted = _FORMS[kind]
        closes = parameters.flag("closePosition")
        if closes and not kind.endswith("_MARKET"):
            raise failures.unwanted("closePosition")
        if closes and "quantity" in parameters:
            raise failures.other(-4137, "Quantity must be zero with closePosition equals true")
        if closes and "reduceOnly" in parameters:
            raise failures.unwanted("reduceonly")
        if kind.endswith("_MARKET") and not closes:
            needed = (*needed, "quantity")
        for name in needed:
            parameters.text(name)
        for name in (*unwanted, *_NEVER):
            if name in parameters:
                raise failures.unwanted(name)
        return closes

    @staticmethod
    def size(market: Market, size: Decimal) -> Decimal:
        """A quantity that is not zero and has no more decimals than the symbol."""
        if size <= 0:
            raise failures.other(-4003, "Quantity less than zero.")
        if decimals(size) > market.size_decimals:
            raise failures.too_precise()
        return size

    @staticmethod
    def price(market: Market, price: Decimal) -> Decimal:
        """A price within the symbol's range and decimals; its tick is the ledger's to check."""
        listing = LISTINGS[market.name]
        if price <= 0:
            raise failures.other(-4001, "Price less than 0.")
        if price > listing.highest:
            raise failures.other(-4002, "Price greater than max price.")
        if decimals(price) > listing.price_decimals:
            raise failures.too_precise()
        if price < listing.lowest:
            raise failures.other(-4013, "Price less than min price.")
        return price

    def _limit(
        self, market: Market, parameters: Parameters, kind: str, trigger: Decimal | None, *, is_buy: bool
    ) -> Decimal:
        """The limit asked for; of an order at market its bound, of a stop at market the stop until it is triggered."""
        if kind == MARKET:
            return self._bound(market, is_buy=is_buy)
        if trigger is not None and kind.endswith("_MARKET"):
            return trigger
        return self.price(market, parameters.number("price"))

    def _bound(self, market: Market, *, is_buy: bool) -> Decimal:
        bound = take_bound(market, self.engine.marks[market.name], is_buy=is_buy)
        bid, ask = self.engine.execution.best(market)
        if (ask is None or ask > bound) if is_buy else (bid is None or bid < bound):
            raise failures.other(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit")
        return bound

    @staticmethod
    def _check_status(market: Market, *, reduces: bool) -> None:
        if market.delisted:
            raise failures.other(-4141, "Symbol is closed.")
        if market.closing and not reduces:
            raise failures.other(-4140, "Invalid symbol status for opening position.")

    def _check_counts(self, account: Account, market: Market, *, is_trigger: bool) -> None:
        orders = [order for order in self._open(account) if order.market == market.name]
        if len(orders) >= MOST_ORDERS:
            raise failures.other(-2025, "Reach max open order limit.")
        if is_trigger and sum(order.dormant for order in orders) >= MOST_TRIGGERS:
            raise failures.other(-4045, "Reach max stop order limit.")

    def _check_only_one(self, account: Account, market: Market, kind: str, leg: str, *, is_buy: bool) -> None:
        """One stop and one take-profit for the whole position may wait; the reference is silent, the engine family
        refuses a second."""
        wanted = (market.name, kind, leg, is_buy)
        waiting = (order for order in self._open(account) if order.follows_position and order.dormant)
        if any((order.market, order.trigger_kind, order.leg, order.is_buy) == wanted for order in waiting):
            raise failures.other(
                -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
            )

    def _client_id(self, account: Account, parameters: Parameters) -> str | None:
        name = parameters.optional("newClientOrderId")
        if name is None:
            return None
        if not _CLIENT_ID.fullmatch(name):
            raise failures.other(-4015, "Client order id length should not be more than 36 chars")
        if any(order.client_id == name for order in self._open(account)):
            # The reference says that it is refused; the code is the engine family's.
            raise failures.other(-4116, "ClientOrderId is duplicated.")
        return name

    def _open(self, account: Account) -> list[Order]:
        return [self.engine.state.orders[oid] for oid in account.open_orders]


def _side(parameters: Parameters) -> bool:
    side = parameters.text("side")
    if side not in ("BUY", "SELL"):
        raise failures.other(-1117, "Invalid side.")
    return side == "BUY"


def _kind(parameters: Parameters) -> str:
    kind = parameters.text("type")
    if kind not in _FORMS:
        raise failures.other(-1116, "Invalid orderType.")
    return kind


def _leg(account: Account, parameters: Parameters) -> str:
    side = parameters.optional("positionSide") or "BOTH"
    if side not in ("BOTH", "LONG", "SHORT") or (side == "BOTH") == account.hedged:
        raise wrong_leg()
    if account.hedged and "reduceOnly" in parameters:
        raise failures.unwanted("reduceonly")
    return "" if side == "BOTH" else side


def wrong_leg() -> RefusedError:
    return failures.other(-4061, "Order's position side does not match user's setting.")


def _time_in_force(parameters: Parameters, kind: str) -> tuple[str, dict[str, str]]:
    """The ledger's word for it, and the order's words as its rows repeat them."""
    asked = parameters.optional("timeInForce") or "GTC"
    if asked not in TIMES_IN_FORCE or (kind.endswith("_MARKET") and asked != "GTC"):
        raise failures.other(-1115, "Invalid timeInForce.")
    words = {"type": kind, "timeInForce": asked}
    if kind not in (LIMIT, MARKET):
        working = parameters.optional("workingType") or "CONTRACT_PRICE"
        if working not in ("CONTRACT_PRICE", "MARK_PRICE"):
            raise failures.invalid("workingType")
        words |= {"workingType": working, "priceProtect": str(parameters.flag("priceProtect")).lower()}
    return TIMES_IN_FORCE[asked], words


def _builder(account: Account, parameters: Parameters) -> tuple[str | None, Decimal]:
    """Who takes a fee, and how much in the ledger's unit (rules 1.6)."""
    if "builder" not in parameters:
        return None, ZERO
    rate, address = parameters.number("feeRate"), parameters.text("builder").lower()
    approved = next((row for row in account.approved if row.address == address), None)
    if approved is None:
        raise failures.other(-1130, "No builder found for user")
    if not 0 <= rate <= approved.rate:
        raise failures.other(-1130, "The fee rate exceeds the maximum approved rate")
    return address, rate * _RATE_UNIT
