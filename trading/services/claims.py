"""Which open commands are taken up now, and by whom: PostgreSQL decides, so nothing is lost with a worker or a broker.

Taking one up moves the moment at which it is due: another worker comes to it only if this one does not finish. Proofs
may overlap, they do no harm; the moment only keeps them apart. Each look in vain makes the next one wait longer, so
one that never settles cannot keep the others waiting; to be taken up and not looked at does not count. Where there is
more to do than hands, those looked at often stand behind the others, but only by seconds, so that they have their turn
as well.
"""

import math
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Least

from tenants.scope import every_operator
from trading.models import Command
from trading.models.commands import OPEN_STATES

# What is taken up and not finished by then, another worker takes up.
HELD = 0.6
SHORTEST, LONGEST = 0.1, 3.0  # seconds between two looks; the first of them, doubled at each look
# Looks that are held back prove nothing, but a ban may be over before its time.
LONGEST_BAN = 60.0

MOST_COUNTED = 32_000
# A second for each look in vain: how far behind others a command may fall that is due as long as they are.
BEHIND = 10

# Materialised, because a subquery may be run again for each row and would then take more than it is told to.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM trading_command
    WHERE state IN ('prepared', 'unknown') AND next_at <= %(now)s
    ORDER BY next_at + make_interval(secs => least(attempts, %(behind)s)) LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE trading_command SET next_at = %(now)s + make_interval(secs => %(held)s)
FROM due WHERE trading_command.id = due.id
RETURNING operator_id, trading_command.id
"""


def claim(now: datetime, count: int) -> list[tuple[int, UUID]]:
    """Take up to ``count`` open commands that are due, as (operator, command)."""
    with every_operator(), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "held": HELD, "behind": BEHIND, "count": count})
        return [(operator_id, command_id) for operator_id, command_id in cursor.fetchall()]


def taken_up(now: datetime, count: int) -> list[Command]:
    """``claim``, with the rows as they stand, their accounts and their markets."""
    claimed = [command_id for _, command_id in claim(now, count)]
    with every_operator():
        rows = Command.objects.filter(pk__in=claimed).select_related("account", "market")
        return list(rows) if claimed else []


def hold(command: Command, now: datetime) -> bool:
    """Begin to look at a command that others leave alone meanwhile; False where it has its end. Where it was handed out
    just now they do so already."""
    if command.is_settled or command.next_at >= now + timedelta(seconds=HELD / 2):
        return not command.is_settled
    rows = Command.objects.filter(pk=command.pk, state__in=OPEN_STATES)
    return bool(rows.update(next_at=now + timedelta(seconds=HELD)))


def release(command_id: UUID, now: datetime, wait: float, *, counts: bool = True) -> None:
    """Let the command be looked at again after so many seconds; ``counts``: it was looked at in vain."""
    changes = {"attempts": Least(F("attempts") + 1, MOST_COUNTED)} if counts else {}
    rows = Command.objects.filter(pk=command_id, state__in=OPEN_STATES)
    rows.update(next_at=now + timedelta(seconds=wait), **changes)


def pause(looks: int, *, earliest: float = 0.0, latest: float = math.inf) -> float:
    """Seconds until the next look after ``looks`` in vain: not before anything may be asked, a ban of minutes looked up
    each minute, and else not after the outcome can be told. Pure."""
    earned = SHORTEST * 2.0 ** min(max(looks, 1) - 1, 10)
    return max(min(LONGEST_BAN, earliest), min(LONGEST, latest, earned))
