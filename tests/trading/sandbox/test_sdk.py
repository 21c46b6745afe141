"""The official SDK, unmodified and given nothing but the base URL, trades on a real sandbox process over HTTP."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from tests.sandbox_process import SandboxProcess

DONE = {"status": "ok", "response": {"type": "default"}}


@pytest.fixture
def wallet(venue: SandboxProcess) -> LocalAccount:
    account: LocalAccount = Account.create()
    venue.fund(account.address, "10000")
    venue.mark("BTC", "86320")
    venue.mark("ETH", "2736.5")
    return account


@pytest.fixture
def info(venue: SandboxProcess) -> Iterator[Info]:
    reader = Info(venue.url, skip_ws=True)
    yield reader
    reader.session.close()


@pytest.fixture
def exchange(venue: SandboxProcess, wallet: LocalAccount) -> Iterator[Exchange]:
    client = Exchange(wallet, venue.url)
    yield client
    client.session.close()
    client.info.session.close()


def position(info: Info, wallet: LocalAccount) -> Any:
    (row,) = info.user_state(wallet.address)["assetPositions"]
    return row["position"]


def test_it_opens_adjusts_and_closes_an_isolated_position(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    assert exchange.update_leverage(5, "BTC", is_cross=False) == DONE
    opened = exchange.market_open("BTC", is_buy=True, sz=0.01)["response"]["data"]["statuses"][0]["filled"]
    assert (opened["totalSz"], opened["avgPx"]) == ("0.01", "86321.0")
    held = position(info, wallet)
    # margin 0.01 * 86320 / 5, fee 0.045 % of 863.21 cut at a millionth, cost 0.01 * 86321
    assert held["leverage"] == {"type": "isolated", "value": 5, "rawUsd": "-690.958444"}
    assert (held["szi"], held["entryPx"], held["marginUsed"]) == ("0.01", "86321.0", "172.241556")
    assert held["liquidationPx"] == "69970.4753417722"

    assert exchange.update_isolated_margin(20, "BTC") == DONE
    assert position(info, wallet)["leverage"]["rawUsd"] == "-670.958444"
    assert exchange.update_isolated_margin(-15, "BTC") == DONE
    assert position(info, wallet)["leverage"]["rawUsd"] == "-685.958444"
    assert exchange.update_isolated_margin(-100, "BTC") == {
        "status": "err",
        "response": "Position does not have sufficient margin for reduction.",
    }
    assert exchange.update_leverage(5, "BTC", is_cross=True)["response"] == (
        "Cannot switch leverage type with open position."
    )

    closed = exchange.market_close("BTC")["response"]["data"]["statuses"][0]["filled"]
    assert (closed["totalSz"], closed["avgPx"]) == ("0.01", "86319.0")
    state = info.user_state(wallet.address)
    assert state["assetPositions"] == []
    assert state["withdrawable"] == "9999.203121"
    assert [fill["dir"] for fill in info.user_fills(wallet.address)] == ["Close Long", "Open Long"]


def test_it_places_modifies_and_cancels_by_both_ids(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    client_id = Cloid.from_str("0x0000000000000000000000000000abcd")
    placed = exchange.order(
        "ETH", is_buy=True, sz=0.1, limit_px=2500, order_type={"limit": {"tif": "Gtc"}}, cloid=client_id
    )
    oid = placed["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert placed["response"]["data"]["statuses"][0]["resting"]["cloid"] == client_id.to_raw()
    assert info.query_order_by_cloid(wallet.address, client_id)["order"]["order"]["oid"] == oid

    changed = exchange.modify_order(
        oid, "ETH", is_buy=True, sz=0.2, limit_px=2510, order_type={"limit": {"tif": "Alo"}}, cloid=client_id
    )
    new = changed["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert [(row["oid"], row["sz"], row["tif"]) for row in info.frontend_open_orders(wallet.address)] == [
        (new, "0.2", "Alo")
    ]
    assert info.query_order_by_oid(wallet.address, oid)["order"]["status"] == "canceled"
    assert exchange.cancel_by_cloid("ETH", client_id)["response"]["data"]["statuses"] == ["success"]
    assert exchange.cancel("ETH", new)["response"]["data"]["statuses"] == [
        {"error": "Order was never placed, already canceled, or filled. asset=1"}
    ]
    assert info.open_orders(wallet.address) == []


def test_an_agent_that_the_wallet_approved_trades_for_it(
    venue: SandboxProcess, exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    approved, key = exchange.approve_agent("desk")
    assert approved == DONE
    agent = Exchange(Account.from_key(key), venue.url, account_address=wallet.address)
    agent.market_open("ETH", is_buy=False, sz=0.5)
    assert position(info, wallet)["szi"] == "-0.5"
    role = info.user_role(agent.wallet.address)
    assert role == {"role": "agent", "data": {"user": wallet.address.lower()}}
    refused, _ = agent.approve_agent("other")
    assert refused["response"] == f"Must deposit before performing actions. User: {agent.wallet.address.lower()}"
    exchange.approve_agent("desk")
    address = agent.wallet.address.lower()
    assert agent.market_close("ETH")["response"] == f"User or API Wallet {address} does not exist."
    for client in (agent, agent.info):
        client.session.close()


def test_an_entry_with_stop_and_target_is_closed_by_its_stop(
    venue: SandboxProcess, exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    def trigger(price: float, kind: str) -> dict[str, object]:
        return {
            "coin": "BTC",
            "is_buy": False,
            "sz": 0.01,
            "limit_px": price * 0.9,
            "order_type": {"trigger": {"triggerPx": price, "isMarket": True, "tpsl": kind}},
            "reduce_only": True,
        }

    entry = {
        "coin": "BTC",
        "is_buy": True,
        "sz": 0.01,
        "limit_px": 87000,
        "order_type": {"limit": {"tif": "Ioc"}},
        "reduce_only": False,
    }
    answer = exchange.bulk_orders([entry, trigger(90000, "tp"), trigger(84000, "sl")], grouping="normalTpsl")
    statuses = answer["response"]["data"]["statuses"]
    assert (statuses[0]["filled"]["totalSz"], statuses[1:]) == ("0.01", ["waitingForTrigger", "waitingForTrigger"])
    rows = info.frontend_open_orders(wallet.address)
    assert {(row["orderType"], row["triggerCondition"]) for row in rows} == {
        ("Take Profit Market", "Price above 90000"),
        ("Stop Market", "Price below 84000"),
    }
    venue.mark("BTC", "83990")
    assert info.user_state(wallet.address)["assetPositions"] == []
    statuses = [row["status"] for row in info.historical_orders(wallet.address)[:3]]
    assert sorted(statuses) == ["filled", "filled", "siblingFilledCanceled"]


def test_builder_fees_are_charged_once_approved(venue: SandboxProcess, exchange: Exchange, info: Info) -> None:
    builder = Account.create().address
    order = {"limit": {"tif": "Ioc"}}
    refused = exchange.order(
        "BTC", is_buy=True, sz=0.01, limit_px=87000, order_type=order, builder={"b": builder, "f": 50}
    )
    assert refused["response"]["data"]["statuses"] == [{"error": "Builder fee has not been approved. asset=0"}]
    poor = exchange.approve_builder_fee(builder, "0.05%")
    assert poor["response"] == "Builder has insufficient balance to be approved."
    venue.fund(builder, "100")
    assert exchange.approve_builder_fee(builder, "0.05%") == DONE
    exchange.order("BTC", is_buy=True, sz=0.01, limit_px=87000, order_type=order, builder={"b": builder, "f": 50})
    fill = info.user_fills(exchange.wallet.address)[0]
    # 863.21 * 0.045 % and 863.21 * 0.05 %, each cut at a millionth
    assert (fill["fee"], fill["builderFee"]) == ("0.820049", "0.431605")
    assert info.query_referral_state(builder)["builderRewards"] == "0.431605"


def test_the_reading_calls_of_the_sdk_are_answered(info: Info, wallet: LocalAccount) -> None:
    address = wallet.address
    assert info.meta()["universe"][5]["name"] == "SOL"
    assert len(info.meta_and_asset_ctxs()[1]) == len(info.meta()["universe"])
    assert Decimal(info.all_mids()["BTC"]) == 86320
    assert len(info.l2_snapshot("BTC")["levels"][1]) == 20
    assert info.user_fees(address)["userCrossRate"] == "0.00045"
    assert info.spot_user_state(address) == {"balances": []}
    assert info.funding_history("BTC", 1_790_000_000_000)[0]["coin"] == "BTC"
    assert info.user_funding_history(address, 0) == []
    assert info.extra_agents(address) == []
    assert info.query_sub_accounts(address) is None
    assert info.portfolio(address)[0][0] == "day"
    state = info.user_state(address)
    candles = info.candles_snapshot("BTC", "1m", state["time"] - 600_000, state["time"])
    assert candles[-1]["c"] == "86320.0"
    assert info.user_non_funding_ledger_updates(address, 0)[0]["delta"] == {"type": "deposit", "usdc": "10000.0"}
