"""Turns that bring commands to their end: each command has a hand of its own, and holds up nobody else's."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from kombu.exceptions import OperationalError

from perpsstudio.celery import app
from tenants.models import MarginPolicy, Operator
from tenants.scope import current_scope, operator_scope
from tests.trading.conftest import Desk, open_desk
from tests.trading.hands import PATIENCE, state_of, unknown_order, wait_for_hands, wait_until
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading import tasks
from trading.models import Command, Fill, Position
from trading.models.commands import OPEN_STATES, CommandState
from trading.services import claims, commands, lateness
from trading.services.wake import settle_soon
from trading.tasks import commands as command_tasks
from trading.tasks.commands import OF_EACH_VENUE, Hands, hands_of
from trading.tasks.readings import sync_account_now
from trading.venues.base import Venue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turns(desk: Desk, redis: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:  # noqa: F811
    """A desk whose commands nobody but a turn brings on; a turn takes up what is due once, and nothing is late."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(command_tasks, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(lateness, "LATEST", timedelta(minutes=1))
    app.conf.task_always_eager = True
    yield desk
    wait_for_hands()
    app.conf.task_always_eager = False


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error_after"])
def test_unknown_command_is_settled_once_and_its_position_read(turns: Desk, fault: str) -> None:
    command = unknown_order(turns, fault)

    assert tasks.settle_commands() == 1
    wait_for_hands()
    assert tasks.settle_commands() == 0

    assert state_of(command) == CommandState.ACCEPTED
    assert Position.objects.get().size == sum(fill.size for fill in Fill.objects.all())
    assert Fill.objects.count() == 2
    assert [event.step for event in command.events.all()].count("settled") == 1


def test_command_that_is_still_being_sent_is_left_alone(turns: Desk) -> None:
    command = unknown_order(turns, "drop_before")
    Command.objects.filter(pk=command.pk).update(next_at=timezone.now() + timedelta(minutes=1))
    assert tasks.settle_commands() == 0

    Command.objects.filter(pk=command.pk).update(next_at=timezone.now())
    assert tasks.settle_commands() == 1


def test_command_whose_process_died_before_sending_is_sent_once(turns: Desk) -> None:
    command = unknown_order(turns, "drop_before")
    Command.objects.filter(pk=command.pk).update(state=CommandState.PREPARED, sent_at=None, message="")

    assert tasks.settle_commands() == 1
    wait_for_hands()

    assert state_of(command) == CommandState.ACCEPTED
    assert len(Fill.objects.all()) == 2


