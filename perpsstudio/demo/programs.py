"""The programs of one local copy, besides its servers."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from perpsstudio.demo.state import State
from perpsstudio.embedded.ports import LOOPBACK
from perpsstudio.embedded.processes import Program

PROJECT = Path(__file__).resolve().parent.parent.parent
STATIC = PROJECT / "staticfiles"
# Later groups serve earlier ones, so they stop after them.
STOP_ORDER = (("web",), ("worker", "settle", "stream"), ("sandbox",), ("valkey",), ("postgres",))
# One connection of the database pool for each thread; a sync task is a batch that waits for the network by itself.
WORKER_THREADS = 8
CELERY_WORKER = (
    *("-m", "celery", "--app", "perpsstudio", "worker"),
    *("--pool", "threads", "--concurrency", str(WORKER_THREADS), "--loglevel", "INFO"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
# What the preparation is told, in this order. Pages answer once the operators are there.
MIGRATE = "migrate"
SEED_OPERATORS = "seed_demo --without-accounts"
SEED_ACCOUNTS = "seed_demo"


class Maker(Protocol):
    """Makes a program of a copy's folder and settings."""

    def __call__(self, *, state: State, environment: Mapping[str, str]) -> Program: ...


def python(name: str, *arguments: str, state: State, environment: Mapping[str, str]) -> Program:
    """A Python program of this project."""
    return Program(name, [sys.executable, *arguments], state.log(name), environment, PROJECT)


def manage(name: str, *arguments: str, state: State, environment: Mapping[str, str]) -> Program:
    """A ``manage.py`` command."""
    return python(name, "manage.py", *arguments, state=state, environment=environment)


def preparation(*, state: State, environment: Mapping[str, str]) -> Program:
    """Makes tables and demo data when it is told to."""
    program = python("preparation", "-m", "perpsstudio.demo.preparation", state=state, environment=environment)
    return replace(program, listens=True)


def done(command: str) -> str:
    """What the preparation says after a command."""
    return f"{command} is done.\n"


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
    beat = ("--beat", "--schedule", str(state.folder / "beat-schedule"))
    return python("worker", *CELERY_WORKER, *beat, state=state, environment=environment)


def settle(*, state: State, environment: Mapping[str, str]) -> Program:
    """The Celery worker that brings commands to their end and does nothing else."""
    queue = ("--queues", "settle", "--hostname", "settle@%h")
    return python("settle", *CELERY_WORKER, *queue, state=state, environment=environment)


def stream(*, state: State, environment: Mapping[str, str]) -> Program:
    """The process that follows the venue's prices."""
    return manage("stream", "stream", state=state, environment=environment)
