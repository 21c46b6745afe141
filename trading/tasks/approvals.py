"""Bringing every approval to its end, whether or not the trader still looks: one that the venue did not answer is asked
about until it is proven."""

import logging
from datetime import datetime, timedelta
from itertools import chain

from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from tenants.scope import every_operator, operator_scope
from trading.connect import KeyUnreadable, account_onboarding, configured_venues
from trading.live import keys
from trading.models import WalletApproval
from trading.models.approvals import ApprovalState
from trading.services import approval_outcomes
from trading.services.looks import SPOILT
from trading.tasks.turns import alone
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

# The page that sent it is asking until then.
FIRST_ASKED_AFTER = timedelta(seconds=5)
# At one venue.
APPROVALS_AT_ONCE = 10
# A proof costs a twentieth of what an address may ask in a minute (Hyperliquid 7), so an old one is asked for rarely.
SHORTEST_PAUSE, LONGEST_PAUSE, SHARE_OF_AGE = 5.0, 300.0, 0.25


@shared_task  # type: ignore[untyped-decorator]
def prove_approvals() -> int:
    """Ask about what is unknown, oldest first; how many are settled."""
    with alone(keys.task_lock("prove_approvals")) as is_mine:
        return sum(_tried(operator_id, number) for operator_id, number in _unknown(timezone.now())) if is_mine else 0


def pause(age: timedelta) -> float:
    """Seconds between two questions about an approval that was sent so long ago."""
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, age.total_seconds() * SHARE_OF_AGE))


def _unknown(now: datetime) -> list[tuple[int, int]]:
    """Whom the venues are asked about now, as (operator, approval): those of each that have been due longest. They are
    due again after their pause, whatever comes of it."""
    with every_operator():
        rows = WalletApproval.objects.filter(state=ApprovalState.UNKNOWN, sent_at__lte=now - FIRST_ASKED_AFTER)
        due = rows.filter(next_at__lte=now).order_by("next_at", "pk")
        found = list(
            chain.from_iterable(
                due.filter(account__venue=venue, account__network=network)[:APPROVALS_AT_ONCE]
                for venue, network in configured_venues()
            )
        )
        for row in found:
            row.next_at = now + timedelta(seconds=pause(now - row.sent_at))
        WalletApproval.objects.bulk_update(found, ["next_at"])
        return [(row.operator_id, row.pk) for row in found]


def _tried(operator_id: int, number: int) -> bool:
    """``_prove``, so that one that cannot be asked about costs no other its turn."""
    try:
        return _prove(operator_id, number)
    except (VenueError, RedisError, DatabaseError, *SPOILT):
        logger.exception("Approval %s of operator %s was not proven.", number, operator_id)
        return False


def _prove(operator_id: int, number: int) -> bool:
    with operator_scope(operator_id):
        approval = WalletApproval.objects.select_related("account__trader").filter(pk=number).first()
        if approval is None:
            return False
        try:
            return approval_outcomes.prove(account_onboarding(approval.account, approval), approval)
        except KeyUnreadable:
            logger.warning(
                "Approval %s of operator %s cannot be proven: its key cannot be opened.", number, operator_id
            )
            return approval_outcomes.end_without_key(approval)
