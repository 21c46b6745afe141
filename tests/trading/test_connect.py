"""Which network an account's adapter talks to, on the real sandbox."""

import pytest
from pytest_django.fixtures import Settings

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.connect import OtherNetwork, account_adapter, trading_adapter
from trading.models import Command, Fill, Position, VenueAccount
from trading.models.commands import CommandState
from trading.services.looks import sync_positions
from trading.services.orders import place_order
from trading.services.sync import sync_account

ELSEWHERE = "This account lives on another network than this exchange is connected to."


@pytest.fixture
def switched(desk: Desk, settings: Settings) -> Desk:
    """A desk with a position on the testnet, at a deployment that has moved to the mainnet since."""
    place_order(desk.adapter, desk.account, desk.market, ticket())
    desk.account.refresh_from_db()
    settings.HYPERLIQUID_NETWORK = "mainnet"
    return desk


def test_adapters_of_an_account_are_on_its_own_network(switched: Desk) -> None:
    adapters = [account_adapter(switched.account), trading_adapter(switched.account)]

    assert [adapter.network.value for adapter in adapters] == ["testnet", "testnet"]


def test_account_of_another_network_is_not_read(switched: Desk) -> None:
    before = (list(Position.objects.values()), list(Fill.objects.values()), switched.account.synced_at)
    adapter = account_adapter(switched.account)

    assert [sync_account(adapter, switched.account), sync_positions(adapter, switched.account)] == [False, False]

    row = VenueAccount.objects.get()
    assert (list(Position.objects.values()), list(Fill.objects.values()), row.synced_at) == before
    assert row.sync_problem == ELSEWHERE


def test_command_for_an_account_of_another_network_is_never_sent(switched: Desk) -> None:
    held = switched.adapter.account(switched.account.address).positions

    command = place_order(trading_adapter(switched.account), switched.account, switched.market, ticket())

    assert (command.state, command.message) == (CommandState.DEAD, ELSEWHERE)
    assert Command.objects.filter(state=CommandState.UNKNOWN).count() == 0
    assert switched.adapter.account(switched.account.address).positions == held


def test_another_network_is_like_an_unreachable_venue_but_not_worth_another_try(switched: Desk) -> None:
    with pytest.raises(OtherNetwork) as caught:
        account_adapter(switched.account).markets()

    assert (caught.value.outcome_known, caught.value.retryable, caught.value.explanation) == (True, False, ELSEWHERE)


def test_account_of_the_connected_network_is_read(desk: Desk) -> None:
    assert sync_account(account_adapter(desk.account), desk.account)
