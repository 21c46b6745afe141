"""What got lost on its way and is sent again or given up: by what the trader has done since, and by what it is for."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # a fixture
from tests.trading.conftest import Desk
from tests.trading.services.endings import ended
from tests.trading.services.seats import BITCOIN, Seat, sit_down
from tests.trading.tickets import ticket
from trading.models import Command, Order
from trading.models.commands import CommandKind, CommandState
from trading.services import commands, lateness, reconcile
from trading.services.drafts import Exits
from trading.services.orders import cancel_order, cancel_orders, modify_order, place_order, set_exits
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import Venue
from trading.venues.hyperliquid.adapter import HyperliquidAdapter

DOORS = {
    Venue.HYPERLIQUID: {CommandKind.LEVERAGE: "updateLeverage", CommandKind.ORDERS: "order"},
    Venue.ASTER: {CommandKind.LEVERAGE: "leverage", CommandKind.ORDERS: "POST batchOrders"},
}
SET, WISHED = 5, 7
LONG = timedelta(minutes=10)
EXITS = Exits(Decimal(100_000), Decimal(70_000))


@pytest.fixture(params=list(BITCOIN))
def seat(
    desk: Desk,
    aster: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Seat]:
    """A trader whom nobody else proves anything for, at a venue that shows at once what it did. However busy the
    machine is, what may be sent again for long is not too old for that."""
    for adapter in (AsterAdapter, HyperliquidAdapter):
        monkeypatch.setattr(adapter, "settling", timedelta(milliseconds=20))
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    for module, name in ((commands, "LIFETIME"), (reconcile, "LIFETIME"), (lateness, "LATEST_RELIEF")):
        monkeypatch.setattr(module, name, LONG)
    yield sit_down(desk.sandbox, request.param)
    desk.sandbox.clear_faults()


def order(seat: Seat, leverage: int = SET, price: int | None = None) -> Command:
    wanted = ticket(form_key=uuid4(), leverage=leverage, limit_price=None if price is None else Decimal(price))
    return place_order(seat.adapter, seat.account, seat.market, wanted)


def lose(seat: Seat, kind: CommandKind) -> None:
    """The next request of the kind never arrives."""
    seat.sandbox.fault("drop_before", DOORS[seat.venue][kind], count=1)


def change(seat: Seat, order: Order, price: int) -> None:
    asked = {"size": order.size, "price": Decimal(price), "form_key": uuid4(), "form": {"price": str(price)}}
    assert modify_order(seat.adapter, seat.account, order, **asked).state == CommandState.ACCEPTED


def resting(seat: Seat) -> list[Decimal]:
    return sorted(found.limit_price for found in seat.adapter.open_orders(seat.account.address))


def test_lost_leverage_is_not_set_after_the_trader_ordered_at_another(seat: Seat) -> None:
    assert order(seat).state == CommandState.ACCEPTED
    lose(seat, CommandKind.LEVERAGE)
    lost = order(seat, WISHED)
    assert (lost.kind, lost.state) == (CommandKind.LEVERAGE, CommandState.UNKNOWN)
    assert order(seat).state == CommandState.ACCEPTED

    assert ended(seat, lost)[0] == CommandState.DEAD

    assert lost.evidence["burned"] is True
    assert seat.adapter.market_setting(seat.account.address, seat.market.rules).leverage == SET


@pytest.mark.parametrize("seat", [Venue.ASTER], indirect=True)
@pytest.mark.parametrize("is_of_all", [False, True])
def test_lost_cancellation_spares_an_order_that_the_trader_has_changed_since(seat: Seat, *, is_of_all: bool) -> None:
    """It keeps its name there, so the cancellation would still find it."""
    order(seat, price=80_000)
    kept = seat.resting.get()
    lost = cancelled_in_vain(seat, kept, is_of_all=is_of_all)
    change(seat, kept, 79_000)

    assert ended(seat, lost)[0] == CommandState.DEAD

    assert resting(seat) == [Decimal(79_000)]


def cancelled_in_vain(seat: Seat, order: Order, *, is_of_all: bool = False) -> Command:
    seat.sandbox.fault("drop_before", "any", count=1)
    if is_of_all:
        lost = cancel_orders(seat.adapter, seat.account, seat.market, (order,), form_key=uuid4())
    else:
        lost = cancel_order(seat.adapter, seat.account, order, form_key=uuid4())
    assert lost.state == CommandState.UNKNOWN
    seat.sandbox.clear_faults()
    return lost


def test_lost_cancellation_takes_its_order_away_whatever_other_was_changed_since(seat: Seat) -> None:
    for price in (80_000, 81_000):
        order(seat, price=price)
    lower, upper = seat.resting.order_by("limit_price")
    lost = cancelled_in_vain(seat, lower)
    change(seat, upper, 82_000)

    assert ended(seat, lost)[0] == CommandState.ACCEPTED

    assert resting(seat) == [Decimal(82_000)]


def test_lost_exits_of_a_position_are_still_placed_when_an_order_would_be_too_late(seat: Seat) -> None:
    assert order(seat).state == CommandState.ACCEPTED
    lose(seat, CommandKind.ORDERS)
    held = seat.position
    assert held is not None
    asked = {"exits": EXITS, "replaced": (), "form_key": uuid4(), "form": {"exits": "1"}}
    lost = set_exits(seat.adapter, seat.account, held, **asked)  # type: ignore[arg-type]
    assert lost is not None
    assert (lost.kind, lost.state) == (CommandKind.ORDERS, CommandState.UNKNOWN)
    Command.objects.filter(pk=lost.pk).update(prepared_at=timezone.now() - lateness.LATEST)
    lost.refresh_from_db()

    assert ended(seat, lost)[0] == CommandState.ACCEPTED

    placed = {found.trigger.price for found in seat.adapter.open_orders(seat.account.address) if found.trigger}
    assert placed == set(EXITS.prices().values())
