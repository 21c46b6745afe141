"""Public and private streams over real websockets (Aster rules 2.3, 2.4)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.trading.sandbox.aster.test_market_doors import told
from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from trading.sandbox.aster.service import AsterService
from trading.sandbox.delivery import MOST_OVERTAKING
from trading.sandbox.doorway import Doorway
from trading.sandbox.engine import Engine
from trading.sandbox.faults import Fault, Faults

Socket = aiohttp.ClientWebSocketResponse
HOUR = 3_600_000
PATIENCE_SECONDS = 30


class Venue:
    """The venue's streams on a port of their own; ``trade`` and time pass when a test says so."""

    def __init__(self, engine: Engine) -> None:
        self.service = AsterService(engine, Doorway(Faults()))
        self.trader = Trader(self.service.doors)
        engine.fund(self.trader.address, Decimal(10_000))
        assert self.trader.approve_agent().status == 200
        engine.tape.drain()

    @asynccontextmanager
    async def open(self, path: str) -> AsyncIterator[Socket]:
        app = web.Application()
        self.service.attach(app)
        async with TestClient(TestServer(app)) as client, client.ws_connect(path) as socket:
            while not self.service.hub.connections:
                await asyncio.sleep(0)
            yield socket

    def say(self, method: str, name: str, **parameters: Any) -> Any:
        """A request, and what it makes the streams say."""
        answer = self.trader.say(method, name, **parameters)
        self.service.publish(tick=False)
        return answer

    def listen_key(self) -> str:
        return str(self.say("POST", "listenKey")["listenKey"])

    def tick(self) -> None:
        self.service.engine.advance()
        self.service.publish(tick=True)


async def read(socket: Socket, count: int) -> list[Any]:
    return [json.loads((await socket.receive(timeout=PATIENCE_SECONDS)).data) for _ in range(count)]


async def is_silent(socket: Socket) -> bool:
    """Whether nothing is on its way: an answer to a question comes first."""
    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 99})
    (row,) = await read(socket, 1)
    return bool(row.get("id") == 99)


@pytest.fixture
def venue(aster: Engine) -> Venue:
    return Venue(aster)


def run(talk: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(talk())


# control messages


def test_streams_are_subscribed_to_listed_and_left(venue: Venue) -> None:
    async def talk() -> None:
        async with venue.open("/stream") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "btcusdt@depth"], "id": 1})
            await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@depth"], "id": 2})
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            await socket.send_json({"method": "GET_PROPERTY", "params": ["combined"], "id": 4})
            await socket.send_json({"method": "SET_PROPERTY", "params": ["combined", False], "id": 5})
            assert await read(socket, 5) == [
                {"result": None, "id": 1},
                {"result": None, "id": 2},
                {"result": ["btcusdt@aggTrade"], "id": 3},
                {"result": True, "id": 4},
                {"result": None, "id": 5},
            ]
            venue.say("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            (trade,) = await read(socket, 1)
            assert (trade["e"], trade["q"], trade["m"]) == ("aggTrade", "0.01", False)

    run(talk)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 3),
        ("[]", 3),
        ('{"method": "SUBSCRIBE", "params": ["a@b"], "id": "one"}', 2),
        ('{"method": "SUBSCRIBE", "params": "a@b", "id": 1}', 2),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1),
        ('{"method": "JUMP", "id": 1}', 0),
    ],
)
def test_what_is_not_understood_is_answered_with_a_code(venue: Venue, message: str, code: int) -> None:
    async def talk() -> None:
        async with venue.open("/ws/btcusdt@markPrice") as socket:
            await socket.send_str(message)
            (answer,) = await read(socket, 1)
            assert answer["code"] == code

    run(talk)


def test_who_talks_too_much_is_cut_off(venue: Venue) -> None:
    async def talk() -> None:
        async with venue.open("/ws/btcusdt@markPrice") as socket:
            for _ in range(11):
                await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            kinds = [(await socket.receive(timeout=PATIENCE_SECONDS)).type for _ in range(11)]
            assert kinds[-1] in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    run(talk)


# markets


