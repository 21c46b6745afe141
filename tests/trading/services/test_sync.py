"""What the venue said last is what our rows say, in whatever order its answers are stored."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere, settled
from tests.trading.tickets import ticket
from trading.models import Command, Difference, Fill, MarginChange, Market, Order, Position
from trading.models.commands import CommandState
from trading.services import carrying, executions
from trading.services.apply_account import apply_snapshot
from trading.services.apply_history import apply_fills
from trading.services.apply_orders import apply_orders
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.services.readings import ReadingKind
from trading.services.streamed import apply_reports
from trading.services.sync import sync_account
from trading.venues.base import AccountSnapshot, AdjustMargin, CancelOrder, OpenOrder
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.snapshots import Network, Venue


def test_older_snapshot_never_overwrites_a_newer_one(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    before = desk.adapter.account(desk.account.address)
    close_position(
        desk.adapter,
        desk.account,
        Position.objects.select_related("market").get(),
        mark=Decimal(86000),
        form_key=uuid4(),
    )

    assert not apply_snapshot(desk.account, before)

    assert not Position.objects.exists()


def test_list_of_orders_read_before_a_cancellation_does_not_revive_the_order(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    began = timezone.now()
    old = desk.adapter.open_orders(desk.account.address)
    cancel_order(desk.adapter, desk.account, Order.objects.select_related("market").get(), form_key=uuid4())

    apply_orders(desk.account, old, began)

    assert not Order.objects.filter(is_open=True).exists()


def test_list_asked_for_before_an_end_was_told_does_not_revive_the_order(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order, began = Order.objects.get(), timezone.now()
    old = desk.adapter.open_orders(desk.account.address)
    command = CancelOrder(desk.market.rules, order.venue_id)
    desk.adapter.send(desk.adapter.sign(command, nonce=int(timezone.now().timestamp() * 1000)))
    told = desk.adapter.order_status(desk.account.address, order.venue_id, market=desk.market.rules)

    assert apply_reports(desk.account, [told]).are_known
    apply_orders(desk.account, old, began)

    assert not Order.objects.get().is_open
    assert Order.objects.get().seen_at > began


def test_fill_that_comes_twice_is_stored_once(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    fills = desk.adapter.fills(desk.account.address, timezone.now() - timedelta(hours=1))

    apply_fills(desk.account, [*reversed(fills), *fills])

    assert Fill.objects.count() == len(fills) == 1


def test_what_happened_elsewhere_appears_by_itself(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    desk.sandbox.mark("BTC", "70000")

    assert sync_account(desk.adapter, desk.account)

    assert not Position.objects.exists()
    liquidated = Fill.objects.exclude(liquidation="").get()
    assert (liquidated.liquidation, liquidated.liquidation_mark_price) in (
        ("market", Decimal(70000)),
        ("backstop", Decimal(70000)),
    )


def test_margin_change_is_recorded_with_the_price_it_led_to(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()

    change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=uuid4())

    change = MarginChange.objects.get()
    assert change.liquidation_before == held.liquidation_price
    assert change.liquidation_after == Position.objects.get().liquidation_price < change.liquidation_before


def test_margin_change_that_undoes_another_is_recorded_with_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the two the venue shows no trace, and each is too young to be certain without."""
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    elsewhere(desk, AdjustMargin(desk.market.rules, is_buy=True, amount=Decimal(50)))  # the venue lets none go without
    known = settled(desk)
    monkeypatch.setattr(carrying, "sync_after_command", lambda *_: None)
    for amount in (Decimal(10), Decimal(-10)):
        held = Position.objects.select_related("market", "account").get()
        command = change_margin(desk.adapter, desk.account, held, amount=amount, form_key=uuid4())
        assert command.state == CommandState.ACCEPTED
    ours = MarginChange.objects.exclude(command=None).order_by("pk")
    assert not ours.exists()

    Command.objects.filter(kind="margin").update(settled_at=timezone.now())
    assert settled(desk) == known
    Command.objects.filter(kind="margin").update(settled_at=timezone.now() - timedelta(minutes=1))
    assert settled(desk) == known
    assert list(ours.values_list("amount", flat=True)) == [10, -10]


