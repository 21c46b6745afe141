"""A general exchange library, unmodified, trades on the sandbox: a second client that nobody here wrote."""

from collections.abc import Iterator

import ccxt
import pytest
from eth_account import Account

from tests.sandbox_process import SandboxProcess

SYMBOL = "BTC/USDC:USDC"


@pytest.fixture
def client(venue: SandboxProcess) -> Iterator[ccxt.hyperliquid]:
    wallet = Account.create()
    venue.fund(wallet.address, "10000")
    venue.mark("BTC", "86320")
    exchange = ccxt.hyperliquid(
        {
            "walletAddress": wallet.address,
            "privateKey": "0x" + wallet.key.hex().removeprefix("0x"),
            "enableRateLimit": False,
            # its name for the signing network "b"; no builder fee of its own
            "options": {"sandboxMode": True, "builderFee": False},
        }
    )
    exchange.urls["api"] = {"public": venue.url, "private": venue.url}
    yield exchange
    exchange.session.close()


def test_it_opens_adjusts_and_closes_an_isolated_position(client: ccxt.hyperliquid) -> None:
    client.set_margin_mode("isolated", SYMBOL, {"leverage": 5})
    client.create_order(SYMBOL, "market", "buy", 0.01, 86320)
    client.add_margin(SYMBOL, 20)
    (position,) = client.fetch_positions([SYMBOL])
    assert (position["marginMode"], position["leverage"], position["contracts"]) == ("isolated", 5, 0.01)
    assert position["info"]["position"]["leverage"]["rawUsd"] == "-670.958444"
    assert position["liquidationPrice"] == pytest.approx(670.958444 / (0.01 * 0.9875))
    client.create_order(SYMBOL, "market", "sell", 0.01, 86320, {"reduceOnly": True})
    assert client.fetch_positions([SYMBOL]) == []
    assert client.fetch_balance()["USDC"]["total"] == 9999.203121
    assert [trade["side"] for trade in client.fetch_my_trades(SYMBOL)] == ["buy", "sell"]


def test_it_places_edits_and_cancels(client: ccxt.hyperliquid) -> None:
    placed = client.create_order(SYMBOL, "limit", "buy", 0.01, 80000)
    client.edit_order(placed["id"], SYMBOL, "limit", "buy", 0.02, 81000)
    (order,) = client.fetch_open_orders(SYMBOL)
    assert (order["price"], order["amount"]) == (81000, 0.02)
    client.cancel_order(order["id"], SYMBOL)
    assert client.fetch_open_orders(SYMBOL) == []