def test_slow_command_takes_up_its_own_hand_and_nobody_elses(turns: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, other = unknown_order(turns, "drop_after"), unknown_order(turns, "drop_after")
    goes_on, bring_on = threading.Event(), command_tasks.bring_on

    def bring_on_late(command: Command) -> None:
        if command.pk == slow.pk:
            assert goes_on.wait(PATIENCE)
        bring_on(command)

    monkeypatch.setattr(command_tasks, "bring_on", bring_on_late)
    assert tasks.settle_commands() == 2
    wait_until(lambda: state_of(other) == CommandState.ACCEPTED)
    assert state_of(slow) == CommandState.UNKNOWN

    goes_on.set()
    wait_for_hands()
    assert state_of(slow) == CommandState.ACCEPTED


def test_command_that_fails_keeps_nobody_else_from_his_end(
    turns: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned, other = unknown_order(turns, "drop_after"), unknown_order(turns, "drop_after")
    bring_on = command_tasks.bring_on

    def fail(command: Command) -> None:
        if command.pk == poisoned.pk:
            raise LookupError("poisoned")
        bring_on(command)

    monkeypatch.setattr(command_tasks, "bring_on", fail)
    assert tasks.settle_commands() == 2
    wait_for_hands()

    assert (state_of(poisoned), state_of(other)) == (CommandState.UNKNOWN, CommandState.ACCEPTED)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [LookupError]
    monkeypatch.setattr(command_tasks, "bring_on", bring_on)
    Command.objects.filter(pk=poisoned.pk).update(next_at=timezone.now())
    assert tasks.settle_commands() == 1
    wait_for_hands()
    assert state_of(poisoned) == CommandState.ACCEPTED


def test_each_command_is_brought_on_in_its_own_operators_scope(turns: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = unknown_order(turns, "drop_after")
    beta = Operator.objects.create(slug="beta", name="Beta")
    with operator_scope(beta.pk):
        MarginPolicy().save()
        theirs = unknown_order(open_desk(turns.sandbox, beta, "bob@beta.example"), "drop_after")
    read: list[tuple[int | None, ...]] = []
    monkeypatch.setattr(sync_account_now, "apply_async", lambda args, countdown: read.append((current_scope(), *args)))

    assert tasks.settle_commands() == 2
    wait_for_hands()

    assert state_of(ours) == CommandState.ACCEPTED
    with operator_scope(beta.pk):
        assert state_of(theirs) == CommandState.ACCEPTED
    assert sorted(read) == sorted((one.operator_id, one.operator_id, one.account_id) for one in (ours, theirs))


def test_hand_leaves_scope_and_connection_behind(turns: Desk) -> None:
    left: list[tuple[int | None, object]] = []
    hands, command = Hands(1), unknown_order(turns, "drop_after")

    def is_brought_to_its_end() -> bool:
        """A venue that answers too late for one look is asked again."""
        command.refresh_from_db()
        hands.give(command_tasks._in_hand, command_tasks.bring_on, command)
        wait_until(lambda: hands.free == 1)
        return not Command.objects.filter(state__in=OPEN_STATES).exists()

    wait_until(is_brought_to_its_end)
    hands.give(lambda: left.append((current_scope(), connections["default"].connection)))
    wait_until(lambda: hands.free == 1)

    assert left == [(None, None)]


def test_no_more_is_taken_up_than_there_are_free_hands(turns: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        unknown_order(turns, "drop_before")
    hands, goes_on = Hands(3), threading.Event()
    monkeypatch.setattr(command_tasks, "hands_of", lambda process: {Venue.HYPERLIQUID: hands})
    hands.give(lambda: assert_set(goes_on))
    began = timezone.now()
    Command.objects.update(next_at=began - timedelta(seconds=1))

    assert (hands.free, tasks.settle_commands()) == (2, 2)

    # What was not taken up is due still, for whoever has a hand.
    assert Command.objects.filter(state=CommandState.UNKNOWN, next_at__lt=began).count() == 1
    goes_on.set()
    wait_until(lambda: hands.free == 3)


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def test_what_follows_settled_commands_leaves_half_of_the_hands_to_those_that_are_open(
    turns: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many turns find something that is to follow, at a venue that keeps silent to all of it."""
    lost, goes_on = unknown_order(turns, "drop_after"), threading.Event()
    settled = [Command.objects.select_related("account").exclude(pk=lost.pk).latest("nonce")] * OF_EACH_VENUE
    Command.objects.filter(pk=lost.pk).update(next_at=timezone.now() + timedelta(hours=1))
    monkeypatch.setattr(command_tasks, "left_behind", lambda now: settled)
    monkeypatch.setattr(command_tasks, "_go_on_alone", lambda command: assert_set(goes_on))
    hands = hands_of(os.getpid())[Venue.HYPERLIQUID]

    assert [(tasks.settle_commands(), hands.free) for _ in range(3)] == [(0, OF_EACH_VENUE // 2)] * 3

    Command.objects.filter(pk=lost.pk).update(next_at=timezone.now())
    assert tasks.settle_commands() == 1
    wait_until(lambda: state_of(lost) == CommandState.ACCEPTED)
    goes_on.set()


def test_command_that_somebody_waits_for_is_brought_on_without_a_turn(
    turns: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = unknown_order(turns, "drop_after")
    Command.objects.filter(pk=command.pk).update(next_at=timezone.now() + timedelta(hours=1))
    monkeypatch.setattr(app, "send_task", lambda name, **options: app.tasks[name]())

    settle_soon(command)
    wait_for_hands()

    assert state_of(command) == CommandState.ACCEPTED


def test_call_for_a_command_that_a_hand_has_is_left_to_that_hand(turns: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    command, called = unknown_order(turns, "drop_after"), list[str]()
    monkeypatch.setattr(app, "send_task", lambda name, **options: called.append(name))

    with claims.in_hand(command.pk):
        settle_soon(command)
    assert called == []
    settle_soon(command)
    assert called == [command_tasks.settle_now.name]


def test_call_that_is_lost_leaves_the_command_to_the_next_turn(turns: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    command = unknown_order(turns, "drop_after")
    Command.objects.filter(pk=command.pk).update(next_at=timezone.now() + timedelta(hours=1))

    def refuse(name: str, **options: object) -> None:
        raise OperationalError("nobody listens")

    monkeypatch.setattr(app, "send_task", refuse)
    settle_soon(command)
    assert state_of(command) == CommandState.UNKNOWN

    assert tasks.settle_commands() == 1
    wait_for_hands()
    assert state_of(command) == CommandState.ACCEPTED
