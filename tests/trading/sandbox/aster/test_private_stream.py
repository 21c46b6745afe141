"""What the private stream tells of an account, and the keys that open it (Aster rules 2.3, 2.4)."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.sandbox.aster.streams import Venue, is_silent, read, run, venue
from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.shapes import told

__all__ = ["venue"]

HOUR = 3_600_000


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
