"""Faults and controls on the venue's doors over real HTTP: what the caller sees, and whether the venue acted."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
import urllib3
from eth_account import Account

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.aster.libraries import connected
from tests.trading.sandbox.aster.trader import Trader
from trading.sandbox.aster.doors import Doors
from trading.sandbox.engine import Engine
from trading.sandbox.markets import MarketStatus
from trading.sandbox.state import MarketChange
from trading.sandbox.storage import Store
from trading.sandbox.venues import ASTER

ORDER = "POST order"
PATIENCE = 30


@pytest.fixture
def faulty(venue: SandboxProcess) -> Iterator[SandboxProcess]:
    yield venue
    venue.clear_faults()


class Desk:
    """One account, whose orders are sent as they are and asked for behind the venue's back."""

    def __init__(self, venue: SandboxProcess) -> None:
        self.venue, wallet = venue, Account.create()
        self.address = wallet.address.lower()
        venue.fund(self.address, "1000", "aster")
        self.client = connected(venue, "0x" + wallet.key.hex().removeprefix("0x"))
        self.pool = urllib3.PoolManager(retries=False)

    def signed_order(self) -> dict[str, Any]:
        """A resting order, signed and not yet sent."""
        order = {"symbol": "SOLUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
        return dict(self.client.sign("v3/order", ["fapiPrivate"], "POST", order | {"price": "121"}))

    def send(self, signed: dict[str, Any], timeout: float = PATIENCE) -> urllib3.BaseHTTPResponse:
        return self.pool.request("POST", signed["url"], body=signed["body"], headers=signed["headers"], timeout=timeout)

    def open_orders(self) -> int:
        """What stands in the venue's own ledger."""
        return len(self.ledger()["orders"])

    def ledger(self) -> Any:
        """The account as the venue itself holds it."""
        return self.venue.state()["others"]["aster"]["accounts"][self.address]


@pytest.fixture
def desk(faulty: SandboxProcess) -> Iterator[Desk]:
    faulty.mark("SOLUSDT", "122.03", "aster")
    desk = Desk(faulty)
    yield desk
    desk.client.session.close()
    desk.pool.clear()


@pytest.mark.parametrize(("kind", "executed"), [("drop_before", 0), ("drop_after", 1)])
def test_after_a_cut_connection_the_same_bytes_execute_at_most_once(desk: Desk, kind: str, executed: int) -> None:
    signed = desk.signed_order()
    desk.venue.fault(kind, ORDER)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        desk.send(signed)
    assert desk.open_orders() == executed
    again = desk.send(signed)
    assert (again.status, again.json().get("code")) == ((400, -4225) if executed else (200, None))
    assert desk.open_orders() == 1


@pytest.mark.parametrize(
    ("kind", "status", "executed"),
    [("too_many_requests", 429, 0), ("banned", 418, 0), ("error_before", 503, 0), ("error_after", 503, 1)],
)
def test_a_status_says_whether_to_come_back(desk: Desk, kind: str, status: int, executed: int) -> None:
    desk.venue.fault(kind, "aster", seconds=7 if status < 500 else 0)
    answer = desk.send(desk.signed_order())
    assert (answer.status, answer.headers.get("Retry-After")) == (status, "7" if status < 500 else None)
    if status < 500:
        assert answer.json()["code"] == -1003
    assert desk.open_orders() == executed


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_nonsense_is_no_json_and_the_order_stands(desk: Desk, kind: str) -> None:
    desk.venue.fault(kind, "order")
    with pytest.raises(json.JSONDecodeError):
        desk.send(desk.signed_order()).json()
    assert desk.open_orders() == 1


def test_an_order_may_execute_long_after_its_caller_was_cut_off(desk: Desk) -> None:
    desk.venue.fault("late", ORDER, seconds=0.5)
    signed, sent_at = desk.signed_order(), desk.client.milliseconds()
    with pytest.raises(urllib3.exceptions.ProtocolError):
        desk.send(signed)
    wait_for(lambda: desk.open_orders() == 1)
    (order,) = desk.ledger()["orders"]
    assert order["timestamp"] >= sent_at + 500


def test_an_order_may_arrive_twice_and_executes_once(desk: Desk) -> None:
    desk.venue.fault("twice", ORDER)
    answer = desk.send(desk.signed_order())
    assert (answer.status, answer.json()["code"]) == (400, -4225)
    assert desk.open_orders() == 1


def test_a_delayed_order_executes_though_nobody_waits_any_more(desk: Desk) -> None:
    desk.venue.fault("delay", ORDER, seconds=3.5)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        desk.send(desk.signed_order(), timeout=0.2)
    wait_for(lambda: desk.open_orders() == 1)


def test_a_fault_of_one_venue_leaves_the_other_alone(desk: Desk) -> None:
    desk.venue.fault("error_before", "aster", count=1)
    assert "BTC" in desk.venue.info("allMids")
    assert desk.send(desk.signed_order()).status == 503


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_a_form_header_on_a_read_is_answered_with_a_page(venue: SandboxProcess) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.request("GET", f"{venue.url}/fapi/v3/time", headers=headers)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (500, "text/html")


# controls


def test_the_venues_clock_can_be_set_apart(desk: Desk) -> None:
    ours = desk.client.milliseconds()
    desk.venue.post("/sandbox/clock", {"venue": "aster", "ahead": 90_000})
    try:
        assert 89_000 < desk.client.fetch_time() - ours < 99_000
        assert desk.send(desk.signed_order()).json()["code"] == -4225
    finally:
        desk.venue.post("/sandbox/clock", {"venue": "aster", "ahead": 0})
    assert desk.send(desk.signed_order()).status == 200


def test_a_market_can_be_closed_for_new_positions_and_opened_again(desk: Desk) -> None:
    desk.client.create_order("SOL/USDT:USDT", "market", "buy", 1)
    desk.venue.change_market("SOLUSDT", status="closing")
    try:
        with pytest.raises(ccxt.BaseError, match="-4140"):
            desk.client.create_order("SOL/USDT:USDT", "market", "buy", 1)
        assert desk.client.fetch_positions(["SOL/USDT:USDT"])[0]["contracts"] == 1
    finally:
        desk.venue.change_market("SOLUSDT", status="trading")
    desk.client.create_order("SOL/USDT:USDT", "market", "sell", 1, None, {"reduceOnly": True})


def test_brackets_can_be_changed(desk: Desk) -> None:
    rows = [["0", 10, "0.02"], ["100000", 5, "0.05"]]
    desk.venue.change_market("ASTERUSDT", brackets=rows, cap="1000000")
    read = desk.client.load_leverage_brackets(reload=True)["ASTER/USDT:USDT"]
    assert read == [["0", "0.02"], ["100000", "0.05"]]


def test_a_key_of_the_older_login_can_be_given(desk: Desk) -> None:
    request = {"venue": "aster", "address": desk.address, "key": "k", "secret": "s"}
    assert desk.venue.post("/sandbox/api_key", request) == {"address": desk.address, "key": "k"}
    answer = urllib3.request("POST", f"{desk.venue.url}/fapi/v1/listenKey", headers={"X-MBX-APIKEY": "k"})
    assert len(answer.json()["listenKey"]) == 64
    ended = desk.venue.post("/sandbox/listen_key", {"venue": "aster", "address": desk.address, "silently": True})
    assert ended == {"address": desk.address, "ended": True}


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("market", {"market": "BTCUSDT", "status": "shut"}, "The status is one of trading, closing, gone."),
        ("market", {"market": "BTCUSDT", "brackets": []}, "The brackets are rows of floor, leverage and"),
        ("market", {"market": "BTCUSDT", "brackets": [["5", 10, "0.1"]], "cap": "9"}, "The floors rise from zero."),
        ("market", {"market": "BTCUSDT", "brackets": [["0", 0, "0.1"]], "cap": "9"}, "Each leverage is a whole"),
        ("market", {"market": "BTCUSDT", "brackets": [["0", 5, "0.1"]]}, "The cap is a decimal number in quotes"),
        ("clock", {"ahead": 1.5}, "The clock is set ahead by whole milliseconds, at most a day."),
        ("clock", {"venue": "hyperliquid", "ahead": 1}, "The clock of hyperliquid is everybody's"),
        ("api_key", {"address": "0x" + "a" * 40, "key": "k"}, "The key and the secret are texts."),
        ("listen_key", {"address": "0x12"}, "The address is 0x and 40 hexadecimal digits."),
        ("listen_key", {"address": "0x" + "a" * 40, "silently": 1}, "Silently is true or false."),
    ],
)
def test_a_bad_control_is_refused_with_a_sentence(
    venue: SandboxProcess, path: str, body: dict[str, object], sentence: str
) -> None:
    answer = urllib3.request("POST", f"{venue.url}/sandbox/{path}", json={"venue": "aster"} | body)
    assert answer.status == 400
    assert answer.json()["error"].startswith(sentence)


