"""The venue's SDK, ccxt and the platform's adapter do the same things and leave the same account behind."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hyperliquid.exchange import Exchange

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.same_state import CLIENTS, STOP, TARGET, Client, Held, Protection, fresh

D = Decimal
# What one account cannot share with another.
OWN = ("oid", "tid", "hash", "time", "timestamp", "statusTimestamp", "cloid")


@pytest.fixture
def clients(venue: SandboxProcess, coin: str) -> Iterator[list[Client]]:
    made = [fresh(kind, venue, coin) for kind in CLIENTS]
    yield made
    for client in made:
        client.close()


def common(value: Any) -> Any:
    """The answer without what is each account's own."""
    if isinstance(value, dict):
        return {key: common(item) for key, item in value.items() if key not in OWN}
    return [common(item) for item in value] if isinstance(value, list) else value


def at_the_venue(client: Client) -> dict[str, Any]:
    """Everything the venue says of an account, and its ledger behind that."""
    venue, user, dex = client.venue, client.address, client.dex
    ledger = venue.state()["accounts"]
    mine = {name.partition("/")[2]: row for name, row in ledger.items() if name.partition("/")[0] == user}
    return {
        "state": common(venue.info("clearinghouseState", user=user, dex=dex)),
        "main": common(venue.info("clearinghouseState", user=user)),
        "setting": common({**venue.info("activeAssetData", user=user, coin=client.coin), "user": ""}),
        "orders": common(venue.info("frontendOpenOrders", user=user, dex=dex)),
        "history": common(venue.info("historicalOrders", user=user)),
        "fills": common(venue.info("userFills", user=user)),
        "cash": {dex: (row["cash"], row["spot"]) for dex, row in mine.items()},
        "positions": {dex: row["positions"] for dex, row in mine.items()},
    }


def same(clients: list[Client]) -> dict[str, Any]:
    """Compare field by field; what they all agree on."""
    first, *others = [at_the_venue(client) for client in clients]
    for client, other in zip(clients[1:], others, strict=True):
        for name, value in first.items():
            assert other[name] == value, (type(client).__name__, name)
    read: list[Held | None] = [client.held() for client in clients]
    assert read[1:] == read[:-1]
    return first | {"held": read[0]}


@pytest.mark.parametrize("coin", ["BTC"])
def test_a_whole_session_leaves_the_same_account(clients: list[Client], venue: SandboxProcess) -> None:
    mark = D(86320)
    venue.mark("BTC", "86320")
    for client in clients:
        client.leverage(5, is_cross=True)
        client.leverage(5, is_cross=False)
        client.limit(D("0.01"), D(80000))
        client.modify(client.open_oids()[0], D("0.02"), D(81000))
        client.take(D("0.03"), mark)
        client.stop(D("-0.01"), Protection(STOP, D(82000), D(77900)))
        client.limit_with(
            D("0.005"), D(80500), Protection(TARGET, D(95000), D(90250)), Protection(STOP, D(79000), D(75050))
        )
        client.protect(Protection(TARGET, D(99000), D(94050)), Protection(STOP, D(78000), D(74100)))
        client.margin(20)
        client.margin(-15)
        client.leverage(8, is_cross=False)
        client.take(D("-0.01"), mark, reduce_only=True)
    middle = same(clients)
    assert [row["orderType"] for row in middle["orders"]] == [
        "Stop Market", "Take Profit Market", "Limit", "Stop Market", "Limit",
    ]  # fmt: skip
    assert [len(row["children"]) for row in middle["orders"]] == [0, 0, 2, 0, 0]
    # 0.03 at 86321 with the mark at 86320 and 5x, five dollars more, the fee; a third of it closed again
    assert middle["held"].size == D("0.02")
    assert middle["held"].leverage == 8

    for client in clients:
        client.take(D("-0.05"), mark)
    flipped = same(clients)
    assert flipped["held"].size == D("-0.03")
    assert [row["orderType"] for row in flipped["orders"]] == ["Limit", "Limit"]
    for client in clients:
        client.cancel(client.open_oids())
        client.take(D("0.03"), mark, reduce_only=True)
    end = same(clients)
    assert (end["held"], end["orders"], len(end["fills"])) == (None, [], 4)
    assert end["state"]["withdrawable"] == end["state"]["marginSummary"]["accountValue"]


@pytest.mark.parametrize("coin", ["ETH"])
def test_children_and_position_orders_meet_the_same_end(clients: list[Client], venue: SandboxProcess) -> None:
    venue.mark("ETH", "2736.5")
    for client in clients:
        client.leverage(10, is_cross=False)
        client.limit_with(D(1), D(2700), Protection(TARGET, D(2800), D(2660)), Protection(STOP, D(2600), D(2470)))
    venue.mark("ETH", "2699")
    filled = same(clients)
    assert filled["held"].size == D(1)
    assert [(row["orderType"], row["origSz"]) for row in filled["orders"]] == [
        ("Stop Market", "1.0"),
        ("Take Profit Market", "1.0"),
    ]
    venue.mark("ETH", "2810")
    closed = same(clients)
    assert (closed["held"], closed["orders"]) == (None, [])
    statuses = [(row["order"]["orderType"], row["status"]) for row in closed["history"]]
    assert statuses[:2] == [("Stop Market", "siblingFilledCanceled"), ("Take Profit Market", "filled")]


@pytest.mark.parametrize("coin", ["xyz:NVDA"])
def test_a_builder_deployed_market_is_traded_alike(clients: list[Client], venue: SandboxProcess) -> None:
    mark = D("177.06")
    venue.mark("xyz:NVDA", "177.06")
    for client in clients:
        wallet = Exchange(client.wallet, venue.url)
        wallet.send_asset(client.address, "", "xyz", "USDC:0x6d1e7cde53ba9467b783cb7c530ce054", 500.0)
        wallet.session.close()
        client.leverage(5, is_cross=False)
        client.take(D(2), mark)
        client.limit(D(1), D(150))
        client.margin(10)
        client.take(D(-1), mark, reduce_only=True)
    middle = same(clients)
    assert (middle["held"].size, middle["main"]["withdrawable"]) == (D(1), "9500.0")
    assert [row["coin"] for row in middle["fills"]] == ["xyz:NVDA", "xyz:NVDA"]
    for client in clients:
        client.cancel(client.open_oids())
        client.take(D(-1), mark, reduce_only=True)
    assert same(clients)["held"] is None
