"""Which open commands are taken up now, and by whom: PostgreSQL decides, so nothing is lost with a worker or a broker.

Taking one up moves the moment at which it is due: another worker comes to it only if this one does not finish. Proofs
may overlap, they do no harm; the moment only keeps them apart. Each look in vain makes the next one wait longer, so
one that never settles cannot keep the others waiting. Where there is more to do than hands, those looked at often stand
behind the others, but only by seconds, so that they have their turn as well.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Min

from tenants.scope import every_operator
from trading.models import Command
from trading.models.commands import OPEN_STATES

# What is taken up and not finished by then, another worker takes up.
HELD = 0.8
SHORTEST, LONGEST = 0.1, 3.0  # seconds between two looks; the first of them, doubled at each look

# A second for each look in vain: how far behind others a command may fall that is due as long as they are.
BEHIND = 10

# Materialised, because a subquery may be run again for each row and would then take more than it is told to.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM trading_command
    WHERE state IN ('prepared', 'unknown') AND next_at <= %(now)s
    ORDER BY next_at + make_interval(secs => least(attempts, %(behind)s)) LIMIT %(count)s FOR UPDATE SKIP LOCKED
)
UPDATE trading_command SET attempts = least(attempts + 1, 32000), next_at = %(now)s + make_interval(secs => %(held)s)
FROM due WHERE trading_command.id = due.id
RETURNING operator_id, trading_command.id
"""


def claim(now: datetime, count: int) -> list[tuple[int, UUID]]:
    """Take up to ``count`` open commands that are due, as (operator, command)."""
    with every_operator(), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "held": HELD, "behind": BEHIND, "count": count})
        return [(operator_id, command_id) for operator_id, command_id in cursor.fetchall()]


def release(command_id: UUID, now: datetime, attempts: int) -> None:
    """Let the command be looked at again after the pause that its looks in vain have earned."""
    pause = timedelta(seconds=min(LONGEST, SHORTEST * 2 ** min(attempts, 10)))
    Command.objects.filter(pk=command_id, state__in=OPEN_STATES).update(next_at=now + pause)


def next_due() -> datetime | None:
    """When the next open command is due; None where all are settled."""
    with every_operator():
        found: datetime | None = Command.objects.filter(state__in=OPEN_STATES).aggregate(due=Min("next_at"))["due"]
    return found