def test_every_market_stream_has_the_fields_of_its_sample(venue: Venue, venue_data: Path) -> None:
    samples = json.loads((venue_data / "aster" / "ws_market_events.json").read_text())
    known = {
        row["stream"].replace("bnbusdt", "btcusdt"): row["payload"]
        for row in samples
        if row["stream"] not in ("control", "btcusdt@forceOrder") and "?" not in row["stream"]
    }

    async def talk() -> None:
        async with venue.open("/stream?streams=" + "/".join(known)) as socket:
            venue.tick()
            venue.say("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            seen: dict[str, Any] = {}
            while set(seen) != set(known):
                for row in await read(socket, 1):
                    seen.setdefault(row["stream"], row["data"])
            assert {name: told(known[name], seen[name]) for name in known} == {name: [] for name in known}

    run(talk)


def test_marks_come_each_second_or_each_third(venue: Venue) -> None:
    async def talk() -> None:
        async with venue.open("/stream?streams=btcusdt@markPrice/ethusdt@markPrice@1s") as socket:
            for _ in range(6):
                venue.tick()
            rows = await read(socket, 8)
            assert [row["stream"] for row in rows].count("btcusdt@markPrice") == 2
            assert await is_silent(socket)

    run(talk)


def test_a_book_can_be_kept_by_its_changes(venue: Venue) -> None:
    """The documented way: a picture, then every change from the one that reaches beyond it."""

    async def talk() -> None:
        async with venue.open("/ws/btcusdt@depth") as socket:
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
            venue.say("POST", "order", **order, price="86000")
            picture = venue.say("GET", "depth", symbol="BTCUSDT", limit=1000)
            placed = venue.say("POST", "order", **order, price="86001")
            venue.say("POST", "order", **order, price="86002")
            venue.say("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
            events = [row for row in await read(socket, 4) if row["u"] >= picture["lastUpdateId"]]
            assert events[0]["U"] <= picture["lastUpdateId"] <= events[0]["u"]
            assert all(row["pu"] == before["u"] for before, row in pairwise(events))
            bids = dict(picture["bids"])
            for event in events:
                bids |= dict(event["b"])
            kept = {price: size for price, size in bids.items() if size != "0"}
            fresh = venue.say("GET", "depth", symbol="BTCUSDT", limit=1000)
            assert kept == dict(fresh["bids"])

    run(talk)


def test_a_candle_is_closed_before_the_next_one_begins(venue: Venue, clock: Clock) -> None:
    async def talk() -> None:
        async with venue.open("/ws/btcusdt@kline_1m") as socket:
            venue.tick()
            clock.now += 60_000
            venue.tick()
            rows = [row["k"] for row in await read(socket, 3)]
            assert [row["x"] for row in rows] == [False, True, False]
            assert rows[0]["t"] == rows[1]["t"] == rows[2]["t"] - 60_000

    run(talk)


# accounts


def test_the_private_stream_tells_what_happens_in_order(venue: Venue, venue_data: Path) -> None:
    samples = json.loads((venue_data / "aster" / "ws_user_events.json").read_text())
    payloads = [row["payload"] for row in samples]
    known = {row["e"]: row for row in payloads if "e" in row and "ai" not in row}

    async def talk() -> None:
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            venue.say("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            venue.say("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            venue.say("POST", "positionMargin", symbol="BTCUSDT", amount="20", type=1)
            rows = await read(socket, 6)
            assert [(row["e"], row.get("a", {}).get("m", row.get("o", {}).get("x"))) for row in rows] == [
                ("ACCOUNT_UPDATE", "MARGIN_TYPE_CHANGE"),
                ("ACCOUNT_CONFIG_UPDATE", None),
                ("ORDER_TRADE_UPDATE", "NEW"),
                ("ACCOUNT_UPDATE", "ORDER"),
                ("ORDER_TRADE_UPDATE", "TRADE"),
                ("ACCOUNT_UPDATE", "MARGIN_TRANSFER"),
            ]
            held = venue.trader.position()
            (position,) = rows[5]["a"]["P"]
            assert (position["iw"], position["ep"], position["mt"]) == (
                held["isolatedWallet"],
                held["entryPrice"],
                "isolated",
            )
            assert "liquidationPrice" not in json.dumps(rows)
            absent = {".N", ".n", ".AP", ".cr"}
            for row in rows:
                assert set(told(known[row["e"]], row)) - absent == set()

    run(talk)


def test_a_liquidation_is_told_after_a_warning(venue: Venue) -> None:
    engine = venue.service.engine

    async def talk() -> None:
        venue.trader.isolate(leverage=50)
        venue.trader.order("BTCUSDT", "BUY", quantity="0.1")
        price = Decimal(venue.trader.position()["liquidationPrice"])
        venue.service.publish(tick=False)
        key = venue.listen_key()
        async with venue.open(f"/stream?streams={key}/!forceOrder@arr") as socket:
            engine.set_mark(engine.markets["BTCUSDT"], price + 10)
            venue.tick()
            venue.tick()
            (warning,) = await read(socket, 1)
            (row,) = warning["data"]["p"]
            assert (warning["data"]["e"], row["s"], row["mt"], "cw" in warning["data"]) == (
                "MARGIN_CALL",
                "BTCUSDT",
                "ISOLATED",
                False,
            )
            assert await is_silent(socket)
            engine.set_mark(engine.markets["BTCUSDT"], price - 1)
            venue.tick()
            events = [row["data"] for row in await read(socket, 5)]
            orders = [row["o"] for row in events if row["e"] == "ORDER_TRADE_UPDATE"]
            assert {row["c"].partition("-")[0] for row in orders} == {"autoclose"}
            assert (orders[-1]["x"], orders[-1]["X"], orders[-1]["z"]) == ("TRADE", "FILLED", "0.1")
            forced = next(row["o"] for row in events if row["e"] == "forceOrder")
            assert (forced["s"], forced["S"], forced["X"]) == ("BTCUSDT", "SELL", "FILLED")

    run(talk)


def test_funding_of_a_cross_position_names_no_position(venue: Venue, clock: Clock) -> None:
    async def talk() -> None:
        venue.trader.order("BTCUSDT", "BUY", quantity="0.01")
        venue.service.publish(tick=False)
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            venue.service.engine.fund_hour(clock(), venue.service.engine.by_index)
            venue.service.publish(tick=False)
            (row,) = await read(socket, 1)
            assert (row["a"]["m"], row["a"]["P"]) == ("FUNDING_FEE", [])
            (paid,) = venue.trader.say("GET", "income", incomeType="FUNDING_FEE")
            assert row["a"]["B"][0]["bc"] == paid["income"]

    run(talk)


# keys of the private stream


def test_a_key_is_kept_until_it_is_closed_and_asked_for_again(venue: Venue) -> None:
    key = venue.listen_key()
    assert venue.listen_key() == key
    assert venue.say("PUT", "listenKey") == {}
    assert venue.say("DELETE", "listenKey") == {}
    for method in ("PUT", "DELETE"):
        assert venue.trader.refused(method, "listenKey") == (-1125, "This listenKey does not exist.")
    assert venue.listen_key() != key


def test_a_key_that_was_made_up_is_taken_and_never_says_anything(venue: Venue) -> None:
    async def talk() -> None:
        venue.listen_key()
        async with venue.open(f"/ws/{'0' * 64}") as socket:
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            assert await is_silent(socket)

    run(talk)


def test_a_key_runs_out_after_an_hour_without_asking(venue: Venue, clock: Clock) -> None:
    async def talk() -> None:
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            clock.now += HOUR - 1
            venue.say("PUT", "listenKey")
            clock.now += HOUR - 1
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            clock.now += 1
            venue.tick()
            rows = await read(socket, 2)
            assert [row["e"] for row in rows] == ["ACCOUNT_CONFIG_UPDATE", "listenKeyExpired"]
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=11)
            assert await is_silent(socket)

    run(talk)


@pytest.mark.parametrize(("silently", "last"), [(False, ["listenKeyExpired"]), (True, [])])
def test_a_key_can_be_ended_with_a_word_or_without(venue: Venue, silently: bool, last: list[str]) -> None:
    async def talk() -> None:
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            assert venue.service.end_listen_key(venue.trader.address, silently)
            venue.tick()
            assert [row["e"] for row in await read(socket, len(last))] == last
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=11)
            assert await is_silent(socket)
            assert not venue.service.end_listen_key(venue.trader.address, silently)

    run(talk)


def test_another_accounts_key_hears_nothing_of_it(venue: Venue) -> None:
    async def talk() -> None:
        engine = venue.service.engine
        other = Trader(venue.service.doors)
        engine.fund(other.address, Decimal(10))
        key = other.say("POST", "listenKey", signer=other.wallet)["listenKey"]
        venue.service.publish(tick=False)
        async with venue.open(f"/ws/{key}") as socket:
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            assert await is_silent(socket)

    run(talk)


# bad days


def test_streams_repeat_themselves_fall_silent_and_are_cut(venue: Venue) -> None:
    async def talk() -> None:
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            await venue.service.disturb("repeat", 60)
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            first, again = await read(socket, 2)
            assert first == again
            await venue.service.disturb("silence", 60)
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=11)
            assert await is_silent(socket)
            await venue.service.disturb("disconnect", 0)
            assert (await socket.receive(timeout=PATIENCE_SECONDS)).type is aiohttp.WSMsgType.CLOSE

    run(talk)


def test_event_is_overtaken_or_ends_its_connection(venue: Venue) -> None:
    async def talk() -> None:
        faults = venue.service.doorway.faults
        async with venue.open(f"/ws/{venue.listen_key()}") as socket:
            faults.active.append(Fault("aster", "reorder"))
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=10)
            assert await is_silent(socket)
            later = list(range(11, 11 + MOST_OVERTAKING))
            for leverage in later:
                venue.say("POST", "leverage", symbol="BTCUSDT", leverage=leverage)
            heard = [row["ac"]["l"] for row in await read(socket, 1 + MOST_OVERTAKING)]
            assert heard[0] == 11
            assert sorted(heard) == [10, *later]
            faults.active.append(Fault("aster", "cut"))
            venue.say("POST", "leverage", symbol="BTCUSDT", leverage=9)
            assert (await socket.receive(timeout=PATIENCE_SECONDS)).type is aiohttp.WSMsgType.CLOSE

    run(talk)
