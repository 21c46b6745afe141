"""Hundreds of commands in flight when every process dies, and how long one new worker takes to settle them all."""

import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import psycopg
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from tests.chaos.actions import WISHES
from tests.chaos.fates import FATES, leave
from tests.chaos.fleet import Fleet, Member, beat, settler
from tests.chaos.forks import in_a_process
from tests.chaos.people import accounts_of, desk_of
from tests.chaos.run import VENUES
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES, CommandState
from trading.services import commands
from trading.venues.errors import InvalidCommand

KINDS = ("limit", "market", "batch", "leverage", "limit")
PATIENCE = 120.0


def measure(count: int) -> str:
    """Leave ``count`` commands in flight, start a worker, and say in a line when all were settled."""
    left = in_a_process(partial(_leave, count), seconds=600)
    fleet = Fleet([settler(0, folder := Path(tempfile.mkdtemp(prefix="perpsstudio-chaos-logs-"))), beat(folder)])
    began = time.monotonic()
    fleet.start()
    try:
        while _open() and time.monotonic() < began + PATIENCE:
            time.sleep(0.05)
    finally:
        took, busy = time.monotonic() - began, sum(_processor_seconds(member) for member in fleet.members)
        load, _, _ = os.getloadavg()
        fleet.dismiss("")
    told = f"commands={left} seconds={took:.1f} processor={busy:.1f} load={load:.1f}"
    return f"restart: {told} {json.dumps(in_a_process(_states))}"


def _processor_seconds(member: Member) -> float:
    """What the process took of the processors since it began."""
    if member.process is None or not member.process.is_alive():
        return 0.0
    numbers = Path(f"/proc/{member.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def _leave(count: int) -> int:
    """As they stand when their processes die: not sent, lost on their way, carried out unheard."""
    left, fates, chance = 0, cycle(FATES), random.Random(count)
    for kind, account in zip(cycle(KINDS), _in_turn(), strict=False):
        if left == count:
            break
        with operator_scope(account.operator_id):
            desk = desk_of(account, chance)
            wish = WISHES[kind](desk, uuid4())
            assert wish is not None
            try:
                command, _ = commands.prepare(desk.adapter, account, *wish)
            except InvalidCommand:
                continue
            assert leave(desk.adapter, command, next(fates))
            left += 1
    with every_operator():
        # All at once, as after a pause in which nobody was there.
        Command.objects.filter(state__in=OPEN_STATES).update(next_at=timezone.now())
    return left


def _in_turn() -> Iterator[VenueAccount]:
    yield from cycle([account for venue in VENUES for account in accounts_of(venue)])


def _open() -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT set_config('perpsstudio.operator', '0', false)")
        row = connection.execute("SELECT count(*) FROM trading_command WHERE settled_at IS NULL").fetchone()
        return 0 if row is None else int(row[0])


def _states() -> dict[str, int]:
    with every_operator():
        return {state: Command.objects.filter(state=state).count() for state in CommandState.values}
