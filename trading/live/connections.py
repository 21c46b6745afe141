"""Connections to Redis: one blocking pool a process for pages and tasks, one asyncio client for each event loop."""

import asyncio
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as KeptSilent
from redis.retry import Retry

T = TypeVar("T")

# Pages and tasks would rather show an older number than wait for a lost server.
BLOCKING_SECONDS = 2.0
CONNECT_SECONDS = 2.0
# A page asks for a dozen things: after the first that was waited for in vain, the others are given up at once.
SILENT_SECONDS = 2.0
# A subscription that hears nothing asks whether its connection still stands.
HEALTH_CHECK_SECONDS = 5


# By the server's address: when it answered anybody in this process last, and until when nobody asks it.
_answered_at: dict[str, float] = {}
_silent_until: dict[str, float] = {}


class OneTry(Retry):
    """Nothing is tried twice, and a server that kept silent is asked nothing for a moment: ``KeptSilent`` at once.

    Where it answered others meanwhile, one answer was slow and the server is well.
    """

    def __init__(self, server: str) -> None:
        super().__init__(NoBackoff(), retries=0)
        self._server = server

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """As the library asks it to be done."""
        if time.monotonic() < _silent_until.get(self._server, 0.0):
            raise KeptSilent("Redis kept silent a moment ago.")
        try:
            answer = super().call_with_retry(do, fail, is_retryable, with_failure_count)
        except (KeptSilent, TimeoutError):
            now = time.monotonic()
            if now - _answered_at.get(self._server, 0.0) >= BLOCKING_SECONDS:
                _silent_until[self._server] = now + SILENT_SECONDS
            raise
        _answered_at[self._server] = time.monotonic()
        return answer


def manners(server: str) -> dict[str, Any]:
    """How pages and tasks are connected to a server: options of the library's clients and pools."""
    return {
        "socket_timeout": BLOCKING_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": OneTry(server),
    }


@cache
def blocking() -> redis.Redis:
    """The client of pages, tasks and commands; safe for threads and after a fork."""
    return redis.Redis.from_url(settings.REDIS_URL, **manners(settings.REDIS_URL))


def concurrent() -> redis.asyncio.Redis:
    """A client for the event loop that calls this. Whoever asks for it closes it."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BLOCKING_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        health_check_interval=HEALTH_CHECK_SECONDS,
    )


def is_wanted() -> bool:
    """Whether the current task has not been told to stop; for the condition of every loop that talks to Redis.

    Before Python 3.12 ``asyncio.wait_for``, which the client uses, loses a cancellation that arrives together with the
    answer; the task would then go on for ever.
    """
    task = asyncio.current_task()
    return task is None or not task.cancelling()
