"""Public reads, weights and limits, and the fields of every answer (Aster rules 2, 5)."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.shapes import told
from trading.sandbox.aster.doors import Answer, Doors, Incoming
from trading.sandbox.aster.weights import Usage
from trading.sandbox.engine import Engine

HOUR = 3_600_000


def get(doors: Doors, name: str, version: int = 3, remote: str = "", **parameters: Any) -> Answer:
    return doors.handle(Incoming("GET", f"/fapi/v{version}/{name}", urlencode(parameters), remote=remote))


def read(doors: Doors, name: str, **parameters: Any) -> Any:
    answer = get(doors, name, **parameters)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def test_markets_are_listed_with_the_rules_that_orders_are_checked_by(doors: Doors) -> None:
    info = read(doors, "exchangeInfo")
    assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ASTERUSDT"]
    filters = {row["filterType"]: row for row in info["symbols"][2]["filters"]}
    assert Decimal(filters["PRICE_FILTER"]["tickSize"]) == Decimal("0.01")
    assert (filters["LOT_SIZE"]["stepSize"], filters["MARKET_LOT_SIZE"]["maxQty"]) == ("0.01", "5000")
    assert (filters["PERCENT_PRICE"]["multiplierUp"], filters["MIN_NOTIONAL"]["notional"]) == ("1.0300", "5")


def test_old_and_new_paths_tell_the_same(doors: Doors) -> None:
    for name in ("time", "ping", "exchangeInfo", "premiumIndex", "ticker/bookTicker"):
        assert get(doors, name, 1).text == get(doors, name, 3).text


def test_the_book_stands_around_the_mark_best_first(doors: Doors) -> None:
    book = read(doors, "depth", symbol="BTCUSDT", limit=5)
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert (len(bids), bids, asks) == (5, sorted(bids, reverse=True), sorted(asks))
    assert bids[0] < Decimal(86320) < asks[0]
    assert json.loads(get(doors, "depth", symbol="BTCUSDT", limit=7).text)["code"] == -4021
    assert json.loads(get(doors, "depth", symbol="XUSDT").text) == {"code": -1121, "msg": "Invalid symbol."}
    assert json.loads(get(doors, "depth").text)["code"] == -1102


def test_candles_join_and_pages_follow_each_other(doors: Doors, clock: Clock) -> None:
    start = clock() - 100 * 60_000
    page: dict[str, Any] = {"symbol": "BTCUSDT", "interval": "1m"}
    whole = read(doors, "klines", **page, startTime=start, endTime=clock())
    first = read(doors, "klines", **page, startTime=start, endTime=clock(), limit=40)
    following = read(doors, "klines", **page, startTime=first[-1][0], endTime=clock(), limit=1500)
    assert first == whole[:40]
    assert following == whole[39:]
    assert all(row[4] == after[1] for row, after in pairwise(whole))
    assert len(read(doors, "klines", **page, limit=7)) == 7
    marks = read(doors, "markPriceKlines", **page, limit=2)
    assert [row[5] for row in marks] == ["0", "0"]
    assert json.loads(get(doors, "klines", **page, limit=1501).text)["code"] == -1130
    assert json.loads(get(doors, "klines", symbol="BTCUSDT", interval="2m").text)["code"] == -1130


def test_the_rate_told_is_the_rate_charged(trader: Trader, clock: Clock) -> None:
    trader.order("BTCUSDT", "SELL", quantity="0.1")
    told = trader.say("GET", "premiumIndex", symbol="BTCUSDT")
    due = told["nextFundingTime"]
    assert (due % (8 * HOUR), due > clock()) == (0, True)
    clock.now = due
    engine = trader.doors.engine
    engine.fund_hour(due, [engine.markets["BTCUSDT"]])
    (paid,) = trader.say("GET", "income", incomeType="FUNDING_FEE")
    assert Decimal(paid["income"]) == Decimal("0.1") * Decimal(86320) * Decimal(told["lastFundingRate"])
    (listed,) = trader.say("GET", "fundingRate", symbol="BTCUSDT", startTime=due)
    assert (listed["fundingTime"], listed["fundingRate"]) == (due, told["lastFundingRate"])


def test_trades_are_told_oldest_first(trader: Trader) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    trader.order("BTCUSDT", "SELL", quantity="0.02")
    rows = trader.say("GET", "trades", symbol="BTCUSDT")
    assert [(row["qty"], row["isBuyerMaker"]) for row in rows] == [("0.01", False), ("0.02", True)]
    aggregated = trader.say("GET", "aggTrades", symbol="BTCUSDT")
    assert [row["a"] for row in aggregated] == [row["id"] for row in rows]


# weights and limits


@pytest.mark.parametrize(
    ("name", "parameters", "weight"),
    [
        ("time", {}, 1),
        ("depth", {"symbol": "BTCUSDT", "limit": 50}, 2),
        ("depth", {"symbol": "BTCUSDT", "limit": 1000}, 20),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1000}, 5),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1500}, 10),
        ("ticker/24hr", {}, 40),
        ("ticker/bookTicker", {"symbol": "BTCUSDT"}, 1),
        ("ticker/bookTicker", {}, 2),
    ],
)
def test_every_answer_tells_the_weight_used(doors: Doors, name: str, parameters: dict[str, Any], weight: int) -> None:
    assert get(doors, name, **parameters).headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_weights_of_private_reads_add_up_and_start_anew_each_minute(trader: Trader, clock: Clock) -> None:
    clock.now += 60_000
    for name, weight in (("openOrders", 40), ("positionRisk", 45), ("income", 75), ("positionSide/dual", 105)):
        answer = trader.send("GET", name, trader.text())
        assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
    clock.now += 60_000
    assert get(trader.doors, "time").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_answers_to_orders_count_them_refused_ones_too(trader: Trader, clock: Clock) -> None:
    counts = ("X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M")
    order: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order["price"] = "86000"
    first = trader.send("POST", "order", trader.text(**order, quantity="0.01"))
    batch = trader.text(batchOrders=json.dumps([order | {"quantity": "9"}, order | {"quantity": "0.02"}]))
    second = trader.send("POST", "batchOrders", batch)
    clock.now += 10_000
    third = trader.send("POST", "order", trader.text(**order, quantity="9"))
    seen = [[answer.headers[name] for name in counts] for answer in (first, second, third)]
    assert seen == [["1", "1"], ["3", "3"], ["1", "4"]]


def test_beyond_the_minutes_weight_it_refuses_and_then_bans(aster: Engine, clock: Clock) -> None:
    doors = Doors(aster, Usage(is_enforced=True))
    clock.now += 60_000 - clock.now % 60_000 + 15_000
    for _ in range(120):
        assert get(doors, "aggTrades", symbol="BTCUSDT").status == 200
    refused = get(doors, "time")
    assert (refused.status, json.loads(refused.text)["code"], refused.headers["Retry-After"]) == (429, -1003, "45")
    assert get(doors, "time", remote="192.0.2.1").status == 200
    for _ in range(20):
        last = get(doors, "time")
    assert (last.status, last.headers["Retry-After"]) == (418, "120")
    clock.now += 60_000
    assert (get(doors, "time").status, get(doors, "time").headers["Retry-After"]) == (418, "60")
    clock.now += 60_000
    assert get(doors, "time").status == 200


def test_beyond_the_orders_of_ten_seconds_it_refuses_that_account_alone(aster: Engine) -> None:
    doors = Doors(aster, Usage(is_enforced=True))
    other = Trader(doors)
    aster.fund(other.address, Decimal(1000))
    usage = doors.usage
    usage.count_orders(other.address, 300, aster.clock())
    answer = other.send("POST", "order", other.text(signer=other.wallet, symbol="BTCUSDT"))
    assert (answer.status, json.loads(answer.text)["code"], answer.headers["Retry-After"]) == (429, -1015, "10")
    assert other.send("GET", "balance", other.text(signer=other.wallet)).status == 200


# the fields of every answer


@pytest.fixture
def busy(trader: Trader, clock: Clock) -> Trader:
    """A trader with a row of everything."""
    trader.isolate(leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    trader.say("POST", "positionMargin", symbol="BTCUSDT", amount="1", type=1, clientTranId="x")
    trader.order("BTCUSDT", "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="86000")
    trader.order("ETHUSDT", "BUY", quantity="0.1")
    engine = trader.doors.engine
    engine.fund_hour(clock(), engine.by_index)
    engine.set_mark(engine.markets["ETHUSDT"], Decimal(2700))
    builder = Trader(trader.doors)
    engine.fund(builder.address, Decimal(1000))
    fields = {"builder": builder.wallet.address, "maxFeeRate": "0.0001", "builderName": "desk"}
    trader.send("POST", "approveBuilder", trader.approval("ApproveBuilder", fields))
    return trader


def sampled(folder: Path, file: str) -> list[tuple[str, Any]]:
    """(name of the read, recorded or printed answer) of every GET in a file."""
    rows = json.loads((folder / "aster" / f"{file}.json").read_text())
    found = []
    for row in rows:
        method, _, rest = row["request"].partition(" ")
        if method == "GET" and "response" in row and "constructed" not in row["origin"]:
            found.append(
                (rest.partition("/fapi/")[2].partition("/")[2].partition("?")[0].partition(" ")[0], row["response"])
            )
    return found


NEEDED = {"klines": {"interval": "1m"}, "markPriceKlines": {"interval": "1m"}}
FILES = (
    "account",
    "agents_and_builders",
    "balance",
    "depth",
    "exchange_info",
    "income",
    "leverage_bracket",
    "leverage_margin_modes",
    "open_orders",
    "position_risk",
    "premium_index_and_funding",
    "tickers",
    "trades",
    "user_trades",
)
# A trailing stop's own fields; a leg that only cross hedge accounts have; rows that nobody here has.
ABSENT = {".activatePrice", ".priceRate", ".HEDGE"}


@pytest.mark.parametrize("file", FILES)
def test_answers_have_every_field_of_the_samples(busy: Trader, venue_data: Path, file: str) -> None:
    samples = sampled(venue_data, file)
    assert samples
    for name, sample in samples:
        if name == "forceOrders":
            busy.doors.engine.set_mark(busy.doors.engine.markets["BTCUSDT"], Decimal(80_000))
        parameters = NEEDED.get(name, {})
        if not isinstance(sample, list) or name in ("userTrades", "positionMargin/history", "trades", "aggTrades"):
            parameters = parameters | {"symbol": "BTCUSDT"}
        answer = busy.say("GET", name, **parameters)
        assert set(told(sample, answer)) - ABSENT == set(), name


def test_commands_answer_with_every_field_of_the_samples(busy: Trader, venue_data: Path) -> None:
    samples = json.loads((venue_data / "aster" / "order_responses.json").read_text())
    by_request = {row["request"]: row["response"] for row in samples}
    limit = {"timeInForce": "GTC", "quantity": "0.01", "price": "86001"}
    placed = busy.order("BTCUSDT", "BUY", "LIMIT", **limit)
    known = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    changed = busy.say("PUT", "order", **known, quantity="0.02", price="86002")
    cancelled = busy.say("DELETE", "order", **known)
    for request, answer in (("POST", placed), ("PUT", changed), ("DELETE", cancelled)):
        sample = by_request[f"{request} /fapi/v3/order"]
        assert set(told(sample, answer)) - ABSENT == set()
        assert {type(answer[name]) for name in sample if name in answer} == {str, int, bool}
