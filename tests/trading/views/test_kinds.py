"""Every kind of order at Hyperliquid over HTTP: what the trader is told, and what stands at the venue; and a market
that never gives margin back."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.trading.conftest import Desk
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import ORDER, fields
from trading.models import Command, Order, Position
from trading.models.commands import CommandKind, CommandState

LIMIT = {"kind": "limit", "size": "0.02"}
STOP = {"kind": "stop", "size": "0.02"}
PROFIT = {"kind": "take_profit", "size": "0.02"}

# The mark is 86,000. A market order waits with a limit 10 % beyond its trigger.
PLACED: list[tuple[dict[str, str], str, tuple[str, str | None, str, str] | None]] = [
    (LIMIT | {"price": "80000"}, "In the book: buy 0.02 BTC", ("Limit", "Gtc", "80000", "0")),
    (
        LIMIT | {"price": "80000", "time_in_force": "post_only"},
        "In the book: buy 0.02 BTC",
        ("Limit", "Alo", "80000", "0"),
    ),
    (LIMIT | {"price": "87000", "time_in_force": "ioc"}, "Filled: buy 0.02 BTC", None),
    (LIMIT | {"price": "80000", "time_in_force": "ioc"}, "Refused: buy 0.02 BTC", None),
    (LIMIT | {"price": "87000", "time_in_force": "post_only"}, "Refused: buy 0.02 BTC", None),
    (STOP | {"trigger": "90000"}, "Waiting: buy 0.02 BTC", ("Stop Market", None, "99000", "90000")),
    (
        STOP | {"trigger": "90000", "execution": "limit", "price": "90100"},
        "Waiting: buy 0.02 BTC",
        ("Stop Limit", None, "90100", "90000"),
    ),
    (PROFIT | {"trigger": "80000"}, "Waiting: buy 0.02 BTC", ("Take Profit Market", None, "88000", "80000")),
    (
        PROFIT | {"trigger": "80000", "execution": "limit", "price": "80100"},
        "Waiting: buy 0.02 BTC",
        ("Take Profit Limit", None, "80100", "80000"),
    ),
]


def at_rest(desk: Desk) -> list[tuple[str, str | None, str, str]]:
    """What rests at the venue: type, time in force, limit and trigger."""
    rows: Any = desk.sandbox.info("frontendOpenOrders", user=desk.account.address)
    return [(row["orderType"], row["tif"], plain(row["limitPx"]), plain(row["triggerPx"])) for row in rows]


def plain(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def ours() -> list[tuple[Decimal, Decimal | None]]:
    rows = Order.objects.filter(is_open=True)
    return [(row.limit_price, row.trigger_price) for row in rows]


def test_order_of_every_kind_is_told_and_stands_as_it_was_asked_for(desk: Desk, browser: Client) -> None:
    for wanted, words, resting in PLACED:
        publish_prices(desk)
        assert words in browser.post(ORDER, fields(**wanted)).content.decode(), wanted
        assert at_rest(desk) == ([resting] if resting else [])
        if resting:
            _, _, limit, trigger = resting
            assert ours() == [(Decimal(limit), None if trigger == "0" else Decimal(trigger))]
        browser.post("/orders/of/BTC/cancel/now/", {"form_key": str(uuid4())})
        assert (at_rest(desk), ours()) == ([], [])


def test_stop_with_a_limit_is_changed_and_stays_a_stop_with_a_limit(desk: Desk, browser: Client) -> None:
    browser.post(ORDER, fields(**STOP, trigger="90000", execution="limit", price="90100"))
    order = Order.objects.get(is_open=True)

    browser.post(f"/orders/{order.pk}/change/now/", {"form_key": str(uuid4()), "price": "90200", "size": "0.01"})

    assert Command.objects.get(kind=CommandKind.MODIFY).state == CommandState.ACCEPTED
    assert at_rest(desk) == [("Stop Limit", None, "90200", "90000")]
    assert ours() == [(Decimal(90200), Decimal(90000))]
    assert Order.objects.get(is_open=True).size == Decimal("0.01")


@pytest.fixture
def strict(desk: Desk, browser: Client) -> Position:
    """A position in a market whose margin cannot be taken out again."""
    desk.sandbox.mark("XYZ100", "25451")
    publish_prices(desk)
    browser.post("/trade/XYZ100/order/", fields(size="0.01", leverage="5"))
    position: Position = Position.objects.select_related("market").get()
    return position


def test_strictly_isolated_market_takes_margin_and_gives_none_back(
    desk: Desk, browser: Client, strict: Position
) -> None:
    address = f"/positions/{strict.pk}/margin/change/"

    refused = browser.post(address, {"form_key": str(uuid4()), "direction": "remove", "amount": "1"})
    sent_by_then = Command.objects.filter(kind=CommandKind.MARGIN).count()
    browser.post(address, {"form_key": str(uuid4()), "direction": "add", "amount": "5"})

    assert (refused.status_code, sent_by_then) == (422, 0)
    assert "Margin cannot be removed on this market" in refused.content.decode()
    assert Command.objects.get(kind=CommandKind.MARGIN).state == CommandState.ACCEPTED
    now = Position.objects.get()
    assert now.margin - strict.margin == Decimal(5)
    (held,) = desk.adapter.account(desk.account.address).positions
    assert (held.market, held.size, held.margin) == ("XYZ100", Decimal("0.01"), now.margin)
