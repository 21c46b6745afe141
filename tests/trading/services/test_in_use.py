"""Who is kept up to date: whom somebody may look at, and whose command is not at its end. All others are left alone."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tenants.models import Operator, User
from tenants.scope import every_operator, operator_scope
from tests.factories import Exchange, make_account, make_command, make_market
from trading.live.watching import _rows_of
from trading.models import Command, VenueAccount
from trading.models.commands import CommandState
from trading.services import executions
from trading.services.readings import told_after
from trading.services.roster import RosterOf
from trading.venues.snapshots import Network, Venue

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
Leave = Callable[[VenueAccount], object]


@pytest.fixture(autouse=True)
def all_scopes(alpha: Exchange) -> Iterator[None]:
    with every_operator():
        yield


@pytest.fixture
def account(alpha: Exchange) -> VenueAccount:
    with operator_scope(alpha.operator.pk):
        return make_account(alpha.trader, "0x1", attempted_at=timezone.now())


@pytest.fixture
def command(alpha: Exchange, account: VenueAccount) -> Command:
    with operator_scope(alpha.operator.pk):
        return make_command(account, make_market("BTC"))


def show_another(account: VenueAccount) -> None:
    VenueAccount.objects.filter(pk=account.pk).update(is_current=False)


def close_the_trader(account: VenueAccount) -> None:
    User.objects.filter(pk=account.trader_id).update(is_active=False)


def close_the_operator(account: VenueAccount) -> None:
    Operator.objects.filter(pk=account.operator_id).update(is_active=False)


LEFT = pytest.mark.parametrize("leave", [show_another, close_the_trader, close_the_operator])


def are_read() -> list[int]:
    """Those that the workers of a process which has just begun would read."""
    found: list[int] = RosterOf(*HERE).known(timezone.now()).ids.tolist()
    return found


def are_followed(account: VenueAccount) -> list[int]:
    """Those whose streams would be followed if all were looked at."""
    return [pk for _, pk in _rows_of([(account.operator_id, account.pk)], *HERE)]


@LEFT
def test_account_that_nobody_can_look_at_is_neither_read_nor_followed(
    alpha: Exchange, account: VenueAccount, leave: Leave
) -> None:
    with operator_scope(alpha.operator.pk):
        other = make_account(alpha.trader, "0x2") if leave is show_another else None
    assert (account.pk in are_read(), are_followed(account)) == (True, [account.pk])

    leave(account)

    assert (are_read(), are_followed(account)) == ([other.pk] if other else [], [])


@LEFT
def test_account_is_read_until_its_executions_are(account: VenueAccount, leave: Leave) -> None:
    executions.fall_behind(account)
    leave(account)
    assert (are_read(), [*executions.waiting(*HERE)]) == ([account.pk], [account.pk])

    account.refresh_from_db()
    executions.catch_up(account)

    assert (are_read(), [*executions.waiting(*HERE)]) == ([], [])


@LEFT
@pytest.mark.parametrize("state", [CommandState.PREPARED, CommandState.UNKNOWN])
def test_account_is_read_until_its_commands_have_their_end(
    account: VenueAccount, command: Command, leave: Leave, state: CommandState
) -> None:
    Command.objects.filter(pk=command.pk).update(state=state)
    leave(account)

    assert (are_read(), are_followed(account)) == ([account.pk], [account.pk])
    Command.objects.filter(pk=command.pk).update(state=CommandState.REJECTED)
    assert (are_read(), are_followed(account)) == ([], [])


@LEFT
def test_account_is_read_until_what_its_commands_moved_is_shown(
    account: VenueAccount, command: Command, leave: Leave
) -> None:
    Command.objects.filter(pk=command.pk).update(state=CommandState.ACCEPTED, settled_at=timezone.now())
    leave(account)
    assert (are_read(), are_followed(account)) == ([account.pk], [account.pk])

    command.refresh_from_db()
    told_after(command)

    assert (are_read(), are_followed(account)) == ([], [])


def test_account_that_is_shown_again_is_read_with_the_next_turn(account: VenueAccount) -> None:
    show_another(account)
    roster = RosterOf(*HERE)
    assert roster.known(timezone.now()).ids.tolist() == []

    VenueAccount.objects.filter(pk=account.pk).update(is_current=True, attempted_at=timezone.now())

    assert roster.known(timezone.now()).ids.tolist() == [account.pk]


def test_commands_are_found_by_the_indexes_of_those_that_are_not_at_their_end(account: VenueAccount) -> None:
    """However many there are that are: a turn asks each second."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = RosterOf(*HERE)._accounts.filter(attempted_at__gte=timezone.now() - timedelta(seconds=10)).explain()

    assert [name in plan for name in ("commands_not_settled", "commands_not_shown")] == [True, True]
