"""The adapter over a real socket: what it asks, what it makes of the answers, what it sends."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.trading.venues.aster.figures import AGENT, NONCE, NOW, OTHER, OWNER, agent, api_key, market, tiers
from tests.trading.venues.aster.rows import (
    ACCOUNT,
    BEST,
    BRACKETS,
    CROSS,
    DAY,
    FLAT,
    FUNDING_INFO,
    ISOLATED,
    PREMIUM,
    SYMBOL,
)
from tests.trading.venues.aster.venue import LIMITS, Venue, milliseconds
from tests.trading.venues.misbehaving import answer, cut_in_the_body, in_turn, refused_port
from trading.margin.types import AccountMode, MarginMode
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.doors import AsterDoor
from trading.venues.base import (
    Adapter,
    AdjustMargin,
    CancelOrder,
    Done,
    Network,
    Noop,
    PlaceOrder,
    Resting,
    SetLeverage,
    SetMarginMode,
)
from trading.venues.base import (
    Venue as VenueName,
)
from trading.venues.errors import (
    InvalidCommand,
    Malformed,
    MissingKey,
    OutcomeUnknown,
    Reason,
    Rejected,
    Unavailable,
    UnknownState,
    VenueError,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
BITCOIN = market()
WEEK = timedelta(days=7)


def test_the_adapter_is_one_of_the_platforms(adapter: AsterAdapter) -> None:
    as_platform: Adapter = adapter
    assert (as_platform.venue, as_platform.network) == (VenueName.ASTER, Network.TESTNET)
    assert adapter.client_id(UUID(int=1)) == "0" * 31 + "1"


def test_a_private_read_is_signed_and_sent_in_the_query(venue: Venue) -> None:
    venue.answers(positionRisk=lambda _: [FLAT], balance=lambda _: [])
    door = AsterDoor(venue.server.url, limits=LIMITS)
    reader = AsterAdapter(door, Network.MAINNET, agent(), nonces=iter([1790000001000003, 5]).__next__)
    reader.market_setting(OWNER, BITCOIN)
    door.close()
    (method, path, body), (_, second, _) = venue.server.received
    assert (method, body) == ("GET", b"")
    assert path.startswith(
        f"/fapi/v3/positionRisk?symbol=BTCUSDT&nonce=1790000001000003&user={OWNER}&signer={AGENT}&signature=0x"
    )
    assert second.startswith(f"/fapi/v3/balance?nonce=5&user={OWNER}&signer={AGENT}&signature=0x")


def test_an_account_is_never_read_for_another(adapter: AsterAdapter, venue: Venue) -> None:
    private = (
        adapter.account,
        adapter.account_mode,
        adapter.open_orders,
        adapter.fee_rates,
        lambda address: adapter.market_setting(address, BITCOIN),
        lambda address: adapter.fills(address, START),
        lambda address: adapter.funding(address, START),
        lambda address: adapter.ledger(address, START),
        lambda address: adapter.order_status(address, 1),
    )
    for read in private:
        with pytest.raises(InvalidCommand, match="another account"):
            read(OTHER)
    assert venue.server.received == []


def answer_markets(venue: Venue) -> None:
    venue.answers(
        leverageBracket=lambda _: [BRACKETS],
        exchangeInfo=lambda _: {"serverTime": 1768185214423, "symbols": [SYMBOL]},
        premiumIndex=lambda _: [PREMIUM],
        fundingInfo=lambda _: [FUNDING_INFO],
        ticker__24hr=lambda _: [DAY],
        ticker__bookTicker=lambda _: [BEST],
    )


def test_markets_are_put_together_from_the_venues_answers(venue: Venue) -> None:
    answer_markets(venue)
    door = AsterDoor(venue.server.url, limits=LIMITS)
    found = AsterAdapter(door, Network.TESTNET, agent(), clock=lambda: NOW).markets()
    shared = AsterAdapter(door, Network.TESTNET, brackets=lambda _: {"BTCUSDT": tiers()}).markets()
    door.close()
    assert [(spec.name, spec.max_leverage) for spec in found.specs] == [("BTCUSDT", 125)]
    assert (found.states[0].funding_rate, found.received_at) == (Decimal("0.000025"), NOW)
    assert shared.states == found.states
    assert [name for name, _ in venue.asked].count("leverageBracket") == 1


def test_an_account_is_read_after_the_venues_clock(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(
        time=lambda _: {"serverTime": milliseconds(START)},
        accountWithJoinMargin=lambda _: ACCOUNT,
        positionRisk=lambda _: [ISOLATED, CROSS, FLAT | {"symbol": "SOLUSDT"}],
    )
    found = adapter.account(OWNER.lower(), mode=AccountMode.STANDARD)
    assert (found.equity, len(found.positions)) == (Decimal("25567.54150468"), 2)
    assert (found.venue_time, found.received_at) == (START, NOW)
    assert [name for name, _ in venue.asked] == ["time", "accountWithJoinMargin", "positionRisk"]


def test_an_accounts_mode_is_asked_for_where_it_is_not_known(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(
        multiAssetsMargin=lambda _: {"multiAssetsMargin": True},
        time=lambda _: {"serverTime": 0},
        accountWithJoinMargin=lambda _: ACCOUNT | {"positions": []},
        positionRisk=lambda _: [FLAT | {"positionSide": "LONG", "marginType": "cross"}],
    )
    found = adapter.account(OWNER)
    assert (found.account_mode, found.hedge_mode) == (AccountMode.MULTI_ASSET, True)
    closed = adapter.capabilities(
        BITCOIN, has_position=False, has_orders=False, account_mode=found.account_mode, hedge_mode=found.hedge_mode
    )
    assert closed.change_mode.allowed is False


def test_an_account_that_moves_while_it_is_read_is_read_again(adapter: AsterAdapter, venue: Venue) -> None:
    positions = iter([[FLAT], [ISOLATED, CROSS]])
    venue.answers(
        time=lambda _: {"serverTime": milliseconds(START)},
        accountWithJoinMargin=lambda _: ACCOUNT,
        positionRisk=lambda _: next(positions),
    )
    assert len(adapter.account(OWNER, mode=AccountMode.STANDARD).positions) == 2
    venue.answers(positionRisk=lambda _: [FLAT])
    with pytest.raises(Unavailable, match="changed while it was read"):
        adapter.account(OWNER, mode=AccountMode.STANDARD)
    assert [name for name, _ in venue.asked].count("accountWithJoinMargin") == 5


def test_the_setting_of_a_flat_market_is_asked_by_name(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(
        positionRisk=lambda _: [FLAT | {"leverage": "7"}],
        balance=lambda _: [{"asset": "USDT", "availableBalance": "1000"}],
    )
    setting = adapter.market_setting(OWNER, BITCOIN)
    assert (setting.mode, setting.leverage, setting.available_to_buy) == (MarginMode.ISOLATED, 7, Decimal(1000))
    assert venue.asked == [("positionRisk", {"symbol": "BTCUSDT"}), ("balance", {})]


def test_the_other_reads_ask_what_the_venue_expects(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(
        depth=lambda _: {"lastUpdateId": 1, "E": 2, "T": 3, "bids": [], "asks": []},
        trades=lambda _: [],
        commissionRate=lambda _: {"makerCommissionRate": "0.0001", "takerCommissionRate": "0.00035"},
        agent=lambda _: [],
        builder=lambda _: [],
    )
    assert adapter.book(BITCOIN).bids == ()
    assert adapter.trades(BITCOIN) == ()
    assert adapter.fee_rates(OWNER).taker == Decimal("0.00035")
    assert adapter.fee_rates(OWNER, market("ETHUSDT")).maker == Decimal("0.0001")
    assert adapter.agents(OWNER) == ()
    assert adapter.builder_fee(OWNER, AGENT) == 0
    assert venue.asked == [
        ("depth", {"symbol": "BTCUSDT", "limit": "20"}),
        ("trades", {"symbol": "BTCUSDT", "limit": "100"}),
        ("commissionRate", {"symbol": "BTCUSDT"}),
        ("commissionRate", {"symbol": "ETHUSDT"}),
        ("agent", {}),
        ("builder", {}),
    ]


def test_a_read_that_fails_changes_nothing(adapter: AsterAdapter, venue: Venue) -> None:
    venue.on(
        "openOrders",
        in_turn(
            cut_in_the_body,
            answer(503, b"", Retry_After="4"),
            answer(429, b"", Retry_After="9"),
            answer(403, b"<html>", kind="text/html"),
            answer(400, b'{"code":-1003,"msg":"Too many requests"}'),
            answer(400, b'{"code":-5050,"msg":"This function can only be used after deposit"}'),
            answer(200, b"null"),
            answer(200, b'[{"orderId":1,"side":"HOLD"}]'),
        ),
    )
    seen = []
    for _ in range(8):
        with pytest.raises(VenueError) as caught:
            adapter.open_orders(OWNER)
        seen.append((caught.type, caught.value.retryable, caught.value.outcome_known, caught.value.retry_after))
    assert seen == [
        (Unavailable, True, True, None),
        (Unavailable, True, True, None),
        (Unavailable, True, True, 9.0),
        (Unavailable, True, True, None),
        (Unavailable, True, True, 60.0),
        (Rejected, False, True, None),
        (Malformed, False, True, None),
        (UnknownState, False, True, None),
    ]


def test_a_margin_mode_nobody_knows_is_refused_and_not_guessed(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(positionRisk=lambda _: [FLAT | {"marginType": "shared"}], balance=lambda _: [])
    with pytest.raises(UnknownState):
        adapter.market_setting(OWNER, BITCOIN)


def limit(**changes: Any) -> PlaceOrder:
    return PlaceOrder(BITCOIN, is_buy=True, size=Decimal("0.001"), limit_price=Decimal(50000), **changes)


def test_a_command_is_sent_once_as_the_bytes_that_were_signed(adapter: AsterAdapter, venue: Venue) -> None:
    venue.on("order", answer(200, b'{"orderId":5,"status":"NEW","executedQty":"0","clientOrderId":"abc"}'))
    placed = adapter.sign(limit(client_id="abc"), nonce=NONCE)
    cancelled = adapter.sign(CancelOrder(BITCOIN, 5), nonce=NONCE + 1)
    assert venue.server.received == []
    assert adapter.send(placed) == Resting(5, "abc")
    assert adapter.send(cancelled) == Done()
    assert venue.server.received == [
        ("POST", "/fapi/v3/order", placed.body),
        ("DELETE", "/fapi/v3/order", cancelled.body),
    ]


def test_mode_and_leverage_are_two_commands(adapter: AsterAdapter, venue: Venue) -> None:
    venue.on("marginType", answer(400, b'{"code":-4046,"msg":"No need to change margin type."}'))
    venue.on("leverage", answer(200, b'{"leverage":5,"maxNotionalValue":"1000000","symbol":"BTCUSDT"}'))
    wanted = SetLeverage(BITCOIN, MarginMode.ISOLATED, 5)
    steps = adapter.steps(wanted)
    for number, step in enumerate(steps):
        assert adapter.send(adapter.sign(step, nonce=NONCE + number)) == Done()
    assert steps == (SetMarginMode(BITCOIN, MarginMode.ISOLATED), wanted)
    assert [adapter.sign(step, nonce=NONCE).path for step in steps] == ["/fapi/v3/marginType", "/fapi/v3/leverage"]
    assert adapter.steps(Noop()) == (Noop(),)


def test_identical_bytes_may_follow_an_unknown_outcome(adapter: AsterAdapter, venue: Venue) -> None:
    done = answer(200, b'{"amount":1.0,"code":200,"msg":"ok","type":1}')
    used = answer(400, b'{"code":-4225,"msg":"Nonce Expired"}')
    venue.on("positionMargin", in_turn(cut_in_the_body, answer(429, b""), answer(503, b""), used, done))
    signed = adapter.sign(AdjustMargin(BITCOIN, is_buy=True, amount=Decimal(1)), nonce=NONCE)
    for repeated in (False, True, True, True):
        with pytest.raises(OutcomeUnknown):
            adapter.send(signed, repeated=repeated)
    assert adapter.send(signed, repeated=True) == Done()
    assert {body for _, _, body in venue.server.received} == {signed.body}
    assert len(venue.server.received) == 5


def test_an_api_keys_request_is_never_sent_twice(venue: Venue) -> None:
    venue.server.paths["/fapi/v1/order"] = cut_in_the_body
    door = AsterDoor(venue.server.url, limits=LIMITS)
    adapter = AsterAdapter(door, Network.TESTNET, api_key())
    signed = adapter.sign(limit(), nonce=NONCE)
    for repeated in (False, True, True):
        with pytest.raises(OutcomeUnknown):
            adapter.send(signed, repeated=repeated)
    door.close()
    assert len(venue.server.received) == 1


def test_a_command_to_a_venue_that_is_not_there_was_never_sent() -> None:
    adapter = AsterAdapter(AsterDoor(f"http://127.0.0.1:{refused_port()}", limits=LIMITS), Network.TESTNET, agent())
    with pytest.raises(Unavailable) as caught:
        adapter.send(adapter.sign(CancelOrder(BITCOIN, 7), nonce=1))
    assert caught.value.outcome_known is True


def test_a_key_revoked_between_two_orders_is_told_in_words(adapter: AsterAdapter, venue: Venue) -> None:
    venue.on("order", answer(400, b'{"code":-1022,"msg":"Signature for this request is not valid."}'))
    with pytest.raises(Rejected, match="Connect again") as caught:
        adapter.send(adapter.sign(limit(), nonce=NONCE))
    assert caught.value.reason is Reason.KEY_UNKNOWN


def test_an_api_key_reads_the_older_paths(venue: Venue) -> None:
    for path, body in (
        ("/fapi/v1/time", b'{"serverTime":0}'),
        ("/fapi/v4/account", json.dumps(ACCOUNT | {"positions": []}).encode()),
        ("/fapi/v2/positionRisk", b"[]"),
    ):
        venue.server.paths[path] = answer(200, body)
    door = AsterDoor(venue.server.url, limits=LIMITS)
    reader = AsterAdapter(door, Network.MAINNET, api_key(), brackets=lambda _: {}, nonces=lambda: 1591702613943_000)
    assert reader.account(OWNER, mode=AccountMode.STANDARD).equity == Decimal("25567.54150468")
    door.close()
    text = "recvWindow=5000&timestamp=1591702613943"
    assert [path.partition("&signature=")[0] for _, path, _ in venue.server.received] == [
        "/fapi/v1/time",
        f"/fapi/v4/account?{text}",
        f"/fapi/v2/positionRisk?{text}",
    ]


def test_a_keyless_adapter_uses_the_tiers_that_it_is_given(venue: Venue) -> None:
    answer_markets(venue)
    door = AsterDoor(venue.server.url, limits=LIMITS)
    with pytest.raises(MissingKey):
        AsterAdapter(door, Network.TESTNET).markets()
    found = AsterAdapter(door, Network.TESTNET, brackets=lambda _: {"BTCUSDT": tiers()}).markets()
    door.close()
    assert [(spec.name, spec.tiers) for spec in found.specs] == [("BTCUSDT", tiers())]
    assert "leverageBracket" not in [name for name, _ in venue.asked]


def test_current_tiers_are_asked_for_by_name_whatever_is_shared(venue: Venue) -> None:
    venue.answers(leverageBracket=lambda _: BRACKETS)
    door = AsterDoor(venue.server.url, limits=LIMITS)
    reader = AsterAdapter(door, Network.TESTNET, agent(), brackets=lambda _: {})
    found, missing = reader.current_tiers(BITCOIN), reader.current_tiers(market("ETHUSDT"))
    door.close()
    assert (found and found.max_leverage, missing) == (125, None)
    assert venue.asked == [("leverageBracket", {"symbol": name}) for name in ("BTCUSDT", "ETHUSDT")]
