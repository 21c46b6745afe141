"""Commands that were lost on their way or left behind, and the wait for the proof of what became of them."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.models import Command, Position
from trading.models.commands import CommandKind, CommandState
from trading.services import carrying, orders
from trading.services.margin import change_margin
from trading.services.orders import place_order
from trading.services.reconcile import prove

PATIENCE = 60.0


def place_under(desk: Desk, fault: str, **options: object) -> Command:
    """An order while the venue misbehaves; leverage is set before, so that the fault strikes the order."""
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    desk.sandbox.fault(fault, "order", count=1, **options)
    return place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"second": "1"}))


def proven(desk: Desk, command: Command) -> bool:
    """Proven in time: a venue that asked us to slow down is left alone for a while."""
    ends = time.monotonic() + PATIENCE
    while not prove(desk.adapter, command):
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def aged(command: Command, age: timedelta) -> Command:
    """Still unknown so long after it was written down."""
    assert command.state == CommandState.UNKNOWN
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - age)
    command.refresh_from_db()
    return command


def unknown_margin(desk: Desk, amount: int, fault: str) -> Command:
    """A change of the position's margin of which we do not know what became."""
    held = Position.objects.select_related("market", "account").get()
    desk.sandbox.fault(fault, "updateIsolatedMargin", count=1)
    command = change_margin(desk.adapter, desk.account, held, amount=Decimal(amount), form_key=uuid4())
    assert command.state == CommandState.UNKNOWN
    return command


def expire(command: Command) -> Command:
    """Past the end of its nonce by the venue's clock."""
    Command.objects.filter(pk=command.pk).update(dead_at=timezone.now() - timedelta(minutes=1))
    command.refresh_from_db()
    return command


class Died(BaseException):
    """The process ended between writing down and sending."""


def left_behind(act: Callable[[], object], kind: CommandKind) -> Command:
    """The command of a process that dies before its first byte leaves."""

    def die(*_: object) -> None:
        raise Died

    with patch.object(orders, "submit", die), patch.object(carrying, "submit", die), pytest.raises(Died):
        act()
    command: Command = Command.objects.select_related("account", "market").get(kind=kind, sent_at=None)
    return command


def opened(desk: Desk) -> Position:
    """An open position."""
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    held: Position = Position.objects.select_related("market", "account").get()
    return held


def buy_left_behind(desk: Desk) -> Command:
    """An order of a process that died before it left."""
    wanted = ticket(form_key=uuid4(), form={"second": "1"})
    return left_behind(lambda: place_order(desk.adapter, desk.account, desk.market, wanted), CommandKind.ORDER)
