"""Which open commands are taken up, by whom, and for how long they are his."""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.settling import settle_command
from tests.trading.conftest import Desk
from tests.trading.hands import unknown_order
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.live.follower import eventually
from trading.metering import budget_of
from trading.models import Command
from trading.models.commands import CommandState
from trading.services import claims, commands
from trading.venues.budget import request_name
from trading.venues.ledger import Answer
from trading.venues.snapshots import Network, Venue

pytestmark = pytest.mark.usefixtures("redis")
FORK = multiprocessing.get_context("fork")
HELD, LEFT = timedelta(seconds=claims.HELD), timedelta(seconds=claims.LEFT)
A_TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def uncalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes because he is called."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)


def taken_up(now: datetime, count: int) -> list[UUID]:
    """What a worker with so many free hands for Hyperliquid takes up."""
    return [command.pk for command in claims.taken_up(now, {Venue.HYPERLIQUID: count})]


def due_at(command: Command) -> datetime:
    due: datetime = Command.objects.values_list("next_at", flat=True).get(pk=command.pk)
    return due


def put(command: Command, due: datetime) -> None:
    Command.objects.filter(pk=command.pk).update(next_at=due)


def test_command_in_another_workers_hands_is_left_to_it_until_that_one_must_be_dead(desk: Desk) -> None:
    command = unknown_order(desk, "drop_before")
    now = timezone.now()
    assert taken_up(now, 5) == [command.pk]

    assert taken_up(now + HELD - A_TICK, 5) == []
    assert taken_up(now + HELD, 5) == [command.pk]


def test_each_venues_commands_wait_for_its_own_hands(desk: Desk) -> None:
    first, second = unknown_order(desk, "drop_before"), unknown_order(desk, "drop_before")
    now = timezone.now()

    assert claims.taken_up(now, {Venue.HYPERLIQUID: 0, Venue.ASTER: 5}) == []
    assert claims.taken_up(now, {Venue.HYPERLIQUID: 1, Venue.ASTER: 5}) == [first]
    assert claims.taken_up(now, {Venue.HYPERLIQUID: 5, Venue.ASTER: 0}) == [second]


def test_commands_that_never_settle_keep_nobody_waiting(desk: Desk) -> None:
    poisoned = unknown_order(desk, "drop_before")
    Command.objects.filter(pk=poisoned.pk).update(attempts=9, prepared_at=timezone.now() - timedelta(days=1))
    fresh = unknown_order(desk, "drop_before")
    now = timezone.now()

    assert taken_up(now, 1) == [fresh.pk]
    claims.release(poisoned.pk, now, claims.pause(9))
    assert taken_up(now, 5) == []
    assert taken_up(now + timedelta(seconds=claims.LONGEST), 1) == [fresh.pk]


def test_command_that_was_looked_at_often_has_its_turn_among_ever_new_ones(desk: Desk) -> None:
    old, fresh = unknown_order(desk, "drop_before"), unknown_order(desk, "drop_before")
    now = timezone.now()
    Command.objects.filter(pk=old.pk).update(attempts=400, next_at=now - timedelta(seconds=claims.BEHIND + 1))

    assert [taken_up(now, 1), taken_up(now, 1)] == [[old.pk], [fresh.pk]]


def test_look_in_vain_counts_and_being_taken_up_does_not(desk: Desk) -> None:
    command = unknown_order(desk, "drop_before")
    number = str(command.pk)
    taken_up(timezone.now(), 5)
    command.refresh_from_db()
    assert command.attempts == 0

    desk.sandbox.fault("drop_before", "any", count=1)
    settle_command(command.operator_id, number)
    command.refresh_from_db()
    assert command.attempts == 1

    for_a_minute = Answer(slow_down=True, wait=60)
    budget_of(Venue.HYPERLIQUID, Network.TESTNET).settle(request_name(), [], for_a_minute)
    settle_command(command.operator_id, number)
    command.refresh_from_db()
    assert (command.attempts, command.state) == (1, CommandState.UNKNOWN)


def test_pause_between_looks_grows() -> None:
    assert [claims.pause(looks) for looks in range(8)] == [0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0]


@pytest.mark.parametrize(
    ("looks", "earliest", "latest", "wait"),
    [
        (1, 0.7, math.inf, 0.7),
        (5, 0.7, math.inf, 1.6),
        (6, 0.0, 0.3, 0.3),
        (9, 0.0, 20.0, 3.0),
        (1, 20.0, math.inf, 20.0),
        (9, 20.0, 0.3, 20.0),
        (1, 600.0, math.inf, 60.0),
    ],
)
def test_next_look_waits_for_the_end_of_a_ban_and_not_for_longer_than_is_of_use(
    looks: int, earliest: float, latest: float, wait: float
) -> None:
    assert claims.pause(looks, earliest=earliest, latest=latest) == wait


