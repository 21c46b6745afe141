"""How many requests an account has left at its venue for life (Hyperliquid 7): asked now and then, counted in between.

The answer is kept where every process counts what it sends (``trading.venues.allowance``), so that nobody has to ask
before a command. Without Redis nothing is known, and nobody is kept from trading.
"""

import logging
import time

from redis.exceptions import RedisError

from trading.connect import gateway_of
from trading.metering import allowance_of
from trading.models import VenueAccount
from trading.venues.allowance import Allowance, AllowanceState
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import VenueError

logger = logging.getLogger(__name__)

# What we have sent is counted. What the account traded since, which raises the limit, is not, nor what is sent for it
# elsewhere: after the last of these the venue is asked though nothing was sent from here.
AGAIN_AFTER = 600.0
FEW, FEW_AGAIN_AFTER = 500, 60.0
IN_ANY_CASE_AFTER = 3600.0


def allowance(account: VenueAccount) -> Allowance | None:
    """The requests of an account; None where its venue sets no such limit."""
    venue = Venue(account.venue)
    return allowance_of(gateway_of(venue).tariff, venue, Network(account.network), account.address.lower())


def requests_left(account: VenueAccount) -> AllowanceState | None:
    """What is left to send, as it is known now; None where the venue sets no limit or did not tell yet."""
    counted = allowance(account)
    try:
        return None if counted is None else counted.state()
    except RedisError as error:
        logger.warning("The requests of account %s cannot be told: %s", account.pk, error)
        return None


def read_allowance(adapter: Adapter, account: VenueAccount) -> None:
    """Ask the venue where that is due. Only an account that trades from here uses anything up."""
    if not account.agent_key or allowance(account) is None or not is_due(requests_left(account), time.time()):
        return
    try:
        adapter.request_allowance(account.address)
    except VenueError as error:
        logger.info("The requests of account %s were not told: %s", account.pk, error)


def is_due(known: AllowanceState | None, now: float) -> bool:
    """Whether to ask the venue again.

    >>> state = AllowanceState(left=9000, cancels_left=19000, cap=10000, told_at=0.0, is_moved=True)
    >>> is_due(None, 0), is_due(state, 599), is_due(state, 600)
    (True, False, True)
    """
    if known is None:
        return True
    if not known.is_moved:
        return now - known.told_at >= IN_ANY_CASE_AFTER
    return now - known.told_at >= (AGAIN_AFTER if known.left > FEW else FEW_AGAIN_AFTER)
