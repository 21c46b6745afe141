"""Readings whose worker is killed: nothing half is left behind, and another worker takes the account over in time."""

import multiprocessing
import os
import signal
import time

import pytest
from django.db import connection
from redis import Redis

from tenants.scope import operator_scope
from tests.chaos.killing import Points
from tests.trading.conftest import Desk
from tests.trading.elsewhere import trade_elsewhere
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.live.follower import eventually
from trading import tasks
from trading.live import keys
from trading.models import Fill, Position
from trading.tasks import turns
from trading.tasks.turns import LEASE_SECONDS, Renewer, leases

FORK = multiprocessing.get_context("fork")


def read_and_die(desk: Desk, point: int) -> int:
    """Let a process of its own read the account and kill itself beside a statement; how it ended."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not live on in the process forked from here

    def read() -> None:
        points = Points(point)
        with operator_scope(desk.operator.pk), points.counted():
            tasks.sync_account_now(desk.operator.pk, desk.account.pk)
        os._exit(0)

    process = FORK.Process(target=read)
    process.start()
    process.join(60)
    return process.exitcode or 0


def test_worker_that_is_killed_leaves_no_half_written_account_and_its_lease_ends(
    transactional_db: None,
    desk: Desk,
    redis: Redis,  # noqa: F811
) -> None:
    """A trade made elsewhere moves the position and adds a fill: both are there or neither is, wherever death came."""
    trade_elsewhere(desk)
    lock, ends, found = keys.account_lock(desk.operator.pk, desk.account.pk), [], []
    for point in (2, 8, 14, 20, 26):
        ends.append(read_and_die(desk, point))
        assert 0 < int(redis.pttl(lock)) <= LEASE_SECONDS * 1000 <= 15_000
        tasks.sync_account_now(desk.operator.pk, desk.account.pk)
        found.append((Position.objects.count(), Fill.objects.count()))
        redis.delete(lock)  # the lease's time has passed

    assert ends == [-signal.SIGKILL] * 5
    assert set(found) <= {(0, 0), (1, 1)}
    assert found[0] == (0, 0)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    assert (Position.objects.count(), Fill.objects.count()) == (1, 1)


LEASE, RENEWED = 600_000, 3_600_000  # milliseconds: longer than any test takes


class Rounds:
    """The time of whoever renews leases: it goes on when it is told to, and whoever sleeps by it hardly does."""

    def __init__(self) -> None:
        self.seconds, self.slept = 0.0, 0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, _seconds: float) -> None:
        time.sleep(0.01)
        self.slept += 1

    def pass_by(self) -> None:
        """Every lease that is renewed has been looked at since."""
        before = self.slept
        assert eventually(lambda: self.slept >= before + 2)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    stepped = Rounds()
    monkeypatch.setattr(turns, "time", stepped)
    monkeypatch.setattr(turns, "LEASE_SECONDS", RENEWED / 1000)
    monkeypatch.setattr(turns, "_renewer", Renewer())
    return stepped


def test_lease_is_renewed_again_and_again_but_no_longer_than_anything_may_take(
    redis: Redis,  # noqa: F811
    rounds: Rounds,
) -> None:
    with leases(["an account"], LEASE / 1000) as held:
        assert "an account" in held
        for _ in range(2):
            assert eventually(lambda: redis.pttl("an account") > LEASE)
            redis.pexpire("an account", LEASE)

        rounds.seconds += turns.LONGEST_SECONDS
        rounds.pass_by()
        redis.pexpire("an account", LEASE)
        rounds.pass_by()
        assert 0 < redis.pttl("an account") <= LEASE

    assert not redis.exists("an account")


def test_lease_that_another_has_taken_over_is_left_to_him(redis: Redis, rounds: Rounds) -> None:  # noqa: F811
    with leases(["an account"], LEASE / 1000):
        redis.set("an account", "another worker", px=LEASE)
        rounds.pass_by()
        assert 0 < redis.pttl("an account") <= LEASE

    assert redis.get("an account") == b"another worker"


def test_lease_that_was_let_go_is_renewed_no_more(redis: Redis, rounds: Rounds) -> None:  # noqa: F811
    with leases(["one", "other"], LEASE / 1000) as held:
        held.release(["one"])
        assert not redis.exists("one")
        assert eventually(lambda: redis.pttl("other") > LEASE)
        redis.set("one", "another worker", px=LEASE)
        rounds.pass_by()
        assert 0 < redis.pttl("one") <= LEASE
