"""A general exchange library, unmodified but for its addresses, trades on the sandbox: a client nobody here wrote."""

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest
from eth_account import Account

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.aster.libraries import SYMBOL, connected


@pytest.fixture
def client(venue: SandboxProcess) -> Iterator[ccxt.aster]:
    wallet = Account.create()
    venue.fund(wallet.address, "10000", "aster")
    venue.mark("BTCUSDT", "86320", "aster")
    client = connected(venue, "0x" + wallet.key.hex().removeprefix("0x"))
    yield client
    client.session.close()


def position(client: ccxt.aster) -> dict[str, Any]:
    (row,) = client.fetch_positions([SYMBOL])
    return dict(row)


def test_it_opens_adjusts_and_closes_an_isolated_position(client: ccxt.aster) -> None:
    client.set_margin_mode("isolated", SYMBOL)
    client.set_leverage(10, SYMBOL)
    client.create_order(SYMBOL, "market", "buy", 0.01)
    client.add_margin(SYMBOL, 20)
    client.reduce_margin(SYMBOL, 5)
    row = position(client)
    assert (row["marginMode"], row["leverage"], row["contracts"], row["side"]) == ("isolated", 10, 0.01, "long")
    # a tenth of the value, less the fee, and what was added
    wallet = 86.3201 - 0.30212035 + 15
    assert row["positionMargin"] == pytest.approx(wallet, abs=1e-8)
    assert row["liquidationPrice"] == pytest.approx((0.01 * 86320.1 - wallet) / (0.01 * 0.996), abs=1e-6)
    adjusted = client.fetch_margin_adjustment_history(SYMBOL)
    assert [(entry["type"], entry["amount"]) for entry in adjusted] == [("add", 86.3201), ("add", 20), ("reduce", 5)]
    client.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert client.fetch_positions([SYMBOL]) == []
    trades = client.fetch_my_trades(SYMBOL)
    assert [(trade["side"], trade["fee"]["cost"]) for trade in trades] == [("buy", 0.30212035), ("sell", 0.30211965)]
    paid = sum(entry["amount"] for entry in client.fetch_ledger() if entry["direction"] == "out")
    assert client.fetch_balance()["USDT"]["total"] == pytest.approx(10_000 - paid)


def test_it_places_asks_for_and_cancels_orders_of_every_kind(client: ccxt.aster) -> None:
    limit = client.create_order(SYMBOL, "limit", "buy", 0.01, 80000 + 6000, {"newClientOrderId": "mine"})
    posted = client.create_order(SYMBOL, "limit", "buy", 0.01, 86100, {"postOnly": True})
    stop = client.create_order(SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": 80000})
    target = client.create_order(SYMBOL, "limit", "sell", 0.01, 91000, {"takeProfitPrice": 90000})
    orders = {order["id"]: order for order in client.fetch_open_orders(SYMBOL)}
    assert set(orders) == {limit["id"], posted["id"], stop["id"], target["id"]}
    assert [orders[row["id"]]["triggerPrice"] for row in (stop, target)] == [80000, 90000]
    assert client.fetch_order(limit["id"], SYMBOL)["clientOrderId"] == "mine"
    assert client.cancel_order(limit["id"], SYMBOL)["status"] == "canceled"
    assert {row["id"] for row in client.cancel_orders([posted["id"], stop["id"]], SYMBOL)} == {posted["id"], stop["id"]}
    client.cancel_all_orders(SYMBOL)
    assert client.fetch_open_orders(SYMBOL) == []
    assert {order["status"] for order in client.fetch_orders(SYMBOL)} == {"canceled"}


def test_its_errors_are_the_ones_it_knows(client: ccxt.aster) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SYMBOL, "limit", "buy", 50, 86000)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("7", SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        client.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
    with pytest.raises(ccxt.BaseError, match="-4046"):
        client.set_margin_mode("cross", SYMBOL)


def test_it_reads_every_public_thing(client: ccxt.aster) -> None:
    assert client.fetch_ticker(SYMBOL)["last"] == 86320
    assert set(client.fetch_tickers()) == set(client.load_markets())
    assert client.fetch_order_book(SYMBOL, 5)["bids"][0][0] == 86319.9
    assert len(client.fetch_ohlcv(SYMBOL, "1m", limit=5)) == 5
    assert len(client.fetch_ohlcv(SYMBOL, "1m", limit=5, params={"price": "mark"})) == 5
    assert client.fetch_funding_rate(SYMBOL)["markPrice"] == 86320
    assert client.fetch_funding_intervals()["ASTER/USDT:USDT"]["interval"] == "4h"
    assert len(client.fetch_funding_rate_history(SYMBOL, limit=3)) == 3
    assert client.fetch_trading_fee(SYMBOL)["taker"] == 0.00035
    assert client.fetch_position_mode(SYMBOL)["hedged"] is False
    assert abs(client.fetch_time() - client.milliseconds()) < 5000


def test_a_hedged_account_shows_both_sides(client: ccxt.aster) -> None:
    client.load_markets()
    client.set_position_mode(True)
    client.create_order(SYMBOL, "market", "buy", 0.02, None, {"positionSide": "LONG"})
    client.create_order(SYMBOL, "market", "sell", 0.01, None, {"positionSide": "SHORT"})
    rows = {row["side"]: row for row in client.fetch_positions([SYMBOL])}
    assert {side: (row["contracts"], row["hedged"]) for side, row in rows.items()} == {
        "long": (0.02, True),
        "short": (0.01, True),
    }


def test_a_liquidation_is_seen_by_it(client: ccxt.aster, venue: SandboxProcess) -> None:
    client.set_margin_mode("isolated", SYMBOL)
    client.set_leverage(50, SYMBOL)
    client.create_order(SYMBOL, "market", "buy", 0.1)
    venue.mark("BTCUSDT", "80000", "aster")
    assert client.fetch_positions([SYMBOL]) == []
    (forced,) = client.fapiPrivateGetV3ForceOrders({"symbol": "BTCUSDT"})
    assert forced["clientOrderId"].startswith("autoclose-")
    kinds = {entry["info"]["incomeType"] for entry in client.fetch_ledger()}
    assert kinds == {"TRANSFER", "COMMISSION", "REALIZED_PNL", "INSURANCE_CLEAR"}
