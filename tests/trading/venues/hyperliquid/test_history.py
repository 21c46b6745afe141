"""Orders, fills, payments, candles and books: recorded payloads, repeats, order, unknown labels."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.hyperliquid.bodies import FILL, ORDER
from trading.venues.base import OrderState, TriggerKind
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid import history, markets, orders, parse

# A recorded auto-deleveraging (mainnet, 10 October 2025).
DELEVERAGED: dict[str, Any] = {
    "coin": "AVAX",
    "px": "22.075",
    "sz": "28.53",
    "side": "B",
    "time": 1760130964831,
    "startPosition": "-28.53",
    "dir": "Auto-Deleveraging",
    "closedPnl": "194.275035",
    "hash": "0x922ada1583e0175a93a4042d3a6101010100f1fb1ee3362c35f3856842e3f145",
    "oid": 194018286846,
    "crossed": True,
    "fee": "0.0",
    "tid": 771334864158847,
    "liquidation": {
        "liquidatedUser": "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
        "markPx": "22.025",
        "method": "backstop",
    },
    "feeToken": "USDC",
}


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def recording(folder: Path, name: str) -> Any:
    return json.loads((folder / "hyperliquid" / name).read_text())


def test_a_trigger_order_is_read_whole() -> None:
    (order,) = orders.open_orders(encoded([ORDER]))
    assert (order.market, order.order_id, order.client_id, order.is_buy) == ("INJ", 3184595906, None, False)
    assert (order.size, order.original_size, order.limit_price) == (Decimal("12.5"), Decimal("20.0"), Decimal("9.1954"))
    assert (order.reduce_only, order.time_in_force, order.covers_position) == (True, None, False)
    assert order.placed_at == datetime(2023, 11, 16, 9, 13, 42, 555000, tzinfo=UTC)
    assert order.trigger is not None
    assert (order.trigger.price, order.trigger.is_market) == (Decimal("9.995"), True)
    assert (order.trigger.kind, order.trigger.condition) == (TriggerKind.STOP_LOSS, "Price below 9.995")


@pytest.mark.parametrize(
    ("label", "state"),
    [
        ("open", OrderState.OPEN),
        ("filled", OrderState.FILLED),
        ("triggered", OrderState.TRIGGERED),
        ("canceled", OrderState.CANCELLED),
        ("scheduledCancel", OrderState.CANCELLED),
        ("siblingFilledCanceled", OrderState.CANCELLED),
        ("aKindOfTomorrowCanceled", OrderState.CANCELLED),
        ("rejected", OrderState.REJECTED),
        ("perpMarginRejected", OrderState.REJECTED),
    ],
)
def test_order_states_follow_the_venues_labels(label: str, state: OrderState) -> None:
    assert orders.order_state(label) is state


def test_an_order_state_that_cannot_be_told_is_refused_loudly() -> None:
    with pytest.raises(UnknownState, match="paused"):
        orders.order_state("paused")
    with pytest.raises(UnknownState):
        orders.open_orders(encoded([ORDER | {"side": "C"}]))
    with pytest.raises(UnknownState):
        orders.order_report(encoded({"status": "somewhere"}))


def test_an_unknown_label_of_an_order_is_shown_and_harms_nothing() -> None:
    (order,) = orders.open_orders(encoded([ORDER | {"tif": "Fok", "orderType": "Trailing Stop"}]))
    assert (order.time_in_force, order.order_type) == (None, "Trailing Stop")
    assert order.trigger is not None
    assert order.trigger.kind is None


def test_a_fill_carries_the_whole_fee_and_the_builders_part() -> None:
    (fill,) = history.fills(encoded([FILL]))
    assert (fill.price, fill.size, fill.fee, fill.builder_fee) == tuple(
        Decimal(text) for text in ("33.209", "0.73", "0.012896", "0.002424")
    )
    assert (fill.is_buy, fill.is_taker) == (True, True)
    assert (str(fill.start_position), str(fill.closed_pnl)) == ("0.0", "0.0")
    assert fill.key == "1770458548926-HYPE-882779857052503"
    assert fill.time == datetime(2026, 2, 7, 10, 2, 28, 926000, tzinfo=UTC)


def test_repeated_fills_count_once_and_come_oldest_first() -> None:
    later = FILL | {"time": FILL["time"] + 1, "tid": 2}
    sibling = FILL | {"tid": 3}
    newest_first = history.fills(encoded([later, sibling, FILL, later, FILL]))
    oldest_first = history.fills(encoded([FILL, sibling, later, later]))
    assert [fill.key.rpartition("-")[2] for fill in newest_first] == ["882779857052503", "3", "2"]
    assert oldest_first == newest_first


def test_two_fills_of_one_moment_without_an_id_stay_two() -> None:
    old = {key: value for key, value in FILL.items() if key not in {"tid", "feeToken", "builderFee"}}
    assert len(history.fills(encoded([old, old | {"startPosition": "0.73"}]))) == 2


def test_a_liquidation_names_its_account_and_its_way(venue_data: Path) -> None:
    recorded = recording(venue_data, "user_fills.json")
    marks = {fill.liquidation for fill in history.fills(encoded(recorded["special_dirs"] + recorded["current_shape"]))}
    assert {(mark.account, mark.method) for mark in marks if mark} == {
        ("0x193bd350ec838b1e22d6f302da5343b920aa1c2b", "market"),
        ("0xcb02837caaee310c178501855b63bf7f4f4b1f8b", "backstop"),
    }


def test_the_ledger_signs_what_it_knows_and_shows_the_rest(venue_data: Path) -> None:
    found = history.ledger(encoded(recording(venue_data, "misc_info.json")["userNonFundingLedgerUpdates"]))
    assert [(entry.kind, entry.amount) for entry in found] == [
        ("deposit", Decimal("2703997.4500000002")),
        ("accountClassTransfer", Decimal("-12.0")),
        ("spotTransfer", None),
        ("accountClassTransfer", Decimal("-2684105.0099999998")),
        ("deposit", Decimal("1099994.98")),
    ]
    assert json.loads(found[2].details)["token"] == "USDC"
    assert len({entry.key for entry in found}) == 5


def test_recorded_candles_and_books_parse(venue_data: Path) -> None:
    rows = recording(venue_data, "candle_snapshot.json")["response"]
    candles = markets.candles(encoded(rows))
    assert [[str(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)] for bar in candles] == [
        [row[key] for key in "ohlcv"] for row in rows
    ]
    assert candles[0].opened_at == datetime(2023, 5, 21, 20, tzinfo=UTC)
    raw = recording(venue_data, "l2_book.json")
    book = markets.book(encoded(raw.get("response", raw)))
    assert (book.market, len(book.bids), len(book.asks)) == ("BTC", 20, 20)
    assert [level.price for level in book.bids] == sorted((level.price for level in book.bids), reverse=True)
    assert [level.price for level in book.asks] == sorted(level.price for level in book.asks)
    assert book.bids[0].price < book.asks[0].price


def test_recorded_fees_agents_and_approvals_parse(venue_data: Path) -> None:
    recorded = recording(venue_data, "misc_info.json")
    rates = parse.fee_rates(encoded(recorded["userFees"]))
    assert (rates.taker, rates.maker, rates.builder) == (Decimal("0.000315"), Decimal("0.000105"), Decimal(0))
    first, second = parse.agents(encoded(recorded["extraAgents"]))
    assert (first.name, second.name) == ("ok", "new")
    assert first.valid_until == datetime(2026, 1, 7, 8, 55, 20, 478000, tzinfo=UTC)
    assert parse.builder_fee(encoded(recorded["maxBuilderFee"])) == Decimal("0.00001")


def test_trades_and_allowances_parse(venue_data: Path) -> None:
    (trade,) = markets.trades(encoded(recording(venue_data, "ws_frames.json")["trades"]["data"]))
    assert (trade.market, trade.is_buy, str(trade.price), str(trade.size)) == ("SOL", True, "122.03", "1.2")
    assert trade.key == "1790951246000-118906512037719"
    recorded = recording(venue_data, "misc_info.json")
    allowance = parse.request_allowance(encoded(recorded["userRateLimit_docs"]))
    assert (allowance.used, allowance.cap, allowance.left) == (2890, 2864574, 2861684)
    assert parse.request_allowance(encoded(recorded["userRateLimit_2025"])).left == 133453900369


def test_the_referral_discount_comes_off_fees_but_not_off_rebates() -> None:
    body = {"userCrossRate": "0.00045", "userAddRate": "-0.00001", "activeReferralDiscount": "0.04"}
    rates = parse.fee_rates(encoded(body))
    assert (rates.taker, rates.maker) == (Decimal("0.000432"), Decimal("-0.00001"))


@pytest.mark.parametrize(
    "parser", [orders.open_orders, history.fills, history.funding, history.ledger, markets.book, parse.agents]
)
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'"text"', b"[1]", b'[{"coin":"BTC"}]'])
def test_nonsense_is_malformed(parser: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(Malformed):
        parser(body)


def test_a_fill_with_a_figure_that_is_no_number_is_malformed() -> None:
    for figure in ("NaN", "inf", "abc"):
        with pytest.raises(Malformed):
            history.fills(encoded([FILL | {"px": figure}]))


ME, OTHER = "0x" + "a1" * 20, "0x" + "b0" * 20


@pytest.mark.parametrize(
    ("delta", "amount"),
    [
        ({"type": "send", "user": ME, "destination": ME, "sourceDex": "", "destinationDex": "xyz"}, "-20"),
        ({"type": "send", "user": ME, "destination": ME, "sourceDex": "spot", "destinationDex": ""}, "20"),
        ({"type": "send", "user": ME, "destination": ME, "sourceDex": "xyz", "destinationDex": "spot"}, "0"),
        ({"type": "send", "user": ME, "destination": OTHER, "sourceDex": "", "destinationDex": "spot"}, "-20"),
        ({"type": "send", "user": OTHER, "destination": ME, "sourceDex": "spot", "destinationDex": ""}, "20"),
        ({"type": "send", "user": OTHER, "destination": ME, "sourceDex": "", "destinationDex": "spot"}, None),
        ({"type": "internalTransfer", "usdc": "20", "user": ME, "destination": OTHER, "fee": "1.0"}, "-21"),
        ({"type": "internalTransfer", "usdc": "20", "user": OTHER, "destination": ME, "fee": "1.0"}, "20"),
        ({"type": "vaultDeposit", "usdc": "20"}, None),
    ],
)
def test_a_transfer_has_the_sign_that_it_has_for_the_main_book(delta: dict[str, Any], amount: str | None) -> None:
    moved = {"token": "USDC", "amount": "20"} if delta["type"] == "send" else {}
    (entry,) = history.ledger(encoded([{"time": 1, "hash": "0x1", "delta": delta | moved}]), ME)
    assert entry.amount == (None if amount is None else Decimal(amount))


def test_deleveraged_fill_is_told_from_one_that_was_liquidated() -> None:
    (fill, other) = history.fills(encoded([DELEVERAGED, FILL]))

    assert (fill.is_deleveraged, other.is_deleveraged) == (True, False)
    assert fill.liquidation is not None
    assert (fill.liquidation.account, fill.liquidation.mark) == (
        "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
        Decimal("22.025"),
    )
    assert (fill.start_position, fill.closed_pnl, fill.fee) == (Decimal("-28.53"), Decimal("194.275035"), Decimal(0))