def test_the_ledger_with_all_that_is_new_survives_a_restart(trader: Trader, tmp_path: Path) -> None:
    engine = trader.doors.engine
    trader.say("POST", "positionSide/dual", dualSidePosition="true")
    trader.isolate()
    trader.order("BTCUSDT", "BUY", quantity="0.01", positionSide="LONG")
    trader.order("BTCUSDT", "SELL", "STOP_MARKET", positionSide="LONG", stopPrice="80000", closePosition="true")
    margin = {"symbol": "BTCUSDT", "amount": "5", "type": 1, "positionSide": "LONG", "clientTranId": "once"}
    trader.say("POST", "positionMargin", **margin)
    engine.change_market("ETHUSDT", MarketChange(MarketStatus.CLOSING, [(Decimal(0), 9, Decimal("0.1"))], Decimal(99)))
    asked = ("openOrders", "positionRisk", "account", "income", "leverageBracket", "exchangeInfo", "agent")
    before = [trader.say("GET", name) for name in asked]
    store = Store(tmp_path / "ledger.json")
    store.save(engine.state)
    state = store.load()
    assert state == engine.state
    assert state is not None
    trader.doors = Doors(Engine(state, engine.clock, ASTER))
    assert [trader.say("GET", name) for name in asked] == before
    assert trader.refused("POST", "positionMargin", **margin)[0] == -4115
