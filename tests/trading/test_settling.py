"""What it costs to settle what a restart left behind: few statements a command, one reading for all of an account."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.settling import settle_command
from tests.trading.conftest import Desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.statements import CHANGE, FORM, LOCK, NONCE, WRITTEN, statements
from tests.trading.tickets import ticket
from trading.live import keys
from trading.live.connections import blocking
from trading.models import Command
from trading.models.commands import CommandKind, CommandState
from trading.services import claims, commands
from trading.services.commands import Intent, Name
from trading.services.orders import place_order
from trading.tasks import commands as command_tasks
from trading.tasks import sync_account_now
from trading.venues.base import PlaceOrder, Venue

OTHERS = 30


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


def open_orders(desk: Desk, count: int) -> None:
    """Written down and not sent."""
    for _ in range(count):
        commands.prepare(desk.adapter, desk.account, desk.market, resting(desk))


def resting(desk: Desk) -> Intent:
    rules, size, price = desk.market.rules, Decimal("0.001"), Decimal(80_000)
    fields = {"market": "BTC", "size": f"{size}", "price": f"{price}"}

    def buy(name: Name) -> PlaceOrder:
        return PlaceOrder(rules, is_buy=True, size=size, limit_price=price, client_id=name())

    return Intent(CommandKind.ORDER, uuid4(), fields, fields, buy)


@pytest.mark.parametrize("others", [0, OTHERS])
def test_order_is_written_down_by_five_statements_and_sent_by_two(desk: Desk, readings: list[int], others: int) -> None:
    open_orders(desk, others)
    intent, market = resting(desk), desk.market

    with CaptureQueriesContext(connection) as written:
        command, _ = commands.prepare(desk.adapter, desk.account, market, intent)
    with CaptureQueriesContext(connection) as sent:
        commands.submit(desk.adapter, command)
    with CaptureQueriesContext(connection) as again:
        commands.prepare(desk.adapter, desk.account, market, intent)
    with CaptureQueriesContext(connection) as in_vain:
        commands.submit(desk.adapter, command)

    assert Command.objects.get(pk=command.pk).state == CommandState.ACCEPTED
    assert statements(written) == [LOCK, FORM, NONCE, *WRITTEN]
    assert statements(sent) == [CHANGE, CHANGE]
    assert statements(again) == [LOCK, FORM]
    assert statements(in_vain) == [CHANGE, FORM]  # somebody else was first, and the row is read as it stands


@pytest.mark.parametrize("others", [0, OTHERS])
def test_proof_of_an_order_takes_one_statement_beside_taking_it_up(
    desk: Desk, readings: list[int], others: int
) -> None:
    (lost,) = lost_orders(desk, 1)
    open_orders(desk, others)
    Command.objects.exclude(pk=lost.pk).update(next_at=timezone.now() + timedelta(hours=1))

    with CaptureQueriesContext(connection) as taken_up:
        (command,) = claims.taken_up(timezone.now() + timedelta(seconds=1), {Venue.HYPERLIQUID: 5})
    with CaptureQueriesContext(connection) as proven:
        command_tasks.bring_on(command)
    with CaptureQueriesContext(connection) as called:
        settle_command(lost.operator_id, str(lost.pk))

    assert Command.objects.get(pk=lost.pk).state == CommandState.ACCEPTED
    assert statements(taken_up) == ["WITH trading_command", "SELECT trading_command"]
    assert statements(proven) == [CHANGE]
    assert statements(called) == ["SELECT trading_command"]


def test_what_was_taken_up_just_now_is_not_taken_anew(desk: Desk, readings: list[int]) -> None:
    (lost,) = lost_orders(desk, 1)
    now = timezone.now()
    Command.objects.filter(pk=lost.pk).update(next_at=now)
    (command,) = claims.taken_up(now, {Venue.HYPERLIQUID: 5})
    assert command == lost

    with CaptureQueriesContext(connection) as captured:
        assert claims.hold(command, now)
    assert len(captured) == 0
    with CaptureQueriesContext(connection) as captured:
        assert claims.hold(command, command.next_at)
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
