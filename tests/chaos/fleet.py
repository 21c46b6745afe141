"""The processes of a run that may die at any moment: those that trade, settle, read and follow, and the beat.

They are forked from a process that has Django loaded and no connection open, so a new one is there in milliseconds.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

# Loaded here once, for every life of every member: a new worker is to be there at once.
import kombu.transport.redis  # noqa: F401
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.urls import get_resolver
from redis.exceptions import RedisError

from perpsstudio.celery import app
from tenants.scope import every_operator
from trading.connect import public_adapter
from trading.live import addresses, presence
from trading.live.follow import Follower
from trading.management.commands.stream import open_stream
from trading.models import VenueAccount
from trading.tasks import settle_commands
from trading.venues.base import Venue

app.loader.import_default_modules()
get_resolver().url_patterns  # noqa: B018 - a worker checks the whole project when it starts

FORK = multiprocessing.get_context("fork")
SETTLERS, PLAIN_SETTLERS = 1, 2
PLAIN_PAUSE = 0.03
LOOK_SECONDS = 1.0


@dataclass
class Member:
    """One process and how to start it anew. ``label`` is "trader aster 1", "settle 0" or "beat"."""

    label: str
    work: Callable[[int], None]
    life: int = 0
    process: BaseProcess | None = None

    def start(self) -> None:
        """A new life."""
        self.life += 1
        self.process = FORK.Process(target=_live, args=(self.label, self.work, self.life), daemon=True)
        self.process.start()

    def kill(self) -> None:
        """No goodbye."""
        if self.process is not None and self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.join()


def _live(label: str, work: Callable[[int], None], life: int) -> None:
    logging.disable(logging.WARNING)
    try:
        work(life)
    except BaseException:
        sys.stderr.write(f"{label}: {traceback.format_exc()}\n")
        raise
    finally:
        os._exit(0)


@dataclass
class Fleet:
    """All members, when each was killed, and who stopped by himself."""

    members: list[Member]
    killed: list[tuple[str, float]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def start(self) -> None:
        for member in self.members:
            member.start()

    def join(self, members: list[Member]) -> None:
        """These belong to it from now on."""
        self.members = [*members, *self.members]
        for member in members:
            member.start()

    def kill_one(self, chance: random.Random) -> None:
        """Kill somebody and put another one in his place."""
        member = chance.choice(self.members)
        self.killed.append((member.label, time.time()))
        member.kill()
        member.start()

    def tend(self) -> None:
        """Start whoever stopped by himself."""
        stopped = [one for one in self.members if one.process is not None and not one.process.is_alive()]
        for member in stopped:
            member.start()
        self.stopped += [member.label for member in stopped]

    def dismiss(self, prefix: str) -> None:
        """End all members of a kind for good."""
        leaving = [member for member in self.members if member.label.startswith(prefix)]
        self.members = [member for member in self.members if member not in leaving]
        for member in leaving:
            member.kill()


def _write_to(log: Path) -> None:
    """Whatever this process says from now on."""
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def settler(number: int, folder: Path) -> Member:
    """A Celery worker on the queue of proofs."""
    return _worker(f"settle {number}", "settle", folder)


def reader(number: int, folder: Path) -> Member:
    """A Celery worker on the queues of readings."""
    return _worker(f"read {number}", f"celery,{addresses.queue(settings.EGRESS)}", folder)


def _worker(label: str, queues: str, folder: Path) -> Member:
    name = label.replace(" ", "")

    def work(life: int) -> None:
        _write_to(folder / f"{name}.log")
        app.worker_main(
            [
                *("worker", "--queues", queues, "--hostname", f"{name}-{life}@chaos"),
                *("--pool", "threads", "--concurrency", "8", "--loglevel", "ERROR"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )

    return Member(label, work)


def follower(venue: Venue, folder: Path) -> Member:
    """Who follows a venue's streams, as ``manage.py stream`` does."""

    def work(life: int) -> None:
        _write_to(folder / f"stream-{venue}.log")
        asyncio.run(Follower(public_adapter(venue), partial(open_stream, venue)).run())

    return Member(f"stream {venue}", work)


def looker() -> Member:
    """Pages that are open on every account."""

    def work(life: int) -> None:
        while True:
            with contextlib.suppress(OperationalError, InterfaceError, RedisError), every_operator():
                for operator_id, account_id in VenueAccount.objects.values_list("operator_id", "pk"):
                    presence.look(operator_id, account_id)
            connection.close()
            time.sleep(LOOK_SECONDS)

    return Member("look", work)


def plain_settler(number: int) -> Member:
    """The same work without Celery, whose workers take long to start on a busy machine: turn after turn."""

    def work(life: int) -> None:
        while True:
            try:
                settle_commands()
            except (OperationalError, InterfaceError):
                time.sleep(PLAIN_PAUSE)
            finally:
                connection.close()

    return Member(f"plain settle {number}", work)


def beat(folder: Path) -> Member:
    """The clock of periodic tasks."""

    def work(life: int) -> None:
        _write_to(folder / "beat.log")
        app.start(["beat", "--schedule", str(folder / f"beat-{life}"), "--pidfile", "", "--loglevel", "ERROR"])

    return Member("beat", work)