def test_hand_that_comes_late_leaves_a_command_to_the_worker_that_took_it_up_since(desk: Desk) -> None:
    unknown_order(desk, "drop_before")
    now = timezone.now()
    (ours,) = claims.taken_up(now, {Venue.HYPERLIQUID: 1})
    (theirs,) = claims.taken_up(now + HELD, {Venue.HYPERLIQUID: 1})

    assert [claims.hold(ours, now + HELD), claims.hold(theirs, now + HELD)] == [False, True]
    assert due_at(theirs) == now + 2 * HELD


def test_claim_is_renewed_where_little_is_left_of_it_and_the_command_has_no_end(desk: Desk) -> None:
    short, long, settled = (unknown_order(desk, "drop_before") for _ in range(3))
    now = timezone.now()
    for command, due in ((short, now + LEFT - A_TICK), (long, now + LEFT), (settled, now)):
        put(command, due)
    Command.objects.filter(pk=settled.pk).update(state=CommandState.DEAD)

    claims.renew([command.pk for command in (short, long, settled)], now)

    assert [due_at(command) for command in (short, long, settled)] == [now + HELD, now + LEFT, now]


def test_command_is_in_one_hand_of_a_process_at_a_time(db: None) -> None:
    one, other = uuid4(), uuid4()
    with claims.in_hand(one) as first:
        with claims.in_hand(one) as second, claims.in_hand(other) as third:
            assert (first, second, third) == (True, False, True)
        assert (claims.is_in_hand(one), claims.is_in_hand(other)) == (True, False)
    with claims.in_hand(one) as again:
        assert again


def test_command_whose_claim_nobody_could_renew_is_in_no_hand(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    one, here = uuid4(), claims.InHand()
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            here.take(one)
    assert one not in here

    assert here.take(one)
    here.put_down(one)


@pytest.fixture
def long_claims(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Claims longer than any test takes, looked after as often as ever; how much of one is always left."""
    monkeypatch.setattr(claims, "HELD", 600.0)
    monkeypatch.setattr(claims, "LEFT", 300.0)
    return timedelta(seconds=300)


def is_renewed(command: Command, left: timedelta) -> bool:
    """Whether a claim that has come to its end is renewed in time."""
    put(command, timezone.now())
    return eventually(lambda: due_at(command) > timezone.now() + left)


def test_claim_is_renewed_again_and_again_until_the_hand_lets_go_of_it(long_claims: timedelta, desk: Desk) -> None:
    command, other = unknown_order(desk, "drop_before"), unknown_order(desk, "drop_before")
    with claims.in_hand(command.pk), claims.in_hand(other.pk):
        assert [is_renewed(command, long_claims) for _ in range(2)] == [True, True]

        now = timezone.now()
        claims.release(command.pk, now, 0.1)
        assert [is_renewed(other, long_claims) for _ in range(2)] == [True, True]
        assert due_at(command) == now + timedelta(seconds=0.1)


def test_claim_of_a_hand_that_comes_to_no_end_is_left_to_lapse(
    long_claims: timedelta, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = unknown_order(desk, "drop_before"), unknown_order(desk, "drop_before")
    with ExitStack() as hands:
        with monkeypatch.context() as at_once:
            at_once.setattr(claims, "LONGEST_HELD", 0.0)
            hands.enter_context(claims.in_hand(stuck.pk))
        now = timezone.now()
        put(stuck, now)
        hands.enter_context(claims.in_hand(other.pk))
        assert [is_renewed(other, long_claims) for _ in range(2)] == [True, True]

        assert due_at(stuck) == now
        assert taken_up(now, 5) == [stuck.pk]


def test_claims_are_renewed_after_the_database_was_away(
    long_claims: timedelta, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    command, renew, refused = unknown_order(desk, "drop_before"), claims.renew, list[int]()

    def refuse(command_ids: list[UUID], now: datetime) -> None:
        if not refused:
            refused.append(len(command_ids))
            raise OperationalError("the server is starting up")
        renew(command_ids, now)

    monkeypatch.setattr(claims, "renew", refuse)
    with claims.in_hand(command.pk):
        assert is_renewed(command, long_claims)

    assert refused == [1]
    told = [record.getMessage() for record in caplog.records if record.name == claims.__name__]
    assert told == ["The claims of 1 commands could not be renewed: the server is starting up"]


def is_moved_on(command: Command) -> bool:
    """Whether somebody keeps it from others for longer than until now."""
    before = due_at(command)
    return eventually(lambda: due_at(command) > before)


def in_a_worker(work: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    """A process of its own at work."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not live on in the process forked from here
    process = FORK.Process(target=work, daemon=True)
    process.start()
    return process


def test_what_a_killed_worker_had_in_hand_is_free_as_soon_as_if_it_had_only_taken_it_up(
    transactional_db: None, desk: Desk
) -> None:
    command = unknown_order(desk, "drop_before")

    def hold_for_ever() -> None:
        claims.taken_up(timezone.now(), {Venue.HYPERLIQUID: 1})
        with claims.in_hand(command.pk):
            time.sleep(3600)

    worker = in_a_worker(hold_for_ever)
    assert [is_moved_on(command) for _ in range(3)] == [True] * 3
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()

    assert taken_up(timezone.now() + HELD, 1) == [command.pk]
