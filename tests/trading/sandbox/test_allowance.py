"""What an address may send in its lifetime, how many orders it may have open, and what it may replace (1.4, 4.2, 7)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trading.sandbox.conftest import BOB, Clock
from tests.trading.sandbox.orders import place
from tests.trading.sandbox.signed import ADDRESS, DONE, OWNER, l1, order, refusal
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info

NOOP = {"type": "noop"}


@pytest.fixture
def door(engine: Engine) -> Exchange:
    engine.fund(ADDRESS, Decimal(100_000))
    return Exchange(engine)


def used_up(door: Exchange) -> None:
    door.engine.state.accounts[ADDRESS].requests = 10_000


def test_over_the_limit_one_request_passes_every_ten_seconds(door: Exchange, clock: Clock) -> None:
    used_up(door)
    assert door.handle(l1(OWNER, NOOP, clock.now)) == DONE
    text = refusal(door, l1(OWNER, NOOP, clock.now + 1))
    assert text == (
        "Too many cumulative requests sent (10002 > 10000) for cumulative volume traded $0.0. "
        "Place taker orders to free up 1 request per USDC traded."
    )
    assert door.engine.state.accounts[ADDRESS].requests == 10_001
    clock.now += 10_000
    assert door.handle(l1(OWNER, NOOP, clock.now)) == DONE


def test_cancels_have_a_limit_of_their_own(door: Exchange, clock: Clock) -> None:
    used_up(door)
    cancel = {"type": "cancel", "cancels": [{"a": 0, "o": number} for number in range(5)]}
    for step in range(3):
        assert door.handle(l1(OWNER, cancel, clock.now + step))["status"] == "ok"
    assert door.engine.state.accounts[ADDRESS].requests == 10_015


def test_every_dollar_traded_is_one_more_request(door: Exchange, clock: Clock) -> None:
    info = Info(door.engine)
    buy = order(p="87000", s="0.1", t={"limit": {"tif": "Ioc"}})
    door.handle(l1(OWNER, buy, clock.now))
    answer: Any = info.handle({"type": "userRateLimit", "user": ADDRESS})
    assert answer == {"cumVlm": "8632.1", "nRequestsUsed": 1, "nRequestsCap": 18_632, "nRequestsSurplus": 0}


def test_requests_can_be_bought(door: Exchange, clock: Clock) -> None:
    info = Info(door.engine)
    assert door.handle(l1(OWNER, {"type": "reserveRequestWeight", "weight": 1000}, clock.now)) == DONE
    answer: Any = info.handle({"type": "userRateLimit", "user": ADDRESS})
    assert (answer["nRequestsUsed"], answer["nRequestsSurplus"]) == (0, 999)
    assert door.engine.state.accounts[ADDRESS].cash == Decimal("99999.5")
    assert door.engine.state.money() == door.engine.state.deposits


def test_from_a_thousand_open_orders_on_there_is_no_room(door: Exchange, clock: Clock) -> None:
    engine = door.engine
    account = engine.state.accounts[ADDRESS]
    for _ in range(1000):
        place(engine, account, "BTC", "0.0002", "60000")
    (status,) = door.handle(l1(OWNER, order(p="60000"), clock.now))["response"]["data"]["statuses"]
    assert status == {"error": "Too many open orders. Current limit is 1000. asset=0"}
    account.volume = Decimal(10_000_000)
    (status,) = door.handle(l1(OWNER, order(p="60000"), clock.now + 1))["response"]["data"]["statuses"]
    assert "resting" in status
    stop = order(b=False, r=True, p="50000", t={"trigger": {"isMarket": True, "triggerPx": "51000", "tpsl": "sl"}})
    (status,) = door.handle(l1(OWNER, stop, clock.now + 2))["response"]["data"]["statuses"]
    assert status["error"].startswith("Reduce-only and trigger orders are not allowed")


@pytest.mark.parametrize(
    ("kind", "is_taken"),
    [
        ({"limit": {"tif": "Alo"}}, True),
        ({"limit": {"tif": "Gtc"}}, True),
        ({"limit": {"tif": "Ioc"}}, False),
        ({"trigger": {"isMarket": True, "triggerPx": "90000", "tpsl": "tp"}}, False),
    ],
)
def test_a_single_modification_rests_or_is_refused(
    door: Exchange, clock: Clock, kind: dict[str, Any], is_taken: bool
) -> None:
    (status,) = door.handle(l1(OWNER, order(p="80000"), clock.now))["response"]["data"]["statuses"]
    action = {"type": "modify", "oid": status["resting"]["oid"], "order": order(p="81000", t=kind)["orders"][0]}
    assert (door.handle(l1(OWNER, action, clock.now + 1)) == DONE) is is_taken
    account = door.engine.state.accounts[ADDRESS]
    (left,) = (door.engine.state.orders[oid] for oid in account.open_orders)
    after = (Decimal(81_000), "Alo") if is_taken else (Decimal(80_000), "Gtc")
    assert (left.limit_price, left.time_in_force) == after


def test_executions_of_one_order_at_one_moment_can_be_read_as_one(door: Exchange, clock: Clock) -> None:
    info, engine = Info(door.engine), door.engine
    maker = engine.fund(BOB, Decimal(100_000))
    place(engine, maker, "BTC", "-0.01", "86320")
    place(engine, maker, "BTC", "-0.02", "86320")
    door.handle(l1(OWNER, order(p="86320", s="0.03", t={"limit": {"tif": "Ioc"}}), clock.now))
    single: Any = info.handle({"type": "userFills", "user": ADDRESS})
    merged: Any = info.handle({"type": "userFills", "user": ADDRESS, "aggregateByTime": True})
    (row,) = merged
    assert [fill["sz"] for fill in single] == ["0.02", "0.01"]
    assert (row["sz"], row["px"], row["startPosition"]) == ("0.03", "86320.0", "0.0")
    assert Decimal(row["fee"]) == sum(Decimal(fill["fee"]) for fill in single)
    resting: Any = info.handle({"type": "userFills", "user": BOB, "aggregateByTime": True})
    assert len(resting) == 2
