"""A command's row and its history change together or not at all, and one of many makes the change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tenants.models import Operator
from tenants.scope import CrossOperatorWrite, operator_scope
from tests.factories import Belongings, Exchange, make_account, make_command, make_market, make_user
from trading.models import Command
from trading.models.commands import CommandState
from trading.models.events import Step
from trading.services.events import Heard, steps_of
from trading.services.transitions import CLAIMING, Transition, note_doubt, settle
from trading.venues.base import SignedRequest
from trading.venues.transport import Exchange as Asked
from trading.venues.transport import Response

PROCESSES = 8
ODD = bytes(range(256))
SPENT = Transition("spent_at = now()", "spent_at IS NULL")


@pytest.fixture
def command(alpha: Exchange, alices: Belongings) -> Iterator[Command]:
    with operator_scope(alpha.operator.pk):
        yield alices.command


def told(command: Command) -> list[tuple[str, str]]:
    return [(event.step, event.state) for event in command.events.exclude(step=Step.PREPARED)]


def test_row_and_step_are_as_they_were_given(command: Command) -> None:
    evidence = {"kind": "filled", "said": 'a "quote", a \\ and {braces}', "of": ["two", None]}
    before = timezone.now()

    assert settle(command, CommandState.ACCEPTED, evidence, "it's done", heard=Heard(Response(200, ODD)))

    stored, event = Command.objects.get(pk=command.pk), command.events.get(step=Step.SETTLED)
    assert (stored.state, stored.evidence, stored.message) == (CommandState.ACCEPTED, evidence, "it's done")
    assert before <= stored.settled_at <= timezone.now()
    assert (event.state, event.evidence, event.status, event.error) == (CommandState.ACCEPTED, evidence, 200, "")
    assert (bytes(event.answer), event.answer_length, event.operator_id) == (ODD, len(ODD), command.operator_id)
    assert before <= event.happened_at <= timezone.now()


def test_command_in_hand_stands_as_its_row_does(command: Command) -> None:
    assert settle(command, CommandState.REJECTED, {"reason": "margin"}, "refused")

    stored = Command.objects.get(pk=command.pk)
    for name in ("state", "message", "evidence", "next_at", "sent_at", "spent_at", "settled_at"):
        assert getattr(command, name) == getattr(stored, name), name


def test_steps_of_a_proof_are_kept_in_their_order(command: Command) -> None:
    asked = [Asked(f"/question/{place}", b"{}", Response(200, b"x")) for place in range(30)]

    assert settle(command, CommandState.DEAD, {"effect": "none"}, asked=asked)

    kept = list(command.events.exclude(step=Step.PREPARED).values_list("step", "path", "status"))
    assert kept[:-1] == [(Step.ASKED, f"/question/{place}", 200) for place in range(29)]
    assert kept[-1] == (Step.SETTLED, "/question/29", 200)


def test_end_is_given_once_and_the_late_answer_is_kept(command: Command) -> None:
    late = Command.objects.get(pk=command.pk)
    assert settle(command, CommandState.ACCEPTED, {"kind": "filled"})

    assert not settle(late, CommandState.REJECTED, {"reason": "margin"}, heard=Heard(Response(200, b"too late")))

    assert (late.state, late.evidence) == (CommandState.ACCEPTED, {"kind": "filled"})
    assert told(command) == [(Step.SETTLED, CommandState.ACCEPTED), (Step.ANSWERED, CommandState.REJECTED)]


def test_doubt_adds_what_was_learnt_to_what_another_has_learnt_meanwhile(command: Command) -> None:
    other = Command.objects.get(pk=command.pk)
    note_doubt(other, Heard(error="silence"), {"received": True})
    note_doubt(command, Heard(error="again"), {"burned": True})

    stored = Command.objects.get(pk=command.pk)
    assert stored.evidence == command.evidence == {"received": True, "burned": True}
    assert (stored.state, stored.message) == (CommandState.UNKNOWN, "again")
    assert told(command) == [(Step.ANSWERED, CommandState.UNKNOWN)] * 2


def test_doubt_about_what_has_its_end_changes_nothing_and_is_kept(command: Command) -> None:
    late = Command.objects.get(pk=command.pk)
    settle(command, CommandState.ACCEPTED, {"kind": "filled"})

    note_doubt(late, Heard(error="silence"), {"received": True})

    stored = Command.objects.get(pk=command.pk)
    assert (stored.evidence, stored.message, late.state) == ({"kind": "filled"}, "", CommandState.ACCEPTED)
    assert told(command)[-1] == (Step.ANSWERED, CommandState.ACCEPTED)


def test_change_whose_step_cannot_be_written_is_not_made(command: Command) -> None:
    steps = steps_of(command, Step.SETTLED, CommandState.ACCEPTED)
    steps[0].path = "/" * 61

    with pytest.raises(DatabaseError), transaction.atomic():
        SPENT.make(command, steps)

    assert Command.objects.get(pk=command.pk).spent_at is None
    assert told(command) == []


def test_command_of_another_operator_is_out_of_reach(command: Command, beta: Exchange) -> None:
    with operator_scope(beta.operator.pk), pytest.raises(CrossOperatorWrite):
        settle(command, CommandState.ACCEPTED, {})

    assert Command.objects.get(pk=command.pk).state == CommandState.UNKNOWN


@pytest.mark.django_db(transaction=True)
def test_one_of_many_processes_takes_a_command_to_send_it() -> None:
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        account = make_account(make_user("alice@alpha.example"), "0xa11ce00000000000000000000000000000000001")
        command = make_command(account, make_market(), state=CommandState.PREPARED)

    def take(_: int) -> bool:
        try:
            with operator_scope(operator.pk):
                mine = Command.objects.get(pk=command.pk)
                request = SignedRequest(path=mine.path, body=bytes(mine.body), nonce=mine.nonce)
                steps = steps_of(mine, Step.SENT, CommandState.UNKNOWN, request=request)
                now = timezone.now()
                is_mine = CLAIMING.make(mine, steps, now=now, next_at=now + timedelta(seconds=1))
                assert mine.state == CommandState.UNKNOWN
                return is_mine
        finally:
            connection.close()

    with ThreadPoolExecutor(PROCESSES) as pool:
        taken = list(pool.map(take, range(4 * PROCESSES)))

    with operator_scope(operator.pk):
        assert sum(taken) == 1
        assert told(command) == [(Step.SENT, CommandState.UNKNOWN)]
