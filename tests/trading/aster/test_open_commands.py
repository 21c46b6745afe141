"""What became of a command is asked with the account's key: it is kept until that is known, or the command ends."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.settling import settle_command
from tests.trading.aster.fates import lose_an_order
from tests.trading.aster.keys import API_KEY, SECRET, paste_api_key, revoke_elsewhere
from tests.trading.aster.people import AsterTrader
from trading.models import Command, Market, VenueAccount
from trading.models.commands import CommandState
from trading.services.accounts import STILL_PROVING, forget_key
from trading.services.executions import fall_behind
from trading.services.readings import accounts_in_use
from trading.services.reconcile import ASKED_IN_VAIN, KEY_GONE, NOT_TOLD
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.errors import Reason


@pytest.fixture
def unknown(ready: AsterTrader, aster: SandboxProcess) -> Command:
    """An order that was carried out and whose answer was lost."""
    assert "Filled" in ready.order()
    return lose_an_order(ready, "drop_after")


@pytest.fixture
def clock_set_back(aster: SandboxProcess) -> Iterator[None]:
    """The venue's clock is right again afterwards."""
    yield
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 0})


def outlive(aster: SandboxProcess) -> None:
    """Two minutes pass by the venue's clock."""
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 120_000})


def tried(command: Command) -> CommandState:
    """Where the command stands after one try to prove it."""
    settle_command(command.operator_id, str(command.pk))
    command.refresh_from_db()
    return CommandState(command.state)


@pytest.mark.parametrize("step", ["forget", "leave", "key"])
def test_key_is_kept_until_the_open_command_is_settled(
    ready: AsterTrader, aster: SandboxProcess, unknown: Command, step: str
) -> None:
    aster.post("/sandbox/api_key", {"venue": "aster", "address": ready.address, "key": API_KEY, "secret": SECRET})
    before = ready.account

    def ask() -> tuple[int, bool]:
        answer = paste_api_key(ready) if step == "key" else ready.post(step)
        return answer.status_code, STILL_PROVING in answer.content.decode()

    assert ask() == (422, True)
    assert (ready.account.agent_key, ready.audit()[-1]) == (before.agent_key, f"trading key approved: {ready.address}")

    assert tried(unknown) == CommandState.ACCEPTED
    assert ask() == (302, False)


@pytest.mark.usefixtures("clock_set_back")
@pytest.mark.parametrize("loss", ["forgotten", "revoked", "unreadable"])
def test_command_whose_key_is_gone_ends_unproven_past_its_end(
    ready: AsterTrader, aster: SandboxProcess, unknown: Command, loss: str
) -> None:
    """Before its end the venue may still carry it out, so it stays open."""
    if loss == "unreadable":
        VenueAccount.objects.filter(pk=ready.account.pk).update(agent_key=b"sealed under another secret")
    else:
        revoke_elsewhere(ready) if loss == "revoked" else forget_key(ready.account)
    unknown = Command.objects.select_related("account", "market").get(pk=unknown.pk)

    assert tried(unknown) == CommandState.UNKNOWN
    outlive(aster)
    assert tried(unknown) == CommandState.UNPROVEN
    assert unknown.message == KEY_GONE
    assert unknown.evidence["expired"] < unknown.evidence["venue clock"]


def ended_ago(command: Command, age: timedelta) -> Command:
    """By the venue's own clock its bytes can do nothing any more since then."""
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - age)
    found: Command = Command.objects.select_related("account", "market").get(pk=command.pk)
    return found


def test_command_of_a_market_that_is_listed_no_more_ends_unproven_and_keeps_nobody_waiting(
    ready: AsterTrader, unknown: Command
) -> None:
    Market.objects.filter(pk=unknown.market_id).update(spec=ready.market.spec | {"name": "GONEUSDT"})

    assert tried(ended_ago(unknown, ASKED_IN_VAIN / 2)) == CommandState.UNKNOWN
    gone = ended_ago(unknown, ASKED_IN_VAIN + AsterAdapter.settling)
    assert tried(gone) == CommandState.UNPROVEN

    assert (gone.message, gone.evidence["reason"]) == (NOT_TOLD, Reason.NOT_PERMITTED)
    assert ready.post("leave").status_code == 302


@pytest.mark.usefixtures("clock_set_back")
def test_clocks_that_are_apart_are_no_reason_to_give_a_command_up(aster: SandboxProcess, unknown: Command) -> None:
    outlive(aster)
    assert tried(ended_ago(unknown, ASKED_IN_VAIN + AsterAdapter.settling)) == CommandState.UNKNOWN

    aster.post("/sandbox/clock", {"venue": "aster", "ahead": 0})
    assert tried(unknown) == CommandState.ACCEPTED


@pytest.mark.parametrize("is_asked_before", [True, False])
def test_key_is_not_revoked_before_the_open_command_is_settled(
    ready: AsterTrader, aster: SandboxProcess, *, is_asked_before: bool
) -> None:
    ready.order()
    if is_asked_before:
        ready.ask("no_key")
    unknown = lose_an_order(ready, "drop_after")

    refused = ready.sign() if is_asked_before else ready.ask("no_key")

    assert (refused.status_code, STILL_PROVING in refused.content.decode()) == (422, True)
    assert len(ready.at_venue()["agents"]) == 1
    assert tried(unknown) == CommandState.ACCEPTED
    if not is_asked_before:
        ready.ask("no_key")
    assert ready.sign().status_code == 302
    assert (ready.panel(), ready.at_venue()["agents"]) == ("connected", [])


@pytest.mark.parametrize(("fault", "end"), [("drop_after", CommandState.ACCEPTED), ("drop_before", CommandState.DEAD)])
@pytest.mark.parametrize("former", ["agent", "api_key"])
def test_order_of_a_former_key_is_proven_with_the_new_one(
    ready: AsterTrader, aster: SandboxProcess, former: str, fault: str, end: CommandState
) -> None:
    """The new key reads the same account; nothing of the old one is needed."""
    if former == "api_key":
        aster.post("/sandbox/api_key", {"venue": "aster", "address": ready.address, "key": API_KEY, "secret": SECRET})
        assert paste_api_key(ready).status_code == 302
    ready.order()
    unknown, old = lose_an_order(ready, fault), ready.account.agent_address

    ready.approve("key")

    assert ready.account.agent_address != old
    Command.objects.filter(pk=unknown.pk).update(dead_at=timezone.now() - timedelta(seconds=30))
    assert tried(unknown) == end
    assert ready.held() == [("BTCUSDT", ready.position.size)]


def test_account_that_was_left_waits_for_nothing_that_only_its_key_could_read(ready: AsterTrader) -> None:
    ready.order()
    account = ready.account
    Command.objects.filter(account=account).update(shown_at=None)
    fall_behind(account)
    assert accounts_in_use().filter(pk=account.pk).exists()

    assert ready.post("leave").status_code == 302

    assert not accounts_in_use().filter(pk=account.pk).exists()
