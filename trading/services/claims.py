"""Which open commands are taken up now, and by whom: PostgreSQL decides, so nothing is lost with a worker or a broker.

Taking one up moves the moment at which it is due: another worker comes to it only if this one does not finish. While a
hand has it, that moment is moved on again and again. A look lasts as long as its venue makes it last, a minute and more
where that answers slowly, and what a killed worker had is to be free within a second: no fixed length does for both.
Within a process each command is in one hand, whatever the rows say. Where a claim lapses all the same, because the
database or the machine stood still, proofs overlap and do no harm.

Each look in vain makes the next one wait longer, so one that never settles cannot keep the others waiting; to be taken
up and not looked at does not count. Where there is more to do than hands, those looked at often stand behind the
others, but only by seconds, so that they have their turn as well. Each venue's commands wait for its own hands only.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error, connection
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from tenants.scope import every_operator
from trading.models import Command
from trading.models.commands import OPEN_STATES
from trading.venues.base import Venue

logger = logging.getLogger(__name__)

# What a killed worker has taken up is free by then.
HELD = 0.5
# Where less is left of that, a hand renews it: when it begins, and then by rounds.
LEFT, ROUND = HELD / 2, HELD / 6
# What a hand comes to no end with for so long, others may look at as well.
LONGEST_HELD = 60.0
SHORTEST, LONGEST = 0.1, 3.0  # seconds between two looks; the first of them, doubled at each look
# Looks that are held back prove nothing, but a ban may be over before its time.
LONGEST_BAN = 60.0

MOST_COUNTED = 32_000
# A second for each look in vain: how far behind others a command may fall that is due as long as they are.
BEHIND = 10

# Materialised, because a subquery may be run again for each row and would then take more than it is told to.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT of_venue.id FROM unnest(%(venues)s::text[], %(counts)s::integer[]) AS free (venue, count), LATERAL (
        SELECT command.id FROM trading_command AS command
        JOIN trading_venueaccount AS account ON account.id = command.account_id
        WHERE command.state IN ('prepared', 'unknown') AND command.next_at <= %(now)s AND account.venue = free.venue
        ORDER BY command.next_at + make_interval(secs => least(command.attempts, %(behind)s))
        LIMIT free.count FOR UPDATE OF command SKIP LOCKED
    ) AS of_venue
)
UPDATE trading_command SET next_at = %(now)s + make_interval(secs => %(held)s)
FROM due WHERE trading_command.id = due.id
RETURNING trading_command.id
"""


class InHand:
    """The commands that this process has in hand. A thread of its own renews their claims; they end with the
    process."""

    def __init__(self) -> None:
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        """With nothing: a fork leaves hands and what they have behind."""
        self._renewed_until: dict[UUID, float] = {}
        self._guard = threading.Lock()
        self._renewer: threading.Thread | None = None

    def __contains__(self, command_id: UUID) -> bool:
        return command_id in self._renewed_until

    def take(self, command_id: UUID) -> bool:
        """Have it from now on; False where another hand of this process has it."""
        with self._guard:
            if command_id in self._renewed_until:
                return False
            if self._renewer is None or not self._renewer.is_alive():
                self._renewer = threading.Thread(target=self._renew_by_rounds, name="claims", daemon=True)
                self._renewer.start()
            # Last, so that what nobody could renew is in nobody's hand.
            self._renewed_until[command_id] = time.monotonic() + LONGEST_HELD
            return True

    def leave(self, command_id: UUID) -> None:
        """Renew its claim no more from now on."""
        with self._guard:
            if command_id in self._renewed_until:
                self._renewed_until[command_id] = 0.0

    def put_down(self, command_id: UUID) -> None:
        """Any other hand may have it."""
        with self._guard:
            del self._renewed_until[command_id]

    def _renew_by_rounds(self) -> None:
        while True:
            time.sleep(ROUND)
            with self._guard:
                self._renew([one for one, until in self._renewed_until.items() if time.monotonic() < until])

    def _renew(self, command_ids: list[UUID]) -> None:
        """Under the guard, so that a claim that is let go of is not taken back by a round that has begun before."""
        if not command_ids:
            return
        try:
            renew(command_ids, timezone.now())
        except Error as error:
            logger.warning("The claims of %s commands could not be renewed: %s", len(command_ids), error)
        finally:
            connection.close()


_here = InHand()


def is_in_hand(command_id: UUID) -> bool:
    """Whether a hand of this process has the command."""
    return command_id in _here


@contextmanager
def in_hand(command_id: UUID) -> Iterator[bool]:
    """Whether the block has the command for itself in this process, and keeps its claim; where not, another hand has it
    and the block is to do nothing."""
    is_free = _here.take(command_id)
    try:
        yield is_free
    finally:
        if is_free:
            _here.put_down(command_id)


def taken_up(now: datetime, free: Mapping[Venue, int]) -> list[Command]:
    """Take up open commands that are due, of each venue as many as it has ``free`` hands; with their accounts and
    markets."""
    venues = {venue.value: count for venue, count in free.items() if count > 0}
    if not venues:
        return []
    wanted: dict[str, Any] = {"venues": [*venues], "counts": [*venues.values()]}
    wanted |= {"now": now, "held": HELD, "behind": BEHIND}
    with every_operator():
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, wanted)
            claimed = [command_id for (command_id,) in cursor.fetchall()]
        rows = Command.objects.filter(pk__in=claimed).select_related("account", "market")
        return list(rows) if claimed else []


def hold(command: Command, now: datetime) -> bool:
    """Keep others from a command that a hand begins with, where it is not kept from them already; False where it has
    its end, or another worker has taken it up since its row was read."""
    if command.is_settled or command.next_at >= now + timedelta(seconds=LEFT):
        return not command.is_settled
    rows = Command.objects.filter(pk=command.pk, state__in=OPEN_STATES, next_at=command.next_at)
    return bool(rows.update(next_at=now + timedelta(seconds=HELD)))


def renew(command_ids: list[UUID], now: datetime) -> None:
    """Keep others from these commands for longer, where little is left of that and they have no end yet."""
    with every_operator():
        rows = Command.objects.filter(pk__in=command_ids, state__in=OPEN_STATES)
        rows.filter(next_at__lt=now + timedelta(seconds=LEFT)).update(next_at=now + timedelta(seconds=HELD))


def release(command_id: UUID, now: datetime, wait: float, *, counts: bool = True) -> None:
    """Let the command be looked at again after so many seconds; ``counts``: it was looked at in vain."""
    _here.leave(command_id)
    changes = {"attempts": Least(F("attempts") + 1, MOST_COUNTED)} if counts else {}
    rows = Command.objects.filter(pk=command_id, state__in=OPEN_STATES)
    rows.update(next_at=now + timedelta(seconds=wait), **changes)


def pause(looks: int, *, earliest: float = 0.0, latest: float = math.inf) -> float:
    """Seconds until the next look after ``looks`` in vain: not before anything may be asked, a ban of minutes looked up
    each minute, and else not after the outcome can be told. Pure."""
    earned = SHORTEST * 2.0 ** min(max(looks, 1) - 1, 10)
    return max(min(LONGEST_BAN, earliest), min(LONGEST, latest, earned))
