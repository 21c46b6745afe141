"""Every read answers in the shape of the recorded payload: the same keys, numbers as texts."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.sandbox.conftest import ALICE, NOW, Clock
from tests.trading.sandbox.orders import isolate, place, take
from tests.trading.sandbox.shapes import NOBODY, shape
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.actions import MalformedError
from trading.sandbox.hyperliquid.info import Info
from trading.sandbox.state import Account
from trading.sandbox.venues import HYPERLIQUID


@pytest.fixture
def info(engine: Engine) -> Info:
    return Info(engine)


@pytest.fixture
def recorded(venue_data: Path) -> Any:
    return lambda name: json.loads((venue_data / "hyperliquid" / f"{name}.json").read_text())


def test_meta_has_the_recorded_rows_and_tables(info: Info, recorded: Any) -> None:
    meta, contexts = recorded("meta_and_asset_ctxs")
    answer: Any = info.handle({"type": "metaAndAssetCtxs"})
    assert answer[0]["universe"][:16] == meta["universe"]
    assert answer[0]["marginTables"] == meta["marginTables"]
    assert answer[0]["collateralToken"] == meta["collateralToken"]
    assert shape(answer[1][0]) == shape(contexts[0])
    assert shape(answer[1][3]) == shape(contexts[3])
    assert [row["marginMode"] for row in answer[0]["universe"][16:]] == ["noCross", "strictIsolated"]
    assert info.handle({"type": "marginTable", "id": 56}) == recorded("misc_info")["marginTable_56"]


def test_an_account_state_has_the_recorded_shape(info: Info, engine: Engine, alice: Account, recorded: Any) -> None:
    isolate(engine, alice, "BTC", 5)
    take(engine, alice, "BTC", "0.002")
    take(engine, alice, "SOL", "-5")
    states = recorded("clearinghouse_states")
    answer: Any = info.handle({"type": "clearinghouseState", "user": ALICE, "dex": ""})
    isolated = states["testnet_2026_07_isolated_btc_long"]["response"]
    cross = states["mainnet_2026_01_14_cross14_isolated2"]["response"]["assetPositions"][0]
    assert shape(answer) == shape(isolated)
    assert shape(answer["assetPositions"][1]) == shape(cross)


def test_sums_of_an_account_state_hold_together(info: Info, engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 5)
    take(engine, alice, "BTC", "0.1")
    take(engine, alice, "SOL", "-50")
    take(engine, alice, "ETH", "1")
    answer: Any = info.handle({"type": "clearinghouseState", "user": ALICE})
    rows = [row["position"] for row in answer["assetPositions"]]
    total, cross = answer["marginSummary"], answer["crossMarginSummary"]
    marks = {row["coin"]: Decimal(row["positionValue"]) / abs(Decimal(row["szi"])) for row in rows}
    signed = sum(Decimal(row["szi"]) * marks[row["coin"]] for row in rows)
    assert Decimal(total["accountValue"]) == Decimal(total["totalRawUsd"]) + signed
    assert Decimal(total["totalNtlPos"]) == sum(Decimal(row["positionValue"]) for row in rows)
    assert Decimal(total["totalMarginUsed"]) == sum(Decimal(row["marginUsed"]) for row in rows)
    assert Decimal(total["accountValue"]) - Decimal(cross["accountValue"]) == Decimal(rows[0]["marginUsed"])
    assert Decimal(answer["crossMaintenanceMarginUsed"]) == Decimal("50") * Decimal("122.03") / 40 + Decimal("54.73")


@pytest.mark.parametrize(("market", "size", "isolated"), [("BTC", "-0.2", True), ("ETH", "20", False)])
def test_the_shown_liquidation_price_is_where_the_position_dies(
    engine: Engine, info: Info, alice: Account, market: str, size: str, isolated: bool
) -> None:
    take(engine, alice, "SOL", "30")
    engine.ledger.update_leverage(alice, HYPERLIQUID.markets[market], isolated=isolated, leverage=10)
    take(engine, alice, market, size)
    answer: Any = info.handle({"type": "clearinghouseState", "user": ALICE})
    price = Decimal(answer["assetPositions"][1]["position"]["liquidationPx"])
    step = Decimal("0.0000001").copy_sign(Decimal(size))
    engine.set_mark(HYPERLIQUID.markets[market], price + step)
    assert market in alice.positions
    engine.set_mark(HYPERLIQUID.markets[market], price - step)
    assert market not in alice.positions


def test_orders_have_the_recorded_shape(info: Info, engine: Engine, alice: Account, recorded: Any) -> None:
    place(engine, alice, "BTC", "0.01", "80000", time_in_force="Alo")
    place(engine, alice, "BTC", "0.01", "95000", trigger_price=Decimal(90000), trigger_kind="sl", time_in_force="")
    frontend: Any = info.handle({"type": "frontendOpenOrders", "user": ALICE})
    samples = recorded("frontend_open_orders")
    assert shape(frontend[0]) == shape(samples[3])
    assert frontend[0]["orderType"] == "Stop Limit"
    assert frontend[0]["triggerCondition"] == "Price above 90000"
    found: Any = info.handle({"type": "orderStatus", "user": ALICE, "oid": frontend[1]["oid"]})
    assert shape(found) == shape(recorded("order_status")["found"])
    history: Any = info.handle({"type": "historicalOrders", "user": ALICE})
    assert shape(history[1]) == shape(recorded("historical_orders")[0])
    plain: Any = info.handle({"type": "openOrders", "user": ALICE})
    assert set(recorded("open_orders")[0]) <= set(plain[0])
    missing = info.handle({"type": "orderStatus", "user": ALICE, "oid": 1})
    assert missing == recorded("order_status")["missing"]


def test_fills_have_the_recorded_shape(info: Info, engine: Engine, alice: Account, recorded: Any) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "0.01", builder=NOBODY, builder_rate=10)
    engine.set_mark(HYPERLIQUID.markets["BTC"], Decimal(82_600))
    fills: Any = info.handle({"type": "userFills", "user": ALICE, "aggregateByTime": True})
    samples = recorded("user_fills")["current_shape"]
    assert shape(fills[1]) == shape(samples[0])
    assert shape(fills[0]) == shape(samples[4])
    assert fills[0]["liquidation"] == {"liquidatedUser": ALICE, "markPx": "82600.0", "method": "backstop"}


def test_pages_by_time_are_inclusive_and_oldest_first(info: Info, engine: Engine, alice: Account, clock: Clock) -> None:
    for _ in range(4):
        take(engine, alice, "BTC", "0.001")
        clock.now += 1000
    rows: Any = info.handle({"type": "userFillsByTime", "user": ALICE, "startTime": NOW + 1000, "endTime": NOW + 2000})
    assert [row["time"] for row in rows] == [NOW + 1000, NOW + 2000]


def test_market_reads_have_the_recorded_shape(info: Info, engine: Engine, recorded: Any) -> None:
    book: Any = info.handle({"type": "l2Book", "coin": "BTC"})
    assert shape(book) == shape(recorded("l2_book"))
    assert [len(side) for side in book["levels"]] == [20, 20]
    assert (book["levels"][0][0]["px"], book["levels"][1][0]["px"]) == ("86319.0", "86321.0")
    merged: Any = info.handle({"type": "l2Book", "coin": "BTC", "nSigFigs": 4})
    assert [side[0]["px"] for side in merged["levels"]] == ["86310.0", "86330.0"]
    span = {"coin": "BTC", "interval": "1h", "startTime": NOW - 7_200_000, "endTime": NOW}
    candles: Any = info.handle({"type": "candleSnapshot", "req": span})
    assert shape(candles[0]) == shape(recorded("candle_snapshot")["response"][0])
    assert len(candles) == 3
    history: Any = info.handle({"type": "fundingHistory", "coin": "BTC", "startTime": NOW - 7_200_000})
    assert shape(history[0]) == shape(recorded("funding_history")["response"][0])
    predicted: Any = info.handle({"type": "predictedFundings"})
    assert shape(predicted[0]) == shape(recorded("misc_info")["predictedFundings"][0])


def test_account_reads_have_the_recorded_shape(info: Info, engine: Engine, alice: Account, recorded: Any) -> None:
    samples = recorded("misc_info")
    limits: Any = info.handle({"type": "userRateLimit", "user": ALICE})
    assert shape(limits) == shape(samples["userRateLimit_docs"])
    fees: Any = info.handle({"type": "userFees", "user": ALICE})
    assert set(fees) == set(samples["userFees"])
    updates: Any = info.handle({"type": "userNonFundingLedgerUpdates", "user": ALICE, "startTime": 0})
    assert shape(updates[0]) == shape(samples["userNonFundingLedgerUpdates"][0])
    referral: Any = info.handle({"type": "referral", "user": ALICE})
    assert set(referral) == set(samples["referral"])
    isolate(engine, alice, "BTC", 20)
    data: Any = info.handle({"type": "activeAssetData", "user": ALICE, "coin": "BTC"})
    assert shape(data) == shape(recorded("active_asset_data")["hip3_isolated"])
    take(engine, alice, "BTC", "0.01")
    engine.fund_hour(NOW, engine.by_index)
    paid: Any = info.handle({"type": "userFunding", "user": ALICE, "startTime": 0})
    assert shape(paid[0]) == shape(recorded("user_funding")["docs_hip3"][0])


def test_the_largest_size_shown_is_accepted_and_one_lot_more_is_not(info: Info, engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    data: Any = info.handle({"type": "activeAssetData", "user": ALICE, "coin": "BTC"})
    assert data["availableToTrade"] == ["10000.0", "10000.0"]
    assert data["maxTradeSzs"] == ["2.31696", "2.31696"]
    with pytest.raises(Exception, match=r"^Insufficient margin to place order\.$"):
        take(engine, alice, "BTC", "2.31697")
    take(engine, alice, "BTC", "2.31696")
    assert alice.positions["BTC"].size == Decimal("2.31696")


def test_the_reducing_side_may_close_and_turn_the_position(info: Info, engine: Engine, alice: Account) -> None:
    isolate(engine, alice, "BTC", 20)
    take(engine, alice, "BTC", "1")
    data: Any = info.handle({"type": "activeAssetData", "user": ALICE, "coin": "BTC"})
    buy, sell = (Decimal(size) for size in data["maxTradeSzs"])
    assert sell > buy + 2 * Decimal("0.98")
    take(engine, alice, "BTC", str(-sell))
    assert alice.positions["BTC"].size == 1 - sell


@pytest.mark.parametrize(
    ("request_type", "expected"),
    [
        ("openOrders", []),
        ("frontendOpenOrders", []),
        ("historicalOrders", []),
        ("userFills", []),
        ("extraAgents", []),
        ("approvedBuilders", []),
        ("userAbstraction", "default"),
        ("userRole", {"role": "missing"}),
        ("spotClearinghouseState", {"balances": []}),
        ("subAccounts", None),
    ],
)
def test_an_unknown_user_gets_an_empty_answer(info: Info, request_type: str, expected: object) -> None:
    assert info.handle({"type": request_type, "user": NOBODY}) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "meta",
        {"type": "everything"},
        {"type": "clearinghouseState"},
        {"type": "clearinghouseState", "user": "0x12"},
        {"type": "clearinghouseState", "user": NOBODY, "dex": "abc"},
        {"type": "l2Book", "coin": "NONE"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 9},
        {"type": "l2Book", "coin": "BTC", "mantissa": 2},
        {"type": "userFillsByTime", "user": NOBODY, "startTime": "0"},
        {"type": "userFillsByTime", "user": NOBODY, "startTime": 1.5},
        {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "7m", "startTime": 0}},
        {"type": "orderStatus", "user": NOBODY, "oid": "0x12"},
    ],
)
def test_a_malformed_read_does_not_deserialize(info: Info, body: object) -> None:
    with pytest.raises(MalformedError):
        info.handle(body)
