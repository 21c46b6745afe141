"""Accounts whose turn it is go to workers in batches; each is read by one of them, whatever comes of the others."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from tenants.scope import every_operator, operator_scope
from tests.factories import Exchange, make_account, make_command, make_order
from tests.trading.conftest import Desk
from tests.trading.desks import state
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.outages import cut_off
from tests.trading.tickets import ticket
from tests.trading.workers import dealt, eager  # noqa: F401  # tasks run at once, in this thread
from trading import tasks
from trading.live import board, handing, keys
from trading.models import Fill, Market, VenueAccount
from trading.models.commands import CommandState
from trading.services import executions, looks
from trading.services.looks import Came
from trading.services.orders import place_order
from trading.services.roster import RosterOf
from trading.tasks import accounts
from trading.tasks.readings import BUSY_SECONDS, QUEUED_SECONDS, look_at_accounts, sync_account_in_turn
from trading.venues import weather as rules
from trading.venues.base import Adapter
from trading.venues.snapshots import Network, Venue

__all__ = ["dealt"]

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
LOOK, WHOLE = "trading.tasks.readings.look_at_accounts", "trading.tasks.readings.sync_account_in_turn"


def many_accounts(exchange: Exchange, count: int, **changes: object) -> list[VenueAccount]:
    with operator_scope(exchange.operator.pk):
        return [make_account(exchange.trader, f"0x{number:040x}", **changes) for number in range(count)]


def test_turn_of_an_idle_budget_reads_hardly_more_accounts_whole_than_it_may_spend(
    alpha: Exchange, dealt: Counter[str], settings: Settings
) -> None:
    """95 % of 12,000 weight a minute, a fifth faster to catch up, are 228 a second; executions and orders cost 40."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 12_000
    many_accounts(alpha, 60, synced_at=timezone.now() - timedelta(hours=2))

    assert tasks.sync_due_accounts() == 60
    assert dealt == {WHOLE: 5, f"{WHOLE}, tasks": 5, LOOK: 55, f"{LOOK}, tasks": 3}


def test_turn_reads_hardly_more_of_the_lost_readings_again_than_it_may_spend(
    alpha: Exchange,
    market: Market,
    dealt: Counter[str],
    settings: Settings,
) -> None:
    """Five whole ones in a second, the longest waiting first, though nobody is due otherwise."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE, now = 12_000, timezone.now()
    accounts = many_accounts(alpha, 60, synced_at=now - timedelta(seconds=3))
    with operator_scope(alpha.operator.pk):
        for number, account in enumerate(accounts):
            ended = now - timedelta(minutes=number + 1)
            make_command(account, market, state=CommandState.ACCEPTED, prepared_at=ended, settled_at=ended)

    assert tasks.sync_due_accounts() == 5
    assert dealt == {WHOLE: 5, f"{WHOLE}, tasks": 5}
    assert handing.left_alone(*HERE).keys() == {account.pk for account in accounts[-5:]}


def test_turn_looks_at_hardly_more_accounts_for_their_resting_orders_than_a_fifth_of_it(
    alpha: Exchange, market: Market, dealt: Counter[str], settings: Settings
) -> None:
    """The mark went through the orders of sixty; 45 of the 228 that a second may spend are 22 looks."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 12_000
    for number, account in enumerate(many_accounts(alpha, 60, synced_at=timezone.now() - timedelta(seconds=3))):
        with operator_scope(alpha.operator.pk):
            make_order(account, market, venue_id=number)
    below = msgspec.structs.replace(state("BTC"), mark=Decimal(59_000))
    board.publish(*HERE, [below], timezone.now())

    assert tasks.sync_due_accounts() == 22
    assert (dealt[WHOLE], dealt[LOOK]) == (5, 17)