def test_silent_venue_leaves_the_rows_and_says_why(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    desk.sandbox.fault("drop_before", "any", count=3)

    assert not sync_account(desk.adapter, desk.account)

    assert desk.reread().sync_problem
    assert Position.objects.count() == 1


def orders(desk: Desk) -> tuple[OpenOrder, ...]:
    return desk.adapter.open_orders(desk.account.address)


def open_in(market: Market) -> list[Decimal]:
    return list(Order.objects.filter(market=market, is_open=True).values_list("limit_price", flat=True))


def test_list_of_one_market_closes_no_order_of_another(desk: Desk) -> None:
    ether = Market.objects.get(name="ETH", venue="hyperliquid")
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    place_order(desk.adapter, desk.account, ether, ticket(limit_price=Decimal(2000), form_key=uuid4()))
    of_bitcoin = [order for order in orders(desk) if order.market == "BTC"]

    assert apply_orders(desk.account, of_bitcoin, timezone.now(), only=[desk.market]) == []
    assert (open_in(desk.market), open_in(ether)) == ([Decimal(80000)], [Decimal(2000)])
    gone = apply_orders(desk.account, [], timezone.now(), only=[ether])

    assert gone is not None
    assert [row.market for row in gone] == [ether]
    assert (open_in(desk.market), open_in(ether)) == ([Decimal(80000)], [])


def test_whole_list_says_nothing_of_orders_that_were_read_later(desk: Desk) -> None:
    ether = Market.objects.get(name="ETH", venue="hyperliquid")
    began = timezone.now()
    before = orders(desk)
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    later = timezone.now()
    both = orders(desk)
    place_order(desk.adapter, desk.account, ether, ticket(limit_price=Decimal(2000), form_key=uuid4()))

    assert apply_orders(desk.account, before, began) == []
    assert (open_in(desk.market), open_in(ether)) == ([Decimal(80000)], [Decimal(2000)])
    cancel_order(
        desk.adapter, desk.account, Order.objects.select_related("market").get(market=desk.market), form_key=uuid4()
    )
    assert apply_orders(desk.account, both, later) == []
    assert (open_in(desk.market), open_in(ether)) == ([], [Decimal(2000)])


def test_what_was_executed_elsewhere_is_read_with_the_next_command(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    desk.sandbox.mark("BTC", "79000")
    assert not Fill.objects.exists()
    desk.sandbox.mark("BTC", "86000")
    ether = Market.objects.get(name="ETH", venue="hyperliquid")

    place_order(desk.adapter, desk.account, ether, ticket(limit_price=Decimal(2000), form_key=uuid4()))

    assert [row.market for row in Position.objects.select_related("market")] == [desk.market]
    assert [row.market for row in Fill.objects.select_related("market")] == [desk.market]
    assert (open_in(desk.market), open_in(ether)) == ([], [Decimal(2000)])


@pytest.mark.parametrize(("silent", "end"), [(["userFillsByTime"], "filled"), (["userFillsByTime", "orderStatus"], "")])
def test_orders_that_left_the_list_are_told_though_the_rest_was_not_answered(
    desk: Desk, silent: list[str], end: str
) -> None:
    """Nothing is said of how they ended where the venue keeps silent about that too: they may have been filled."""
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    desk.sandbox.mark("BTC", "79000")
    for request in silent:
        desk.sandbox.fault("error_before", request, count=30)

    assert not sync_account(desk.adapter, desk.account, frozenset({ReadingKind.ACCOUNT, ReadingKind.ORDERS}))

    order = Order.objects.get()
    assert (order.is_open, order.end, Difference.objects.count()) == (False, end, 0)
    assert list(executions.waiting(Venue.HYPERLIQUID, Network.TESTNET)) == [desk.account.pk]


@pytest.mark.parametrize("error", [ArithmeticError, TypeError, ValueError, LookupError])
def test_command_stands_whatever_the_reading_after_it_meets(
    desk: Desk, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(*_: object, **__: object) -> AccountSnapshot:
        raise error("figures that make no sense")

    monkeypatch.setattr(HyperliquidAdapter, "account", spoilt)

    command = place_order(desk.adapter, desk.account, desk.market, ticket())

    assert Command.objects.get(pk=command.pk).state == CommandState.ACCEPTED
