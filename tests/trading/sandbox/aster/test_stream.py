"""Subscriptions, market streams and bad days over real websockets (Aster rules 2.3, 2.4)."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.trading.sandbox.aster.streams import PATIENCE_SECONDS, Venue, is_silent, read, run, venue
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.shapes import told
from trading.sandbox.delivery import MOST_OVERTAKING
from trading.sandbox.faults import Fault

__all__ = ["venue"]


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
