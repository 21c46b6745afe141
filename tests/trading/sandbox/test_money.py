"""Money is neither made nor lost, and a seed has one outcome: whatever two accounts do, on either venue."""

from contextlib import suppress
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.sandbox.conftest import ALICE, BOB, Clock
from tests.trading.sandbox.orders import request
from trading.sandbox.engine import Engine, fresh_state
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account
from trading.sandbox.venues import ASTER, HYPERLIQUID, Venue

SIZES = {
    HYPERLIQUID.name: {"BTC": "0.1", "BNB": "10", "XYZ100": "0.4"},
    ASTER.name: {"BTCUSDT": "0.1", "ETHUSDT": "3", "ASTERUSDT": "10000"},
}

Move = tuple[str, str, int, int]

moves = st.tuples(
    st.sampled_from(["order", "order", "order", "mark", "margin", "leverage", "funding"]),
    st.sampled_from([ALICE, BOB]),
    st.integers(0, 2),
    st.integers(-40, 40).filter(bool),
)


def act(engine: Engine, kind: str, account: Account, name: str, amount: int) -> None:
    market, mark = engine.markets[name], engine.marks[name]
    if kind == "order":
        price = market.to_tick(mark * (1 + Decimal(amount) / 2100))
        size = Decimal(SIZES[engine.venue.name][name]) * abs(amount) / 10
        tif = "Ioc" if amount % 2 else "Gtc"
        signed = str(size if amount > 0 else -size)
        engine.desk.place(account, request(engine, name, signed, str(price), time_in_force=tif))
    elif kind == "mark":
        engine.set_mark(market, market.to_tick(mark * (1 + Decimal(amount) / 500)))
    elif kind == "margin":
        engine.ledger.update_margin(account, market, Decimal(amount) * 7)
    elif kind == "leverage":
        engine.ledger.update_leverage(account, market, isolated=amount % 3 != 0, leverage=abs(amount))
    else:
        engine.fund_hour(engine.clock() - engine.clock() % 3_600_000, engine.by_index)
    engine.settle()


def engine_of(venue: Venue, clock: Clock) -> Engine:
    first = fresh_state(11, clock.now, still=True)
    engine = Engine(first.others.get(venue.name, first), clock, venue)
    for address in (ALICE, BOB):
        engine.fund(address, Decimal(5000))
    return engine


def check_books(engine: Engine) -> None:
    """All cash is what was deposited, and nothing lives on that the venue's definition ends."""
    assert engine.state.money() == engine.state.deposits
    rules, ledger = engine.venue.rules, engine.ledger
    for owner in engine.state.accounts.values():
        for position in ledger.isolated(owner):
            assert not rules.is_due(ledger.equity(position), ledger.maintenance(position))
        if ledger.cross(owner):
            assert not rules.is_due(ledger.cross_equity(owner), ledger.cross_maintenance(owner))
        assert all(position.cash == 0 for position in ledger.cross(owner))


def play(engine: Engine, clock: Clock, steps: list[Move]) -> bytes:
    names = list(SIZES[engine.venue.name])
    for kind, address, place, amount in steps:
        clock.now += 1000
        with suppress(RefusedError):
            act(engine, kind, engine.state.accounts[address], names[place], amount)
        check_books(engine)
    return msgspec.json.encode(engine.state)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([HYPERLIQUID, ASTER]), st.lists(moves, min_size=5, max_size=40))
def test_all_cash_together_is_what_was_deposited_and_the_same_again(venue: Venue, steps: list[Move]) -> None:
    first, second = Clock(), Clock()
    assert play(engine_of(venue, first), first, steps) == play(engine_of(venue, second), second, steps)
