"""What a proof asks for and when: it finds room for its dearest question, and many orders cost no more than few."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.trading.clocks import Clock
from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere
from tests.trading.hands import unknown_order
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from tests.trading.venues.misbehaving import answer, serving
from trading.connect import gateway_of
from trading.metering import budget_of, forget_limits, meter_of
from trading.models import Command, Order
from trading.models.commands import CommandKind, CommandState
from trading.services import commands, reconcile
from trading.services.claims import SHORTEST
from trading.services.order_effects import ONE_BY_ONE
from trading.services.orders import cancel_orders, place_order
from trading.services.reconcile import look, prove
from trading.services.sync import sync_account
from trading.venues.base import CancelOrder, CancelOrders, PlaceOrder, PlaceOrders
from trading.venues.budget import request_name
from trading.venues.errors import OutcomeUnknown
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.ledger import Charge, Priority
from trading.venues.snapshots import Network, Venue
from trading.venues.transport import NO_HEADERS, BlockingTransport, Response

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
LIMIT = 1200
# Reads that somebody waits for may fill 96 % of the limit; what is left to usual commands above is less than 20.
READS_HELD_BACK = LIMIT * 96 // 100
MANY = ONE_BY_ONE + 20
ONE_ORDER, LIST, ITSELF = "orderStatus", "frontendOpenOrders", "cancel"
LONG = timedelta(minutes=10)
SIZE, FAR = Decimal("0.001"), Decimal(80_000)

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else proves anything, and however busy the machine is, nothing is too old to be sent again."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    for module in (commands, reconcile):
        monkeypatch.setattr(module, "LIFETIME", LONG)


class Asked:
    """A way to the venue that remembers what was asked on it."""

    def __init__(self, desk: Desk) -> None:
        self.kinds: list[str] = []
        self.adapter = HyperliquidAdapter(self, desk.adapter.network)
        self._inner = BlockingTransport(desk.sandbox.url)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        told = json.loads(body)
        self.kinds.append(told.get("action", told)["type"])
        return self._inner.request(method, path, body, headers)


@dataclass
class Silent:
    """A way to the venue on which no answer comes back for five seconds."""

    clock: Clock

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        self.clock.seconds += 5
        raise OutcomeUnknown("no answer")


def test_gateway_that_is_broken_for_a_minute_puts_no_proof_off(desk: Desk) -> None:
    """It speaks for itself and not for the venue, which may answer through another one at once."""
    lost = unknown_order(desk, "drop_after")

    with serving() as server:
        server.paths = dict.fromkeys(("/info", "/exchange"), answer(503, b"", Retry_After="60"))
        broken = HyperliquidAdapter(BlockingTransport(server.url), desk.adapter.network)
        found = look(broken, lost)

    assert (found.is_settled, found.earliest, len(server.received)) == (False, 0.0, 1)


@pytest.mark.parametrize(("since", "pause"), [(-7.0, 2.0), (-0.6, SHORTEST), (0.6, 0.6), (600.0, 600.0)])
def test_silent_venue_is_asked_when_it_can_tell_for_certain_and_ever_less_often_after_that(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, since: float, pause: float
) -> None:
    """However long the pauses were before, and however long it kept silent: one answer that was lost costs no three
    seconds more."""
    lost, clock = unknown_order(desk, "drop_after"), Clock(time.time())
    monkeypatch.setattr(reconcile, "timezone", clock)
    lost.spent_at = clock.now() - desk.adapter.settling - timedelta(seconds=since)

    found = look(HyperliquidAdapter(Silent(clock), desk.adapter.network), lost)

    assert not found.is_settled
    assert found.latest == pytest.approx(pause, abs=0.001)


def use_up(used: int) -> None:
    """So much of the limit, by requests that are under way."""
    budget, meter = budget_of(*HERE), meter_of(gateway_of(Venue.HYPERLIQUID).tariff, *HERE)
    assert meter.limit == LIMIT
    rest = used - budget.state(meter).used[0]
    assert budget.take(request_name(), Priority.RELIEF, [Charge(meter, rest)]) == 0


def test_leverage_is_proven_however_much_is_read(desk: Desk, settings: Settings) -> None:
    """What is set now costs as much as ten positions."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = LIMIT
    forget_limits()
    desk.sandbox.fault("drop_after", "updateLeverage", count=1)
    lost = place_order(desk.adapter, desk.account, desk.market, ticket())
    assert (lost.kind, lost.state) == (CommandKind.LEVERAGE, CommandState.UNKNOWN)
    use_up(READS_HELD_BACK)

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    assert lost.state == CommandState.ACCEPTED


