"""What happened, in order: fills, order states and events are written here and handed on to whoever streams them."""

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading.sandbox.state import (
    Account,
    Command,
    Event,
    Fill,
    FundingPayment,
    LedgerUpdate,
    MarginMove,
    Order,
    State,
    held_at,
)

KEPT_TRADES = 100
DELEVERAGED = "Auto-Deleveraging"
# The venue itself answers no more than these.
KEPT_FILLS, KEPT_ORDERS, KEPT_EVENTS = 10_000, 4000, 10_000


@dataclass(frozen=True)
class News:
    """One item for the stream. ``kind`` is entered, amended, order, fill, move, leverage, margin type, modes, funding,
    liquidation, ledger, cancel or account.

    ``order`` is the order as it was when this happened.
    """

    kind: str
    address: str
    item: Order | Fill | FundingPayment | LedgerUpdate | MarginMove | str
    order: Order | None = None


@dataclass(frozen=True)
class PublicTrade:
    market: str
    is_buy: bool
    price: Decimal
    size: Decimal
    time: int
    hash: str
    tid: int
    users: tuple[str, str]


@dataclass
class Tape:
    state: State
    clock: Callable[[], int]
    news: list[News] = field(default_factory=list)
    trades: dict[str, deque[PublicTrade]] = field(default_factory=dict)
    fresh_trades: list[PublicTrade] = field(default_factory=list)

    def drain(self) -> tuple[list[News], list[PublicTrade]]:
        """What is new since the last call."""
        fresh = list(self.news), list(self.fresh_trades)
        self.news.clear()
        self.fresh_trades.clear()
        return fresh

    def next_oid(self) -> int:
        self.state.last_oid += 1
        return self.state.last_oid

    def next_tid(self) -> int:
        self.state.last_tid += 1
        return self.state.last_tid

    def hash(self, number: int) -> str:
        return "0x" + hashlib.blake2b(f"{self.state.paths.seed}/{number}".encode(), digest_size=32).hexdigest()

    def touch(self, account: Account) -> None:
        self.news.append(News("account", account.address, ""))

    def enter(self, account: Account, order: Order) -> None:
        """A new order gets its place in the account's history."""
        if order.oid in self.state.orders:
            return
        self.state.orders[order.oid] = order
        account.orders.append(order.oid)
        if order.client_id is not None:
            account.client_ids[order.client_id] = order.oid
        self.news.append(News("entered", account.address, order, replace(order)))
        while len(account.orders) > KEPT_ORDERS and account.orders[0] not in account.open_orders:
            forgotten = self.state.orders.pop(account.orders.pop(0))
            if forgotten.client_id is not None and account.client_ids.get(forgotten.client_id) == forgotten.oid:
                del account.client_ids[forgotten.client_id]

    def mark_order(self, account: Account, order: Order, status: str) -> None:
        """Move an order to ``status``; only an open one stays in the account's list of open orders."""
        order.status, order.status_time = status, self.clock()
        if status == "open":
            if order.oid not in account.open_orders:
                account.open_orders.append(order.oid)
        elif order.oid in account.open_orders:
            account.open_orders.remove(order.oid)
        self.news.append(News("order", account.address, order, replace(order)))
        self.touch(account)

    def record_fill(self, account: Account, fill: Fill, order: Order) -> None:
        account.fills.append(fill)
        del account.fills[:-KEPT_FILLS]
        account.volume += fill.price * fill.size
        account.changed[order.key] = fill.time
        self.news.append(News("fill", account.address, fill, replace(order)))
        self.touch(account)

    def record_move(
        self, account: Account, market: str, leg: str, amount: Decimal, *, client_id: str | None = None
    ) -> None:
        """Margin that went into an isolated position: asked for with a client id (which may be empty), or by a fill."""
        move = MarginMove(self.clock(), market, leg, amount, client_id is None, client_id or "")
        account.moves.append(move)
        del account.moves[:-KEPT_FILLS]
        account.changed[held_at(market, leg)] = move.time
        self.news.append(News("move", account.address, move))
        self.touch(account)

    def record_trade(self, trade: PublicTrade) -> None:
        self.trades.setdefault(trade.market, deque(maxlen=KEPT_TRADES)).appendleft(trade)
        self.fresh_trades.append(trade)

    def record_update(self, account: Account, delta: dict[str, str | bool | list[dict[str, str]]]) -> LedgerUpdate:
        update = LedgerUpdate(self.clock(), self.hash(self.next_tid()), delta)
        account.updates.append(update)
        self.news.append(News("ledger", account.address, update))
        self.touch(account)
        return update

    def event(self, kind: str, account: Account, market: str, detail: str) -> None:
        self.state.events.append(Event(self.clock(), kind, account.address, market, detail))
        del self.state.events[:-KEPT_EVENTS]

    def command(self, command: Command) -> None:
        self.state.commands.append(command)
        del self.state.commands[:-KEPT_EVENTS]


def direction(held: Decimal, change: Decimal) -> str:
    """The venue's words for what a fill did to a position."""
    after = held + change
    if held * change >= 0:
        return "Open Long" if change > 0 else "Open Short"
    if after * held < 0:
        return "Long > Short" if held > 0 else "Short > Long"
    return "Close Long" if held > 0 else "Close Short"


def backstop_direction(held: Decimal, *, isolated: bool) -> str:
    return f"Liquidated {'Isolated' if isolated else 'Cross'} {'Long' if held > 0 else 'Short'}"
