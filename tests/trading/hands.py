"""An order that waits for a hand, and the wait until all hands are free."""

import os
import time
from collections.abc import Callable
from uuid import uuid4

from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.models import Command
from trading.models.commands import CommandState
from trading.services.orders import place_order
from trading.tasks.commands import OF_EACH_VENUE, hands_of

PATIENCE = 60.0


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def wait_for_hands() -> None:
    """Return once no hand of this process has anything to do."""
    wait_until(lambda: {its.free for its in hands_of(os.getpid()).values()} == {OF_EACH_VENUE})


def unknown_order(desk: Desk, fault: str) -> Command:
    """An order of which we do not know what became, due at once."""
    place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"first": "1"}))
    desk.sandbox.fault(fault, "order", count=1)
    command = place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4(), form={"second": "1"}))
    assert command.state == CommandState.UNKNOWN
    command.next_at = timezone.now()
    command.save(update_fields=["next_at"])
    return command


def state_of(command: Command) -> str:
    """Its state in the database."""
    command.refresh_from_db()
    return str(command.state)
