"""Orders over the wire: kinds, times in force, refusals in the venue's codes, and an order's life (Aster rules 3.7)."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from trading.sandbox.aster.doors import Doors
from trading.sandbox.venues import ASTER

RESULT = {"newOrderRespType": "RESULT"}
LIMIT = {"timeInForce": "GTC", "quantity": "0.01", "price": "86000"}


def mark(doors: Doors, price: str, symbol: str = "BTCUSDT") -> None:
    doors.engine.set_mark(ASTER.markets[symbol], Decimal(price))


def statuses(trader: Trader) -> list[tuple[str, str]]:
    return [(row["origType"], row["status"]) for row in trader.say("GET", "allOrders", symbol="BTCUSDT")]


def test_a_receipt_says_new_and_a_result_what_became_of_it(trader: Trader) -> None:
    receipt = trader.order("BTCUSDT", "BUY", quantity="0.01")
    assert (receipt["status"], receipt["executedQty"], receipt["avgPrice"]) == ("NEW", "0", "0.00000")
    result = trader.order("BTCUSDT", "BUY", quantity="0.01", **RESULT)
    assert (result["status"], result["executedQty"], result["cumQty"]) == ("FILLED", "0.01", "0.01")
    assert (result["avgPrice"], result["price"], result["cumQuote"]) == ("86320.10000", "0", "863.201")
    queried = trader.say("GET", "order", symbol="BTCUSDT", orderId=receipt["orderId"])
    assert (queried["status"], "cumQty" in queried, queried["time"]) == ("FILLED", False, trader.doors.engine.clock())


@pytest.mark.parametrize(
    ("time_in_force", "price", "quantity", "status", "filled"),
    [
        ("GTC", "86000", "0.01", "NEW", "0"),
        ("GTX", "86000", "0.01", "NEW", "0"),
        ("GTX", "86330", "0.01", "EXPIRED", "0"),
        ("IOC", "86330", "0.01", "FILLED", "0.01"),
        ("IOC", "86000", "0.01", "EXPIRED", "0"),
        ("IOC", "86320.1", "1", "EXPIRED", "0.328"),
        ("FOK", "86320.1", "0.3", "FILLED", "0.3"),
        ("FOK", "86320.1", "1", "EXPIRED", "0"),
        ("HIDDEN", "86000", "0.01", "NEW", "0"),
    ],
)
def test_times_in_force(
    trader: Trader, time_in_force: str, price: str, quantity: str, status: str, filled: str
) -> None:
    order = trader.order("BTCUSDT", "BUY", "LIMIT", timeInForce=time_in_force, price=price, quantity=quantity, **RESULT)
    assert (order["status"], order["executedQty"], order["timeInForce"]) == (status, filled, time_in_force)
    listed = trader.say("GET", "openOrders", symbol="BTCUSDT")
    assert [row["orderId"] for row in listed] == ([order["orderId"]] if status == "NEW" else [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "MARKET"}, -1102),
        ({"type": "MARKET", "quantity": "0.01", "price": "86000"}, -1106),
        ({"type": "MARKET", "quantity": "0.01", "timeInForce": "GTC"}, -1106),
        ({"type": "LIMIT", "quantity": "0.01", "price": "86000"}, -1102),
        (LIMIT | {"type": "LIMIT", "stopPrice": "1"}, -1106),
        (LIMIT | {"type": "LIMIT", "closePosition": "true"}, -1106),
        (LIMIT | {"type": "LIMIT", "timeInForce": "XYZ"}, -1115),
        (LIMIT | {"type": "TWAP"}, -1116),
        (LIMIT | {"type": "LIMIT", "side": "LONG"}, -1117),
        (LIMIT | {"type": "LIMIT", "symbol": "BTCUSDC"}, -1121),
        (LIMIT | {"type": "LIMIT", "quantity": "1e-2"}, -1100),
        (LIMIT | {"type": "LIMIT", "quantity": "0"}, -4003),
        (LIMIT | {"type": "LIMIT", "quantity": "0.0101"}, -1111),
        (LIMIT | {"type": "LIMIT", "price": "86000.05"}, -1111),
        (LIMIT | {"type": "LIMIT", "symbol": "SOLUSDT", "price": "122.035"}, -4014),
        (LIMIT | {"type": "LIMIT", "price": "88046.5"}, -4016),
        (LIMIT | {"type": "LIMIT", "price": "84000", "side": "SELL"}, -4024),
        (LIMIT | {"type": "LIMIT", "price": "0.5"}, -4013),
        (LIMIT | {"type": "LIMIT", "price": "1000000.1"}, -4002),
        (LIMIT | {"type": "LIMIT", "price": "4000", "quantity": "0.001"}, -4164),
        (LIMIT | {"type": "LIMIT", "quantity": "1001"}, -4005),
        ({"type": "MARKET", "quantity": "121"}, -4005),
        (LIMIT | {"type": "LIMIT", "quantity": "2.4"}, -2019),
        (LIMIT | {"type": "LIMIT", "reduceOnly": "true"}, -2022),
        (LIMIT | {"type": "LIMIT", "reduceOnly": "maybe"}, -1130),
        (LIMIT | {"type": "LIMIT", "positionSide": "LONG"}, -4061),
        (LIMIT | {"type": "LIMIT", "newClientOrderId": "a" * 37}, -4015),
        (LIMIT | {"type": "LIMIT", "newClientOrderId": "ä"}, -4015),
        (LIMIT | {"type": "LIMIT", "newOrderRespType": "FULL"}, -1130),
        ({"type": "STOP_MARKET", "stopPrice": "87000"}, -1102),
        ({"type": "STOP_MARKET", "stopPrice": "86000", "quantity": "0.01"}, -2021),
        ({"type": "TAKE_PROFIT_MARKET", "stopPrice": "87000", "quantity": "0.01"}, -2021),
        ({"type": "STOP_MARKET", "stopPrice": "87000", "quantity": "0.01", "timeInForce": "IOC"}, -1115),
        ({"type": "STOP_MARKET", "stopPrice": "87000", "quantity": "1", "closePosition": "true"}, -4137),
        ({"type": "STOP_MARKET", "stopPrice": "87000", "reduceOnly": "true", "closePosition": "true"}, -1106),
        ({"type": "STOP_MARKET", "stopPrice": "87000", "quantity": "0.01", "workingType": "INDEX"}, -1130),
        (LIMIT | {"type": "STOP", "stopPrice": "87000", "price": "89000"}, -4183),
        (LIMIT | {"type": "STOP", "stopPrice": "85000", "price": "83000", "side": "SELL"}, -4184),
    ],
)
def test_a_refusal_has_the_venues_code_and_leaves_nothing_behind(
    trader: Trader, fields: dict[str, Any], code: int
) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY"} | fields
    assert trader.refused("POST", "order", **order)[0] == code
    assert trader.say("GET", "allOrders", symbol="BTCUSDT") == []


def test_a_limit_order_rests_is_changed_and_is_cancelled(trader: Trader) -> None:
    placed = trader.order("BTCUSDT", "BUY", "LIMIT", newClientOrderId="mine", **LIMIT)
    mine = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    changed = trader.say("PUT", "order", **mine, quantity="0.02", price="86100")
    assert (changed["orderId"], changed["price"], changed["origQty"]) == (placed["orderId"], "86100", "0.02")
    assert trader.refused("PUT", "order", **mine, quantity="3", price="86100")[0] == -2019
    assert trader.say("GET", "openOrder", **mine)["origQty"] == "0.02"
    assert trader.say("DELETE", "order", **mine)["status"] == "CANCELED"
    assert trader.refused("DELETE", "order", **mine) == (-2011, "Unknown order sent.")
    assert trader.refused("GET", "openOrder", **mine) == (-2013, "Order does not exist.")
    assert trader.say("GET", "order", **mine)["status"] == "CANCELED"
    assert trader.refused("GET", "order", symbol="ETHUSDT", orderId=placed["orderId"])[0] == -2013
    assert trader.refused("GET", "order", symbol="BTCUSDT")[0] == -1102


def test_a_clients_id_is_free_again_once_its_order_is_not_open(trader: Trader) -> None:
    first = trader.order("BTCUSDT", "BUY", "LIMIT", newClientOrderId="again", **LIMIT)
    assert trader.refused_order("BTCUSDT", "BUY", "LIMIT", newClientOrderId="again", **LIMIT)[0] == -4116
    trader.say("DELETE", "order", symbol="BTCUSDT", orderId=first["orderId"])
    second = trader.order("BTCUSDT", "BUY", "LIMIT", newClientOrderId="again", **LIMIT)
    found = trader.say("GET", "order", symbol="BTCUSDT", origClientOrderId="again")
    assert (found["orderId"], found["status"]) == (second["orderId"], "NEW")
    assert second["orderId"] != first["orderId"]


def test_a_resting_order_is_filled_by_the_moving_market_as_maker(trader: Trader) -> None:
    order = trader.order("BTCUSDT", "BUY", "LIMIT", **LIMIT)
    mark(trader.doors, "85990")
    assert trader.say("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "FILLED"
    (trade,) = trader.say("GET", "userTrades", symbol="BTCUSDT")
    assert (trade["maker"], trade["price"], trade["commission"]) == (True, "86000", "-0.08600000")


# stops


def test_a_stop_closes_what_is_left_and_its_sibling_stays_until_it_fires_for_nothing(trader: Trader) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.02")
    stop, target = (
        trader.order("BTCUSDT", "SELL", kind, stopPrice=price, closePosition="true", workingType="MARK_PRICE")
        for kind, price in (("STOP_MARKET", "85000"), ("TAKE_PROFIT_MARKET", "88000"))
    )
    assert (stop["closePosition"], stop["reduceOnly"], stop["origQty"]) == (True, False, "0")
    trader.order("BTCUSDT", "SELL", quantity="0.005", reduceOnly="true")
    mark(trader.doors, "84990")
    assert trader.position()["positionAmt"] == "0.000"
    fired = trader.say("GET", "order", symbol="BTCUSDT", orderId=stop["orderId"])
    assert (fired["status"], fired["type"], fired["origType"]) == ("FILLED", "MARKET", "STOP_MARKET")
    assert (fired["executedQty"], fired["stopPrice"]) == ("0.015", "85000")
    assert [row["orderId"] for row in trader.say("GET", "openOrders")] == [target["orderId"]]
    mark(trader.doors, "88010")
    assert trader.say("GET", "openOrders") == []
    assert statuses(trader)[-2] == ("TAKE_PROFIT_MARKET", "EXPIRED")
    assert trader.position()["positionAmt"] == "0.000"


def test_a_stop_with_a_limit_rests_once_it_is_triggered(trader: Trader) -> None:
    order = trader.order(
        "BTCUSDT", "BUY", "STOP", quantity="0.01", price="86900", stopPrice="87000", priceProtect="TRUE"
    )
    assert (order["type"], order["priceProtect"], order["workingType"]) == ("STOP", True, "CONTRACT_PRICE")
    mark(trader.doors, "87000")
    triggered = trader.say("GET", "openOrder", symbol="BTCUSDT", orderId=order["orderId"])
    assert (triggered["type"], triggered["origType"], triggered["status"]) == ("LIMIT", "STOP", "NEW")


def test_a_market_has_room_for_ten_stops(trader: Trader) -> None:
    stop = {"quantity": "0.01", "stopPrice": "90000"}
    for _ in range(10):
        trader.order("BTCUSDT", "BUY", "STOP_MARKET", **stop)
    assert trader.refused_order("BTCUSDT", "BUY", "STOP_MARKET", **stop)[0] == -4045
    trader.order("ETHUSDT", "BUY", "STOP_MARKET", quantity="0.1", stopPrice="3000")


def test_a_position_has_one_stop_and_one_take_profit_for_all_of_it(trader: Trader) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.02")
    for kind, price, better in (("STOP_MARKET", "85000", "85500"), ("TAKE_PROFIT_MARKET", "88000", "88500")):
        first = trader.order("BTCUSDT", "SELL", kind, stopPrice=price, closePosition="true")
        assert trader.refused_order("BTCUSDT", "SELL", kind, stopPrice=better, closePosition="true")[0] == -4130
        trader.order("BTCUSDT", "SELL", kind, stopPrice=better, quantity="0.01")
        trader.say("DELETE", "order", symbol="BTCUSDT", orderId=first["orderId"])
        trader.order("BTCUSDT", "SELL", kind, stopPrice=better, closePosition="true")


# several at once


def test_a_batch_answers_each_order_at_its_place(trader: Trader) -> None:
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", **LIMIT}
    bad = good | {"reduceOnly": True}
    rows = trader.say("POST", "batchOrders", batchOrders=json.dumps([good, bad, good]))
    assert [row.get("code") for row in rows] == [None, -2022, None]
    ids = json.dumps([rows[0]["orderId"], 7, rows[2]["orderId"]])
    cancelled = trader.say("DELETE", "batchOrders", symbol="BTCUSDT", orderIdList=ids)
    assert [row.get("status", row.get("code")) for row in cancelled] == ["CANCELED", -2011, "CANCELED"]
    assert trader.refused("POST", "batchOrders", batchOrders=json.dumps([good] * 6))[0] == -4082
    assert trader.refused("POST", "batchOrders", batchOrders="[1]")[0] == -1130
    assert trader.refused("POST", "batchOrders", batchOrders="{")[0] == -1130


def test_cancelling_all_spares_other_markets(trader: Trader) -> None:
    trader.order("BTCUSDT", "BUY", "LIMIT", **LIMIT)
    other = trader.order("ETHUSDT", "BUY", "LIMIT", timeInForce="GTC", quantity="0.1", price="2700")
    answer = trader.say("DELETE", "allOpenOrders", symbol="BTCUSDT")
    assert answer == {"code": "200", "msg": "The operation of cancel all open order is done."}
    assert [row["orderId"] for row in trader.say("GET", "openOrders")] == [other["orderId"]]


def test_a_countdown_cancels_unless_it_is_begun_anew(trader: Trader, clock: Clock) -> None:
    trader.order("BTCUSDT", "BUY", "LIMIT", **LIMIT)
    trader.say("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=5000)
    clock.now += 4000
    answer = trader.say("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=5000)
    assert answer == {"symbol": "BTCUSDT", "countdownTime": "5000"}
    clock.now += 4000
    trader.doors.engine.advance()
    assert len(trader.say("GET", "openOrders")) == 1
    clock.now += 1000
    trader.doors.engine.advance()
    assert trader.say("GET", "openOrders") == []


# histories


def test_histories_are_read_in_windows_of_a_week(trader: Trader, clock: Clock) -> None:
    first = clock()
    for _ in range(3):
        trader.order("BTCUSDT", "BUY", quantity="0.001")
        clock.now += 4 * 86_400_000
    times = [first + days * 86_400_000 for days in (0, 4, 8)]
    week = {"symbol": "BTCUSDT", "startTime": first, "endTime": first + 7 * 86_400_000}
    assert [row["time"] for row in trader.say("GET", "userTrades", **week)] == times[:2]
    assert [row["time"] for row in trader.say("GET", "userTrades", symbol="BTCUSDT")] == times[2:]
    too_long = week | {"endTime": first + 7 * 86_400_000 + 1}
    assert trader.refused("GET", "userTrades", **too_long)[0] == -1127
    trades = trader.say("GET", "userTrades", symbol="BTCUSDT", fromId=0)
    assert [row["time"] for row in trades] == times
    assert trader.say("GET", "userTrades", symbol="BTCUSDT", fromId=trades[1]["id"], limit=1) == trades[1:2]
    assert (
        trader.say("GET", "userTrades", symbol="BTCUSDT", startTime=first, orderId=trades[1]["orderId"]) == trades[1:2]
    )
    assert trader.refused("GET", "userTrades", symbol="BTCUSDT", fromId=0, startTime=1)[0] == -1106
    assert trader.refused("GET", "allOrders", symbol="BTCUSDT", limit=1001)[0] == -1130
    orders = trader.say("GET", "allOrders", symbol="BTCUSDT", orderId=trades[1]["orderId"])
    assert [row["time"] for row in orders] == times[1:]


def test_the_income_adds_up_to_the_balance(trader: Trader, clock: Clock) -> None:
    trader.isolate(leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="0.02")
    trader.order("ETHUSDT", "SELL", quantity="0.5")
    trader.say("POST", "positionMargin", symbol="BTCUSDT", amount="7.5", type=1)
    trader.doors.engine.fund_hour(clock(), trader.doors.engine.by_index)
    trader.order("BTCUSDT", "SELL", quantity="0.005", reduceOnly="true")
    clock.now += 1
    mark(trader.doors, "80000")
    rows = trader.say("GET", "income", limit=1000)
    assert {row["incomeType"] for row in rows} == {
        "TRANSFER",
        "COMMISSION",
        "REALIZED_PNL",
        "FUNDING_FEE",
        "INSURANCE_CLEAR",
    }
    balance = next(row for row in trader.say("GET", "balance") if row["asset"] == "USDT")["balance"]
    assert sum(Decimal(row["income"]) for row in rows) == Decimal(balance)
    assert len({(row["tranId"], row["incomeType"]) for row in rows}) == len(rows)
    funding = trader.say("GET", "income", incomeType="FUNDING_FEE", symbol="BTCUSDT")
    assert [row["symbol"] for row in funding] == ["BTCUSDT"]