def test_account_that_is_answered_again_is_not_read_whole(desk: Desk) -> None:
    """A venue that comes back would meet a herd of readings that cost twenty times as much."""
    look_at_accounts(desk.operator.pk, [desk.account.pk])  # the pages are told of it for the first time
    desk.sandbox.fault("error_before", "info", count=1)
    look_at_accounts(desk.operator.pk, [desk.account.pk])
    before = desk.reread().cursors
    assert desk.account.sync_problem != ""

    look_at_accounts(desk.operator.pk, [desk.account.pk])

    assert (desk.reread().sync_problem, desk.account.cursors) == ("", before)
    assert executions.waiting(*HERE) == {}


def test_venue_that_is_down_is_asked_about_one_account_after_another_by_chance(
    alpha: Exchange,
    dealt: Counter[str],
    redis: Redis,  # noqa: F811
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The most urgent may be one that always fails."""
    monkeypatch.setattr(accounts, "random", Random(8))
    monkeypatch.setattr(rules, "MEMORY", timedelta(hours=3))
    cut_off(settings.EGRESS)
    rows, asked = many_accounts(alpha, 4, synced_at=timezone.now() - timedelta(hours=3)), set[int]()
    for _ in range(20):
        redis.delete(keys.probe(*HERE), keys.handed(*HERE))
        assert tasks.sync_due_accounts() == 1
        asked |= handing.left_alone(*HERE).keys()

    assert asked == {row.pk for row in rows}


def a_second_account(desk: Desk, address: str = "0x00000000000000000000000000000000000000b2") -> VenueAccount:
    return make_account(desk.account.trader, address)


def test_account_in_another_workers_hands_is_left_out_of_a_batch(desk: Desk, redis: Redis) -> None:  # noqa: F811
    other = a_second_account(desk)
    look_at_accounts(desk.operator.pk, [desk.account.pk])  # the pages are told of it for the first time
    lock = keys.account_lock(desk.operator.pk, other.pk)
    redis.set(lock, "another worker", px=60_000)
    before = VenueAccount.objects.in_bulk()

    look_at_accounts(desk.operator.pk, [desk.account.pk, other.pk])

    after = VenueAccount.objects.in_bulk()
    assert [after[pk].readings - before[pk].readings for pk in (desk.account.pk, other.pk)] == [1, 0]
    assert redis.get(lock) == b"another worker"
    assert not redis.exists(keys.account_lock(desk.operator.pk, desk.account.pk))


def test_account_of_a_batch_that_keeps_failing_rests_alone(desk: Desk) -> None:
    other = a_second_account(desk, address="no address")
    handing.hand_out(*HERE, [desk.account.pk, other.pk])
    for _ in range(2):
        look_at_accounts(desk.operator.pk, [desk.account.pk, other.pk])

    assert [handing.failures(*HERE, pk) for pk in (desk.account.pk, other.pk)] == [0, 2]
    assert handing.left_alone(*HERE).keys() == {other.pk}
    assert desk.reread().sync_problem == ""
    assert VenueAccount.objects.get(pk=other.pk).sync_problem != ""


def test_account_that_was_never_read_is_read_whole_beside_its_batch(desk: Desk) -> None:
    other = a_second_account(desk)
    VenueAccount.objects.filter(pk=other.pk).update(synced_at=None, venue_time=None)

    look_at_accounts(desk.operator.pk, [desk.account.pk, other.pk])

    read = VenueAccount.objects.get(pk=other.pk)
    assert (read.synced_at is None, read.history_read_at is None) == (False, False)
    assert not Fill.objects.exists()


def test_account_whose_command_has_just_ended_is_looked_at_within_its_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a command leaves to be done is taken up by the turns of those who settle."""
    other, started = a_second_account(desk), list[object]()
    place_order(desk.adapter, desk.account, desk.market, ticket())
    before = VenueAccount.objects.in_bulk()
    monkeypatch.setattr(sync_account_in_turn, "apply_async", lambda **given: started.append(given["args"]))

    look_at_accounts(desk.operator.pk, [desk.account.pk, other.pk])

    after = VenueAccount.objects.in_bulk()
    assert [after[pk].readings - before[pk].readings for pk in (desk.account.pk, other.pk)] == [1, 1]
    assert (started, handing.left_alone(*HERE)) == ([], {})


def test_accounts_that_a_turn_hands_out_are_kept_as_handed_out(
    alpha: Exchange,
    dealt: Counter[str],
    redis: Redis,  # noqa: F811
) -> None:
    """Until a worker must have taken them up, or the task has expired."""
    accounts = many_accounts(alpha, 6, synced_at=timezone.now() - timedelta(hours=3))
    began = time.time()
    assert tasks.sync_due_accounts() == 6

    handed = handing.left_alone(*HERE)
    assert handed.keys() == {account.pk for account in accounts}
    assert all(began <= until - QUEUED_SECONDS <= time.time() for until in handed.values())


def test_those_in_hands_are_found_in_one_search_however_many_they_are(
    alpha: Exchange,
    redis: Redis,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = many_accounts(alpha, 30)
    searches, search = list[object](), np.searchsorted

    def count(*given: Any) -> Any:
        searches.append(given)
        return search(*given)

    def cost(handed: int) -> tuple[int, int, int]:
        """Searches, statements, and how many were found."""
        handing.hand_out(*HERE, [row.pk for row in rows[:handed]])
        searches.clear()
        with CaptureQueriesContext(connection) as sent:
            roster = accounts._claims(*HERE, known, purse).roster
        return len(searches), len(sent), int((roster.not_before > 0).sum())

    monkeypatch.setattr(np, "searchsorted", count)
    with every_operator():
        known, purse = RosterOf(*HERE).known(timezone.now()), accounts._purse(*HERE)
        one, many = cost(1), cost(30)

    assert one[:2] == many[:2]
    assert (one[2], many[2]) == (1, 30)


def test_figures_are_told_of_accounts_in_everybodys_order_and_of_strangers_not_at_all(alpha: Exchange) -> None:
    first, second, third = (row.pk for row in many_accounts(alpha, 3))
    with every_operator():
        known = RosterOf(*HERE).known(timezone.now())

    assert known.figures({third: 3.0, third + 1: 4.0, first: 1.0, first - 1: 5.0}, 0.5).tolist() == [1.0, 0.5, 3.0]
    assert known.figures({}, 0.5).tolist() == [0.5] * 3
    assert known.places([third, third + 1, second]).tolist() == [2, 1]


def test_account_that_a_worker_has_taken_up_is_his_for_longer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    other, began, until = a_second_account(desk), time.time(), list[float]()

    def note(accounts: Sequence[tuple[Adapter, VenueAccount]]) -> Iterator[dict[int, Came]]:
        until.extend(handing.left_alone(*HERE).values())
        yield {account.pk: Came.READ for _, account in accounts}

    monkeypatch.setattr(looks, "look_at", note)
    handing.hand_out(*HERE, [desk.account.pk, other.pk], QUEUED_SECONDS)
    look_at_accounts(desk.operator.pk, [desk.account.pk, other.pk])

    assert len(until) == 2
    assert all(began <= moment - handing.HANDED_SECONDS <= time.time() for moment in until)
    assert handing.left_alone(*HERE) == {}


def test_account_that_somebody_else_reads_is_left_to_him_for_a_moment_only(
    desk: Desk,
    redis: Redis,  # noqa: F811
) -> None:
    handing.hand_out(*HERE, [desk.account.pk])
    redis.set(keys.account_lock(desk.operator.pk, desk.account.pk), "another worker", px=60_000)

    look_at_accounts(desk.operator.pk, [desk.account.pk])

    until = redis.zscore(keys.handed(*HERE), str(desk.account.pk))
    assert until is not None
    assert until <= time.time() + BUSY_SECONDS
