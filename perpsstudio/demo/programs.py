"""The programs of one local copy, besides its servers."""

import sys
from collections.abc import Mapping
from pathlib import Path

from perpsstudio.demo.state import State
from perpsstudio.embedded.ports import LOOPBACK
from perpsstudio.embedded.processes import Program

PROJECT = Path(__file__).resolve().parent.parent.parent
STATIC = PROJECT / "staticfiles"
# Later groups serve earlier ones, so they stop after them.
STOP_ORDER = (("web",), ("worker", "stream"), ("sandbox",), ("valkey",), ("postgres",))
# One connection of the database pool for each thread; a sync task is a batch that waits for the network by itself.
WORKER_THREADS = 8


def python(name: str, *arguments: str, state: State, environment: Mapping[str, str]) -> Program:
    """A Python program of this project."""
    return Program(name, [sys.executable, *arguments], state.log(name), environment, PROJECT)


def manage(name: str, *arguments: str, state: State, environment: Mapping[str, str]) -> Program:
    """A ``manage.py`` command."""
    return python(name, "manage.py", *arguments, state=state, environment=environment)


def sandbox(port: int, *, state: State, environment: Mapping[str, str]) -> Program:
    """The sandbox venue, whose world outlives a run."""
    arguments = ("sandbox", "--port", str(port), "--state", str(state.sandbox))
    return manage("sandbox", *arguments, state=state, environment=environment)


def web(port: int, *, state: State, environment: Mapping[str, str]) -> Program:
    """Pages and live streams on one port."""
    arguments = ("--interface", "asgi", "--host", LOOPBACK, "--port", str(port), "--no-ws")
    application = "perpsstudio.asgi:application"
    return python("web", "-m", "granian", *arguments, application, state=state, environment=environment)


def worker(*, state: State, environment: Mapping[str, str]) -> Program:
    """The Celery worker with beat inside.

    Threads, because its work is waiting for venues and for PostgreSQL: a forked pool costs 43 MB a process and serves
    a tenth of the calls.
    """
    arguments = ("--pool", "threads", "--concurrency", str(WORKER_THREADS), "--loglevel", "INFO")
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    beat = ("--beat", "--schedule", str(state.folder / "beat-schedule"))
    command = ("-m", "celery", "--app", "perpsstudio", "worker", *arguments, *alone, *beat)
    return python("worker", *command, state=state, environment=environment)


def stream(*, state: State, environment: Mapping[str, str]) -> Program:
    """The process that follows the venue's prices."""
    return manage("stream", "stream", state=state, environment=environment)
