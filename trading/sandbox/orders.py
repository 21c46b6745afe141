"""Orders from request to rest: matching on arrival, triggers, attached TP/SL, cancel and modify
(Hyperliquid rules 4.1)."""

from dataclasses import dataclass, replace
from decimal import Decimal

from trading.sandbox.checks import IMMEDIATE, Checks, OrderRequest
from trading.sandbox.fills import Execution
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO, wire
from trading.sandbox.refusals import Refusal, RefusedError
from trading.sandbox.state import Account, Order
from trading.sandbox.tape import News

NEVER_PLACED = "Order was never placed, already canceled, or filled."

_STATUSES = {
    Refusal.PRICE_OFF_TICK: "tickRejected",
    Refusal.VALUE_TOO_SMALL: "minTradeNtlRejected",
    Refusal.MARGIN_TOO_SMALL: "perpMarginRejected",
    Refusal.WOULD_INCREASE: "reduceOnlyRejected",
    Refusal.NOTHING_MATCHED: "iocCancelRejected",
    Refusal.WOULD_TRIGGER: "badTriggerPxRejected",
    Refusal.NO_LIQUIDITY: "marketOrderNoLiquidityRejected",
    Refusal.PRICE_TOO_HIGH: "oracleRejected",
    Refusal.PRICE_TOO_LOW: "oracleRejected",
    Refusal.WOULD_MATCH: "badAloPxRejected",
}


def _status_after(refusal: RefusedError) -> str:
    return "rejected" if refusal.reason is None else _STATUSES.get(refusal.reason, "rejected")


