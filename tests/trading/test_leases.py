"""Readings whose worker is killed: nothing half is left behind, and another worker takes the account over in time."""

import multiprocessing
import os
import signal
from contextlib import ExitStack

from django.db import connection
from redis import Redis

from tenants.scope import operator_scope
from tests.chaos.killing import Points
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.test_tasks import trade_elsewhere
from trading import tasks
from trading.live import keys
from trading.models import Fill, Position
from trading.tasks.turns import LEASE_SECONDS

FORK = multiprocessing.get_context("fork")


def read_and_die(desk: Desk, point: int) -> int:
    """Let a process of its own read the account and kill itself before or after a statement; how it ended."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not live on in the process forked from here

    def read() -> None:
        points = Points(point)
        with operator_scope(desk.operator.pk), ExitStack() as stack:
            points.watch(stack)
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
    for point in (3, 12, 21, 30, 39):
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
