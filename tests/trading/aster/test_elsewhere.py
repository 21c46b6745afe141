"""What is done at a venue with another tool appears by itself, at either venue: on record, counted and taken over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.aster.another_tool import Elsewhere, trader
from tests.trading.tickets import ticket
from trading.live.told import Told
from trading.margin.types import MarginMode, Side
from trading.models import (
    Difference,
    Fill,
    FundingPayment,
    LedgerEntry,
    MarginChange,
    Order,
    Position,
    Preference,
    Setting,
    SettingChange,
    VenueAccount,
)
from trading.panels.orders import build_orders
from trading.portfolio import desk_of
from trading.services import carrying, commands, executions, sync
from trading.services.apply_account import SET_ELSEWHERE
from trading.services.apply_orders import apply_orders
from trading.services.differences import MOVED_ELSEWHERE, TAKEN
from trading.services.endings import ASKED_IN_VAIN, NOT_TOLD
from trading.services.looks import Came
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.streamed import apply_reports, store
from trading.services.sync import sync_account
from trading.venues.base import (
    AdjustMargin,
    CancelOrder,
    OrderReport,
    OrderState,
    PlaceOrder,
    SetLeverage,
    Venue,
)
from trading.venues.errors import Rejected, Unavailable

__all__ = ["trader"]


def test_leverage_set_elsewhere_is_on_record_and_counted(trader: Elsewhere) -> None:
    trader.hold()
    trader.do(SetLeverage(trader.market.rules, MarginMode.ISOLATED, 20))

    assert trader.read(2) == [("setting", "isolated 10x", "isolated 20x", SET_ELSEWHERE)]
    change = SettingChange.objects.get()
    assert (change.leverage_before, change.leverage, change.command) == (10, 20, None)
    assert (Position.objects.get().leverage, Difference.objects.get().healed_at is not None) == (20, True)


def test_leverage_that_we_set_is_no_difference(trader: Elsewhere) -> None:
    trader.hold()
    place_order(trader.adapter, trader.account, trader.market, ticket(size=Decimal("0.02"), leverage=20))

    assert trader.read() == []
    assert SettingChange.objects.get().command is not None


def test_mode_set_elsewhere_is_on_record_and_counted(trader: Elsewhere) -> None:
    """No venue changes the mode of an open position: it went, and another one in the other mode came."""
    trader.hold()
    with pytest.raises(Rejected):
        trader.do(SetLeverage(trader.market.rules, MarginMode.CROSS, 10))
    assert trader.read() == []
    trader.trade("-0.02")
    trader.do(SetLeverage(trader.market.rules, MarginMode.CROSS, 7))
    trader.trade("0.02")

    assert trader.read(2) == [("setting", "isolated 10x", "cross 7x", SET_ELSEWHERE)]
    change = SettingChange.objects.get()
    assert (change.mode_before, change.mode, change.leverage, change.command) == ("isolated", "cross", 7, None)
    held = Position.objects.get()
    assert (held.mode, held.leverage) == ("cross", 7)


def test_margin_moved_elsewhere_is_a_margin_change(trader: Elsewhere) -> None:
    trader.hold()
    trader.do(AdjustMargin(trader.market.rules, is_buy=True, amount=Decimal(30)))

    ((kind, ours, venues, explanation),) = trader.read(2)
    assert (kind, Decimal(venues) - Decimal(ours), explanation) == ("margin", Decimal(30), MOVED_ELSEWHERE)
    change = MarginChange.objects.get()
    assert (change.amount, change.command) == (Decimal(30), None)


def test_funding_makes_nobody_wait_for_executions_and_a_trade_does(trader: Elsewhere) -> None:
    """All isolated positions of a market are funded at once."""
    trader.hold()
    cash = Position.objects.get().cash
    trader.sandbox.pay_funding(trader.venue)

    assert trader.look() == (Came.READ, False)
    assert Position.objects.get().cash != cash
    trader.sandbox.pay_funding(trader.venue)
    trader.trade("0.01")
    assert trader.look() == (Came.MOVED, True)


def test_margin_moved_elsewhere_between_fundings_is_found_by_the_look_that_can_tell_and_recorded(
    trader: Elsewhere,
) -> None:
    """Only Hyperliquid shows the funding that a position paid; at both the next whole reading tells the two apart."""
    trader.hold()
    trader.sandbox.pay_funding(trader.venue)
    trader.do(AdjustMargin(trader.market.rules, is_buy=True, amount=Decimal(30)))

    is_told = trader.venue == "hyperliquid"
    assert trader.look() == ((Came.MOVED, True) if is_told else (Came.READ, False))
    assert sync_account(trader.adapter, trader.account)
    change = MarginChange.objects.get()
    assert (change.amount, FundingPayment.objects.count()) == (Decimal(30), 1)
    assert trader.look() == (Came.READ, False)


def test_trades_funding_and_transfers_appear_and_explain_themselves(trader: Elsewhere) -> None:
    trader.read(2)
    before = LedgerEntry.objects.filter(account=trader.account_id).count()
    trader.trade("0.02")
    trader.sandbox.pay_funding(trader.venue)
    trader.sandbox.fund(trader.account.address, "250", venue=trader.venue)
    trader.trade("-0.01")

    assert trader.read(2) == []
    fills = Fill.objects.order_by("happened_at", "pk").values_list("is_buy", "size")
    assert list(fills) == [(True, Decimal("0.02")), (False, Decimal("0.01"))]
    assert (Position.objects.get().size, FundingPayment.objects.count()) == (Decimal("0.01"), 1)
    assert LedgerEntry.objects.filter(account=trader.account_id).count() == before + 1


def test_order_cancelled_elsewhere_is_counted_and_gone(trader: Elsewhere) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    trader.do(CancelOrder(trader.market.rules, order.venue_id))

    ((kind, ours, _, _),) = trader.read(2)
    assert (kind, ours, Difference.objects.get().healed_at is not None) == ("order", "resting", True)
    order.refresh_from_db()
    assert (order.is_open, order.end.lower()) == (False, "canceled")  # each venue's own word


def test_order_cancelled_elsewhere_while_it_is_followed_is_counted_once(trader: Elsewhere) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    trader.do(CancelOrder(trader.market.rules, order.venue_id))

    for _ in range(2):
        assert store(trader.adapter, trader.account, told_of(trader, order))

    ((kind, ours, venues, _),) = trader.read()
    assert (kind, ours, venues.lower()) == ("order", "resting", "canceled")


def test_process_that_dies_between_an_end_and_its_count_has_stored_neither(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    trader.do(CancelOrder(trader.market.rules, order.venue_id))
    told = told_of(trader, order)
    with monkeypatch.context() as dying:
        dying.setattr(Difference, "save", die)
        with pytest.raises(KeyboardInterrupt):
            store(trader.adapter, trader.account, told)
    assert list(Order.objects.values_list("is_open", "end")) == [(True, "")]

    ((kind, ours, venues, _),) = trader.read(2)
    assert (kind, ours, venues.lower()) == ("order", "resting", "canceled")


def test_process_that_dies_before_it_has_said_how_an_order_ended_leaves_that_to_the_next_reading(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    trader.do(CancelOrder(trader.market.rules, Order.objects.get().venue_id))
    with monkeypatch.context() as dying:
        dying.setattr(sync, "tell_endings", die)
        with pytest.raises(KeyboardInterrupt):
            trader.read()
    assert list(Order.objects.values_list("is_open", "end")) == [(False, "")]

    ((kind, ours, venues, _),) = trader.read(2)
    assert (kind, ours, venues.lower()) == ("order", "resting", "canceled")


@pytest.mark.parametrize(("since", "end"), [(timedelta(0), ""), (2 * ASKED_IN_VAIN, NOT_TOLD)])
def test_venue_that_does_not_say_how_an_order_ended_is_asked_again_for_an_hour(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch, since: timedelta, end: str
) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    trader.do(CancelOrder(trader.market.rules, Order.objects.get().venue_id))
    monkeypatch.setattr(type(trader.adapter), "order_status", silent)
    trader.read()
    assert (Order.objects.get().end, Difference.objects.count()) == ("", 0)

    Order.objects.update(seen_at=timezone.now() - since)
    trader.read()
    assert (Order.objects.get().end, Difference.objects.count()) == (end, bool(end))


def silent(*_: object, **__: object) -> None:
    raise Unavailable("silent")


def die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("is_heard", [False, True])
def test_end_that_a_stream_tells_of_an_order_that_we_cancel_is_no_difference(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    """A list that was asked for while the cancel was on its way, or just after, still had the order."""
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(carrying, "sync_after_command", lambda *_: None)
    if not is_heard:
        trader.sandbox.fault("drop_after", "DELETE order" if trader.venue == "aster" else "cancel", count=1)
    order = Order.objects.select_related("market").get()
    assert cancel_order(trader.adapter, trader.account, order, form_key=uuid4()).is_settled == is_heard
    Order.objects.update(seen_at=timezone.now())

    assert store(trader.adapter, trader.account, told_of(trader, order))

    assert (trader.read(), Order.objects.get().end.lower()) == ([], "canceled")


@pytest.mark.parametrize("is_streamed", [False, True])
def test_order_that_its_position_took_along_is_no_difference(trader: Elsewhere, is_streamed: bool) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket())
    waiting = ticket(form_key=uuid4(), side=Side.SHORT, reduce_only=True, limit_price=Decimal(95000))
    place_order(trader.adapter, trader.account, trader.market, waiting)
    order, held = Order.objects.get(), Position.objects.select_related("market", "account").get()
    close_position(trader.adapter, trader.account, held, mark=held.mark_price, form_key=uuid4())

    if is_streamed:
        Order.objects.update(is_open=True, end="")
        assert store(trader.adapter, trader.account, told_of(trader, order))

    assert trader.read() == []
    assert (Order.objects.get().is_open, Order.objects.get().end in trader.adapter.taken_along) == (False, True)


def told_of(trader: Elsewhere, order: Order) -> Told:
    """What a stream tells of one order: what the venue answers about it."""
    report = trader.adapter.order_status(trader.account.address, order.venue_id, market=trader.market.rules)
    return Told(reports={order.venue_id: report})


def test_order_that_came_and_went_between_two_lists_is_kept_and_not_revived(trader: Elsewhere) -> None:
    """The venue tells its end as it tells that of any order; the list was asked for while it rested."""
    rules, address = trader.market.rules, trader.account.address
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    began, listed = timezone.now(), trader.adapter.open_orders(address)
    rests = trader.adapter.order_status(address, listed[0].order_id, market=rules)
    trader.do(CancelOrder(rules, listed[0].order_id))

    ended = trader.adapter.order_status(address, listed[0].order_id, market=rules)
    assert apply_reports(trader.account, [ended]).are_known
    apply_orders(trader.account, listed, began)

    order = Order.objects.get()
    assert (order.venue_id, order.limit_price, order.size) == (listed[0].order_id, Decimal(80000), Decimal("0.01"))
    assert (order.is_open, order.end.lower()) == (False, "canceled")
    assert not apply_reports(trader.account, [rests]).are_known  # either an old word, or one that a list has to tell


@pytest.mark.parametrize("is_streamed", [False, True])
def test_order_made_elsewhere_reserves_by_what_is_set_in_its_market(trader: Elsewhere, is_streamed: bool) -> None:
    """Nothing was ever held or chosen there, so the venue is asked what is set; once."""
    rules, owner, venue = trader.market.rules, trader.account.trader, Venue(trader.venue)
    trader.read()
    trader.do(SetLeverage(rules, MarginMode.ISOLATED, 16))
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    if is_streamed:
        told = Told(orders=trader.adapter.open_orders(trader.account.address), orders_at=timezone.now())
        assert store(trader.adapter, trader.account, told)
    else:
        trader.read()

    assert desk_of(owner, venue).engine.order_margin == Decimal("0.01") * 80000 / 16
    told_at = Setting.objects.get().told_at
    trader.read()
    assert Setting.objects.get().told_at == told_at


def test_figures_that_were_told_are_kept_though_the_reading_they_call_for_is_not_answered(trader: Elsewhere) -> None:
    trader.hold()
    trader.trade("0.01")
    before, snapshot = trader.account.synced_at, trader.adapter.account(trader.account.address)
    trader.sandbox.fault("error_before", "any", probability=1.0)

    is_read = store(trader.adapter, trader.account, Told(snapshot=snapshot, must_read=True))

    trader.sandbox.clear_faults()
    assert not is_read
    assert before is not None
    assert trader.account.synced_at == snapshot.received_at > before
    assert Position.objects.get().size == Decimal("0.03")
    assert trader.account.behind_since is not None


def test_order_reserves_by_what_is_set_and_not_by_what_its_trader_wished(trader: Elsewhere) -> None:
    rules, owner, venue = trader.market.rules, trader.account.trader, Venue(trader.venue)
    Preference(trader=owner, market=trader.market, mode="cross", leverage=3).save()
    trader.do(SetLeverage(rules, MarginMode.ISOLATED, 16))
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    trader.read()

    desk = desk_of(owner, venue)
    assert desk.engine.order_margin == Decimal("0.01") * 80000 / 16
    assert [row.mode_label for row in build_orders(desk)] == ["Isolated"]


def test_order_in_a_market_of_which_nothing_is_known_reserves_at_most_all_it_is_worth(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader.do(PlaceOrder(trader.market.rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    monkeypatch.setattr(executions, "leave_room", lambda *_: False)
    trader.read()

    assert desk_of(trader.account.trader, Venue(trader.venue)).engine.order_margin == Decimal(800)
    assert not Setting.objects.exists()


def test_order_that_the_venue_turned_away_never_was_one(trader: Elsewhere) -> None:
    rules, address = trader.market.rules, trader.account.address
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    (listed,) = trader.adapter.open_orders(address)

    for state, label in ((OrderState.REJECTED, "rejected"), (OrderState.FILLED, "any word")):
        assert apply_reports(trader.account, [OrderReport(state, label, listed, timezone.now())]).are_known

    assert [order.end for order in Order.objects.all()] == ["filled"]


@pytest.mark.parametrize(
    ("subject", "forge", "kind"),
    [
        ("position {market}", lambda value: value / 2, "position"),
        ("balance", lambda value: value - 10, "balance"),
    ],
)
def test_what_nothing_explains_is_counted_and_the_venue_is_right(
    trader: Elsewhere, subject: str, forge: Callable[[Decimal], Decimal], kind: str
) -> None:
    trader.hold()
    anchors = trader.account.anchors
    name = subject.format(market=trader.market_name)
    found = Decimal(anchors[name][0])
    anchors[name] = [f"{forge(found):f}", datetime.now(UTC).isoformat(), anchors[name][2]]
    VenueAccount.objects.filter(pk=trader.account_id).update(anchors=anchors)

    assert [row[0] for row in trader.read()] == [kind]
    assert Difference.objects.get().healed_at is None
    assert [row[3] for row in trader.read(2)] == [TAKEN]
    assert Decimal(trader.account.anchors[name][0]) == found
