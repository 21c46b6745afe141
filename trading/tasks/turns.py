"""Whose turn it is: a task of one operator, and turns that exclude each other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task
from redis.exceptions import LockError

from tenants.scope import operator_scope
from trading.live.connections import blocking

logger = logging.getLogger(__name__)

# Longer than the slowest reading of one account, or the slowest proof of one command.
LOCK_SECONDS = 60


class OperatorTask(Task):  # type: ignore[misc]
    """A task of one operator, whose id is its first argument: the body runs in that operator's scope."""

    abstract = True

    def __call__(self, operator_id: int, *arguments: Any) -> Any:
        """Enter the scope, and leave it whatever happens."""
        with operator_scope(operator_id):
            return super().__call__(operator_id, *arguments)


@contextmanager
def alone(key: str, seconds: float = LOCK_SECONDS) -> Iterator[bool]:
    """Whether the block runs alone under this key; where another holds it, the block is to do nothing."""
    lock = blocking().lock(key, timeout=seconds, thread_local=False)
    is_mine = lock.acquire(blocking=False)
    try:
        yield is_mine
    finally:
        if is_mine:
            try:
                lock.release()
            except LockError:
                logger.warning("%s took longer than its lock.", key)


def is_first_within(key: str, seconds: float) -> bool:
    """Whether this is the first call with the key for so many seconds, over all processes."""
    return bool(blocking().set(key, 1, px=int(seconds * 1000), nx=True))
