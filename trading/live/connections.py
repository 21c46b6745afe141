"""Connections to Redis: one blocking pool a process for pages and tasks, one asyncio client for each event loop."""

import asyncio
from functools import cache

import redis
import redis.asyncio
from django.conf import settings

# Pages and tasks would rather show an older number than wait for a lost server.
BLOCKING_SECONDS = 2.0
CONNECT_SECONDS = 2.0
# A subscription that hears nothing asks whether its connection still stands.
HEALTH_CHECK_SECONDS = 5


@cache
def blocking() -> redis.Redis:
    """The client of pages, tasks and commands; safe for threads and after a fork."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BLOCKING_SECONDS, socket_connect_timeout=CONNECT_SECONDS
    )


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
