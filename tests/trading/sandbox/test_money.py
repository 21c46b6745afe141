"""Money is neither made nor lost: whatever two accounts do, all cash together is what was deposited."""

from contextlib import suppress
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.sandbox.conftest import ALICE, BOB, Clock
from tests.trading.sandbox.orders import request
from trading.sandbox.engine import Engine, fresh_state
from trading.sandbox.ledger import RefusedError
from trading.sandbox.markets import BY_NAME
from trading.sandbox.numbers import to_tick
from trading.sandbox.state import Account

MARKETS = ("BTC", "BNB", "XYZ100")
SIZES = {"BTC": "0.1", "BNB": "10", "XYZ100": "0.4"}

moves = st.tuples(
    st.sampled_from(["order", "order", "order", "mark", "margin", "leverage", "funding"]),
    st.sampled_from([ALICE, BOB]),
    st.sampled_from(MARKETS),
    st.integers(-40, 40).filter(bool),
)


def act(engine: Engine, kind: str, account: Account, name: str, amount: int) -> None:
    market, mark = BY_NAME[name], engine.marks[name]
    if kind == "order":
        price = to_tick(mark * (1 + Decimal(amount) / 800), market.size_decimals)
        size = Decimal(SIZES[name]) * abs(amount) / 10
        tif = "Ioc" if amount % 2 else "Gtc"
        signed = str(size if amount > 0 else -size)
        engine.desk.place(account, request(engine, name, signed, str(price), time_in_force=tif))
    elif kind == "mark":
        engine.set_mark(market, to_tick(mark * (1 + Decimal(amount) / 500), market.size_decimals))
    elif kind == "margin":
        engine.ledger.update_margin(account, market, Decimal(amount) * 7)
    elif kind == "leverage":
        engine.ledger.update_leverage(account, market, isolated=amount % 3 != 0, leverage=abs(amount))
    else:
        engine.fund_hour(engine.clock() - engine.clock() % 3_600_000)
    engine.settle()


@settings(max_examples=120, deadline=None)
@given(st.lists(moves, min_size=5, max_size=40))
def test_all_cash_together_is_what_was_deposited(steps: list[tuple[str, str, str, int]]) -> None:
    clock = Clock()
    engine = Engine(fresh_state(11, clock.now, still=True), clock)
    for address in (ALICE, BOB):
        engine.fund(address, Decimal(5000))
    for kind, address, name, amount in steps:
        clock.now += 1000
        account = engine.state.accounts[address]
        with suppress(RefusedError):
            act(engine, kind, account, name, amount)
        assert engine.state.money() == engine.state.deposits
        for owner in engine.state.accounts.values():
            for position in engine.ledger.isolated(owner):
                assert engine.ledger.equity(position) >= engine.ledger.maintenance(position)
            if engine.ledger.cross(owner):
                assert engine.ledger.cross_equity(owner) >= engine.ledger.cross_maintenance(owner)
            assert all(position.cash == 0 for position in engine.ledger.cross(owner))
