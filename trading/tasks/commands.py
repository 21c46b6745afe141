"""Bringing every command to its end: sending what was never sent, proving what is unknown.

These tasks have a queue and workers of their own, so a proof never waits behind a reading. A turn takes up what is due
and gives each command to a hand of its own: one that is slow or fails takes up that hand and nobody else's turn. So it
does with what a command that has its end leaves to be done, where its process did not do it. Each venue has hands of
its own, so one that keeps silent keeps nobody from another; the worker's own threads never wait for a venue, so a turn
always finds one. PostgreSQL alone says who takes up what, so nothing is lost with a worker, and any number of them take
turns at once.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import ParamSpec

from celery import shared_task
from django.db import connection
from django.utils import timezone

from tenants.scope import operator_scope
from trading.connect import KeyUnreadable, account_adapter, public_adapter
from trading.live import keys
from trading.models import Command
from trading.services import claims, reconcile
from trading.services.commands import submit_left_behind
from trading.services.followups import leads_on, left_behind, next_intent
from trading.services.reconcile import Look
from trading.tasks.followups import follow_up, go_on
from trading.tasks.readings import sync_account_now
from trading.tasks.turns import is_first_within
from trading.venues.base import Venue

logger = logging.getLogger(__name__)

Given = ParamSpec("Given")

TURN_SECONDS = 1.0
MOMENT = 0.25  # seconds
BETWEEN = 0.05  # seconds until it is asked again what is due
# With what takes up and renews beside them they stay within a process's connections (DATABASE_POOL).
COMMANDS_AT_ONCE = 12
# Each venue's part of them is its own, so every other one finds its hands free however silent a venue is.
OF_EACH_VENUE = COMMANDS_AT_ONCE // len(Venue)
# Two turns in one process would only be in each other's way; one begins when the other ends, so that somebody is there
# at every moment.
_turn = threading.Lock()
# Two that take up at once would both count on the same free hands.
_taking_up = threading.Lock()


class Hands:
    """The threads of a process that bring one venue's commands to their end, each one command at a time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="settle")
        self._busy: set[Future[None]] = set()
        self._following: set[Future[None]] = set()

    @property
    def free(self) -> int:
        """How many have nothing to do. More than these can take up would only grow old, and be taken up twice."""
        self._busy = {work for work in self._busy if not work.done()}
        return self._count - len(self._busy)

    @property
    def free_to_follow(self) -> int:
        """How many of the free ones may do what follows settled commands. Half of all hands never do, however long the
        others take: they are for commands that somebody waits for."""
        self._following = {work for work in self._following if not work.done()}
        return min((self.free + 1) // 2, self._count // 2 - len(self._following))

    def give(self, work: Callable[Given, None], *given: Given.args, **named: Given.kwargs) -> Future[None]:
        """Have a free hand do this; where it fails, that is told and touches nothing else."""
        begun = self._threads.submit(work, *given, **named)
        begun.add_done_callback(_tell_failure)
        self._busy.add(begun)
        return begun

    def follow(self, work: Callable[Given, None], *given: Given.args, **named: Given.kwargs) -> None:
        """Have a hand that is free to follow do this, as ``give``."""
        self._following.add(self.give(work, *given, **named))


def _tell_failure(work: Future[None]) -> None:
    if (error := work.exception()) is not None:
        logger.error("A command could not be brought on; it is due again.", exc_info=error)


@cache
def hands_of(process: int) -> Mapping[Venue, Hands]:
    """The hands of a process; a fork leaves them behind."""
    return {venue: Hands(OF_EACH_VENUE) for venue in Venue}


@shared_task  # type: ignore[untyped-decorator]
def settle_commands() -> int:
    """Take up every open command when it is due, for the length of a turn; how many were taken up."""
    if not _turn.acquire(timeout=TURN_SECONDS):
        return 0
    try:
        return _take_up(time.monotonic() + TURN_SECONDS)
    finally:
        _turn.release()


@shared_task  # type: ignore[untyped-decorator]
def settle_now() -> int:
    """Take up what is due at once, because somebody waits for it; how many were taken up."""
    return _take_up_due()


def _take_up(ends: float) -> int:
    count = _take_up_due()
    _take_up_left_behind()
    while time.monotonic() + BETWEEN <= ends:
        time.sleep(BETWEEN)
        count += _take_up_due()
    return count


def _take_up_due() -> int:
    with _taking_up:
        hands = hands_of(os.getpid())
        due = claims.taken_up(timezone.now(), {venue: its.free for venue, its in hands.items()})
        for command in due:
            hands[_venue_of(command)].give(_in_hand, bring_on, command)
    return len(due)


def _take_up_left_behind() -> None:
    """As many as may be followed now, and any of them: what cannot be followed keeps nothing else waiting."""
    left = left_behind(timezone.now())
    with _taking_up:
        for venue, its in hands_of(os.getpid()).items():
            of_venue = [command for command in left if _venue_of(command) is venue]
            for command in random.sample(of_venue, min(len(of_venue), its.free_to_follow)):
                its.follow(_in_hand, _go_on_alone, command)


def _venue_of(command: Command) -> Venue:
    return Venue(command.account.venue)


def _in_hand(work: Callable[[Command], None], command: Command) -> None:
    try:
        with operator_scope(command.operator_id):
            work(command)
    finally:
        connection.close()


def bring_on(command: Command) -> None:
    """Send a command that was never sent, or give it up, or look for proof of what became of it; then read its
    account. What another hand has is left to it."""
    with claims.in_hand(command.pk) as is_free:
        if is_free and claims.hold(command, timezone.now()):
            _bring_on(command)


def _bring_on(command: Command) -> None:
    found = Look()
    try:
        found = _settle(command)
    finally:
        if not found.is_settled:
            wait = claims.pause(command.attempts + 1, earliest=found.earliest, latest=found.latest)
            claims.release(command.pk, timezone.now(), wait, counts=not found.was_held_back)
    if found.is_settled:
        logger.info("Command %s of operator %s is settled.", command.pk, command.operator_id)
        _go_on(command)
        _read_soon(command.operator_id, command.account_id)


def _go_on(command: Command) -> None:
    if not leads_on(command):
        return
    if next_intent(command) is not None:
        follow_up(command.account)


def _go_on_alone(command: Command) -> None:
    with claims.in_hand(command.pk) as is_free:
        if is_free:
            go_on(command)


def _read_soon(operator_id: int, account_id: int) -> None:
    """One reading for all commands of an account that end within a moment: it begins when the moment is over."""
    if is_first_within(keys.commands_ending(operator_id, account_id), MOMENT):
        sync_account_now.apply_async(args=[operator_id, account_id], countdown=MOMENT)


def _settle(command: Command) -> Look:
    """What was signed is sent or given up, and what was sent is asked about: neither needs the account's key."""
    try:
        adapter = account_adapter(command.account)
    except KeyUnreadable:
        # Without a key the venue tells nothing, and the command ends as one that nobody may ask about any more.
        adapter = public_adapter(Venue(command.account.venue))
    if command.sent_at is None:
        return Look(submit_left_behind(adapter, command).is_settled)
    return reconcile.look(adapter, command)
