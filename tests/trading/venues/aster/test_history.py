"""Orders, fills, income and margin moves, in our own table and on the recorded payloads."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.aster.rows import FILL, FORCED, INCOME, MOVE, ORDER, Row
from trading.venues.aster import history, orders
from trading.venues.base import OrderState, OrderTrigger, TimeInForce, TriggerKind
from trading.venues.errors import Malformed, UnknownState

EARLIER = datetime(2020, 1, 17, 15, 59, 16, 75_000, UTC)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def one(changes: Row | None = None) -> Any:
    return orders.open_orders(encoded([ORDER | (changes or {})]))[0]


def test_a_resting_order_keeps_what_is_left_of_it() -> None:
    found = one()
    assert (found.market, found.order_id, found.client_id, found.is_buy) == ("BTCUSDT", 1917641, "abc", True)
    assert (found.limit_price, found.size, found.original_size) == (
        Decimal("60000.1"),
        Decimal("0.25"),
        Decimal("0.40"),
    )
    assert (found.time_in_force, found.reduce_only, found.placed_at) == (
        TimeInForce.GOOD_TILL_CANCELLED,
        False,
        EARLIER,
    )
    assert (found.trigger, found.covers_position, found.order_type) == (None, False, "LIMIT")


@pytest.mark.parametrize(
    ("label", "kind", "is_market"),
    [
        ("STOP", TriggerKind.STOP_LOSS, False),
        ("STOP_MARKET", TriggerKind.STOP_LOSS, True),
        ("TAKE_PROFIT", TriggerKind.TAKE_PROFIT, False),
        ("TAKE_PROFIT_MARKET", TriggerKind.TAKE_PROFIT, True),
        ("TRAILING_STOP_MARKET", None, True),
    ],
)
def test_a_trigger_is_told_by_its_type(label: str, kind: TriggerKind | None, *, is_market: bool) -> None:
    found = one({"type": label, "origType": label, "stopPrice": "9300", "workingType": "MARK_PRICE"})
    assert found.trigger == OrderTrigger(Decimal(9300), is_market, kind, "MARK_PRICE")


@pytest.mark.parametrize(
    ("fields", "price", "trail"),
    [
        ({"activatePrice": "9020", "priceRate": "0.3"}, "9020", "0.003"),
        ({"activatePrice": "0", "priceRate": "5", "stopPrice": "8800"}, "0", "0.05"),
        ({"priceRate": "0.1"}, "0", "0.001"),
    ],
)
def test_a_trailing_stop_tells_how_far_it_follows_and_from_where(
    fields: dict[str, str], price: str, trail: str
) -> None:
    found = one({"type": "TRAILING_STOP_MARKET", "workingType": "CONTRACT_PRICE"} | fields)
    assert found.trigger == OrderTrigger(
        Decimal(price), is_market=True, kind=None, condition="CONTRACT_PRICE", trail=Decimal(trail)
    )


def test_a_triggered_stop_is_a_plain_order_that_remembers_its_type() -> None:
    found = one({"type": "MARKET", "origType": "STOP_MARKET", "stopPrice": "9300"})
    assert (found.trigger, found.order_type) == (None, "STOP_MARKET")


@pytest.mark.parametrize(
    ("kind", "executed", "state"),
    [
        ("MARKET", "0", OrderState.REJECTED),
        ("MARKET", "4", OrderState.CANCELLED),
        ("STOP_MARKET", "0", OrderState.CANCELLED),
    ],
)
def test_order_at_market_that_expired_unfilled_was_turned_away(kind: str, executed: str, state: OrderState) -> None:
    changes = {"type": "MARKET", "origType": kind, "status": "EXPIRED", "executedQty": executed}
    assert orders.order_report(encoded(ORDER | changes)).state is state


def test_an_order_for_the_whole_position_has_no_size() -> None:
    found = one({"type": "STOP_MARKET", "closePosition": True, "origQty": "0", "executedQty": "0"})
    assert (found.covers_position, found.size, found.reduce_only) == (True, Decimal(0), True)


def test_a_time_in_force_of_the_website_is_accepted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert one({"timeInForce": "GTE_GTC"}).time_in_force is None
    assert "GTE_GTC" in caplog.text


@pytest.mark.parametrize(
    ("label", "state"),
    [
        ("NEW", OrderState.OPEN),
        ("PARTIALLY_FILLED", OrderState.OPEN),
        ("FILLED", OrderState.FILLED),
        ("CANCELED", OrderState.CANCELLED),
        ("EXPIRED", OrderState.CANCELLED),
        ("REJECTED", OrderState.REJECTED),
    ],
)
def test_what_became_of_an_order(label: str, state: OrderState) -> None:
    report = orders.order_report(encoded(ORDER | {"status": label}))
    assert (report.state, report.label) == (state, label)
    assert report.changed_at == datetime(2020, 1, 17, 15, 59, 16, 999_000, UTC)


@pytest.mark.parametrize("changes", [{"status": "MELTED"}, {"side": "HOLD"}, {"orderId": "x"}, {"price": None}])
def test_an_order_that_is_not_understood_is_refused_and_not_guessed(changes: Row) -> None:
    with pytest.raises(Malformed) as caught:
        orders.order_report(encoded(ORDER | changes))
    assert (caught.type is UnknownState) == (changes.keys() <= {"status", "side"})


def test_a_fill_pays_whatever_sign_its_fee_is_printed_with() -> None:
    for sign in ("", "-"):
        (found,) = history.fills(encoded([FILL | {"commission": f"{sign}0.07819010"}]))
        assert (found.fee, found.fee_token) == (Decimal("0.07819010"), "USDT")
    assert (found.key, found.order_id, found.is_buy, found.is_taker) == ("BTCUSDT-698759", 25851813, False, True)
    assert (found.price, found.size, found.closed_pnl) == (
        Decimal("7819.01"),
        Decimal("0.002"),
        Decimal("-0.91539999"),
    )
    assert (found.time, found.direction) == (datetime(2019, 9, 26, 16, 22, 58, 20_000, UTC), "SELL")


MAKER = FILL | {"id": 2, "maker": True}


@pytest.mark.parametrize(("paid", "other"), [("-0.05", "0.02"), ("0.05", "-0.02")])
def test_a_makers_rebate_has_the_other_sign_than_what_takers_pay(paid: str, other: str) -> None:
    """Whichever sign the venue prints."""
    rows = [FILL | {"commission": paid}, MAKER | {"commission": other}, MAKER | {"id": 3, "commission": paid}]

    assert [fill.fee for fill in history.fills(encoded(rows))] == [Decimal("0.05"), Decimal("-0.02"), Decimal("0.05")]


def test_a_makers_fee_counts_as_paid_where_nothing_tells() -> None:
    for sign in ("", "-"):
        assert history.fills(encoded([MAKER | {"commission": f"{sign}0.02"}]))[0].fee == Decimal("0.02")


def test_a_list_of_known_sign_tells_rebates_by_itself() -> None:
    for commission in ("0.02", "-0.02"):
        (found,) = history.fills(encoded([MAKER | {"commission": commission}]), paid=Decimal(1))
        assert found.fee == Decimal(commission)


def test_fills_come_oldest_first_and_each_once() -> None:
    rows = [FILL | {"id": number, "time": 5000 - number} for number in (1, 2, 2, 3)]
    assert [fill.key for fill in history.fills(encoded(rows))] == ["BTCUSDT-3", "BTCUSDT-2", "BTCUSDT-1"]


def test_one_leg_of_a_hedge_is_named() -> None:
    (found,) = history.fills(encoded([FILL | {"positionSide": "SHORT"}]))
    assert found.direction == "SELL SHORT"


def test_funding_and_other_income_keep_their_sign() -> None:
    (booking,) = history.income(encoded([INCOME]))
    payment = history.funding_payment(booking)
    assert (payment.market, payment.amount, payment.time) == (
        "ETHUSDT",
        Decimal("0.00134317"),
        datetime(2021, 5, 21, 8, 0, tzinfo=UTC),
    )
    transfer = INCOME | {"symbol": "", "incomeType": "TRANSFER", "income": "-0.37500000", "tranId": 9689322392}
    entry = history.ledger_entry(history.income(encoded([transfer]))[0])
    assert (entry.key, entry.kind, entry.amount) == ("9689322392-TRANSFER", "TRANSFER", Decimal("-0.375"))
    assert (entry.asset, json.loads(entry.details)["asset"]) == ("USDT", "USDT")
    other = history.ledger_entry(history.income(encoded([transfer | {"asset": "ASTER"}]))[0])
    assert (other.asset, other.amount) == ("ASTER", Decimal("-0.375"))


def test_a_margin_move_is_signed_and_tells_who_moved_it() -> None:
    by_fill, added, removed = history.margin_moves(
        encoded(
            [
                MOVE | {"deltaType": "TRADE"},
                MOVE | {"time": MOVE["time"] + 1, "clientTranId": "mine"},
                MOVE | {"time": MOVE["time"] + 2, "type": 2},
            ]
        )
    )
    amount = Decimal("23.36332311")
    assert [(move.amount, move.by_trader) for move in (by_fill, added, removed)] == [
        (amount, False),
        (amount, True),
        (-amount, True),
    ]
    assert (added.client_id, by_fill.market) == ("mine", "BTCUSDT")
    with pytest.raises(Malformed):
        history.margin_moves(encoded([MOVE | {"type": 3}]))


def test_a_forced_order_is_an_entry_without_an_amount() -> None:
    (entry,) = history.forced_orders(encoded([FORCED]), "LIQUIDATION")
    assert (entry.key, entry.kind, entry.amount) == ("forced-6071832819", "LIQUIDATION", None)
    assert json.loads(entry.details) == FORCED


@pytest.mark.parametrize("body", [b"", b"{}", b"[null]", b'{"code":-1121,"msg":"Invalid symbol."}'])
def test_a_list_that_is_none_is_malformed(body: bytes) -> None:
    for parse in (orders.open_orders, history.fills, history.income, history.margin_moves):
        with pytest.raises(Malformed):
            parse(body)


def test_every_recorded_row_is_understood(venue_data: Path) -> None:
    def responses(name: str) -> list[Any]:
        return [sample["response"] for sample in json.loads((venue_data / "aster" / name).read_text())]

    (resting,) = orders.open_orders(encoded(responses("open_orders.json")[0]))
    assert (resting.order_type, resting.size) == ("TRAILING_STOP_MARKET", Decimal("0.40"))
    assert resting.trigger is not None
    assert (resting.trigger.price, resting.trigger.trail) == (Decimal(9020), Decimal("0.003"))
    (fill,) = history.fills(encoded(responses("user_trades.json")[0]))
    assert fill.closed_pnl == Decimal("-0.91539999")
    documented, recorded = (history.income(encoded(rows)) for rows in responses("income.json"))
    assert [row.key for row in documented] == ["9689322392-TRANSFER", "9689322392-COMMISSION"]
    assert history.funding_payment(recorded[0]).amount == Decimal("0.00134317")
    modes = json.loads((venue_data / "aster" / "leverage_margin_modes.json").read_text())
    by_request = {sample["request"]: encoded(sample["response"]) for sample in modes}
    moves = history.margin_moves(by_request["GET /fapi/v3/positionMargin/history?symbol=BTCUSDT"])
    assert [(move.amount, move.by_trader) for move in moves] == [(Decimal("23.36332311"), False), (Decimal(100), True)]
    forced = history.forced_orders(by_request["GET /fapi/v3/forceOrders"], "LIQUIDATION")
    assert [entry.key for entry in forced] == ["forced-6071832819", "forced-6072734303"]
