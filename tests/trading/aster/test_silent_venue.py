"""A venue that accepts requests and does not answer: it keeps its own hands, and nobody from the other venue."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django.fixtures import Settings

from perpsstudio.celery import app
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.settling import settle_command
from tests.trading.aster.conftest import BITCOIN_PRICE, make_operator
from tests.trading.aster.fates import lose_an_order
from tests.trading.aster.people import AsterTrader, sit_down
from tests.trading.conftest import Desk, open_desk
from tests.trading.hands import state_of, unknown_order, wait_until
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading import tasks
from trading.connect import _transport
from trading.models import Command
from trading.models.commands import OPEN_STATES, CommandState
from trading.services import claims, commands
from trading.services.reconcile import Look
from trading.tasks import commands as command_tasks
from trading.tasks.commands import Hands
from trading.tiers import tiers_of
from trading.venues.base import Venue

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Both:
    """A trader on each venue, the venues apart from each other, and a worker with few hands."""

    first: Desk
    second: AsterTrader
    hands: dict[Venue, Hands]

    def is_idle(self, venue: Venue, free: int) -> bool:
        return self.hands[venue].free == free

    @contextmanager
    def silence(self) -> Iterator[None]:
        """The first venue takes requests and does not answer until the end of the block."""
        os.kill(self.first.sandbox.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.first.sandbox.process.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def other_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess("--seed", "7") as process:
        yield process


@pytest.fixture
def both(
    venue: SandboxProcess,
    other_sandbox: SandboxProcess,
    redis: object,  # noqa: F811
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Both]:
    """Nobody but a turn brings commands on, a turn takes up what is due once, and no answer comes too late."""
    settings.ASTER_URL, settings.ASTER_NETWORK, settings.VENUE_READ_TIMEOUT = other_sandbox.url, "testnet", 300.0
    for remembered in (_transport, tiers_of):
        remembered.cache_clear()
    cache.clear()
    other_sandbox.mark("BTCUSDT", BITCOIN_PRICE, venue="aster")
    hands = {Venue.HYPERLIQUID: Hands(2), Venue.ASTER: Hands(1)}
    monkeypatch.setattr(command_tasks, "hands_of", lambda process: hands)
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(command_tasks, "TURN_SECONDS", 0.0)
    operator = make_operator(Venue.HYPERLIQUID, Venue.ASTER)
    app.conf.task_always_eager = True
    with operator_scope(operator.pk):
        trader = sit_down(other_sandbox, "bob@alpha.example")
        trader.become_ready()
        yield Both(open_desk(venue, operator, "alice@alpha.example"), trader, hands)
    wait_until(lambda: [its.free for its in hands.values()] == [2, 1])
    app.conf.task_always_eager = False
    tiers_of.cache_clear()


def make_due() -> None:
    Command.objects.filter(state__in=OPEN_STATES).update(next_at=timezone.now() - timedelta(seconds=1))


def settle_all() -> None:
    def is_done() -> bool:
        tasks.settle_commands()
        return not Command.objects.filter(state__in=OPEN_STATES).exists()

    wait_until(is_done)


def test_venue_that_keeps_silent_keeps_nobody_from_the_other(both: Both) -> None:
    silent = [unknown_order(both.first, "drop_after") for _ in range(3)]
    answered = [lose_an_order(both.second, "drop_after") for _ in range(2)]
    make_due()

    with both.silence():
        assert tasks.settle_commands() == 3  # all hands of the one venue, and the one of the other
        wait_until(lambda: both.is_idle(Venue.ASTER, 1))
        assert tasks.settle_now() == 1
        wait_until(lambda: both.is_idle(Venue.ASTER, 1))

        assert [state_of(command) for command in answered] == [CommandState.ACCEPTED] * 2
        assert [state_of(command) for command in silent] == [CommandState.UNKNOWN] * 3
        assert both.is_idle(Venue.HYPERLIQUID, 0)

    settle_all()
    assert [state_of(command) for command in silent] == [CommandState.ACCEPTED] * 3


def test_command_whose_look_takes_long_is_nobody_elses(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    command = unknown_order(both.first, "drop_after")
    # Longer than any test takes, so that it does not depend on the machine whether it is renewed in time.
    monkeypatch.setattr(claims, "HELD", 600.0)
    monkeypatch.setattr(claims, "LEFT", 300.0)

    def is_claimed_anew() -> bool:
        command.refresh_from_db()
        return command.next_at > timezone.now() + timedelta(seconds=300)

    with both.silence():
        assert tasks.settle_commands() == 1
        wait_until(lambda: claims.is_in_hand(command.pk))
        for _ in range(2):
            Command.objects.filter(pk=command.pk).update(next_at=timezone.now() + timedelta(seconds=60))
            wait_until(is_claimed_anew)
        assert claims.taken_up(timezone.now(), {Venue.HYPERLIQUID: 1}) == []

    wait_until(lambda: state_of(command) == CommandState.ACCEPTED)


def test_command_is_looked_at_by_one_hand_at_a_time(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    command, looks, settle = unknown_order(both.first, "drop_after"), list[UUID](), command_tasks._settle

    def look(command: Command) -> Look:
        looks.append(command.pk)
        return settle(command)

    monkeypatch.setattr(command_tasks, "_settle", look)
    # As where the claim lapses because the database stands still: all the same nobody here begins anew.
    monkeypatch.setattr(claims, "LONGEST_HELD", 0.0)
    with both.silence():
        assert tasks.settle_commands() == 1
        wait_until(lambda: looks == [command.pk])
        for take_up in (tasks.settle_commands, tasks.settle_now):
            make_due()
            assert take_up() == 1
            wait_until(lambda: both.is_idle(Venue.HYPERLIQUID, 1))
        settle_command(command.operator_id, str(command.pk))
        assert looks == [command.pk]

    wait_until(lambda: state_of(command) == CommandState.ACCEPTED)
    assert looks == [command.pk]
    assert [event.step for event in command.events.all()].count("settled") == 1
