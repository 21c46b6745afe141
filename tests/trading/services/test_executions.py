"""Executions wait for room in the venue's budget where the promises of freshness have no slack, and none is lost."""

from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.factories import make_account
from tests.trading.conftest import Desk
from tests.trading.elsewhere import trade_elsewhere
from tests.trading.tickets import ticket
from trading.live import handing
from trading.models import Fill, Position
from trading.services import executions
from trading.services.accounts import forget_key, give_key
from trading.services.answers import Answers, store
from trading.services.orders import place_order
from trading.services.readings import begin_reading, weights_of
from trading.services.sync import sync_account
from trading.tasks.accounts import forget_rosters, sync_due_accounts
from trading.tasks.readings import sync_account_in_turn
from trading.venues.ledger import Priority
from trading.venues.snapshots import Network, Venue

PLACE = (Venue.HYPERLIQUID, Network.TESTNET)
EXECUTIONS_WEIGHT = 20
OTHER_ADDRESS = "0x00000000000000000000000000000000000000b2"


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    """The venue's own, of which 60 a minute are for executions without slack."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 1200


@pytest.fixture
def strained(desk: Desk) -> Desk:
    """A desk at a venue whose promises have no slack, and whose share for executions is used up."""
    executions.tell_slack(*PLACE, slack=False)
    assert [executions.have_room(*PLACE, EXECUTIONS_WEIGHT, Priority.URGENT) for _ in range(3)] == [True, True, False]
    return desk


def test_executions_have_room_while_the_promises_have_slack(desk: Desk) -> None:
    executions.tell_slack(*PLACE, slack=True)
    assert [executions.have_room(*PLACE, EXECUTIONS_WEIGHT, Priority.URGENT) for _ in range(100)] == [True] * 100

    executions.tell_slack(*PLACE, slack=False)
    let_through = [executions.have_room(*PLACE, EXECUTIONS_WEIGHT, Priority.URGENT) for _ in range(100)]
    assert let_through == [True] * 2 + [False] * 98


def test_what_costs_more_than_the_share_takes_all_of_it(desk: Desk, settings: Settings) -> None:
    """Of orders in five builder-deployed books beside the main one, 140 in all, of the 60 for a minute."""
    settings.HYPERLIQUID_DEXES = ["a", "b", "c", "d", "e"]
    executions.tell_slack(*PLACE, slack=False)
    dear = weights_of(PLACE[0]).explaining

    assert dear == 140
    assert [executions.have_room(*PLACE, dear, Priority.ROUTINE) for _ in range(3)] == [True, False, False]


def test_executed_order_shows_its_position_at_once_and_its_execution_when_there_is_room(strained: Desk) -> None:
    place_order(strained.adapter, strained.account, strained.market, ticket())

    assert (Position.objects.count(), Fill.objects.count()) == (1, 0)
    assert list(executions.waiting(*PLACE)) == [strained.account.pk]

    assert sync_account(strained.adapter, strained.account)
    assert Fill.objects.count() == 1
    assert list(executions.waiting(*PLACE)) == []


def test_order_that_rests_is_in_the_list_at_once(strained: Desk) -> None:
    place_order(strained.adapter, strained.account, strained.market, ticket(limit_price=Decimal(80000)))

    assert strained.account.orders.filter(is_open=True).count() == 1
    assert list(executions.waiting(*PLACE)) == []


def test_account_whose_executions_the_venue_does_not_list_yet_waits_until_they_explain_it(strained: Desk) -> None:
    """The list of executions may come later than what is held: such a reading explains nothing."""
    place_order(strained.adapter, strained.account, strained.market, ticket())
    reading, held = begin_reading(strained.account), strained.adapter.account(strained.account.address)
    lagging = Answers(since=timezone.now(), snapshot=held, fills=())

    assert not store(strained.account, reading, lagging).adds_up
    assert list(executions.waiting(*PLACE)) == [strained.account.pk]

    assert sync_account(strained.adapter, strained.account)
    assert (Fill.objects.count(), list(executions.waiting(*PLACE))) == (1, [])


def test_account_that_a_whole_reading_does_not_explain_waits_though_nobody_has_seen_it_move(desk: Desk) -> None:
    """The question that is to explain it may be kept back, and no later reading sees the move again."""
    trade_elsewhere(desk)
    reading, held = begin_reading(desk.account), desk.adapter.account(desk.account.address)

    assert not store(desk.account, reading, Answers(since=timezone.now(), snapshot=held, fills=())).adds_up
    assert list(executions.waiting(*PLACE)) == [desk.account.pk]


def test_who_is_read_now_waits_again_behind_all_others_until_that_was_done(desk: Desk) -> None:
    other = make_account(desk.trader, OTHER_ADDRESS)
    executions.fall_behind(desk.account)
    executions.fall_behind(other)
    executions.fall_behind(desk.account)  # waits since the first time
    assert list(executions.waiting(*PLACE)) == [desk.account.pk, other.pk]

    executions.go_to_the_end(*PLACE, desk.account.pk)
    assert list(executions.waiting(*PLACE)) == [other.pk, desk.account.pk]

    other.refresh_from_db()
    executions.catch_up(other)
    executions.go_to_the_end(*PLACE, other.pk)
    assert list(executions.waiting(*PLACE)) == [desk.account.pk]


def test_room_is_taken_only_for_an_account_that_can_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for one that rests because it keeps failing."""
    room, started = Mock(return_value=True), Mock()
    monkeypatch.setattr(executions, "have_room", room)
    monkeypatch.setattr(sync_account_in_turn, "apply_async", started)
    forget_rosters()
    executions.fall_behind(desk.account)
    handing.let_rest(*PLACE, desk.account.pk, 1, 60)
    sync_due_accounts()
    assert (room.called, started.called, list(executions.waiting(*PLACE))) == (False, False, [desk.account.pk])

    handing.give_back(*PLACE, desk.account.pk)
    sync_due_accounts()
    assert room.call_count == 1
    assert started.call_args_list[0].kwargs["args"] == [desk.operator.pk, desk.account.pk, 0.0]


