"""What it costs to settle what a restart left behind: few statements a command, one reading for all of an account."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.test_orders import ticket
from trading.live import keys
from trading.live.connections import blocking
from trading.models import Command
from trading.models.commands import CommandState
from trading.services import claims, commands
from trading.services.orders import place_order
from trading.tasks import commands as command_tasks
from trading.tasks import settle_command, sync_account_now

# Read it, hold it, settle it with its step in one transaction.
STATEMENTS = 4


@pytest.fixture
def readings(redis: object, monkeypatch: pytest.MonkeyPatch) -> list[int]:  # noqa: F811
    """The accounts whose reading was asked for."""
    asked: list[int] = []
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(sync_account_now, "apply_async", lambda args, countdown: asked.append(args[1]))
    return asked


def lost_orders(desk: Desk, count: int) -> list[Command]:
    """Carried out, and nobody heard it."""
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    for number in range(count):
        desk.sandbox.fault("drop_after", "order", count=1)
        place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"one": str(number)}))
    desk.sandbox.clear_faults()
    found = list(Command.objects.filter(state=CommandState.UNKNOWN).order_by("nonce"))
    assert len(found) == count
    return found


def test_proof_of_an_order_takes_at_most_four_statements(desk: Desk, readings: list[int]) -> None:
    (lost,) = lost_orders(desk, 1)

    with CaptureQueriesContext(connection) as captured:
        settle_command(lost.operator_id, str(lost.pk))

    sent = [query["sql"] for query in captured.captured_queries]
    told = [sql for sql in sent if "trading_command" in sql]
    lost.refresh_from_db()
    assert lost.state == CommandState.ACCEPTED
    assert len(told) <= STATEMENTS, sent  # one less where it was handed out just now


def test_what_was_handed_out_just_now_is_not_taken_anew(desk: Desk, readings: list[int]) -> None:
    (lost,) = lost_orders(desk, 1)
    now = timezone.now()
    Command.objects.filter(pk=lost.pk).update(next_at=now)
    assert claims.claim(now, 5) == [(lost.operator_id, lost.pk)]
    lost.refresh_from_db()

    with CaptureQueriesContext(connection) as captured:
        assert claims.hold(lost, now)
    assert len(captured) == 0
    with CaptureQueriesContext(connection) as captured:
        assert claims.hold(lost, lost.next_at)
    assert len(captured) == 1


def test_commands_that_end_together_are_followed_by_one_reading(
    desk: Desk, readings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long a busy machine takes between two of them.
    monkeypatch.setattr(command_tasks, "MOMENT", 600.0)
    for command in lost_orders(desk, 3):
        settle_command(command.operator_id, str(command.pk))

    assert not Command.objects.filter(state=CommandState.UNKNOWN).exists()
    assert readings == [desk.account.pk]
    blocking().delete(keys.commands_ending(desk.operator.pk, desk.account.pk))


def test_command_that_ends_after_the_reading_began_is_followed_by_another(desk: Desk, readings: list[int]) -> None:
    for command in lost_orders(desk, 2):
        blocking().delete(keys.commands_ending(desk.operator.pk, desk.account.pk))
        settle_command(command.operator_id, str(command.pk))

    assert readings == [desk.account.pk] * 2
