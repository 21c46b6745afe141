"""What the forked processes do: trade, die at a point, and read everything once more at the end."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar
from unittest.mock import patch
from uuid import uuid4

from django.db import InterfaceError, OperationalError, connections
from redis.exceptions import RedisError

from tenants.scope import operator_scope
from tests.chaos.actions import WISHES, Desk, act
from tests.chaos.killing import CuttingTransport, Points, WatchedTransport
from tests.chaos.people import accounts_of, desk_of
from trading import connect
from trading.connect import account_adapter
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES, CommandState
from trading.services.commands import prepare, submit
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.services.totals import money_totals
from trading.venues.base import Network, Venue
from trading.venues.errors import VenueError
from trading.venues.transport import Transport

T = TypeVar("T")

HANDS = 4  # threads of one trading process
# The wishes of a venue's traders in a second: constant, because whoever wishes as fast as a machine can has all of it
# at work all the time, and then what is measured is the queue before the machine.
PACE = 10.0
ANSWER_PATIENCE = 20.0
# The page says "it is being checked; do not send it again": one in ten goes on at once all the same.
IMPATIENT = 0.1
IDLE = 0.02  # seconds until a trader who could do nothing thinks again
PATHS = ("submit", "prove_arrived", "prove_lost")


def trade(venue: str, place: int, places: int, seed: int, life: int) -> None:
    """Act on one account after another until killed."""
    accounts = _with_patience(lambda: accounts_of(venue))[place::places]
    count = min(HANDS, len(accounts))
    mean = places * count / PACE
    hands = [
        threading.Thread(target=_trade, args=(accounts[hand::count], f"{seed} {venue} {place} {life} {hand}", mean))
        for hand in range(count)
    ]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()


def _trade(accounts: list[VenueAccount], seed: str, mean: float) -> None:
    """A command after ``mean`` seconds on average, some sooner and some later; what was missed is not made up for."""
    chance, desks, due = random.Random(seed), dict[int, Desk](), time.monotonic()
    while True:
        due = max(due, time.monotonic()) + chance.expovariate(1 / mean)
        time.sleep(max(0.0, due - time.monotonic()))
        waits = chance.random() > IMPATIENT
        while _with_patience(lambda waits=waits: _act(chance.choice(accounts), desks, chance, waits=waits)) is None:  # type: ignore[misc]
            time.sleep(IDLE)


def _act(account: VenueAccount, desks: dict[int, Desk], chance: random.Random, *, waits: bool) -> Command | None:
    with operator_scope(account.operator_id):
        if account.pk not in desks:
            desks[account.pk] = desk_of(account, chance)
        if waits and Command.objects.filter(account=account, state__in=OPEN_STATES).exists():
            return None
        return act(desks[account.pk])


def _with_patience(work: Callable[[], T]) -> T:
    """Again until the database is there."""
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError, RedisError):
            connections.close_all()
            time.sleep(0.05)


def die_at(venue: str, path: str, point: int, turn: int, seed: int) -> int | None:
    """Walk one command down a path and die at the point; the number of points where the path ended before, None where
    it was never walked. ``turn`` is how many died before: the accounts take turns."""
    chance = random.Random(f"{seed} {venue} {path} {point}")
    accounts = accounts_of(venue)
    account = accounts[turn % len(accounts)]
    points = Points(point if path == "submit" else 0)
    with operator_scope(account.operator_id), ExitStack() as stack:
        _watch(points, path)
        desk = desk_of(account, chance)
        kinds = ("market", "limit", "leverage", "cancel", "margin", "batch")
        wishes = (WISHES[kinds[(point + turn) % len(kinds)]](desk, uuid4()) for turn in itertools.count())
        market, intent = next(wish for wish in wishes if wish is not None)
        points.passed = 0
        if path == "submit":
            points.watch(stack)
        else:
            # Nobody else is called, so this process comes first.
            stack.enter_context(patch("trading.services.commands.settle_soon"))
        command, _ = prepare(desk.adapter, account, market, intent)
        command = submit(desk.adapter, command)
        if path != "submit" and command.state == CommandState.UNKNOWN:
            points.fatal, points.passed = point, 0
            points.watch(stack)
            command = Command.objects.select_related("account", "market").get(pk=command.pk)
            prove(account_adapter(command.account), command)
    return points.passed or None


def _watch(points: Points, path: str) -> None:
    """Put watchers around this process's way to the venue."""

    within_the_budget = connect._way

    def watched(venue: Venue, network: Network, account: str) -> Transport:
        if account not in ways:
            inner = within_the_budget(venue, network, account)
            if path != "submit":
                inner = CuttingTransport(inner, arrives=path == "prove_arrived")
            ways[account] = WatchedTransport(inner, points)
        return ways[account]

    ways: dict[str, Transport] = {}
    connect._way = watched


def _until_answered(ask: Callable[[], T | None]) -> T:
    """Again until the venue answers, which has much to tell by now."""
    ends = time.monotonic() + ANSWER_PATIENCE
    while True:
        try:
            found = ask()
        except VenueError:
            found = None
        if found is not None or time.monotonic() > ends:
            assert found is not None, "the venue does not answer"
            return found
        time.sleep(0.1)


def read_everything() -> dict[str, list[str]]:
    """Bring every account's rows up to what the venue says; per account what of its money nothing explains, and how
    our positions differ from the venue's."""
    found: dict[str, list[str]] = {}
    for venue, _ in connect.configured_venues():
        for account in accounts_of(venue.value):
            with operator_scope(account.operator_id):
                adapter = account_adapter(account)
                _until_answered(lambda adapter=adapter, account=account: sync_account(adapter, account) or None)  # type: ignore[misc]
                account.refresh_from_db()
                totals = money_totals(account)
                snapshot = _until_answered(lambda adapter=adapter, account=account: adapter.account(account.address))  # type: ignore[misc]
                theirs = {row.market: row.size for row in snapshot.positions}
                ours = {row.market.name: row.size for row in account.positions.select_related("market")}
                unexplained = "0" if totals is None else f"{totals.unexplained.normalize():f}"
                found[f"{venue} {account.address}"] = [unexplained, "" if ours == theirs else f"{ours} {theirs}"]
    return found
