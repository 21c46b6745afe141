"""What the forked processes do: trade, and read everything once more at the end."""

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections
from redis.exceptions import RedisError

from tenants.scope import operator_scope
from tests.chaos.actions import Desk, act
from tests.chaos.people import accounts_of, desk_of
from trading import connect
from trading.connect import account_adapter
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES
from trading.services.sync import sync_account
from trading.services.totals import money_totals
from trading.venues.errors import VenueError

T = TypeVar("T")

TRADERS = 2  # processes for each venue
HANDS = 4  # threads of one of them
# The wishes of a venue's traders in a second: constant, because whoever wishes as fast as a machine can has all of it
# at work all the time, and then what is measured is the queue before the machine (two cores are full at five a venue).
# Few accounts are less to follow.
PACE, PACE_OF_FEW, FEW = 4.0, 10.0, 6
ANSWER_PATIENCE = 20.0
# The page says "it is being checked; do not send it again": one in twenty-five goes on at once all the same. In a quick
# run nobody does but who walks that path to its end: one of its hundred is the one of a hundred already.
IMPATIENT, IMPATIENT_OF_FEW = 0.04, 0.0
IDLE = 0.02  # seconds until a trader who could do nothing thinks again


def trade(venue: str, place: int, places: int, seed: int, life: int, seconds: float = math.inf) -> None:
    """Act on one account after another, for so long or until killed."""
    accounts = _with_patience(lambda: accounts_of(venue))[place::places]
    count = min(HANDS, len(accounts))
    pace, impatient = (PACE, IMPATIENT) if len(accounts) * places > FEW else (PACE_OF_FEW, IMPATIENT_OF_FEW)
    mean, ends = places * count / pace, time.monotonic() + seconds
    hands = [
        threading.Thread(
            target=_trade, args=(accounts[hand::count], f"{seed} {venue} {place} {life} {hand}", mean, impatient, ends)
        )
        for hand in range(count)
    ]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()


def _trade(accounts: list[VenueAccount], seed: str, mean: float, impatient: float, ends: float) -> None:
    """A command after ``mean`` seconds on average, some sooner and some later; what was missed is not made up for."""
    chance, desks, due = random.Random(seed), dict[int, Desk](), time.monotonic()
    while (due := max(due, time.monotonic()) + chance.expovariate(1 / mean)) < ends:
        time.sleep(max(0.0, due - time.monotonic()))
        waits = chance.random() >= impatient
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
