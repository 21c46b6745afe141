"""Changing an order of which a part is filled: the venue counts that part in, the trader does not."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from tests.trading.aster.fates import proven_after_its_end
from tests.trading.aster.people import AsterTrader, elsewhere, sit_down
from trading.connect import account_adapter, trading_adapter
from trading.live.told import Told
from trading.models import Command, Order, VenueAccount
from trading.models.commands import CommandState
from trading.services import commands
from trading.services.effects import effect
from trading.services.order_effects import stood_before
from trading.services.orders import modify_order
from trading.services.reconcile import prove
from trading.services.streamed import store
from trading.venues.errors import InvalidCommand

WANTED = Decimal("0.04")
MOMENT = timedelta(milliseconds=50)


@pytest.fixture
def order(ready: AsterTrader) -> Iterator[Order]:
    """A buy of 0.05 between bid and ask, of which somebody else has taken 0.02. Nothing of it stays in the book."""
    yield _partly_filled(ready)
    ready.sandbox.clear_faults()
    elsewhere(ready, "DELETE", "allOpenOrders", "symbol=BTCUSDT")


def _partly_filled(trader: AsterTrader) -> Order:
    trader.order(kind="limit", price="86000", size="0.05")
    other = sit_down(trader.sandbox, "bob@alpha.example")
    other.become_ready()
    other.order(kind="limit", price="86000", size="0.02", side="short")
    trader.sync()
    order: Order = Order.objects.get(account=trader.account, is_open=True)
    assert (order.original_size, order.size) == (Decimal("0.05"), Decimal("0.03"))
    return order


def change(trader: AsterTrader, order: Order, **fields: str) -> str:
    form = {"form_key": str(uuid4()), "price": f"{order.limit_price - 10:f}", "size": f"{WANTED:f}", **fields}
    return trader.send(f"/orders/{order.pk}/change/now/", form)


def test_size_of_a_change_is_what_is_left_to_fill(ready: AsterTrader, order: Order) -> None:
    filled = order.original_size - order.size
    dialog = ready.browser.get(f"/orders/{order.pk}/change/").content.decode()
    assert "Left to fill" in dialog
    assert f'name="filled" value="{filled.normalize():f}"' in dialog

    change(ready, order)

    (theirs,) = account_adapter(ready.account).open_orders(ready.address)
    assert (theirs.size, theirs.original_size, theirs.limit_price) == (WANTED, filled + WANTED, order.limit_price - 10)
    order.refresh_from_db()
    assert (order.size, order.original_size) == (WANTED, filled + WANTED)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_unheard_change_ends_with_the_size_that_was_left_to_fill(
    ready: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    ready.sandbox.fault(fault, "PUT order", count=1)
    change(ready, order)
    command = Command.objects.select_related("account", "market").get(kind="modify")
    assert command.state == CommandState.UNKNOWN

    assert prove(account_adapter(command.account), command)

    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED
    (theirs,) = account_adapter(ready.account).open_orders(ready.address)
    assert (theirs.size, theirs.original_size) == (WANTED, Decimal("0.02") + WANTED)


def test_order_as_it_was_proves_no_change_to_the_size_it_began_with(
    ready: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    ready.sandbox.fault("drop_before", "PUT order", count=1)
    change(ready, order, price="86000", size="0.05")
    command = Command.objects.select_related("account", "market").get(kind="modify")

    assert command.state == CommandState.UNKNOWN
    assert effect(account_adapter(command.account), command).state is None


@pytest.mark.parametrize(
    ("fault", "price", "size"),
    [("drop_after", "85950", "0.06"), ("drop_before", "86000", "0.07"), ("drop_after", "85990", "0.07")],
)
def test_change_that_another_one_hides_is_called_neither_done_nor_dead(
    ready: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch, fault: str, price: str, size: str
) -> None:
    lost = lose_a_change(ready, order, monkeypatch, fault)
    changed = elsewhere(ready, "PUT", "order", f"symbol=BTCUSDT&orderId={order.venue_id}&quantity={size}&price={price}")
    assert (Decimal(changed["price"]), Decimal(changed["origQty"])) == (Decimal(price), Decimal(size))

    assert proven_after_its_end(ready, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.UNPROVEN
    assert "changed again since" in lost.message


def test_change_that_never_came_is_dead_though_more_was_filled_since(
    ready: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_a_change(ready, order, monkeypatch, "drop_before")
    other = sit_down(ready.sandbox, "carol@alpha.example")
    other.become_ready()
    other.order(kind="limit", price="86000", size="0.01", side="short")

    assert proven_after_its_end(ready, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.DEAD


def test_change_that_was_carried_out_is_told_from_the_order_as_it_was(
    ready: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_a_change(ready, order, monkeypatch, "drop_after")
    assert (Decimal(lost.before["price"]), Decimal(lost.before["size"])) == (Decimal(86000), Decimal("0.05"))

    assert proven_after_its_end(ready, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.ACCEPTED


@pytest.mark.parametrize(
    ("fault", "state"), [("drop_after", CommandState.ACCEPTED), ("drop_before", CommandState.DEAD)]
)
@pytest.mark.parametrize("price", [86000, 85980])
@pytest.mark.parametrize("is_listed_late", [False, True])
def test_change_after_one_that_no_reading_has_shown_is_told_from_it(
    ready: AsterTrader,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    state: str,
    price: int,
    *,
    is_listed_late: bool,
) -> None:
    """Back to the price at which the order was seen last, or on to a third. The venue may go on listing it as it was
    for a moment."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    seen_before = Order.objects.select_related("market").get(pk=order.pk)
    first = change_seen(seen_before, 85990)
    assert first.state == CommandState.ACCEPTED
    if is_listed_late and first.settled_at is not None:
        seen_before.seen_at = first.settled_at + MOMENT
    ready.sandbox.fault(fault, "PUT order", count=1)
    lost = change_seen(seen_before, price)
    assert lost.state == CommandState.UNKNOWN

    assert proven_after_its_end(ready, lost)

    lost.refresh_from_db()
    assert lost.state == state


