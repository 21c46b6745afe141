"""Whose turn it is: a task of one operator, and turns that exclude each other."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from celery import Task
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from tenants.scope import operator_scope
from trading.live.connections import blocking

logger = logging.getLogger(__name__)

# What a worker had when it was killed is taken over by then. A worker that lives renews what it holds, but no longer
# than anything may take.
LEASE_SECONDS, RENEW_SECONDS, LONGEST_SECONDS = 15.0, 5.0, 60.0


class OperatorTask(Task):  # type: ignore[misc]
    """A task of one operator, whose id is its first argument: the body runs in that operator's scope."""

    abstract = True

    def __call__(self, operator_id: int, *arguments: Any) -> Any:
        """Enter the scope, and leave it whatever happens."""
        with operator_scope(operator_id):
            return super().__call__(operator_id, *arguments)


class Renewer:
    """Renews the leases that this process holds; they die with it."""

    def __init__(self) -> None:
        self._held: dict[Lock, float] = {}
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, lock: Lock) -> None:
        """Renew this lease from now on."""
        with self._guard:
            self._held[lock] = time.monotonic() + LONGEST_SECONDS
            # A fork leaves threads behind.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._thread.start()

    def let_go(self, lock: Lock) -> None:
        """Renew it no longer."""
        with self._guard:
            self._held.pop(lock, None)

    def _renew(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            now = time.monotonic()
            with self._guard:
                held = [lock for lock, until in self._held.items() if now < until]
            for lock in held:
                try:
                    lock.extend(LEASE_SECONDS, replace_ttl=True)
                except (LockError, RedisError) as error:
                    if self._holds(lock):
                        logger.warning("The lease %s could not be renewed: %s", lock.name, error)

    def _holds(self, lock: Lock) -> bool:
        with self._guard:
            return lock in self._held


_renewer = Renewer()


class Leases:
    """The leases of some keys that this process holds, those of others left out."""

    def __init__(self, wanted: Iterable[str], seconds: float) -> None:
        locks = [blocking().lock(key, timeout=seconds, thread_local=False) for key in wanted]
        with blocking().pipeline(transaction=False) as pipeline:
            for lock in locks:
                lock.local.token = uuid4().hex.encode()
                pipeline.set(lock.name, lock.local.token, nx=True, px=int(seconds * 1000))
            granted = pipeline.execute()
        self._locks = {lock.name: lock for lock, is_mine in zip(locks, granted, strict=True) if is_mine}
        for lock in self._locks.values():
            _renewer.hold(lock)

    def __contains__(self, key: str) -> bool:
        return key in self._locks

    def release(self, keys: Iterable[str]) -> None:
        """Let go of those of these that are held."""
        locks = [self._locks.pop(key) for key in keys if key in self._locks]
        for lock in locks:
            _renewer.let_go(lock)
        with blocking().pipeline(transaction=False) as pipeline:
            for lock in locks:
                lock.lua_release(keys=[lock.name], args=[lock.local.token], client=pipeline)
            released = pipeline.execute()
        for lock, was_mine in zip(locks, released, strict=True):
            if not was_mine:
                logger.warning("%s took longer than its lease.", lock.name)

    def release_all(self) -> None:
        """Let go of whatever is held still."""
        self.release(list(self._locks))


@contextmanager
def leases(keys: Iterable[str], seconds: float = LEASE_SECONDS) -> Iterator[Leases]:
    """The leases of these keys that nobody else holds; what the block keeps ends with it."""
    held = Leases(keys, seconds)
    try:
        yield held
    finally:
        held.release_all()


@contextmanager
def alone(key: str, seconds: float = LEASE_SECONDS) -> Iterator[bool]:
    """Whether the block runs alone under this key; where another holds it, the block is to do nothing."""
    with leases([key], seconds) as held:
        yield key in held


def is_first_within(key: str, seconds: float) -> bool:
    """Whether this is the first call with the key for so many seconds, over all processes."""
    return bool(blocking().set(key, 1, px=int(seconds * 1000), nx=True))