def test_questions_of_open_tickets_take_nothing_of_executions_that_wait(desk: Desk) -> None:
    """Of 60 for a minute an explanation takes 40: two questions of 20 would leave no room for it, however often."""
    executions.tell_slack(*PLACE, slack=False)
    executions.fall_behind(desk.account)

    assert [executions.leave_room(*PLACE, EXECUTIONS_WEIGHT) for _ in range(5)] == [True] + [False] * 4
    assert executions.have_room(*PLACE, weights_of(PLACE[0]).explaining, Priority.ROUTINE)


def test_account_that_nobody_can_read_without_its_key_keeps_nobody_waiting_and_goes_on_with_a_new_one(
    desk: Desk, settings: Settings
) -> None:
    settings.ASTER_WEIGHT_PER_MINUTE = 1200
    place = (Venue.ASTER, Network.TESTNET)
    account = make_account(desk.trader, OTHER_ADDRESS, venue=Venue.ASTER.value)
    executions.tell_slack(*place, slack=False)
    executions.fall_behind(account)
    assert list(executions.waiting(*place)) == [account.pk]

    assert forget_key(account)
    assert list(executions.waiting(*place)) == []
    assert [executions.leave_room(*place, EXECUTIONS_WEIGHT) for _ in range(3)] == [True, True, False]

    give_key(account, "0xa6e17000000000000000000000000000000000bb", b"another-sealed-key", None)
    assert list(executions.waiting(*place)) == [account.pk]


def test_account_at_a_venue_that_is_read_without_a_key_waits_without_one(desk: Desk) -> None:
    executions.fall_behind(desk.account)
    assert forget_key(desk.account)

    assert list(executions.waiting(*PLACE)) == [desk.account.pk]


def test_questions_have_the_room_of_executions_while_none_waits(desk: Desk) -> None:
    executions.tell_slack(*PLACE, slack=False)

    assert [executions.leave_room(*PLACE, EXECUTIONS_WEIGHT) for _ in range(5)] == [True] * 2 + [False] * 3
    assert not executions.have_room(*PLACE, EXECUTIONS_WEIGHT, Priority.ROUTINE)
