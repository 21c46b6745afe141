"""What moved unheard is looked for: by a command whose reading was lost, or where the mark went through an order."""

import doctest
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # fixture
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.seats import BITCOIN, Seat, sit_down
from tests.trading.tickets import ticket
from tests.trading.workers import eager  # noqa: F401  # tasks run at once, in this thread
from trading import tasks
from trading.live import board, handing
from trading.live.connections import blocking
from trading.models import Command, Position, VenueAccount
from trading.models.commands import CommandState
from trading.services import crossings
from trading.services.crossings import is_due
from trading.services.orders import place_order
from trading.venues.snapshots import Network, Venue

BOTH = pytest.mark.parametrize("place", [Venue.HYPERLIQUID, Venue.ASTER])
READING = {Venue.HYPERLIQUID: "clearinghouseState", Venue.ASTER: "accountWithJoinMargin"}


def lose_the_reading(seat: Seat) -> Command:
    """The venue takes an order and its answer arrives; what is read after it does not."""
    seat.sandbox.fault("error_before", READING[seat.venue], count=30)
    command = place_order(seat.adapter, seat.account, seat.market, ticket())
    seat.sandbox.clear_faults()
    assert (command.state, Position.objects.filter(account=seat.account).count()) == (CommandState.ACCEPTED, 0)
    return command


def ended(account: VenueAccount, *, seconds_ago: float) -> None:
    """The account's commands were settled so long ago, and it was read just before."""
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    Command.objects.filter(account=account).update(settled_at=moment)
    VenueAccount.objects.filter(pk=account.pk).update(synced_at=moment - timedelta(seconds=1))


@BOTH
def test_reading_after_a_command_that_was_lost_comes_in_the_next_turn(
    desk: Desk,
    aster: SandboxProcess,  # noqa: F811
    place: Venue,
) -> None:
    """It is known from the database: a Redis that lost everything changes nothing. What was settled just now waits for
    its own reading, and once it is read nobody asks again."""
    seat = sit_down(desk.sandbox, place)
    command = lose_the_reading(seat)
    ended(seat.account, seconds_ago=-60)
    blocking().flushall()
    assert tasks.sync_due_accounts() == 0

    ended(seat.account, seconds_ago=3)
    assert tasks.sync_due_accounts() == 1
    assert seat.differences() == []
    command.refresh_from_db()
    assert command.shown_at is not None
    assert tasks.sync_due_accounts() == 0


def test_reading_that_failed_again_is_repeated_after_a_rest(desk: Desk) -> None:
    seat = sit_down(desk.sandbox, Venue.HYPERLIQUID)
    lose_the_reading(seat)
    ended(seat.account, seconds_ago=3)
    seat.sandbox.fault("error_before", "info", count=30)
    assert tasks.sync_due_accounts() == 1
    seat.sandbox.clear_faults()
    assert not Position.objects.filter(account=seat.account).exists()
    assert handing.failures(Venue.HYPERLIQUID, Network.TESTNET, seat.account.pk) == 1

    handing.give_back(Venue.HYPERLIQUID, Network.TESTNET, seat.account.pk)  # the rest is over
    assert tasks.sync_due_accounts() == 1
    assert Position.objects.filter(account=seat.account).count() == 1


def test_command_that_is_read_at_once_costs_no_second_reading(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    ended(desk.account, seconds_ago=3)

    assert tasks.sync_due_accounts() == 0
    assert Command.objects.filter(shown_at=None).count() == 0


def test_reading_that_began_before_the_command_ended_does_not_show_it(desk: Desk) -> None:
    command = place_order(desk.adapter, desk.account, desk.market, ticket())
    later = timezone.now() + timedelta(hours=1)
    Command.objects.filter(pk=command.pk).update(shown_at=None, settled_at=later)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)

    assert Command.objects.filter(shown_at=None).count() == 1


def test_account_of_an_open_command_is_read_first(desk: Desk) -> None:
    command = place_order(desk.adapter, desk.account, desk.market, ticket())
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(seconds=3))
    assert tasks.sync_due_accounts() == 0

    Command.objects.filter(pk=command.pk).update(state=CommandState.UNKNOWN, settled_at=None)
    assert tasks.sync_due_accounts() == 1


def tell_marks(seat: Seat, price: str) -> None:
    """The venue's mark is there now, and its stream has told it."""
    seat.sandbox.mark(BITCOIN[seat.venue], price, venue=seat.venue.value)
    board.forget()
    board.publish(seat.venue, Network.TESTNET, seat.adapter.markets().states, timezone.now())


@BOTH
def test_resting_order_that_the_mark_went_through_is_looked_for(
    desk: Desk,
    aster: SandboxProcess,  # noqa: F811
    place: Venue,
) -> None:
    seat = sit_down(desk.sandbox, place)
    tell_marks(seat, "86000")
    place_order(seat.adapter, seat.account, seat.market, ticket(limit_price=Decimal(85000), size=Decimal("0.02")))
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(seconds=2))
    assert (tasks.sync_due_accounts(), seat.resting.count()) == (0, 1)

    tell_marks(seat, "84900")
    assert tasks.sync_due_accounts() == 1
    assert Position.objects.get(account=seat.account).size == Decimal("0.02")
    assert seat.resting.count() == 0
    assert seat.differences() == []
    tell_marks(seat, "86000")


def test_order_that_rests_on_beyond_the_mark_is_looked_for_ever_more_seldom() -> None:
    since, read_at, readings = 1000.0, 900.0, []
    for now in range(1000, 5000):
        if is_due(since, read_at, now):
            read_at = now
            readings.append(now - 1000)

    assert readings == [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]


def test_figures_are_as_old_as_the_last_reading_that_succeeded(desk: Desk) -> None:
    """Neither a reading that failed nor one that our own limit held back makes them younger."""
    VenueAccount.objects.update(
        synced_at=timezone.now() - timedelta(seconds=8300), attempted_at=timezone.now(), sync_problem=""
    )
    assert tasks.sync_due_accounts() == 1
    assert time.time() - desk.reread().synced_at.timestamp() < 60  # type: ignore[union-attr]


def test_module_opens_with_examples_that_hold() -> None:
    assert doctest.testmod(crossings).failed == 0
