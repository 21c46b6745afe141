"""Builder-deployed books: markets and asset numbers of their own, collateral of their own, one balance when unified."""

from decimal import Decimal
from typing import Any

import pytest
from hyperliquid.utils import signing

from tests.trading.sandbox.book_requests import USDC, order, send
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.signed import ADDRESS, DONE, OWNER, STRANGER, l1, refusal
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.actions import MalformedError
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info

TSLA, NVDA = 110_000, 110_001
KEY = f"{ADDRESS}/xyz"


@pytest.fixture
def door(engine: Engine) -> Exchange:
    engine.fund(ADDRESS, Decimal(10_000))
    return Exchange(engine)


@pytest.fixture
def info(door: Exchange) -> Info:
    return Info(door.engine)


def unify(door: Exchange, nonce: int, mode: str = "unifiedAccount") -> Any:
    action = {"type": "userSetAbstraction", "user": ADDRESS, "abstraction": mode, "nonce": nonce}
    signature = signing.sign_user_set_abstraction_action(OWNER, action, is_mainnet=False)
    return door.handle({"action": action, "nonce": nonce, "signature": signature})


def statuses(answer: dict[str, Any]) -> Any:
    return answer["response"]["data"]["statuses"]


def test_books_are_listed_and_their_markets_numbered_by_the_rule(info: Info) -> None:
    answer: Any = info.handle({"type": "perpDexs"})
    assert (answer[0], answer[1]["name"]) == (None, "xyz")
    book: Any = info.handle({"type": "metaAndAssetCtxs", "dex": "xyz"})
    meta, contexts = book
    rows = [(row["name"], row["maxLeverage"], row["onlyIsolated"], row["marginMode"]) for row in meta["universe"]]
    assert rows == [("xyz:TSLA", 10, True, "strictIsolated"), ("xyz:NVDA", 10, True, "noCross")]
    assert [row["markPx"] for row in contexts] == ["465.13", "177.06"]
    main: Any = info.handle({"type": "meta"})
    assert not [row["name"] for row in main["universe"] if ":" in row["name"]]
    assert info.handle({"type": "allMids", "dex": "xyz"}) == {"xyz:TSLA": "465.13", "xyz:NVDA": "177.06"}
    with pytest.raises(MalformedError):
        info.handle({"type": "meta", "dex": "abc"})


def test_a_standard_account_trades_in_a_book_with_what_was_moved_there(
    door: Exchange, info: Info, clock: Clock
) -> None:
    poor = statuses(door.handle(l1(OWNER, order(NVDA, "1", "180"), clock.now)))
    assert poor == [{"error": "Insufficient margin to place order. asset=110001"}]
    assert door.handle(send("", "xyz", "500", clock.now + 1)) == DONE
    opened = statuses(door.handle(l1(OWNER, order(NVDA, "2", "180"), clock.now + 2)))
    assert opened[0]["filled"]["totalSz"] == "2.0"
    here: Any = info.handle({"type": "clearinghouseState", "user": ADDRESS, "dex": "xyz"})
    there: Any = info.handle({"type": "clearinghouseState", "user": ADDRESS})
    (held,) = here["assetPositions"]
    assert (held["position"]["coin"], held["position"]["leverage"]["type"]) == ("xyz:NVDA", "isolated")
    # 2 * 177.06 at 10x in the position, the fee of 2 * 177.07 out of it, the rest free
    assert here["withdrawable"] == "464.588"
    assert held["position"]["marginUsed"] == "35.232637"
    assert (there["assetPositions"], there["withdrawable"]) == ([], "9500.0")
    fills: Any = info.handle({"type": "userFills", "user": ADDRESS})
    assert [row["coin"] for row in fills] == ["xyz:NVDA"]
    data: Any = info.handle({"type": "activeAssetData", "user": ADDRESS, "coin": "xyz:NVDA"})
    assert data["availableToTrade"][0] == "464.588"


def test_every_transfer_is_a_row_of_the_ledger(door: Exchange, info: Info, clock: Clock) -> None:
    assert door.handle(send("", "xyz", "500", clock.now)) == DONE
    assert door.handle(send("xyz", "spot", "120.5", clock.now + 1)) == DONE
    assert door.handle(send("spot", "", "20.25", clock.now + 2)) == DONE
    accounts = door.engine.state.accounts
    assert (accounts[ADDRESS].cash, accounts[KEY].cash, accounts[ADDRESS].spot) == (
        Decimal("9520.25"),
        Decimal("379.5"),
        Decimal("100.25"),
    )
    assert door.engine.state.money() == door.engine.state.deposits
    rows: Any = info.handle({"type": "userNonFundingLedgerUpdates", "user": ADDRESS, "startTime": 0})
    seen = [(row["delta"].get("sourceDex"), row["delta"].get("destinationDex"), row["delta"]["type"]) for row in rows]
    assert seen == [(None, None, "deposit"), ("", "xyz", "send"), ("xyz", "spot", "send"), ("spot", "", "send")]


