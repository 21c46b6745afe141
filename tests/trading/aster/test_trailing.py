"""Trailing stops, which are placed with other tools: shown as what they are, cancelled here, and not changed here."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.aster.people import AsterTrader, elsewhere
from trading.models import Order
from trading.panels.orders import FOLLOWS_THE_PRICE, kind_text, trigger_text


@pytest.fixture
def trailing(ready: AsterTrader) -> Order:
    """A sell that rests at the venue, told here as a trailing stop: the sandbox knows no such kind."""
    ready.order()
    text = "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&stopPrice=80000&quantity=0.01&reduceOnly=true"
    number = elsewhere(ready, "POST", "order", text)["orderId"]
    ready.sync()
    order: Order = Order.objects.get(venue_id=number)
    Order.objects.filter(pk=order.pk).update(
        kind="TRAILING_STOP_MARKET", trigger_kind="", trigger_price=Decimal(90000), trail=Decimal("0.003")
    )
    order.refresh_from_db()
    return order


@pytest.mark.parametrize(
    ("is_buy", "price", "trail", "words"),
    [
        (False, "90000", "0.003", "Price 0.3 % below its high, once up to 90,000.0"),
        (True, "80000", "0.05", "Price 5 % above its low, once down to 80,000.0"),
        (False, "0", "0.001", "Price 0.1 % below its high"),
    ],
)
def test_words_of_a_trailing_stop(trailing: Order, is_buy: bool, price: str, trail: str, words: str) -> None:
    trailing.is_buy, trailing.trigger_price, trailing.trail = is_buy, Decimal(price), Decimal(trail)

    assert (kind_text(trailing), trigger_text(trailing)) == ("Trailing stop market", words)


def test_trailing_stop_is_listed_and_cancelled_and_not_changed(ready: AsterTrader, trailing: Order) -> None:
    page = ready.browser.get("/orders/").content.decode()

    assert "Trailing stop market" in page
    assert "Price 0.3 % below its high, once up to 90,000.0" in page
    assert FOLLOWS_THE_PRICE in page
    form = {"form_key": str(uuid4()), "price": "81000", "size": "0.01"}
    assert FOLLOWS_THE_PRICE in ready.send(f"/orders/{trailing.pk}/change/now/", form)
    ready.send(f"/orders/{trailing.pk}/cancel/", {"form_key": str(uuid4())})
    assert elsewhere_open(ready) == []
    assert not Order.objects.filter(is_open=True).exists()


def elsewhere_open(trader: AsterTrader) -> list[object]:
    """What rests at the venue."""
    return list(trader.at_venue()["orders"])
