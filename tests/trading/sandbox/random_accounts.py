"""Random accounts, made by driving a venue's ledger in process: orders, reductions, margin, leverage, marks, funding.

An account trades four markets of its venue at most; what the venue refuses on the way simply does not happen.
Hyperliquid's tiers are those of its test network, which begin low enough to be reached (Hyperliquid rules 3.1).
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import msgspec
from hypothesis import strategies as st

from tests.trading.sandbox.conftest import ALICE, Clock
from trading.sandbox.checks import OrderRequest
from trading.sandbox.engine import Engine, fresh_state
from trading.sandbox.markets import Market, tiers_by_leverage
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Order, Position, State
from trading.sandbox.venues import ASTER, HYPERLIQUID, Venue

DEPOSIT = Decimal(400_000)
_TEST_TIERS = {
    "BTC": (("0", 40), ("10000", 25), ("50000", 10)),
    "ETH": (("0", 25), ("20000", 10), ("50000", 5)),
}
_TIERED = {
    name: replace(HYPERLIQUID.markets[name], tiers=tiers_by_leverage(rows)) for name, rows in _TEST_TIERS.items()
}
VENUES = (replace(HYPERLIQUID, markets=dict(HYPERLIQUID.markets) | _TIERED), ASTER)
MARKETS = {
    HYPERLIQUID.name: ("BTC", "ETH", "TLT", "XYZ100"),
    ASTER.name: ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ASTERUSDT"),
}
# How far through the mark an order may fill: inside every venue's band.
REACH = Decimal("0.015")


@dataclass(frozen=True)
class Step:
    """One thing that happens to the account; ``amount`` is from -1 to 1."""

    kind: str
    market: int
    amount: Decimal


@dataclass(frozen=True)
class Desk:
    """One account on one venue; its past is what a failing example shows of it."""

    venue: str
    seed: int
    engine: Engine = field(repr=False)
    account: Account = field(repr=False)
    past: list[Step] = field(default_factory=list)

    def copy(self) -> "Desk":
        """The same moment once more, to try something on."""
        state = msgspec.json.decode(msgspec.json.encode(self.engine.state), type=State)
        engine = Engine(state, self.engine.clock, self.engine.venue)
        return replace(self, engine=engine, account=state.accounts[ALICE])

    def market(self, place: int) -> Market:
        return self.engine.markets[MARKETS[self.venue][place]]

    @property
    def isolated(self) -> list[Position]:
        return self.engine.ledger.isolated(self.account)

    def request(self, market: Market, size: Decimal, *, reduce_only: bool = False) -> OrderRequest:
        """An order that fills at once; a negative size sells."""
        reach = REACH if size > 0 else -REACH
        price = market.to_tick(self.engine.marks[market.name] * (1 + reach))
        return OrderRequest(market, size > 0, price, abs(size), reduce_only, "Ioc")

    def order(self, request: OrderRequest) -> Order:
        order = self.engine.desk.place(self.account, request)
        self.engine.settle()
        return order

    def mark(self, market: str, price: Decimal) -> None:
        self.engine.set_mark(self.engine.markets[market], price)


def size_of(market: Market, mark: Decimal, amount: Decimal) -> Decimal:
    """A signed size worth from some thousand to some million dollars, evenly over the orders of magnitude."""
    worth = Decimal(10) ** (Decimal("3.5") + 3 * abs(amount))
    return market.to_lot(worth / mark).copy_sign(amount)


def apply(desk: Desk, step: Step) -> None:
    """One step; RefusedError where the venue does not do it."""
    engine, account, market, amount = desk.engine, desk.account, desk.market(step.market), step.amount
    held, mark = account.positions.get(market.name), engine.marks[market.name]
    if step.kind == "order":
        desk.order(desk.request(market, size_of(market, mark, amount)))
    elif step.kind == "reduce" and held is not None:
        desk.order(desk.request(market, market.to_lot(-held.size * abs(amount)), reduce_only=True))
    elif step.kind == "margin" and held is not None:
        change = engine.venue.rules.money(abs(held.size) * mark * amount / 10)
        engine.ledger.update_margin(account, market, change)
    elif step.kind in ("isolated", "cross"):
        leverage = 1 + int(amount * amount * (market.max_leverage - 1))
        engine.ledger.update_leverage(account, market, isolated=step.kind == "isolated", leverage=leverage)
    elif step.kind == "mark":
        engine.set_mark(market, market.to_tick(mark * (1 + amount / 25)))
    elif step.kind == "funding":
        engine.fund_hour(engine.clock(), engine.by_index)
    engine.settle()


AMOUNTS = st.integers(-100, 100).filter(bool).map(lambda number: Decimal(number) / 100)
_KINDS = st.sampled_from(
    ["order", "order", "reduce", "margin", "margin", "isolated", "cross", "mark", "mark", "funding"]
)
STEPS = st.builds(Step, _KINDS, st.integers(0, 3), AMOUNTS)


def new_desk(venue: Venue, deposit: Decimal, seed: int = 0) -> Desk:
    """A funded account without a past."""
    clock = Clock()
    first = fresh_state(seed, clock.now, still=True)
    engine = Engine(first.others.get(venue.name, first), clock, venue)
    return Desk(venue.name, seed, engine, engine.fund(ALICE, deposit))


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    """An account after a life of some steps, of which its first ones try to open positions."""
    desk = new_desk(draw(st.sampled_from(VENUES)), DEPOSIT, draw(st.integers(0, 3)))
    opening = [
        Step(kind, place, draw(AMOUNTS))
        for place in draw(st.sets(st.integers(0, 3), min_size=1, max_size=4))
        for kind in (draw(st.sampled_from(["isolated", "cross"])), "order")
    ]
    for step in [*opening, *draw(st.lists(STEPS, max_size=12))]:
        with suppress(RefusedError):
            apply(desk, step)
            desk.past.append(step)
    return desk
