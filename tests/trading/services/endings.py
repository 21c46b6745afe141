"""Waiting for the proof of a command."""

import time

from tests.trading.services.seats import Seat
from trading.models import Command
from trading.services.reconcile import prove

PATIENCE = 60.0


def ended(seat: Seat, command: Command) -> tuple[str, str]:
    """The state and the message of the command once it is proven."""
    ends = time.monotonic() + PATIENCE
    while not prove(seat.adapter, command):
        assert time.monotonic() < ends, command.message
        time.sleep(0.02)
        command.refresh_from_db()
    command.refresh_from_db()
    return command.state, command.message
