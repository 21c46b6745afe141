"""Leverage, margin type, collateral and modes over the wire, with the venue's codes (Aster rules 3.2 to 3.6, 4)."""

import json
from decimal import Decimal

import pytest

from tests.trading.sandbox.aster.trader import Trader
from tests.trading.sandbox.conftest import Clock
from trading.sandbox.aster.doors import Doors
from trading.sandbox.markets import MarketStatus
from trading.sandbox.state import MarketChange

STEP = Decimal("0.00000001")


def mark(doors: Doors, price: str | Decimal, symbol: str = "BTCUSDT") -> None:
    doors.engine.set_mark(doors.engine.markets[symbol], Decimal(price))


def margin(trader: Trader, amount: str, kind: int, **more: object) -> object:
    return trader.say("POST", "positionMargin", symbol="BTCUSDT", amount=amount, type=kind, **more)


def test_leverage_tells_the_largest_notional_it_allows(trader: Trader) -> None:
    answer = trader.say("POST", "leverage", symbol="BTCUSDT", leverage=21)
    assert answer == {"leverage": 21, "maxNotionalValue": "3000000", "symbol": "BTCUSDT"}
    assert trader.refused("POST", "leverage", symbol="BTCUSDT", leverage=200) == (-4028, "Leverage 200 is not valid")
    row = trader.position()
    assert (row["leverage"], row["maxNotionalValue"], row["marginType"]) == ("21", "3000000", "cross")


