"""Everything that happened at the venue is in our rows, once, and what nothing explains is kept as a difference."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere, settled
from tests.trading.tickets import ticket
from trading.margin.types import MarginMode
from trading.models import (
    Difference,
    Fill,
    FormerPosition,
    FundingPayment,
    LedgerEntry,
    MarginChange,
    Order,
    Position,
    SettingChange,
    VenueAccount,
)
from trading.services.apply_history import apply_ledger
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.sync import sync_account
from trading.venues.base import AdjustMargin, CancelOrder, SetLeverage
from trading.venues.base import LedgerEntry as VenueEntry
from trading.venues.hyperliquid import frames, history
from trading.venues.streaming import LedgerFrame

OTHER = "0x" + "b0" * 20


def test_first_reading_finds_no_difference(desk: Desk) -> None:
    assert settled(desk) == []
    assert desk.reread().anchors["balance"][0] == "10000.0"


def test_deposit_funding_and_trades_explain_the_balance(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    desk.sandbox.pay_funding()
    desk.sandbox.fund(desk.account.address, "250")
    desk.sandbox.fund(desk.account.address, "-40")
    close_position(
        desk.adapter,
        desk.account,
        Position.objects.select_related("market").get(),
        mark=Decimal(86000),
        form_key=uuid4(),
    )

    assert settled(desk) == []
    assert list(LedgerEntry.objects.order_by("happened_at").values_list("kind", "amount"))[-2:] == [
        ("deposit", Decimal(250)),
        ("withdraw", Decimal(-40)),
    ]
    paid = FundingPayment.objects.get()
    assert (paid.market.name, paid.size, abs(paid.amount) > 0) == ("BTC", Decimal("0.01"), True)


def test_history_is_read_at_once_when_the_figures_do_not_add_up(desk: Desk) -> None:
    settled(desk)
    desk.sandbox.fund(desk.account.address, "250")

    assert sync_account(desk.adapter, desk.reread())

    assert LedgerEntry.objects.filter(amount=Decimal(250)).count() == 1
    assert Difference.objects.count() == 0


def test_history_is_left_alone_while_everything_adds_up(desk: Desk) -> None:
    settled(desk)
    read_at = desk.reread().history_read_at
    place_order(desk.adapter, desk.account, desk.market, ticket())

    assert sync_account(desk.adapter, desk.reread())

    assert desk.reread().history_read_at == read_at


def test_repeated_reading_stores_nothing_twice(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    desk.sandbox.pay_funding()
    settled(desk)
    counted = [model.objects.count() for model in (Fill, FundingPayment, LedgerEntry)]

    assert settled(desk, times=2) == []

    assert [model.objects.count() for model in (Fill, FundingPayment, LedgerEntry)] == counted


def test_execution_that_is_missing_is_a_difference_until_it_comes(desk: Desk) -> None:
    settled(desk)
    place_order(desk.adapter, desk.account, desk.market, ticket(size=Decimal("0.01")))
    VenueAccount.objects.update(anchors=desk.reread().anchors | {"position BTC": ["0.004", _now(), 0]})

    assert settled(desk) == [("position", "0.004", "0.01", "")]
    assert settled(desk) == [("position", "0.004", "0.01", "Not explained; the venue's figure was taken.")]
    assert settled(desk, times=2) == [("position", "0.004", "0.01", "Not explained; the venue's figure was taken.")]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def test_money_that_moved_without_a_booking_is_a_difference(desk: Desk) -> None:
    settled(desk)
    VenueAccount.objects.update(anchors={"balance": ["9990", _now(), 0]})

    assert [row[:3] for row in settled(desk)] == [("balance", "9990", "10000")]
    assert Difference.objects.get().healed_at is None

    settled(desk)
    assert Difference.objects.get().healed_at is not None


def test_difference_that_late_history_explains_says_so(desk: Desk) -> None:
    settled(desk)
    at = datetime.now(UTC)
    VenueAccount.objects.update(anchors={"balance": ["9990", at.isoformat(), 0]})
    settled(desk)

    late = VenueEntry("late", "deposit", at + timedelta(microseconds=1), Decimal(10), "{}")
    apply_ledger(desk.account, [late, late])

    assert [row[3] for row in settled(desk)] == ["Explained by events that arrived later."]


@pytest.mark.parametrize("kind", ["internalTransfer", "send"])
def test_transfer_from_another_has_its_amount_whether_streamed_or_read(desk: Desk, kind: str) -> None:
    address, at = desk.account.address.lower(), 1790951246000
    delta = {"type": kind, "user": OTHER, "destination": address, "fee": "1.0"}
    delta |= {"usdc": "20.0"} if kind == "internalTransfer" else {"token": "USDC", "amount": "20.0"}
    streamed = [{"time": at, "hash": "0xabc", "delta": delta}]
    told = {"user": address, "nonFundingLedgerUpdates": streamed}
    frame = frames.parse(json.dumps({"channel": "userNonFundingLedgerUpdates", "data": told}))
    assert isinstance(frame, LedgerFrame)
    reordered = [{"delta": dict(reversed(delta.items())), "hash": "0xabc", "time": at}]

    apply_ledger(desk.account, frame.entries)
    apply_ledger(desk.account, history.ledger(json.dumps(reordered).encode(), address))

    assert [row.amount for row in LedgerEntry.objects.filter(kind=kind)] == [Decimal(20)]


def test_amount_that_was_not_known_at_first_is_completed_and_never_changed(desk: Desk) -> None:
    at = datetime.now(UTC)
    for amount in (None, Decimal(10), None, Decimal(11)):
        apply_ledger(desk.account, [VenueEntry("one", "send", at, amount, "{}")])

    assert LedgerEntry.objects.get(key="one").amount == Decimal(10)


def test_margin_moved_elsewhere_is_kept_as_a_margin_change(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    settled(desk)
    elsewhere(desk, AdjustMargin(desk.market.rules, is_buy=True, amount=Decimal(30)))

    assert settled(desk) == [("margin", *_figures(), "Moved outside of this platform; kept as a margin change.")]
    change = MarginChange.objects.get()
    assert (change.amount, change.command) == (Decimal(30), None)
    assert len(settled(desk, times=2)) == 1


def _figures() -> tuple[str, str]:
    row = Difference.objects.get()
    assert Decimal(row.venues) - Decimal(row.ours) == Decimal(30)
    return row.ours, row.venues


def test_margin_moved_by_us_is_no_difference(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=uuid4())
    change_margin(
        desk.adapter,
        desk.account,
        Position.objects.select_related("market", "account").get(),
        amount=Decimal(-20),
        form_key=uuid4(),
    )

    assert settled(desk, times=2) == []
    assert sorted(MarginChange.objects.values_list("amount", flat=True)) == [Decimal(-20), Decimal(50)]


def test_leverage_changed_elsewhere_is_on_record(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    elsewhere(desk, SetLeverage(desk.market.rules, MarginMode.ISOLATED, 8))
    settled(desk)

    change = SettingChange.objects.get()
    assert (change.leverage_before, change.leverage, change.command) == (5, 8, None)


def test_order_cancelled_elsewhere_says_how_it_ended(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    elsewhere(desk, CancelOrder(desk.market.rules, order.venue_id))

    assert [row[:3] for row in settled(desk)] == [("order", "resting", "canceled")]
    order.refresh_from_db()
    assert (order.is_open, order.end) == (False, "canceled")
    assert Difference.objects.get().healed_at is not None


def test_order_that_we_cancelled_or_that_was_filled_is_no_difference(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(81000)))
    cancelled = Order.objects.select_related("market").get(limit_price=Decimal(80000))
    cancel_order(desk.adapter, desk.account, cancelled, form_key=uuid4())
    desk.sandbox.mark("BTC", "80500")

    assert settled(desk) == []
    assert Order.objects.get(limit_price=Decimal(81000)).end == "filled"


def test_position_is_kept_as_it_was_when_it_goes(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market").get()
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    former = FormerPosition.objects.get()
    assert (former.size, former.leverage, former.liquidation_price) == (
        held.size,
        held.leverage,
        held.liquidation_price,
    )


def test_account_that_rests_costs_few_statements(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    settled(desk)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert sync_account(desk.adapter, desk.reread())

    statements = [
        query["sql"] for query in captured.captured_queries if not query["sql"].startswith(("SAVE", "RELEASE"))
    ]
    assert len(statements) <= 32, "\n".join(sql[:120] for sql in statements)
