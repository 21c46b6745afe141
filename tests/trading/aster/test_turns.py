"""Turns of the real scheduler at Aster, with the budget in Redis: each costs what it is charged and wastes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tenants.models import User
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.people import AsterTrader
from tests.trading.aster.test_exits import DONE, at_venue, left_behind
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.test_tasks import eager  # noqa: F401  # tasks run at once, in this thread
from trading import tasks
from trading.connect import gateway_of
from trading.metering import budget_of, meter_of
from trading.models import VenueAccount
from trading.tasks import accounts
from trading.tasks.readings import look_at_accounts, sync_account_now
from trading.venues.snapshots import Network, Venue

HERE = (Venue.ASTER, Network.TESTNET)
# What a turn of a second may spend is 45.6: four readings of 11 each.
ACCOUNTS, A_TURN, COST = 24, 4, 11
AWAY = timedelta(minutes=10)


@dataclass
class Clock:
    """A turn a second, however long one takes on a busy machine."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return timezone.now().timestamp()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """A venue of its own: it tells what it has counted, and what other tests have asked of theirs is none of ours."""
    with SandboxProcess("--seed", "7") as process:
        yield process


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What turns are measured by."""
    stepping = Clock()
    monkeypatch.setattr(accounts, "time", stepping)
    return stepping


@pytest.fixture
def away(ready: AsterTrader, clock: Clock, settings: Settings) -> VenueAccount:
    """Accounts of many traders under one key, which nobody could read for ten minutes, all of them late by then."""
    first = ready.sync()
    settings.ASTER_WEIGHT_PER_MINUTE = 2400
    fields = {field.attname: getattr(first, field.attname) for field in VenueAccount._meta.concrete_fields}
    for number in range(1, ACCOUNTS):
        trader = User(email=f"trader{number}@alpha.example")
        trader.save()
        VenueAccount(**(fields | {"id": None, "trader_id": trader.pk})).save()
    long_ago = timezone.now() - AWAY - timedelta(hours=2.5)
    VenueAccount.objects.update(attempted_at=long_ago, synced_at=long_ago)
    return first


def used() -> int:
    return budget_of(*HERE).state(meter_of(gateway_of(HERE[0]).tariff, *HERE)).used[0]


def test_venue_that_is_back_after_ten_minutes_reads_everybody_within_seconds_without_a_herd(
    away: VenueAccount, clock: Clock
) -> None:
    """Each turn reads as many of the late as it may, none more and none fewer, until all are current."""
    began = timezone.now()
    turns: list[int] = []
    spent: list[int] = []
    while VenueAccount.objects.filter(attempted_at__lt=began).exists() and len(turns) < 30:
        before, clock.seconds = used(), clock.seconds + 1.0
        turns.append(tasks.sync_due_accounts())
        spent.append(used() - before)

    assert turns == [A_TURN] * (ACCOUNTS // A_TURN)
    assert not VenueAccount.objects.exclude(sync_problem="").exists()
    assert not VenueAccount.objects.filter(synced_at__lt=began).exists()
    # Four at 11, and one of them whole: with orders and executions, and history where that is due.
    whole = gateway_of(HERE[0]).tariff.readings(0).whole
    assert max(spent) <= A_TURN * COST + whole


def in_turn(account: VenueAccount) -> None:
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=3))
    assert tasks.sync_due_accounts() == 1


def in_a_batch(account: VenueAccount) -> None:
    look_at_accounts(account.operator_id, [account.pk])


def at_once(account: VenueAccount) -> None:
    sync_account_now(account.operator_id, account.pk)


@pytest.mark.parametrize("read", [in_turn, in_a_batch, at_once])
def test_whoever_reads_an_account_goes_on_where_a_process_died(
    ready: AsterTrader, read: Callable[[VenueAccount], None]
) -> None:
    """An entry was filled, and its exits were not written down."""
    left_behind(ready)
    assert at_venue(ready) == ()

    read(ready.account)
    read(ready.account)

    assert (ready.commands()[-2:], len(at_venue(ready))) == ([("order", DONE), ("orders", DONE)], 2)