def test_what_is_shown_after_a_change_and_is_none_of_ours_stands(ready: AsterTrader, order: Order) -> None:
    first = change_seen(Order.objects.select_related("market").get(pk=order.pk), 85990)
    assert first.settled_at is not None
    seen = (first.settled_at + MOMENT).isoformat()
    shown = {"price": "85950", "size": "0.05", "seen": seen}

    assert stood_before(ready.account, shown, str(order.venue_id)) == {(Decimal(85950), Decimal("0.05"))}


def test_change_to_what_no_reading_has_shown_but_stands_is_not_sent(ready: AsterTrader, order: Order) -> None:
    seen_before = Order.objects.select_related("market").get(pk=order.pk)
    key = uuid4()
    made = change_seen(seen_before, 85990, key)

    with pytest.raises(InvalidCommand, match="stands so already"):
        change_seen(seen_before, 85990)

    assert change_seen(seen_before, 85990, key) == made
    assert Command.objects.filter(kind="modify").count() == 1


@pytest.mark.parametrize("was_just_seen", [False, True])
def test_change_made_elsewhere_is_taken_from_the_stream_or_read(
    ready: AsterTrader, order: Order, *, was_just_seen: bool
) -> None:
    """A word that may be older than what was seen last decides nothing. Either way the order can be changed back."""
    if not was_just_seen:
        Order.objects.filter(pk=order.pk).update(seen_at=timezone.now() - timedelta(minutes=2))
    elsewhere(ready, "PUT", "order", f"symbol=BTCUSDT&orderId={order.venue_id}&quantity=0.06&price=85950")
    adapter = trading_adapter(ready.account)
    report = adapter.order_status(ready.address, order.venue_id, market=ready.market.rules)
    told = Told(reports={order.venue_id: report})

    assert store(adapter, ready.account, told)
    assert told.must_read == was_just_seen
    order.refresh_from_db()
    assert order.limit_price == (86000 if was_just_seen else 85950)
    assert store(adapter, ready.account, told)

    order.refresh_from_db()
    assert (order.limit_price, order.original_size, order.size) == (85950, Decimal("0.06"), WANTED)
    assert change_seen(order, 86000).state == CommandState.ACCEPTED


def change_seen(order: Order, price: int, form_key: UUID | None = None) -> Command:
    """A change of the order as it was seen then, whatever our row says by now."""
    account, form = VenueAccount.objects.get(pk=order.account_id), {"price": str(price)}
    asked = {"size": order.size, "price": Decimal(price), "form_key": form_key or uuid4(), "form": form}
    made = modify_order(trading_adapter(account), account, order, **asked)
    command: Command = Command.objects.select_related("account", "market").get(pk=made.pk)
    return command


def lose_a_change(trader: AsterTrader, order: Order, monkeypatch: pytest.MonkeyPatch, fault: str) -> Command:
    """A change to a lower price whose outcome nobody heard, or that never came."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    trader.sandbox.fault(fault, "PUT order", count=1)
    change(trader, order)
    command: Command = Command.objects.select_related("account", "market").get(kind="modify")
    assert command.state == CommandState.UNKNOWN
    return command


def test_change_typed_before_more_was_filled_starts_over(ready: AsterTrader, order: Order) -> None:

    words = change(ready, order, filled="0")

    assert "More of this order was filled since this was opened." in words
    assert not Command.objects.filter(kind="modify").exists()
