"""The adapter over a real socket: what it asks, what it makes of the answers, what it sends."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.trading.venues.hyperliquid.bodies import CONTEXT, FILL, ORDER, POSITION, TABLE_56, UNIVERSE, account_body
from tests.trading.venues.hyperliquid.figures import NOW, OWNER, PYTHON_SDK_KEY, market
from tests.trading.venues.misbehaving import MisbehavingServer, answer, by_body, cut_in_the_body, in_turn, refused_port
from trading.margin.types import AccountMode, MarginMode
from trading.venues.base import (
    Adapter,
    CancelOrder,
    CancelOrders,
    Done,
    Network,
    OrderState,
    Resting,
    SetLeverage,
    Venue,
    market_order,
)
from trading.venues.errors import Malformed, OutcomeUnknown, Rejected, Unavailable, UnknownState
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.snapshots import Pool
from trading.venues.transport import BlockingTransport, Limits

START = datetime(2026, 2, 7, tzinfo=UTC)
LIMITS = Limits(connect=1, read=1, total=2)


@pytest.fixture
def adapter(server: MisbehavingServer) -> Iterator[HyperliquidAdapter]:
    transport = BlockingTransport(server.url, limits=LIMITS)
    key = SigningKey.from_hex(PYTHON_SDK_KEY)
    yield HyperliquidAdapter(
        transport, Network.TESTNET, key, dexes=("xyz", "gone"), collaterals=lambda: {"xyz": "USDC"}, clock=lambda: NOW
    )
    transport.close()


class Info:
    """Answers reads by their type; ``asked`` keeps the questions."""

    def __init__(self, **answers: Callable[[dict[str, Any]], object]) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    def __call__(self, body: bytes) -> bytes:
        question = json.loads(body)
        self.asked.append(question)
        made = self.answers[question["type"]](question)
        return made if isinstance(made, bytes) else json.dumps(made).encode()


def info(server: MisbehavingServer, **answers: Callable[[dict[str, Any]], object]) -> Info:
    made = Info(**answers)
    server.paths["/info"] = by_body(made)
    return made


def test_the_adapter_is_one_of_the_platforms(adapter: HyperliquidAdapter) -> None:
    as_platform: Adapter = adapter
    assert (as_platform.venue, as_platform.network) == (Venue.HYPERLIQUID, Network.TESTNET)
    assert PYTHON_SDK_KEY.removeprefix("0x") not in repr(adapter)
    assert adapter.client_id(UUID(int=1)) == "0x" + "0" * 31 + "1"


def test_markets_of_builder_books_carry_their_own_numbers(
    adapter: HyperliquidAdapter, server: MisbehavingServer, caplog: pytest.LogCaptureFixture
) -> None:
    def universe(question: dict[str, Any]) -> object:
        dex = question.get("dex", "")
        rows = [{**UNIVERSE[2], "name": f"{dex}:TLT"}, {"name": f"{dex}:ODD"}] if dex else UNIVERSE
        return [
            {"universe": rows, "marginTables": [TABLE_56], "collateralToken": 360 if dex else 0},
            [CONTEXT] * len(rows),
        ]

    asked = info(
        server,
        metaAndAssetCtxs=universe,
        perpDexs=lambda _: [None, {"name": "flx"}, {"name": "xyz"}],
        spotMeta=lambda _: {
            "tokens": [{"name": "USDC", "index": 0, "tokenId": "0x6d1e"}, {"name": "USDH", "index": 360}],
            "universe": [],
        },
    ).asked
    found = adapter.markets()
    assert [(spec.name, spec.index, spec.dex, spec.base) for spec in found.specs] == [
        ("BTC", 0, "", "BTC"),
        ("MATIC", 1, "", "MATIC"),
        ("TLT", 2, "", "TLT"),
        ("xyz:TLT", 120_000, "xyz", "TLT"),
    ]
    assert [spec.collateral for spec in found.specs] == ["USDC", "USDC", "USDC", "USDH"]
    assert [spec.token for spec in found.specs] == ["USDC:0x6d1e", "USDC:0x6d1e", "USDC:0x6d1e", ""]
    assert found.unread == {"xyz:ODD"}
    assert (len(found.states), found.received_at, found.venue_time) == (4, NOW, None)
    assert [question["type"] for question in asked] == [
        "perpDexs",
        "spotMeta",
        "metaAndAssetCtxs",
        "metaAndAssetCtxs",
    ]
    assert "gone" in caplog.text


def test_a_standard_account_costs_one_light_read_a_book_when_its_mode_is_known(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    def state(question: dict[str, Any]) -> bytes:
        return account_body(POSITION | {"coin": f"{question['dex']}:TSLA"} if question["dex"] else POSITION)

    asked = info(server, clearinghouseState=state).asked
    account = adapter.account(OWNER.upper().replace("X", "x"), mode=AccountMode.STANDARD)
    assert (account.equity, account.cross_equity, account.received_at) == (Decimal("25.856067"), Decimal("7.5"), NOW)
    assert [held.market for held in account.positions] == ["BTC", "xyz:TSLA", "gone:TSLA"]
    assert account.pools == (
        Pool("xyz", Decimal("25.856067"), Decimal("6.25"), Decimal("7.5"), account.withdrawable, "USDC"),
        Pool("gone", Decimal("25.856067"), Decimal("6.25"), Decimal("7.5"), account.withdrawable),  # its token: unknown
    )
    assert asked == [{"type": "clearinghouseState", "user": OWNER, "dex": dex} for dex in ("", "xyz", "gone")]


def test_a_unified_account_is_read_with_its_spot_balances_each_behind_the_books_of_its_token(
    server: MisbehavingServer, adapter: HyperliquidAdapter
) -> None:
    balances = [
        {"coin": "USDC", "token": 0, "total": "500", "hold": "120", "entryNtl": "0"},
        {"coin": "USDH", "token": 360, "total": "90", "hold": "30", "entryNtl": "0"},
    ]
    asked = info(
        server,
        userAbstraction=lambda _: "unifiedAccount",
        spotClearinghouseState=lambda _: {"balances": balances},
        clearinghouseState=lambda _: account_body(POSITION),
    ).asked
    tokens = {"xyz": "USDC", "gone": "USDH"}
    account = HyperliquidAdapter(
        adapter._transport, Network.TESTNET, dexes=adapter.dexes, collaterals=lambda: tokens, clock=lambda: NOW
    ).account(OWNER)

    assert (account.account_mode, account.equity, account.withdrawable) == (
        AccountMode.UNIFIED,
        Decimal(500),
        Decimal(380),
    )
    # one balance backs the isolated positions of two books, another that of the third: nothing is added across tokens
    margin, maintenance, used = Decimal("25.856067"), 2 * Decimal("0.5"), 2 * Decimal("1.25")
    assert (len(account.positions), account.cross_equity) == (3, 500 - 2 * margin)
    assert (account.cross_maintenance, account.cross_margin_used) == (maintenance, used)
    assert account.pools == (Pool("", Decimal(90), 90 - margin - Decimal("1.25"), 90 - margin, Decimal(60), "USDH"),)
    assert [question["type"] for question in asked] == [
        "userAbstraction",
        "spotClearinghouseState",
        *["clearinghouseState"] * 3,
    ]


def test_a_unified_account_with_a_position_on_unknown_collateral_is_refused_and_not_guessed(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    info(
        server,
        spotClearinghouseState=lambda _: {"balances": []},
        clearinghouseState=lambda _: account_body(POSITION),
    )
    with pytest.raises(UnknownState, match="collateral of the book 'gone'"):
        adapter.account(OWNER, mode=AccountMode.UNIFIED)


def test_the_setting_of_a_flat_market_is_asked_by_name(adapter: HyperliquidAdapter, server: MisbehavingServer) -> None:
    row = {
        "coin": "BTC",
        "leverage": {"type": "isolated", "value": 7, "rawUsd": "0.0"},
        "maxTradeSzs": ["1", "2"],
        "availableToTrade": ["3", "4"],
        "markPx": "5",
    }
    asked = info(server, activeAssetData=lambda _: row).asked
    setting = adapter.market_setting(OWNER, market())
    assert (setting.mode, setting.leverage, setting.available_to_buy) == (
        MarginMode.ISOLATED,
        7,
        Decimal(3),
    )
    assert asked == [{"type": "activeAssetData", "user": OWNER, "coin": "BTC"}]


def test_orders_are_read_from_every_book(adapter: HyperliquidAdapter, server: MisbehavingServer) -> None:
    asked = info(server, frontendOpenOrders=lambda _: [ORDER]).asked
    assert len(adapter.open_orders(OWNER)) == 3
    assert [question["dex"] for question in asked] == ["", "xyz", "gone"]


@pytest.mark.parametrize("name", [77738308, "0x0000000000000000000000000000abcd"])
def test_an_order_is_asked_for_by_either_id(
    adapter: HyperliquidAdapter, server: MisbehavingServer, name: int | str
) -> None:
    asked = info(server, orderStatus=lambda _: {"status": "unknownOid"}).asked
    assert adapter.order_status(OWNER, name).state is OrderState.UNKNOWN
    assert asked == [{"type": "orderStatus", "user": OWNER, "oid": name}]


def test_fills_are_paged_without_gaps_or_repeats_at_equal_times(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    """4,500 fills, 1,500 at each of three moments, one told twice: a page of 2,000 ends inside a moment."""
    first = int(START.timestamp() * 1000) + 1
    rows = [FILL | {"time": first + index // 1500, "tid": index} for index in range(4500)]
    rows.insert(500, rows[499])
    rows.append(FILL | {"time": first + 3, "tid": 9999, "coin": "@107"})

    def page(question: dict[str, Any]) -> object:
        return [row for row in rows if row["time"] >= question["startTime"]][:2000]

    asked = info(server, userFillsByTime=page).asked
    found = adapter.fills(OWNER, START)
    assert [fill.key.rpartition("-")[2] for fill in found] == [str(index) for index in range(4500)]
    assert [question["startTime"] - first for question in asked] == [-1, 1, 2]


def test_payments_and_bookings_of_which_one_is_told_twice_are_paged_to_the_end(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    first = int(START.timestamp() * 1000)
    paid = {"coin": "BTC", "usdc": "-1", "szi": "1", "fundingRate": "0.0000125"}
    payments = [{"time": first + index, "delta": paid} for index in range(1200)]
    bookings = [
        {"time": first + index, "hash": "0x1", "delta": {"type": "deposit", "usdc": str(index)}}
        for index in range(1200)
    ]

    def told_twice(rows: list[dict[str, Any]]) -> Callable[[dict[str, Any]], object]:
        told = [*rows[:300], *rows[299:]]
        return lambda question: [row for row in told if row["time"] >= question["startTime"]][:500]

    info(server, userFunding=told_twice(payments), userNonFundingLedgerUpdates=told_twice(bookings))
    assert len({row.key for row in adapter.funding(OWNER, START)}) == 1200
    assert [row.amount for row in adapter.ledger(OWNER, START)] == list(range(1200))


def test_a_moment_fuller_than_a_page_is_told_and_does_not_hang(
    adapter: HyperliquidAdapter, server: MisbehavingServer, caplog: pytest.LogCaptureFixture
) -> None:
    first = int(START.timestamp() * 1000)
    rows = [{"time": first, "hash": f"0x{index}", "delta": {"type": "deposit", "usdc": "1"}} for index in range(600)]
    info(server, userNonFundingLedgerUpdates=lambda q: [row for row in rows if row["time"] >= q["startTime"]][:500])
    assert len(adapter.ledger(OWNER, START)) == 500
    assert "more rows of one moment than a page holds" in caplog.text


def test_the_other_reads_ask_what_the_venue_expects(adapter: HyperliquidAdapter, server: MisbehavingServer) -> None:
    builder = "0x" + "b" * 40
    asked = info(
        server,
        candleSnapshot=lambda _: [],
        l2Book=lambda _: {"coin": "BTC", "time": 0, "levels": [[], []]},
        userFees=lambda _: {"userCrossRate": "0.00045", "userAddRate": "0.00015"},
        extraAgents=lambda _: [],
        maxBuilderFee=lambda _: 50,
        userFunding=lambda _: [],
        historicalOrders=lambda _: [],
        userAbstraction=lambda _: "default",
        recentTrades=lambda _: [],
        userRateLimit=lambda _: {"cumVlm": "1.0", "nRequestsUsed": 12, "nRequestsCap": 10},
    ).asked
    assert adapter.candles(market(), "1h", START, START + timedelta(hours=1)) == ()
    assert adapter.book(market()).bids == ()
    assert adapter.fee_rates(OWNER).taker == Decimal("0.00045")
    assert adapter.agents(OWNER) == ()
    assert adapter.builder_fee(OWNER, builder) == Decimal("0.0005")
    assert adapter.funding(OWNER, START) == ()
    assert adapter.order_history(OWNER) == ()
    assert adapter.account_mode(OWNER) is AccountMode.STANDARD
    assert adapter.trades(market()) == ()
    assert adapter.request_allowance(OWNER).left == 0
    start = 1770422400000
    candles = {"coin": "BTC", "interval": "1h", "startTime": start, "endTime": start + 3_600_000}
    assert asked == [
        {"type": "candleSnapshot", "req": candles},
        {"type": "l2Book", "coin": "BTC"},
        {"type": "userFees", "user": OWNER},
        {"type": "extraAgents", "user": OWNER},
        {"type": "maxBuilderFee", "user": OWNER, "builder": builder},
        {"type": "userFunding", "user": OWNER, "startTime": start},
        {"type": "historicalOrders", "user": OWNER},
        {"type": "userAbstraction", "user": OWNER},
        {"type": "recentTrades", "coin": "BTC"},
        {"type": "userRateLimit", "user": OWNER},
    ]


def test_a_read_that_fails_changes_nothing_and_may_be_tried_again(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    server.paths["/info"] = in_turn(
        cut_in_the_body,
        answer(503, b"", Retry_After="4"),
        answer(429, b"", Retry_After="9"),
        answer(200, b"null"),
        answer(422, b"Failed to deserialize", kind="text/plain"),
        answer(200, account_body(POSITION | {"leverage": {"type": "new", "value": 1}})),
    )
    seen = []
    for _ in range(6):
        with pytest.raises((Unavailable, Malformed)) as caught:
            adapter.account(OWNER, mode=AccountMode.STANDARD)
        seen.append((caught.type, caught.value.retryable, caught.value.outcome_known, caught.value.retry_after))
    assert seen == [
        (Unavailable, True, True, None),
        (Unavailable, True, True, None),
        (Unavailable, True, True, 9.0),
        (Malformed, False, True, None),
        (Malformed, False, True, None),
        (UnknownState, False, True, None),
    ]


def test_cancellations_are_split_into_requests_that_the_venue_takes(adapter: HyperliquidAdapter) -> None:
    cancels = tuple(CancelOrder(market(), number) for number in range(450))
    bodies = [
        json.loads(adapter.sign(step, nonce=nonce).body)
        for nonce, step in enumerate(adapter.steps(CancelOrders(cancels)), start=1790000000000)
    ]
    assert [len(body["action"]["cancels"]) for body in bodies] == [200, 200, 50]
    assert [row["o"] for body in bodies for row in body["action"]["cancels"]] == list(range(450))


def test_a_command_is_sent_once_as_the_bytes_that_were_signed(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    statuses = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":5}}]}}}'
    server.paths["/exchange"] = answer(200, statuses)
    order = market_order(market(), is_buy=True, size=Decimal("0.01"), mark=Decimal("86319.4"), slippage=Decimal("0.05"))
    signed = adapter.sign(order, nonce=1790000000000, expires_after=1790000015000)
    assert server.received == []
    assert adapter.send(signed) == Resting(5)
    assert server.received == [("POST", "/exchange", signed.body)]
    assert json.loads(signed.body)["action"]["orders"][0]["p"] == "90635"


def test_identical_bytes_may_follow_an_unknown_outcome(adapter: HyperliquidAdapter, server: MisbehavingServer) -> None:
    done = answer(200, b'{"status":"ok","response":{"type":"default"}}')
    server.paths["/exchange"] = in_turn(cut_in_the_body, answer(429, b""), answer(500, b"null"), done)
    signed = adapter.sign(SetLeverage(market(), MarginMode.ISOLATED, 5), nonce=1)
    for repeated in (False, True, True):
        with pytest.raises(OutcomeUnknown):
            adapter.send(signed, repeated=repeated)
    assert adapter.send(signed, repeated=True) == Done()
    assert {body for _, _, body in server.received} == {signed.body}
    assert len(server.received) == 4


def test_a_command_to_a_venue_that_is_not_there_was_never_sent() -> None:
    transport = BlockingTransport(f"http://127.0.0.1:{refused_port()}", limits=LIMITS)
    adapter = HyperliquidAdapter(transport, Network.TESTNET, SigningKey.from_hex(PYTHON_SDK_KEY))
    with pytest.raises(Unavailable) as caught:
        adapter.send(adapter.sign(CancelOrder(market(), 7), nonce=1))
    assert caught.value.outcome_known is True


def test_an_agent_revoked_between_two_orders_is_told_in_words(
    adapter: HyperliquidAdapter, server: MisbehavingServer
) -> None:
    gone = {
        "status": "err",
        "response": "User or API Wallet 0x14791697260e4c9a71f18484c9f997b308e59325 does not exist.",
    }
    server.paths["/exchange"] = answer(200, json.dumps(gone).encode())
    with pytest.raises(Rejected, match="Connect again"):
        adapter.send(adapter.sign(CancelOrder(market(), 7), nonce=1))
