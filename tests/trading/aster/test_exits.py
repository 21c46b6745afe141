"""The same order kinds, exits and changes on the second venue, which knows no children and ties exits to positions."""

from decimal import Decimal
from uuid import uuid4

from tests.trading.aster.people import AsterTrader
from trading.models import Order
from trading.models.commands import CommandState

DONE = CommandState.ACCEPTED.value


def resting() -> dict[str, tuple[Decimal | None, bool]]:
    rows = Order.objects.filter(is_open=True)
    return {row.trigger_kind or "limit": (row.trigger_price, row.covers_position) for row in rows}


def test_exits_follow_the_fill_that_opened_the_position(ready: AsterTrader) -> None:
    ready.order(protects="on", take_profit="90000", stop_loss="80000")

    assert ready.commands()[2:] == [("order", DONE), ("orders", DONE)]
    assert resting() == {"take_profit": (Decimal(90000), False), "stop_loss": (Decimal(80000), False)}


def test_exits_of_a_position_are_changed_one_by_one_and_cancelled_together(ready: AsterTrader) -> None:
    ready.order()
    address = f"/positions/{ready.position.pk}/exits/set/"

    ready.browser.post(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "80000"})
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(80000), True)}
    ready.browser.post(address, {"form_key": str(uuid4()), "take_profit": "90000", "stop_loss": "81000"})
    assert resting() == {"take_profit": (Decimal(90000), True), "stop_loss": (Decimal(81000), True)}

    ready.browser.post("/orders/of/aster:BTCUSDT/cancel/now/", {"form_key": str(uuid4())})
    assert resting() == {}


def test_limit_order_is_changed_and_one_that_cannot_fill_whole_is_killed(ready: AsterTrader) -> None:
    ready.order(kind="limit", price="80000")
    order = Order.objects.get()
    ready.browser.post(f"/orders/{order.pk}/change/now/", {"form_key": str(uuid4()), "price": "81000", "size": "0.02"})
    (changed,) = Order.objects.filter(is_open=True)
    assert (changed.limit_price, changed.size) == (Decimal(81000), Decimal("0.02"))

    ready.order(kind="limit", price="70000", time_in_force="fok")
    assert [row.limit_price for row in Order.objects.filter(is_open=True)] == [Decimal(81000)]


def test_stop_entry_waits_for_the_mark(ready: AsterTrader) -> None:
    words = ready.order(kind="stop", trigger="90000")

    assert "Waiting: buy 0.01 BTC at market once the mark is 90,000" in words
    assert resting() == {"stop_loss": (Decimal(90000), False)}