@dataclass(frozen=True)
class Desk:
    """Takes orders for accounts and follows them to their end."""

    execution: Execution
    checks: Checks

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Place one order and return it in the state it reached; a refusal is raised, and kept in the history where
        the venue keeps it."""
        return self._enter(account, self._draft(account, request))

    def _enter(self, account: Account, order: Order) -> Order:
        try:
            self.checks.order(account, order)
            if order.dormant:
                self.execution.tape.enter(account, order)
                self.execution.tape.mark_order(account, order, "open")
            else:
                self._work(account, order)
                self._look_after_groups()
        except RefusedError as refusal:
            rules = self.checks.rules
            if rules.keeps_refused or refusal.reason in rules.expiring:
                self.execution.tape.enter(account, order)
                self.execution.tape.mark_order(account, order, _status_after(refusal))
            if refusal.reason not in rules.expiring:
                raise
        return order

    def _draft(self, account: Account, request: OrderRequest) -> Order:
        now = self.execution.tape.clock()
        return Order(
            oid=self.execution.tape.next_oid(),
            address=account.address,
            market=request.market.name,
            is_buy=request.is_buy,
            limit_price=request.price,
            size=request.size,
            original_size=request.size,
            time_in_force=request.time_in_force,
            reduce_only=request.reduce_only,
            timestamp=now,
            client_id=request.client_id,
            trigger_price=request.trigger_price,
            trigger_is_market=request.trigger_is_market,
            trigger_kind=request.trigger_kind,
            builder=request.builder,
            builder_rate=Decimal(request.builder_rate),
            follows_position=request.follows_position,
            status_time=now,
            leg=request.leg,
            words=dict(request.words),
        )

    def _work(self, account: Account, order: Order) -> None:
        """Match what crosses; an immediate order ends here, any other rests with what is left."""
        execution, market = self.execution, self.execution.ledger.markets[order.market]
        crossing = next(execution.matching(order, market), None) is not None
        if order.time_in_force == "Alo" and crossing:
            bid, ask = ("" if price is None else wire(price) for price in execution.best(market))
            raise execution.ledger.rules.refused(Refusal.WOULD_MATCH, bid=bid, ask=ask)
        if order.time_in_force in IMMEDIATE and not crossing:
            is_limit = order.time_in_force != "FrontendMarket"
            raise execution.ledger.rules.refused(Refusal.NOTHING_MATCHED if is_limit else Refusal.NO_LIQUIDITY)
        if order.time_in_force == "Fok" and not self._fillable(order, market):
            raise execution.ledger.rules.refused(Refusal.NOTHING_MATCHED)
        execution.tape.enter(account, order)
        execution.take(account, order)
        if order.size > 0:
            execution.tape.mark_order(account, order, "canceled" if order.time_in_force in IMMEDIATE else "open")

    def _fillable(self, order: Order, market: Market) -> bool:
        offers = self.execution.matching(order, market)
        others = (offer.size for offer in offers if offer.order is None or offer.order.address != order.address)
        return sum(others, ZERO) >= order.size

    # groups

    def place_with_children(
        self, account: Account, request: OrderRequest, attached: list[OrderRequest]
    ) -> tuple[Order, list[Order]]:
        """A parent and its TP/SL: the children wait until it is filled, then take its size and become siblings."""
        parent_draft = self._draft(account, request)
        reference = self.execution.margin_price(parent_draft)
        children = [self._draft(account, replace(row, size=request.size)) for row in attached]
        for child in children:
            self.checks.form(self.execution.ledger.markets[child.market], child)
            self.checks.trigger(child, reference)
        parent = self._enter(account, parent_draft)
        for child in children:
            child.parent = parent.oid
            self.execution.tape.enter(account, child)
            child.status = "waitingForFill"
        self._make_siblings(children)
        parent.children = [child.oid for child in children]
        if parent.status != "open":
            self.activate_children(account, parent)
        return parent, children

    def activate_children(self, account: Account, parent: Order) -> None:
        """A filled parent places its children with the size it filled; one that filled nothing drops them."""
        for child in self._known(parent.children):
            if child.status != "waitingForFill":
                continue
            if parent.filled:
                child.size = child.original_size = parent.filled
            self.execution.tape.mark_order(account, child, "open" if parent.filled else "canceled")

    def bind(self, account: Account, requests: list[OrderRequest]) -> list[Order]:
        """TP/SL of the position: placed for all of it they follow its size."""
        held = self.execution.ledger.size(account, requests[0].market.name)
        if held == 0 or any((held > 0) == request.is_buy for request in requests):
            raise self.checks.rules.refused(Refusal.WOULD_INCREASE)
        orders = []
        for request in requests:
            whole = request.size == 0 or request.size >= abs(held)
            order = self._draft(account, replace(request, size=abs(held)) if whole else request)
            self.checks.form(request.market, order)
            self.checks.trigger(order, self.execution.ledger.marks[order.market])
            order.follows_position = True
            if whole:
                order.size = order.original_size = ZERO
            orders.append(order)
        self._make_siblings(orders)
        for order in orders:
            self.execution.tape.enter(account, order)
            self.execution.tape.mark_order(account, order, "open")
        return orders

    @staticmethod
    def _make_siblings(orders: list[Order]) -> None:
        for order in orders:
            order.siblings = [other.oid for other in orders if other is not order]

    # life of an order

    def find(self, account: Account, key: int | str) -> Order | None:
        oid = account.client_ids.get(key) if isinstance(key, str) else key
        order = self.execution.ledger.state.orders.get(oid) if oid is not None else None
        return order if order is not None and order.address == account.address else None

    def cancel(self, account: Account, order: Order | None, status: str = "canceled") -> None:
        if order is None or order.status != "open":
            raise RefusedError(NEVER_PLACED)
        self.execution.tape.mark_order(account, order, status)
        for child in self._known(order.children):
            if child.status == "waitingForFill":
                self.execution.tape.mark_order(account, child, status)

    def modify(self, account: Account, key: int | str, request: OrderRequest) -> Order:
        """Replace an open order by a new one; a refused new order leaves the old one where it was."""
        order = self.find(account, key)
        if order is None or order.status != "open":
            raise RefusedError("Cannot modify canceled or filled order")
        account.open_orders.remove(order.oid)
        try:
            new = self.place(account, request)
        except RefusedError:
            account.open_orders.append(order.oid)
            if order.client_id is not None:
                account.client_ids[order.client_id] = order.oid
            raise
        new.children, new.siblings, new.parent = order.children, order.siblings, order.parent
        order.children = []
        for sibling in self._known(order.siblings):
            sibling.siblings = [new.oid if oid == order.oid else oid for oid in sibling.siblings]
        self.execution.tape.mark_order(account, order, "canceled")
        return new

    def amend(self, account: Account, order: Order, size: Decimal, price: Decimal) -> None:
        """Change a resting order in place: it keeps its number, and is checked and matched anew; a refusal leaves it as
        it was."""
        before = order.size, order.original_size, order.limit_price
        account.open_orders.remove(order.oid)
        order.size, order.original_size, order.limit_price = size - order.filled, size, price
        try:
            self.checks.order(account, order)
            self._work(account, order)
        except RefusedError:
            order.size, order.original_size, order.limit_price = before
            account.open_orders.append(order.oid)
            raise
        self.execution.tape.news.append(News("amended", account.address, order, replace(order)))
        self._look_after_groups()

    def _known(self, oids: list[int]) -> list[Order]:
        """Orders of a group; the oldest of a long history may be forgotten."""
        orders = self.execution.ledger.state.orders
        return [orders[oid] for oid in oids if oid in orders]

    def sweep(self) -> bool:
        """Let the book at the present marks reach resting and trigger orders; True when something happened."""
        state, moved = self.execution.ledger.state, False
        for account in list(state.accounts.values()):
            for oid in list(account.open_orders):
                order = state.orders[oid]
                if order.status == "open":
                    moved |= self._trigger(account, order) if order.dormant else self._reach(account, order)
        return moved

    def _reach(self, account: Account, order: Order) -> bool:
        facing = self.execution.levels(self.execution.ledger.markets[order.market], bids=not order.is_buy)
        if not facing or (order.limit_price < facing[0].price if order.is_buy else order.limit_price > facing[0].price):
            return False
        if not self.execution.affordable(account, order):
            self.execution.tape.mark_order(account, order, "marginCanceled")
            return True
        self.execution.rest_fill(account, order)
        self._look_after_groups()
        return True

    def _look_after_groups(self) -> None:
        """Filled parents place their children; of TP and SL the one that filled ends the other."""
        state = self.execution.ledger.state
        touched, self.execution.touched[:] = list(self.execution.touched), []
        for order in touched:
            account = state.accounts[order.address]
            if order.status == "filled":
                self.activate_children(account, order)
            for sibling in self._known(order.siblings):
                if sibling.status == "open":
                    self.execution.tape.mark_order(account, sibling, "siblingFilledCanceled")

    def _trigger(self, account: Account, order: Order) -> bool:
        mark, trigger = self.execution.ledger.marks[order.market], order.trigger_price
        above = (order.trigger_kind == "sl") == order.is_buy
        if trigger is None or (mark < trigger if above else mark > trigger):
            return False
        order.triggered = True
        if order.trigger_is_market:
            market = self.execution.ledger.markets[order.market]
            order.limit_price = self.checks.rules.market_limit(market, order, mark)
        order.time_in_force = "FrontendMarket" if order.trigger_is_market else order.time_in_force or "Gtc"
        held = self.execution.ledger.size(account, order.key)
        if order.follows_position and order.size == 0:
            order.size = abs(held)
        self.execution.tape.mark_order(account, order, "triggered")
        try:
            self.checks.order(account, order)
            self._work(account, order)
        except RefusedError as refusal:
            self.execution.tape.mark_order(account, order, _status_after(refusal))
        self._look_after_groups()
        return True