def rest(desk: Desk, count: int) -> tuple[Order, ...]:
    """So many orders that rest far below the market."""
    price = [FAR - step for step in range(count)]
    orders = (PlaceOrder(desk.market.rules, is_buy=True, size=SIZE, limit_price=one) for one in price)
    elsewhere(desk, PlaceOrders(tuple(orders)))
    sync_account(desk.adapter, desk.account)
    found = tuple(Order.objects.select_related("market").order_by("venue_id"))
    assert len(found) == count
    return found


def cancelled(desk: Desk, orders: tuple[Order, ...], fault: str) -> Command:
    """All of them cancelled by one request, whose answer was lost; that was long enough ago for a list to show it."""
    desk.sandbox.fault(fault, "cancel", count=1)
    command = cancel_orders(desk.adapter, desk.account, desk.market, orders, form_key=uuid4())
    assert command.state == CommandState.UNKNOWN
    return aged(desk, command)


def aged(desk: Desk, command: Command) -> Command:
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - desk.adapter.settling)
    command.refresh_from_db()
    return command


def open_at_venue(desk: Desk) -> int:
    return len(desk.adapter.open_orders(desk.account.address))


def test_cancellation_of_many_orders_is_proven_by_one_list(desk: Desk) -> None:
    orders, asked = rest(desk, MANY), Asked(desk)
    lost = cancelled(desk, orders, "drop_after")

    assert prove(asked.adapter, lost)

    assert asked.kinds == [ONE_ORDER, LIST]
    lost.refresh_from_db()
    ended = f"canceled (order {orders[0].venue_id})"
    assert (lost.state, lost.evidence) == (CommandState.ACCEPTED, {"status": ended, "not open": str(MANY)})
    kept = lost.events.filter(path="/info").order_by("pk")
    assert [json.loads(bytes(event.request))["type"] for event in kept] == asked.kinds


def test_cancellation_of_many_orders_that_never_arrived_is_sent_again(desk: Desk) -> None:
    lost, asked = cancelled(desk, rest(desk, MANY), "drop_before"), Asked(desk)
    assert open_at_venue(desk) == MANY

    assert prove(asked.adapter, lost)

    assert asked.kinds == [ONE_ORDER, ITSELF]
    lost.refresh_from_db()
    assert (lost.state, open_at_venue(desk)) == (CommandState.ACCEPTED, 0)


def test_list_that_may_be_older_than_the_orders_is_not_asked_for(desk: Desk) -> None:
    """What is missing in it may not have been there yet. All of them were there when their cancellation was written."""
    lost, asked = cancelled(desk, rest(desk, MANY), "drop_after"), Asked(desk)
    Command.objects.filter(pk=lost.pk).update(prepared_at=timezone.now() + LONG)
    lost.refresh_from_db()

    assert not prove(asked.adapter, lost)

    assert asked.kinds == [ONE_ORDER]
    assert prove(desk.adapter, aged(desk, lost))


def test_one_order_that_is_open_keeps_many_from_being_cancelled(desk: Desk) -> None:
    orders = rest(desk, MANY)
    lost = cancelled(desk, orders, "drop_before")
    others = tuple(CancelOrder(desk.market.rules, order.venue_id) for order in orders[:-1])
    elsewhere(desk, CancelOrders(others))
    desk.sandbox.fault("drop_before", "cancel", count=1)

    assert not prove(desk.adapter, lost)

    assert open_at_venue(desk) == 1
    assert prove(desk.adapter, lost)
    assert open_at_venue(desk) == 0


def test_cancellation_of_many_orders_that_ended_otherwise_is_done(desk: Desk) -> None:
    """Some were filled before, others cancelled elsewhere: that none of them is open was what was asked for."""
    orders = rest(desk, MANY)
    lost = cancelled(desk, orders, "drop_before")
    others = tuple(CancelOrder(desk.market.rules, order.venue_id) for order in orders[2:])
    elsewhere(desk, CancelOrders(others))
    desk.sandbox.mark("BTC", f"{FAR - 2}")

    assert prove(desk.adapter, lost)

    lost.refresh_from_db()
    told = f"filled (order {orders[0].venue_id})"
    assert (lost.state, lost.evidence) == (CommandState.ACCEPTED, {"status": told, "not open": str(MANY)})