@pytest.mark.parametrize(
    ("source", "target", "amount", "text"),
    [
        ("xyz", "", "1", "Insufficient balance for token transfer"),
        ("", "xyz", "10000.01", "Insufficient balance for token transfer"),
        ("", "", "5", "Invalid send"),
        ("", "nowhere", "5", "Invalid send"),
        ("", "xyz", "0.0000001", "Invalid send"),
        ("", "xyz", "-5", "Invalid send"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_and_moves_nothing(
    door: Exchange, clock: Clock, source: str, target: str, amount: str, text: str
) -> None:
    assert refusal(door, send(source, target, amount, clock.now)) == text
    assert door.engine.state.accounts[ADDRESS].cash == 10_000


def test_money_reaches_another_account_and_a_trading_key_cannot_send_it_there(
    door: Exchange, info: Info, clock: Clock
) -> None:
    other = STRANGER.address.lower()
    assert door.handle(send("", "", "75", clock.now, destination=other)) == DONE
    state: Any = info.handle({"type": "clearinghouseState", "user": other})
    assert state["withdrawable"] == "75.0"
    by_agent = {
        "type": "agentSendAsset",
        "destination": other,
        "sourceDex": "",
        "destinationDex": "",
        "token": USDC,
        "amount": "5",
        "fromSubAccount": "",
        "nonce": clock.now + 1,
    }
    text = refusal(door, l1(OWNER, by_agent, clock.now + 1))
    assert text == "Agent can only send asset to same user or their sub-accounts."
    own = by_agent | {"destination": ADDRESS, "destinationDex": "xyz", "nonce": clock.now + 2}
    assert door.handle(l1(OWNER, own, clock.now + 2)) == DONE


def test_a_unified_account_has_one_balance_for_every_book(door: Exchange, info: Info, clock: Clock) -> None:
    assert door.handle(send("", "xyz", "500", clock.now)) == DONE
    assert unify(door, clock.now + 1) == DONE
    assert statuses(door.handle(l1(OWNER, order(TSLA, "10", "470"), clock.now + 2)))[0]["filled"]["totalSz"] == "10.0"
    spot: Any = info.handle({"type": "spotClearinghouseState", "user": ADDRESS})
    here: Any = info.handle({"type": "clearinghouseState", "user": ADDRESS, "dex": "xyz"})
    there: Any = info.handle({"type": "clearinghouseState", "user": ADDRESS})
    margin = Decimal(here["assetPositions"][0]["position"]["marginUsed"])
    # 465.13 is the mark, 465.14 the price, the fee 2.09313 of it: all of it comes out of the one balance
    assert spot["balances"][0]["total"] == "9997.80687"
    assert spot["balances"][0]["hold"] == f"{margin}"
    assert (there["assetPositions"], here["withdrawable"]) == ([], "0.0")
    assert unify(door, clock.now + 3, "disabled")["response"] == "Abstraction transition not allowed"
    assert refusal(door, send("", "xyz", "5", clock.now + 4)) == "Action disabled when unified account is active"


def test_orders_of_a_book_are_listed_there_and_found_from_everywhere(door: Exchange, info: Info, clock: Clock) -> None:
    door.handle(send("", "xyz", "500", clock.now))
    oid = statuses(door.handle(l1(OWNER, order(NVDA, "1", "150", tif="Gtc"), clock.now + 1)))[0]["resting"]["oid"]
    assert info.handle({"type": "frontendOpenOrders", "user": ADDRESS}) == []
    rows: Any = info.handle({"type": "frontendOpenOrders", "user": ADDRESS, "dex": "xyz"})
    assert [(row["oid"], row["coin"]) for row in rows] == [(oid, "xyz:NVDA")]
    status: Any = info.handle({"type": "orderStatus", "user": ADDRESS, "oid": oid})
    assert status["order"]["status"] == "open"
    cancel = {"type": "cancel", "cancels": [{"a": NVDA, "o": oid}]}
    assert statuses(door.handle(l1(OWNER, cancel, clock.now + 2))) == ["success"]


def test_strict_isolated_margin_is_topped_up_and_never_removed(door: Exchange, clock: Clock) -> None:
    door.handle(send("", "xyz", "1000", clock.now))
    door.handle(l1(OWNER, order(TSLA, "2", "470"), clock.now + 1))
    remove = {"type": "updateIsolatedMargin", "asset": TSLA, "isBuy": True, "ntli": -1_000_000}
    text = refusal(door, l1(OWNER, remove, clock.now + 2))
    assert text == "Cannot remove isolated margin for this asset. To remove margin, reduce the position."
    top_up = {"type": "topUpIsolatedOnlyMargin", "asset": TSLA, "leverage": "5"}
    assert door.handle(l1(OWNER, top_up, clock.now + 3)) == DONE
    position = door.engine.state.accounts[KEY].positions["xyz:TSLA"]
    assert door.engine.ledger.equity(position) == Decimal("186.052")
