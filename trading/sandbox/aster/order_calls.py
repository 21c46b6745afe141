"""Placing, changing and cancelling orders, and asking what became of them (Aster rules 3.7)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trading.sandbox.aster import failures
from trading.sandbox.aster.calls import READ, TRADE, Call, Route
from trading.sandbox.aster.order_requests import MARKET, OrderForms
from trading.sandbox.aster.parameters import Parameters
from trading.sandbox.aster.records import FORCED, order_row
from trading.sandbox.aster.windows import Window
from trading.sandbox.engine import Engine
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Order

Json = dict[str, Any]

LARGEST_BATCH, MOST_CANCELS = 5, 10
USUAL_ROWS, MOST_ROWS, MOST_FORCED = 500, 1000, 100
DECIDED_AT_ONCE = ("IOC", "FOK", "GTX")


@dataclass(frozen=True)
class OrderCalls:
    engine: Engine

    @property
    def forms(self) -> OrderForms:
        return OrderForms(self.engine)

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        return {
            ("POST", "order"): Route(self._place, TRADE, 1, counts=True),
            ("PUT", "order"): Route(self._amend, TRADE, 1, counts=True),
            ("DELETE", "order"): Route(self._cancel, TRADE),
            ("DELETE", "allOpenOrders"): Route(self._cancel_all, TRADE),
            ("POST", "batchOrders"): Route(self._place_batch, TRADE, 5, counts=True),
            ("DELETE", "batchOrders"): Route(self._cancel_batch, TRADE),
            ("POST", "countdownCancelAll"): Route(self._count_down, TRADE, 10),
            ("POST", "noop"): Route(lambda _: {"code": 200, "msg": "success"}, TRADE),
            ("GET", "order"): Route(self._query, READ),
            ("GET", "openOrder"): Route(self._query_open, READ),
            ("GET", "openOrders"): Route(
                self._open_orders, READ, lambda call: 1 if "symbol" in call.parameters else 40
            ),
            ("GET", "allOrders"): Route(self._all_orders, READ, 5),
            ("GET", "forceOrders"): Route(self._forced, READ, lambda call: 20 if "symbol" in call.parameters else 50),
        }

    def row(self, order: Order, *, is_answer: bool = False) -> Json:
        return order_row(order, is_answer=is_answer)

    # placing

    def _place(self, call: Call) -> Json:
        return self._placed(call.account, call.parameters)

    def _placed(self, account: Account, parameters: Parameters) -> Json:
        wants_result = parameters.optional("newOrderRespType") or "ACK"
        if wants_result not in ("ACK", "RESULT"):
            raise failures.invalid("newOrderRespType")
        order = self.engine.desk.place(account, self.forms.read(account, parameters))
        self.engine.settle()
        row = self.row(order, is_answer=True)
        is_decided = order.words["type"] == MARKET or order.words["timeInForce"] in DECIDED_AT_ONCE
        return row if wants_result == "RESULT" and is_decided else row | _AS_NEW

    def _place_batch(self, call: Call) -> list[Json]:
        rows = _listed(call, "batchOrders", LARGEST_BATCH)
        if not all(isinstance(row, dict) for row in rows):
            raise failures.invalid("batchOrders")
        return [self._tried(self._placed, call.account, Parameters(_texts(row))) for row in rows]

    @staticmethod
    def _tried(act: Callable[[Account, Parameters], Json], account: Account, parameters: Parameters) -> Json:
        """A member's own refusal stands in the list at its place."""
        try:
            return act(account, parameters)
        except RefusedError as refusal:
            return {"code": refusal.code, "msg": str(refusal)}

    def _amend(self, call: Call) -> Json:
        market, order = self.forms.market(call.parameters), self._known(call.account, call.parameters)
        if order is None or order.status != "open":
            raise failures.unknown_order()
        if order.words.get("type") != "LIMIT":
            raise failures.other(-1020, "This operation is not supported.")
        size = self.forms.size(market, call.parameters.number("quantity"))
        price = self.forms.price(market, call.parameters.number("price"))
        self.engine.desk.amend(call.account, order, size, price)
        self.engine.settle()
        return self.row(order, is_answer=True)

    # cancelling

    def _cancel(self, call: Call) -> Json:
        return self._cancelled(call.account, call.parameters)

    def _cancelled(self, account: Account, parameters: Parameters) -> Json:
        order = self._known(account, parameters)
        if order is None or order.status != "open":
            raise failures.nothing_to_cancel()
        self.engine.desk.cancel(account, order)
        return self.row(order, is_answer=True)

    def _cancel_all(self, call: Call) -> Json:
        market = self.forms.market(call.parameters)
        self.engine.cancel_in(call.account, market.name)
        return {"code": "200", "msg": "The operation of cancel all open order is done."}

    def _cancel_batch(self, call: Call) -> list[Json]:
        self.forms.market(call.parameters)
        by_id = "orderIdList" in call.parameters
        names = _listed(call, "orderIdList" if by_id else "origClientOrderIdList", MOST_CANCELS)
        key, symbol = "orderId" if by_id else "origClientOrderId", call.parameters.text("symbol")
        wanted = [Parameters({"symbol": symbol, key: str(name)}) for name in names]
        return [self._tried(self._cancelled, call.account, parameters) for parameters in wanted]

    def _count_down(self, call: Call) -> Json:
        market, wait = self.forms.market(call.parameters), call.parameters.integer("countdownTime")
        call.account.cancels.pop(market.name, None)
        if wait:
            call.account.cancels[market.name] = self.engine.clock() + wait
        return {"symbol": market.name, "countdownTime": str(wait)}

    # asking

    def _known(self, account: Account, parameters: Parameters) -> Order | None:
        """The order of the symbol that is named by its id, or by the trader's."""
        market, number = self.forms.market(parameters), parameters.optional_integer("orderId")
        key = parameters.optional("origClientOrderId") if number is None else number
        if key is None:
            raise failures.missing("orderId")
        order = self.engine.desk.find(account, key)
        return order if order is not None and order.market == market.name else None

    def _query(self, call: Call) -> Json:
        order = self._known(call.account, call.parameters)
        if order is None:
            raise failures.unknown_order()
        return self.row(order)

    def _query_open(self, call: Call) -> Json:
        order = self._known(call.account, call.parameters)
        if order is None or order.status != "open":
            raise failures.unknown_order()
        return self.row(order)

    def _orders(self, call: Call, oids: list[int]) -> list[Order]:
        market = self.forms.market(call.parameters).name if "symbol" in call.parameters else None
        orders = (self.engine.state.orders[oid] for oid in oids)
        return [order for order in orders if market is None or order.market == market]

    def _open_orders(self, call: Call) -> list[Json]:
        return [self.row(order) for order in self._orders(call, call.account.open_orders)]

    def _all_orders(self, call: Call) -> list[Json]:
        orders, first = self._orders(call, call.account.orders), call.parameters.optional_integer("orderId")
        window = Window.of(call, self.engine.clock(), default=USUAL_ROWS, most=MOST_ROWS, is_numbered=first is not None)
        if first is not None:
            orders = [order for order in orders if order.oid >= first]
        return [self.row(order) for order in window.of_rows(orders, lambda order: order.timestamp)]

    def _forced(self, call: Call) -> list[Json]:
        kind = call.parameters.optional("autoCloseType")
        if kind not in (None, *FORCED):
            raise failures.invalid("autoCloseType")
        wanted = set(FORCED.values()) if kind is None else {FORCED[kind]}
        forced = [order for order in self._orders(call, call.account.orders) if order.time_in_force in wanted]
        window = Window.of(call, self.engine.clock(), default=50, most=MOST_FORCED)
        return [self.row(order) for order in window.of_rows(forced, lambda order: order.timestamp)]


_AS_NEW = {"status": "NEW", "executedQty": "0", "avgPrice": "0.00000", "cumQty": "0", "cumQuote": "0"}


def _listed(call: Call, name: str, most: int) -> list[Any]:
    """A list that travels as JSON text."""
    try:
        rows = json.loads(call.parameters.text(name))
    except (ValueError, RecursionError) as error:
        raise failures.invalid(name) from error
    if not isinstance(rows, list):
        raise failures.invalid(name)
    if not 0 < len(rows) <= most:
        raise failures.other(-4082, "Invalid number of batch place orders.")
    return rows


def _texts(row: Json) -> dict[str, str]:
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items()}
