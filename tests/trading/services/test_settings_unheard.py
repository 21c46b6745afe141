"""A leverage or margin mode whose answer was lost, at both venues: it is as asked, or its nonce proves that it never
was set, or it cannot be told, because whoever else has the key may have set another since."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # a fixture
from tests.trading.conftest import Desk
from tests.trading.services.endings import ended
from tests.trading.services.seats import BITCOIN, Seat, sit_down
from tests.trading.tickets import ticket
from trading.connect import account_adapter
from trading.management.commands.seed_demo import give_agent_key
from trading.margin.types import MarginMode
from trading.models import Command, Setting
from trading.models.commands import CommandKind, CommandState
from trading.services import commands
from trading.services.accounts import leave
from trading.services.effects import SET_AS_BEFORE, SET_SINCE
from trading.services.orders import place_order
from trading.services.reconcile import NEVER_CARRIED_OUT, prove
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import SetLeverage, SetMarginMode, Venue
from trading.venues.errors import Rejected
from trading.venues.hyperliquid.adapter import HyperliquidAdapter

DOORS = {Venue.HYPERLIQUID: "updateLeverage", Venue.ASTER: "leverage"}
BEFORE, WANTED, ANOTHER = 10, 7, 4
KNOWN_BEFORE = {"mode": "isolated", "leverage": str(BEFORE)}


@pytest.fixture(params=list(BITCOIN))
def seat(
    desk: Desk,
    aster: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Seat]:
    """A trader at isolated 10x, whom nobody else proves anything for."""
    for adapter in (AsterAdapter, HyperliquidAdapter):
        monkeypatch.setattr(adapter, "settling", timedelta(milliseconds=20))
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    found = sit_down(desk.sandbox, request.param)
    set_elsewhere(found, BEFORE)
    here = {"operator_id": found.account.operator_id, "account": found.account, "market": found.market}
    Setting(**here, mode="isolated", leverage=BEFORE, told_at=timezone.now()).save()
    yield found
    desk.sandbox.clear_faults()


def set_elsewhere(seat: Seat, leverage: int) -> None:
    for step in seat.adapter.steps(SetLeverage(seat.market.rules, MarginMode.ISOLATED, leverage)):
        with suppress(Rejected):  # the mode is set already
            seat.act_elsewhere(CommandKind.LEVERAGE, step)


def lose(seat: Seat, fault: str, before: Mapping[str, str] = KNOWN_BEFORE) -> Command:
    """An order at 7x whose leverage the venue did not answer."""
    seat.sandbox.fault(fault, DOORS[seat.venue], count=1)
    wanted = ticket(form_key=uuid4(), leverage=WANTED, limit_price=Decimal(80_000))
    command = place_order(seat.adapter, seat.account, seat.market, wanted)
    seat.sandbox.clear_faults()
    assert (command.kind, command.state) == (CommandKind.LEVERAGE, CommandState.UNKNOWN)
    assert command.before == before
    return command


def grow_old(command: Command) -> None:
    """Too old to be sent again."""
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - timedelta(seconds=30))
    command.refresh_from_db()


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(("then", "why"), [(ANOTHER, SET_SINCE), (BEFORE, SET_AS_BEFORE)])
def test_setting_made_unheard_and_changed_elsewhere_is_never_said_not_to_be_made(
    seat: Seat, then: int, why: str, *, is_old: bool
) -> None:
    lost = lose(seat, "drop_after")
    set_elsewhere(seat, then)
    if is_old:
        grow_old(lost)

    assert ended(seat, lost) == (CommandState.UNPROVEN, why)
    assert lost.evidence["leverage"] == str(then)


def test_setting_made_unheard_is_accepted(seat: Seat) -> None:
    lost = lose(seat, "drop_after")
    grow_old(lost)

    assert ended(seat, lost)[0] == CommandState.ACCEPTED
    assert lost.evidence["leverage"] == str(WANTED)


def test_setting_whose_key_was_replaced_ends_and_keeps_nobody_waiting(seat: Seat) -> None:
    lost = lose(seat, "drop_before")
    give_agent_key(seat.account, seat.wallet, seat.adapter)
    seat.account.refresh_from_db()
    Command.objects.filter(pk=lost.pk).update(dead_at=timezone.now() - timedelta(hours=1))
    grow_old(lost)

    assert ended(replace(seat, adapter=account_adapter(seat.account)), lost) == (CommandState.UNPROVEN, SET_AS_BEFORE)
    assert leave(seat.account)


def test_setting_that_never_arrived_is_proven_by_its_nonce_even_past_its_end(seat: Seat) -> None:
    lost = lose(seat, "drop_before")
    grow_old(lost)
    Command.objects.filter(pk=lost.pk).update(dead_at=timezone.now() - timedelta(seconds=15))
    lost.refresh_from_db()

    assert ended(seat, lost)[0] == CommandState.DEAD
    assert lost.evidence["burned"] is True


def test_setting_that_never_arrived_and_was_changed_elsewhere_is_dead_only_where_the_nonce_proves_it(
    seat: Seat,
) -> None:
    lost = lose(seat, "drop_before")
    set_elsewhere(seat, ANOTHER)
    grow_old(lost)

    # A nonce that was taken for nothing does not certainly stop what is in the queue (Aster 1.3).
    proven = CommandState.DEAD if seat.adapter.burning_proves else CommandState.UNPROVEN
    assert ended(seat, lost)[0] == proven


@pytest.mark.parametrize("seat", [Venue.ASTER], indirect=True)
def test_margin_mode_made_unheard_and_set_back_elsewhere_is_never_said_not_to_be_made(seat: Seat) -> None:
    cross = SetMarginMode(seat.market.rules, MarginMode.CROSS)
    seat.act_elsewhere(CommandKind.MODE, cross)
    Setting.objects.update(mode="cross")
    seat.sandbox.fault("drop_after", "marginType", count=1)
    wanted = ticket(form_key=uuid4(), leverage=WANTED, limit_price=Decimal(80_000))
    lost = place_order(seat.adapter, seat.account, seat.market, wanted)
    assert (lost.kind, lost.state, lost.before["mode"]) == (CommandKind.MODE, CommandState.UNKNOWN, "cross")
    seat.act_elsewhere(CommandKind.MODE, cross)

    assert ended(seat, lost) == (CommandState.UNPROVEN, SET_AS_BEFORE)
    assert lost.evidence["mode"] == "cross"


def lose_untold(seat: Seat) -> Command:
    """Never arrived, and nobody had told what was set before it."""
    Setting.objects.all().delete()
    lost = lose(seat, "drop_before", before={})
    grow_old(lost)
    return lost


def test_setting_before_which_nothing_was_known_is_dead_where_all_stands_as_when_its_nonce_was_used_up(
    seat: Seat,
) -> None:
    lost = lose_untold(seat)
    set_elsewhere(seat, ANOTHER)

    assert ended(seat, lost) == (CommandState.DEAD, NEVER_CARRIED_OUT)
    shown = {} if seat.adapter.burning_proves else {"mode before": "isolated", "leverage before": str(ANOTHER)}
    assert lost.evidence.items() >= {"burned": True, "effect": "none", **shown}.items()


@pytest.mark.parametrize("seat", [Venue.ASTER], indirect=True)
def test_setting_before_which_nothing_was_known_is_not_said_to_be_dead_where_another_stands_since(seat: Seat) -> None:
    """It may have waited to be set when its nonce was used up (Aster 1.3)."""
    lost = lose_untold(seat)
    assert not prove(seat.adapter, lost)
    assert lost.evidence["burned"] is True
    set_elsewhere(seat, ANOTHER)

    assert ended(seat, lost) == (CommandState.UNPROVEN, SET_SINCE)
    assert lost.evidence["leverage"] == str(ANOTHER)


@pytest.mark.parametrize("seat", [Venue.ASTER], indirect=True)
def test_nonce_of_a_setting_is_not_used_up_while_nobody_can_tell_what_was_set_before(seat: Seat) -> None:
    lost = lose_untold(seat)
    seat.sandbox.fault("error_before", "positionRisk", count=1)

    assert not prove(seat.adapter, lost)

    assert not lost.events.filter(step="burned").exists()
    assert ended(seat, lost)[0] == CommandState.DEAD