def test_the_margin_type_changes_only_while_nothing_is_open(trader: Trader) -> None:
    isolated = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    assert trader.say("POST", "marginType", **isolated) == {"code": 200, "msg": "success"}
    assert trader.refused("POST", "marginType", **isolated) == (-4046, "No need to change margin type.")
    order = trader.order("BTCUSDT", "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="86000")
    crossed = {"symbol": "BTCUSDT", "marginType": "CROSSED"}
    assert trader.refused("POST", "marginType", **crossed)[0] == -4047
    trader.say("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    assert trader.refused("POST", "marginType", **crossed)[0] == -4048
    assert trader.refused("POST", "marginType", symbol="BTCUSDT", marginType="cross")[0] == -1130
    assert trader.refused("POST", "leverage", symbol="BTCUSDT", leverage=19)[0] == -4161
    assert trader.say("POST", "leverage", symbol="BTCUSDT", leverage=25)["leverage"] == 25


def test_collateral_goes_in_and_out_within_the_documented_bounds(trader: Trader) -> None:
    assert trader.refused("POST", "positionMargin", symbol="BTCUSDT", amount="1", type=1)[0] == -4054
    trader.isolate()
    trader.order("BTCUSDT", "BUY", quantity="0.1")
    before = Decimal(trader.position()["isolatedWallet"])
    answer = margin(trader, "500.00000001", 1)
    assert answer == {"amount": 500.00000001, "code": 200, "msg": "Successfully modify position margin.", "type": 1}
    row = trader.position()
    assert Decimal(row["isolatedWallet"]) == before + Decimal("500.00000001")
    wallet, profit, size, price = (
        Decimal(row[name]) for name in ("isolatedWallet", "unRealizedProfit", "positionAmt", "markPrice")
    )
    most = min(wallet - size * price * Decimal("0.004"), wallet + profit - size * price / 10)
    body = {"symbol": "BTCUSDT", "type": 2}
    assert trader.refused("POST", "positionMargin", **body, amount=most + STEP)[0] == -4051
    margin(trader, str(most), 2)
    assert Decimal(trader.position()["isolatedMargin"]) == size * price / 10
    for amount, code in (("0", -4055), ("1.000000001", -1111), ("100000", -4050)):
        assert trader.refused("POST", "positionMargin", symbol="BTCUSDT", amount=amount, type=1)[0] == code
    rows = trader.say("GET", "positionMargin/history", symbol="BTCUSDT")
    assert [(row["type"], row["deltaType"]) for row in rows] == [(1, "TRADE"), (1, "USER_ADJUST"), (2, "USER_ADJUST")]
    assert trader.say("GET", "positionMargin/history", symbol="BTCUSDT", type=2) == rows[2:]


def test_cross_positions_have_no_collateral_of_their_own(trader: Trader) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    assert trader.refused("POST", "positionMargin", symbol="BTCUSDT", amount="1", type=1)[0] == -4049


def test_a_transfers_id_serves_once_in_seven_days(trader: Trader, clock: Clock) -> None:
    trader.isolate()
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    margin(trader, "10", 1, clientTranId="a-b")
    wallet = trader.position()["isolatedWallet"]
    repeated = {"symbol": "BTCUSDT", "amount": "10", "type": 1, "clientTranId": "a-b"}
    assert trader.refused("POST", "positionMargin", **repeated) == (-4115, "clientTranId  is duplicated")
    assert trader.refused("POST", "positionMargin", **repeated | {"clientTranId": "a" * 65})[0] == -4114
    assert trader.position()["isolatedWallet"] == wallet
    assert trader.say("GET", "positionMargin/history", symbol="BTCUSDT")[-1]["clientTranId"] == "a-b"
    clock.now += 7 * 86_400_000
    margin(trader, "10", 1, clientTranId="a-b")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_it_lives_to_the_printed_liquidation_price_and_no_further(trader: Trader, side: str) -> None:
    """The price is shown with eight decimals; nothing is liquidated by it."""
    trader.isolate(leverage=20)
    trader.order("BTCUSDT", side, quantity="0.7")
    price = Decimal(trader.position()["liquidationPrice"])
    size, towards = Decimal(trader.position()["positionAmt"]), Decimal(1 if side == "BUY" else -1)
    wallet, entry = (Decimal(trader.position()[name]) for name in ("isolatedWallet", "entryPrice"))
    # at 0.7 coins of 86 320 the second bracket counts: half a percent, less 50
    formula = (wallet + 50 - size * entry) / (abs(size) * Decimal("0.005") - size)
    # wallet and entry are shown with eight decimals each
    assert abs(price - formula) <= STEP
    mark(trader.doors, price + towards * STEP)
    assert Decimal(trader.position()["positionAmt"]) == size
    mark(trader.doors, price - towards * STEP)
    assert trader.position()["positionAmt"] == "0.000"


def test_a_cross_position_shows_the_price_at_which_the_account_dies(trader: Trader) -> None:
    trader.say("POST", "leverage", symbol="BTCUSDT", leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="1")
    trader.order("ETHUSDT", "SELL", quantity="1")
    price = Decimal(trader.position()["liquidationPrice"])
    mark(trader.doors, price + STEP)
    assert len([row for row in trader.say("GET", "positionRisk") if Decimal(row["positionAmt"])]) == 2
    mark(trader.doors, price - STEP)
    assert [row for row in trader.say("GET", "positionRisk") if Decimal(row["positionAmt"])] == []


def test_a_position_that_no_price_can_kill_shows_zero(trader: Trader) -> None:
    trader.isolate(leverage=1)
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    margin(trader, "20", 1)
    assert trader.position()["liquidationPrice"] == "0"


def test_a_liquidation_by_the_wire(trader: Trader, clock: Clock) -> None:
    trader.isolate(leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="0.1")
    wallet = Decimal(trader.position()["isolatedWallet"])
    balance = Decimal(trader.say("GET", "balance")[0]["balance"])
    clock.now += 5
    mark(trader.doors, "80000")
    (order,) = trader.say("GET", "forceOrders", autoCloseType="LIQUIDATION")
    assert order["clientOrderId"].startswith("autoclose-")
    assert (order["side"], order["executedQty"], order["status"], order["timeInForce"]) == (
        "SELL",
        "0.1",
        "FILLED",
        "IOC",
    )
    assert trader.say("GET", "forceOrders", autoCloseType="ADL") == []
    assert Decimal(trader.say("GET", "balance")[0]["balance"]) == balance - wallet
    late = trader.say("GET", "income", startTime=clock())
    assert sum(Decimal(row["income"]) for row in late) == -wallet


def test_a_deleveraging_by_the_wire(trader: Trader, clock: Clock) -> None:
    trader.isolate(leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="0.1")
    wallet = Decimal(trader.position()["isolatedWallet"])
    engine = trader.doors.engine
    account = engine.state.accounts[trader.address]
    clock.now += 5

    engine.deleverage(account, account.positions["BTCUSDT"], Decimal("0.04"), Decimal(90_000))

    assert trader.say("GET", "forceOrders", autoCloseType="LIQUIDATION") == []
    (order,) = trader.say("GET", "forceOrders", autoCloseType="ADL")
    assert (order["clientOrderId"], order["side"], order["executedQty"], order["avgPrice"]) == (
        "adl_autoclose",
        "SELL",
        "0.04",
        "90000.00000",
    )
    trade = trader.say("GET", "userTrades", symbol="BTCUSDT")[-1]
    assert (trade["orderId"], Decimal(trade["commission"])) == (order["orderId"], Decimal(0))
    (row,) = trader.say("GET", "income", startTime=clock())
    assert (row["incomeType"], Decimal(row["income"])) == ("REALIZED_PNL", Decimal(trade["realizedPnl"]))
    assert trader.position()["positionAmt"] == "0.060"
    assert Decimal(trader.position()["isolatedWallet"]) < wallet


# modes of the account


def test_a_multi_asset_account_has_cross_margin_alone(trader: Trader) -> None:
    assert trader.say("POST", "multiAssetsMargin", multiAssetsMargin="true")["code"] == 200
    assert trader.say("GET", "multiAssetsMargin") == {"multiAssetsMargin": True}
    refused = trader.refused("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert refused == (-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
    trader.say("POST", "multiAssetsMargin", multiAssetsMargin="false")
    trader.isolate()
    assert trader.refused("POST", "multiAssetsMargin", multiAssetsMargin="true")[0] == -4167


def test_hedge_mode_is_chosen_while_nothing_is_open(trader: Trader) -> None:
    mode = {"dualSidePosition": "false"}
    assert trader.refused("POST", "positionSide/dual", **mode) == (-4059, "No need to change position side.")
    order = trader.order("BTCUSDT", "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="86000")
    assert trader.refused("POST", "positionSide/dual", dualSidePosition="true")[0] == -4067
    trader.say("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    trader.order("BTCUSDT", "BUY", quantity="0.01")
    assert trader.refused("POST", "positionSide/dual", dualSidePosition="true")[0] == -4068
    assert trader.refused("POST", "positionSide/dual")[0] == -1102


@pytest.fixture
def hedger(trader: Trader) -> Trader:
    trader.say("POST", "positionSide/dual", dualSidePosition="true")
    return trader


def sides(trader: Trader) -> dict[str, str]:
    return {row["positionSide"]: row["positionAmt"] for row in trader.say("GET", "positionRisk", symbol="BTCUSDT")}


def test_a_hedge_account_holds_both_sides_with_a_wallet_each(hedger: Trader) -> None:
    hedger.isolate()
    assert hedger.refused_order("BTCUSDT", "BUY", quantity="0.01")[0] == -4061
    hedger.order("BTCUSDT", "BUY", quantity="0.03", positionSide="LONG")
    hedger.order("BTCUSDT", "SELL", quantity="0.02", positionSide="SHORT")
    assert sides(hedger) == {"LONG": "0.030", "SHORT": "-0.020"}
    margin(hedger, "5", 1, positionSide="SHORT")
    assert hedger.refused("POST", "positionMargin", symbol="BTCUSDT", amount="5", type=1)[0] == -4061
    long, short = hedger.say("GET", "positionRisk", symbol="BTCUSDT")
    assert Decimal(long["liquidationPrice"]) < Decimal(long["entryPrice"])
    assert Decimal(short["liquidationPrice"]) > Decimal(short["entryPrice"])
    mark(hedger.doors, Decimal(long["liquidationPrice"]) - STEP)
    assert sides(hedger) == {"LONG": "0.000", "SHORT": "-0.020"}


def test_the_closing_side_of_a_leg_never_turns_it_around(hedger: Trader) -> None:
    hedger.order("BTCUSDT", "BUY", quantity="0.03", positionSide="LONG")
    assert hedger.refused_order("BTCUSDT", "BUY", quantity="0.01", positionSide="SHORT")[0] == -2022
    reducing = {"quantity": "0.01", "positionSide": "LONG", "reduceOnly": "true"}
    assert hedger.refused_order("BTCUSDT", "SELL", **reducing)[0] == -1106
    hedger.order("BTCUSDT", "SELL", quantity="0.05", positionSide="LONG")
    assert sides(hedger) == {"LONG": "0.000", "SHORT": "0.000"}
    trades = hedger.say("GET", "userTrades", symbol="BTCUSDT")
    assert [(row["side"], row["positionSide"], row["qty"]) for row in trades] == [
        ("BUY", "LONG", "0.03"),
        ("SELL", "LONG", "0.03"),
    ]


def test_cross_legs_share_one_liquidation_price(hedger: Trader) -> None:
    hedger.say("POST", "leverage", symbol="BTCUSDT", leverage=50)
    hedger.order("BTCUSDT", "BUY", quantity="1.5", positionSide="LONG")
    hedger.order("BTCUSDT", "SELL", quantity="0.5", positionSide="SHORT")
    long, short = hedger.say("GET", "positionRisk", symbol="BTCUSDT")
    assert long["liquidationPrice"] == short["liquidationPrice"]
    mark(hedger.doors, Decimal(long["liquidationPrice"]) + STEP)
    assert sides(hedger) == {"LONG": "1.500", "SHORT": "-0.500"}
    mark(hedger.doors, Decimal(long["liquidationPrice"]) - STEP)
    assert sides(hedger) == {"LONG": "0.000", "SHORT": "0.000"}


# markets that change


def test_a_closing_market_takes_only_what_reduces(trader: Trader, doors: Doors) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.02")
    trader.order("BTCUSDT", "BUY", "LIMIT", timeInForce="GTC", quantity="0.01", price="86000")
    doors.engine.change_market("BTCUSDT", MarketChange(status=MarketStatus.CLOSING))
    info = trader.say("GET", "exchangeInfo")["symbols"]
    assert {row["symbol"]: row["status"] for row in info}["BTCUSDT"] == "SETTLING"
    assert trader.say("GET", "openOrders") == []
    assert trader.refused_order("BTCUSDT", "BUY", quantity="0.01")[0] == -4140
    trader.order("BTCUSDT", "SELL", quantity="0.005", reduceOnly="true")
    assert trader.position()["positionAmt"] == "0.015"


def test_a_market_that_is_gone_settles_what_is_open_at_the_mark(trader: Trader, doors: Doors, clock: Clock) -> None:
    trader.order("BTCUSDT", "BUY", quantity="0.02")
    trader.order("BTCUSDT", "SELL", "STOP_MARKET", stopPrice="80000", closePosition="true")
    clock.now += 1
    doors.engine.change_market("BTCUSDT", MarketChange(status=MarketStatus.GONE))
    assert trader.position()["positionAmt"] == "0.000"
    assert trader.say("GET", "openOrders") == []
    assert trader.refused_order("BTCUSDT", "BUY", quantity="0.01")[0] == -4141
    last = trader.say("GET", "allOrders", symbol="BTCUSDT")[-1]
    assert (last["clientOrderId"].partition("-")[0], last["avgPrice"]) == ("settlement_autoclose", "86320.00000")
    assert doors.engine.state.money() == doors.engine.state.deposits
    doors.engine.change_market("BTCUSDT", MarketChange())
    trader.order("BTCUSDT", "BUY", quantity="0.01")


def test_other_brackets_count_from_the_moment_they_change(trader: Trader, doors: Doors) -> None:
    trader.isolate(leverage=50)
    trader.order("BTCUSDT", "BUY", quantity="0.1")
    before = trader.say("GET", "leverageBracket", symbol="BTCUSDT")["brackets"]
    price = Decimal(trader.position()["liquidationPrice"])
    rows = [(Decimal(0), 60, Decimal("0.01")), (Decimal(100_000), 20, Decimal("0.03"))]
    doors.engine.change_market("BTCUSDT", MarketChange(tiers=rows, cap=Decimal(1_000_000)))
    after = trader.say("GET", "leverageBracket", symbol="BTCUSDT")["brackets"]
    assert (len(before), before[0]["initialLeverage"]) == (10, 125)
    assert [(row["initialLeverage"], row["notionalCap"], row["maintMarginRatio"], row["cum"]) for row in after] == [
        (60, 100_000, 0.01, 0),
        (20, 1_000_000, 0.03, 2000),
    ]
    assert Decimal(trader.position()["liquidationPrice"]) > price
    assert trader.refused("POST", "leverage", symbol="BTCUSDT", leverage=61)[0] == -4028


def test_the_account_adds_up(trader: Trader) -> None:
    trader.isolate()
    trader.order("BTCUSDT", "BUY", quantity="0.05")
    trader.order("ETHUSDT", "SELL", quantity="2")
    trader.order("ETHUSDT", "SELL", "LIMIT", timeInForce="GTC", quantity="1", price="2760")
    mark(trader.doors, "86500")
    account, rows = trader.say("GET", "account"), trader.say("GET", "positionRisk")
    assert json.dumps(account) == json.dumps(trader.say("GET", "accountWithJoinMargin"))
    usdt = account["assets"][0]
    balance = trader.say("GET", "balance")[0]
    isolated = sum(Decimal(row["isolatedWallet"]) for row in rows)
    profit = sum(Decimal(row["unRealizedProfit"]) for row in rows)
    cross = Decimal(usdt["crossWalletBalance"])
    assert Decimal(usdt["walletBalance"]) == Decimal(balance["balance"]) == cross + isolated
    assert Decimal(usdt["marginBalance"]) == Decimal(usdt["walletBalance"]) + profit
    assert account["totalMarginBalance"] == usdt["marginBalance"]
    ether = next(row for row in account["positions"] if row["symbol"] == "ETHUSDT")
    notional = 2 * Decimal("2736.5")
    assert Decimal(ether["initialMargin"]) == notional / 20 + 2760 / Decimal(20)
    assert Decimal(ether["maintMargin"]) == notional * Decimal("0.005")
    assert Decimal(balance["availableBalance"]) == (
        cross + Decimal(usdt["crossUnPnl"]) - notional / 20 - 2760 / Decimal(20)
    )
