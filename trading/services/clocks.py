"""How far our clock is from a venue's, asked where the venue says that a fresh command came too late.

A command dies by the venue's clock (Hyperliquid 5.3, Aster 1.3). With ours behind by more than its life, every command
is dead before it is sent, and sending it again never helps.
"""

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.models import VenueAccount
from trading.venues.base import Adapter
from trading.venues.errors import Reason, Rejected, VenueError

logger = logging.getLogger(__name__)

# A read takes part of a second; a command lives fifteen.
TOLERATED = timedelta(seconds=5)
REMEMBERED = timedelta(hours=1)
CLOCK_IS_OFF = (
    "The clock of this exchange differs from the venue's, so the venue takes no orders from here. Nothing was placed; "
    "the exchange can see it and has to set its clock. Try again later."
)


def explain(adapter: Adapter, account: VenueAccount, refusal: Rejected) -> tuple[str, dict[str, Any]]:
    """What the trader reads of a refusal, and what goes on record: the venue's clock less ours in seconds, where
    that is what was refused."""
    if refusal.reason is not Reason.EXPIRED:
        return refusal.explanation, {}
    try:
        offset = adapter.venue_time(account.address) - timezone.now()
    except VenueError:
        return refusal.explanation, {}
    _keep(adapter, offset)
    if abs(offset) <= TOLERATED:
        return refusal.explanation, {}
    logger.error("The clock of %s is %s seconds ahead of ours.", adapter.venue, offset.total_seconds())
    return CLOCK_IS_OFF, {"clock offset": offset.total_seconds()}


def _keep(adapter: Adapter, offset: timedelta) -> None:
    key = keys.clock_offset(adapter.venue, adapter.network)
    try:
        blocking().set(key, offset.total_seconds(), ex=REMEMBERED)
    except RedisError as error:
        logger.warning("The clock of %s cannot be kept: %s", adapter.venue, error)
