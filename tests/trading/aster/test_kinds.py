"""Every kind of order on the second venue over HTTP: what the trader is told, and what stands at the venue."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.fates import everything
from tests.trading.aster.people import AsterTrader, elsewhere, sit_down
from trading.models import Command, Fill, Order
from trading.services.commands import as_signed

LIMIT = {"kind": "limit", "size": "0.02"}
STOP = {"kind": "stop", "size": "0.02"}
PROFIT = {"kind": "take_profit", "size": "0.02"}

# The mark is 86,000 and the best bid and ask are some hundred dollars away from it.
PLACED: list[tuple[dict[str, str], str, tuple[str, str, str] | None]] = [
    (LIMIT | {"price": "80000"}, "In the book: buy 0.02 BTC", ("LIMIT", "GTC", "80000")),
    (LIMIT | {"price": "80000", "time_in_force": "post_only"}, "In the book: buy 0.02 BTC", ("LIMIT", "GTX", "80000")),
    (LIMIT | {"price": "87000", "time_in_force": "ioc"}, "Filled: buy 0.02 BTC", None),
    (LIMIT | {"price": "87000", "time_in_force": "fok"}, "Filled: buy 0.02 BTC", None),
    (LIMIT | {"price": "80000", "time_in_force": "ioc"}, "Refused: buy 0.02 BTC", None),
    (LIMIT | {"price": "87000", "time_in_force": "post_only"}, "Refused: buy 0.02 BTC", None),
    (STOP | {"trigger": "90000"}, "Waiting: buy 0.02 BTC", ("STOP_MARKET", "GTC", "90000")),
    (
        STOP | {"trigger": "90000", "execution": "limit", "price": "90100"},
        "Waiting: buy 0.02 BTC",
        ("STOP", "GTC", "90000"),
    ),
    (PROFIT | {"trigger": "80000"}, "Waiting: buy 0.02 BTC", ("TAKE_PROFIT_MARKET", "GTC", "80000")),
    (
        PROFIT | {"trigger": "80000", "execution": "limit", "price": "80100"},
        "Waiting: buy 0.02 BTC",
        ("TAKE_PROFIT", "GTC", "80000"),
    ),
]


def at_rest(trader: AsterTrader) -> list[tuple[str, str, str]]:
    """What rests at the venue: type, time in force, and the price that it waits for."""
    rows: list[dict[str, Any]] = trader.at_venue()["orders"]
    return [
        (
            row["words"]["type"],
            row["words"]["timeInForce"],
            f"{Decimal(str(row['trigger_price'] or row['limit_price'])).normalize():f}",
        )
        for row in rows
    ]


def test_order_of_every_kind_is_told_and_stands_as_it_was_asked_for(ready: AsterTrader) -> None:
    for fields, words, resting in PLACED:
        assert words in ready.order(**fields), fields
        assert at_rest(ready) == ([resting] if resting else [])
        assert Order.objects.filter(is_open=True).count() == len(at_rest(ready))
        ready.browser.post("/orders/of/aster:BTCUSDT/cancel/now/", {"form_key": str(uuid4())})
        assert at_rest(ready) == []


def test_order_that_only_reduces_leaves_the_rest(ready: AsterTrader) -> None:
    ready.order(size="0.03")

    assert "Filled: sell 0.01 BTC" in ready.order(side="short", size="0.01", reduce_only="on")

    assert ready.held() == [("BTCUSDT", Decimal("0.02"))]
    assert "reduceOnly=true" in as_signed(Command.objects.latest("nonce")).body.decode()


@pytest.mark.parametrize(
    ("exits", "mark", "left"),
    [
        ({"stop_loss": "84000"}, "83900", []),
        ({"take_profit": "88000", "stop_loss": "84000"}, "86500", [("BTCUSDT", Decimal("0.03"))]),
    ],
)
def test_exits_of_the_whole_position_close_all_of_it_however_it_has_grown(
    ready: AsterTrader, aster: SandboxProcess, exits: dict[str, str], mark: str, left: list[tuple[str, Decimal]]
) -> None:
    ready.order(size="0.01")
    ready.send(f"/positions/{ready.position.pk}/exits/set/", {"form_key": str(uuid4())} | exits)
    ready.order(size="0.02")
    assert ready.held() == [("BTCUSDT", Decimal("0.03"))]

    aster.mark("BTCUSDT", mark, venue="aster")

    assert ready.held() == left
    totals = everything(ready)
    assert totals.unexplained == 0
    elsewhere(ready, "DELETE", "allOpenOrders", "symbol=BTCUSDT")


CHANGES = [  # size at first, what of it is filled, what is left to fill after the change, the venue's total then
    ("0.05", "0.02", "0.04", "0.06"),
    ("0.05", "0.02", "0.01", "0.03"),
    ("0.05", "0", "0.04", "0.04"),
]


def test_change_of_an_order_comes_to_what_is_filled_and_what_is_left(ready: AsterTrader) -> None:
    other = sit_down(ready.sandbox, "bob@alpha.example")
    other.become_ready()
    for original, taken, left, total in CHANGES:
        ready.order(kind="limit", price="86000", size=original)
        if Decimal(taken):
            other.order(kind="limit", price="86000", size=taken, side="short")
        ready.sync()
        order = Order.objects.get(account=ready.account, is_open=True)
        assert order.original_size - order.size == Decimal(taken)

        form = {"form_key": str(uuid4()), "price": "85990", "size": left, "filled": taken}
        ready.send(f"/orders/{order.pk}/change/now/", form)

        order.refresh_from_db()
        assert (order.size, order.original_size, order.is_open) == (Decimal(left), Decimal(total), True)
        elsewhere(ready, "DELETE", "allOpenOrders", "symbol=BTCUSDT")
    everything(ready)
    assert sum(row.size for row in Fill.objects.filter(account=ready.account)) == Decimal("0.04")
