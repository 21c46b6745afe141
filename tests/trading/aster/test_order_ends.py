"""How orders ended that are gone: what nobody of ours brought about is counted once, whoever tells it or dies."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.aster.another_tool import Elsewhere, trader
from tests.trading.tickets import ticket
from trading.live.told import Told
from trading.margin.types import Side
from trading.models import Difference, Order, Position
from trading.services import carrying, commands, sync
from trading.services.apply_history import apply_fills
from trading.services.apply_orders import apply_orders
from trading.services.endings import ASKED_IN_VAIN, NOT_TOLD, tell_endings
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.streamed import apply_reports, store
from trading.venues.base import CancelOrder, PlaceOrder, Venue
from trading.venues.errors import Unavailable

__all__ = ["trader"]


def test_order_cancelled_elsewhere_is_counted_and_gone(trader: Elsewhere) -> None:
    order = cancelled_elsewhere(trader)

    ((kind, ours, _, _),) = trader.read(2)
    assert (kind, ours, Difference.objects.get().healed_at is not None) == ("order", "resting", True)
    order.refresh_from_db()
    assert (order.is_open, order.end.lower()) == (False, "canceled")  # each venue's own word


def test_order_cancelled_elsewhere_while_it_is_followed_is_counted_once(trader: Elsewhere) -> None:
    order = cancelled_elsewhere(trader)

    for _ in range(2):
        assert store(trader.adapter, trader.account, told_of(trader, order))

    ((kind, ours, venues, _),) = trader.read()
    assert (kind, ours, venues.lower()) == ("order", "resting", "canceled")


def test_process_that_dies_between_an_end_and_its_count_has_stored_neither(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = told_of(trader, cancelled_elsewhere(trader))
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
    cancelled_elsewhere(trader)
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
    cancelled_elsewhere(trader)
    monkeypatch.setattr(type(trader.adapter), "order_status", silent)
    trader.read()
    assert (Order.objects.get().end, Difference.objects.count()) == ("", 0)

    Order.objects.update(seen_at=timezone.now() - since)
    trader.read()
    assert (Order.objects.get().end, Difference.objects.count()) == (end, bool(end))


def test_end_that_nobody_has_told_yet_is_counted_where_a_stream_tells_it(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = told_of(trader, cancelled_elsewhere(trader))
    with monkeypatch.context() as asking:
        asking.setattr(type(trader.adapter), "order_status", silent)
        assert trader.read() == []

    for _ in range(2):
        assert store(trader.adapter, trader.account, told)

    ((kind, ours, venues, _),) = trader.read()
    assert (kind, ours, venues.lower()) == ("order", "resting", "canceled")


def test_order_that_an_older_list_revives_while_its_end_is_told_rests_no_longer_than_until_the_next_list(
    trader: Elsewhere,
) -> None:
    """A list that was made before the order was filled comes after one that was asked for later."""
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    address = trader.account.address
    before, began = trader.adapter.open_orders(address), timezone.now()
    trader.sandbox.mark(trader.market_name, "79000", Venue(trader.venue))
    gone = apply_orders(trader.account, trader.adapter.open_orders(address), began)
    assert gone
    apply_orders(trader.account, before, began + timedelta(microseconds=1))
    apply_fills(trader.account, trader.adapter.fills(address, began - timedelta(hours=1)))

    tell_endings(trader.adapter, trader.account, gone)
    assert list(Order.objects.values_list("is_open", "end")) == [(True, "")]

    assert trader.read() == []
    assert list(Order.objects.values_list("is_open", "end")) == [(False, "filled")]


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


def cancelled_elsewhere(trader: Elsewhere) -> Order:
    """An order that rests in our rows, and that another tool has cancelled since."""
    place_order(trader.adapter, trader.account, trader.market, ticket(limit_price=Decimal(80000)))
    order: Order = Order.objects.get()
    trader.do(CancelOrder(trader.market.rules, order.venue_id))
    return order


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
