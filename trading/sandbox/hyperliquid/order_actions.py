"""Actions on orders: placing, cancelling, replacing, and the dead man's switch (Hyperliquid rules 4.1, 4.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.sandbox.checks import OrderRequest
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.actions import DEFAULT, Json
from trading.sandbox.markets import Market
from trading.sandbox.numbers import PERP_PRICE_DECIMALS, parse, shown
from trading.sandbox.orders import NEVER_PLACED
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Order

SCHEDULE_VOLUME = Decimal(1_000_000)
SCHEDULE_AHEAD = 5000
SCHEDULE_TRIGGERS = 10
DAY = 86_400_000
OPEN_ORDERS, VOLUME_PER_ORDER, MOST_OPEN_ORDERS = 1000, Decimal(5_000_000), 5000


def market_of(engine: Engine, asset: int) -> Market:
    """The market with this number."""
    market = next((row for row in engine.by_index if row.index == asset), None)
    # The venue's words for an unknown or halted asset are not recorded anywhere.
    if market is None:
        raise RefusedError(f"Asset {asset} does not exist.")
    if market.delisted:
        raise RefusedError(f"Trading is halted. asset={asset}")
    return market


@dataclass(frozen=True)
class OrderActions:
    engine: Engine

    def performers(self) -> Mapping[str, Callable[[Account, Json], Json]]:
        """The actions that this carries out."""
        return {
            "order": self.order,
            "cancel": self.cancel,
            "cancelByCloid": self.cancel,
            "modify": self.modify,
            "batchModify": self.batch_modify,
            "scheduleCancel": self.schedule_cancel,
        }

    def _book(self, account: Account, market: Market) -> Account:
        return books.opened(self.engine, account, books.dex_of(market.name))

    def _request(self, row: Json, builder: Json | None) -> OrderRequest:
        price, trigger = parse(row["p"]), row["t"].get("trigger")
        if price <= 0:
            raise RefusedError("Order has invalid price.")
        return OrderRequest(
            market=market_of(self.engine, row["a"]),
            is_buy=row["b"],
            price=price,
            size=parse(row["s"]),
            reduce_only=row["r"],
            time_in_force="" if trigger else row["t"]["limit"]["tif"],
            client_id=row.get("c"),
            trigger_price=parse(trigger["triggerPx"]) if trigger else None,
            trigger_is_market=bool(trigger and trigger["isMarket"]),
            trigger_kind=trigger["tpsl"] if trigger else "",
            builder=builder["b"] if builder else None,
            builder_rate=builder["f"] if builder else 0,
        )

    # placing

    def order(self, account: Account, action: Json) -> Json:
        builder = action.get("builder")
        requests = [self._request(row, builder) for row in action["orders"]]
        if not requests:
            raise RefusedError("Order has zero size.")
        attached = requests[1:] if action["grouping"] == "normalTpsl" else requests
        if action["grouping"] != "na" and not all(row.reduce_only and row.trigger_price for row in attached):
            raise RefusedError("TP/SL orders must be reduce-only trigger orders.")
        if builder is not None and builder["f"] > account.builders.get(builder["b"], -1):
            statuses: list[Any] = [_error("Builder fee has not been approved.", row.market) for row in requests]
        elif action["grouping"] == "na":
            statuses = [self._place(account, row) for row in requests]
        else:
            statuses = self._place_group(account, requests, action["grouping"])
        return {"type": "order", "data": {"statuses": statuses}}

    def _place(self, account: Account, request: OrderRequest) -> Json:
        try:
            self._check_room(account, [request])
            return self._status(self.engine.desk.place(self._book(account, request.market), request))
        except RefusedError as refusal:
            return _error(str(refusal), request.market)

    def _place_group(self, account: Account, requests: list[OrderRequest], grouping: str) -> list[Any]:
        book, first = self._book(account, requests[0].market), requests[0]
        try:
            self._check_room(account, requests)
            if grouping == "positionTpsl":
                self.engine.desk.bind(book, requests)
                return ["waitingForTrigger" for _ in requests]
            parent, _ = self.engine.desk.place_with_children(book, first, requests[1:])
        except RefusedError as refusal:
            return [_error(str(refusal), row.market) for row in requests]
        waiting = "waitingForFill" if parent.status == "open" else "waitingForTrigger"
        return [self._status(parent), *[waiting for _ in requests[1:]]]

    def _check_room(self, account: Account, requests: Sequence[OrderRequest]) -> None:
        """So many orders may be open, and from the first thousand on neither reduce-only ones nor triggers."""
        volume = books.volume(self.engine, account.address)
        cap = min(MOST_OPEN_ORDERS, OPEN_ORDERS + int(volume / VOLUME_PER_ORDER))
        count = sum(len(book.open_orders) for book in books.all_of(self.engine, account.address))
        is_restricted = any(row.reduce_only or row.trigger_price for row in requests)
        # The venue's words for both are not recorded anywhere.
        if count + len(requests) > cap:
            raise RefusedError(f"Too many open orders. Current limit is {cap}.")
        if count >= OPEN_ORDERS and is_restricted:
            raise RefusedError(f"Reduce-only and trigger orders are not allowed from {OPEN_ORDERS} open orders on.")

    def _status(self, order: Order) -> Json:
        if order.filled and order.status != "open":
            average = order.filled_value / order.filled
            decimals = PERP_PRICE_DECIMALS - self.engine.markets[order.market].size_decimals
            return {"filled": {"totalSz": shown(order.filled), "avgPx": shown(average, decimals), "oid": order.oid}}
        resting: Json = {"oid": order.oid}
        if order.client_id is not None:
            resting["cloid"] = order.client_id
        return {"resting": resting}

    # cancelling and replacing

    def cancel(self, account: Account, action: Json) -> Json:
        statuses = [self._cancel_one(account, row) for row in action["cancels"]]
        return {"type": "cancel", "data": {"statuses": statuses}}

    def _cancel_one(self, account: Account, row: Json) -> Json | str:
        market = market_of(self.engine, row["a"] if "a" in row else row["asset"])
        book = self._book(account, market)
        order = self.engine.desk.find(book, row["o"] if "o" in row else row["cloid"])
        if order is None or order.market != market.name or (row.get("f") and order.trigger_price is not None):
            return _error(NEVER_PLACED, market)
        try:
            self.engine.desk.cancel(book, order)
        except RefusedError as refusal:
            return _error(str(refusal), market)
        return "success"

    def modify(self, account: Account, action: Json) -> Json:
        """One order; unless it is to be placed whatever comes, the new one may neither cross the book nor wait."""
        row: Json = action["order"]
        if not action.get("a"):
            tif = row["t"].get("limit", {}).get("tif")
            # The venue's words for this are not recorded anywhere.
            if tif not in ("Alo", "Gtc"):
                raise RefusedError("Order modification must be a post-only or resting limit order.")
            row = row | {"t": {"limit": {"tif": "Alo"}}}
        request = self._request(row, None)
        self.engine.desk.modify(self._book(account, request.market), action["oid"], request)
        return DEFAULT

    def batch_modify(self, account: Account, action: Json) -> Json:
        statuses = []
        for row in action["modifies"]:
            request = self._request(row["order"], None)
            try:
                book = self._book(account, request.market)
                statuses.append(self._status(self.engine.desk.modify(book, row["oid"], request)))
            except RefusedError as refusal:
                statuses.append(_error(str(refusal), request.market))
        return {"type": "order", "data": {"statuses": statuses}}

    def schedule_cancel(self, account: Account, action: Json) -> Json:
        moment, volume = action.get("time"), books.volume(self.engine, account.address)
        if volume < SCHEDULE_VOLUME:
            raise RefusedError(
                "Cannot set scheduled cancel time until enough volume traded. "
                f"Required: $1000000. Traded: ${shown(volume, 6)}"
            )
        if moment is not None and moment < self.engine.clock() + SCHEDULE_AHEAD:
            raise RefusedError("Scheduled cancel time must be at least 5 seconds ahead.")
        midnight = self.engine.clock() // DAY * DAY
        triggers = sum(1 for triggered in account.cancels_triggered if triggered >= midnight)
        if moment is not None and triggers >= SCHEDULE_TRIGGERS:
            # The venue's words for this are not recorded anywhere.
            raise RefusedError(f"Scheduled cancels are limited to {SCHEDULE_TRIGGERS} triggers a day.")
        for book in books.all_of(self.engine, account.address):
            book.cancel_at = moment
        return DEFAULT


def _error(sentence: str, market: Market) -> Json:
    return {"error": f"{sentence} asset={market.index}"}
