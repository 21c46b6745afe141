"""How old accounts' figures are beside what is promised, by class: measured in every turn, kept in Redis for the pages.

The age of an account is the time since it was last read or its stream was last known to tell all; where the last
attempt failed, the time since the last reading that did not. Beside them stand whose executions are still to be read,
and how many accounts nobody may read, which have no age at all.
"""

import logging
from collections.abc import Mapping

import msgspec
import numpy as np
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.services.risk import Floats
from trading.services.schedule import PROMISES, Need, Needs
from trading.venues.snapshots import Network, Venue

logger = logging.getLogger(__name__)

# What nobody measures any more is not known.
KEPT_SECONDS = 60
# The class that all figures together are kept under, besides each operator's.
EVERYBODY = 0


class Ages(msgspec.Struct, frozen=True):
    """The ages of one class of accounts, in seconds. ``kept``: how many are as fresh as promised. Accounts that were
    never read count as ``never`` and have no age."""

    need: int
    accounts: int
    never: int
    kept: int
    median: float
    p99: float
    oldest: float

    @property
    def promised(self) -> float:
        """The age that is promised to this class."""
        return PROMISES[Need(self.need)].age


class Measured(msgspec.Struct, frozen=True):
    """What is known of some accounts. ``ages``: by class, the most urgent first, without classes that are empty.
    ``waiting``: how many accounts' executions are to be read when there is room, and ``longest``, for how many seconds
    the first of them has waited. ``unread``: how many accounts nobody may read, for their key is gone."""

    ages: tuple[Ages, ...] = ()
    waiting: int = 0
    longest: float = 0.0
    unread: int = 0


_decoder = msgspec.json.Decoder(Measured)


def measure(needs: Needs, ages: Floats, waits: Floats, unread: int = 0) -> Measured:
    """The ages by class, and the waits for executions. An age that is not a number stands for never, and such a wait
    for none.

    >>> nothing = np.nan
    >>> found = measure(
    ...     np.array([3, 3, 3, 5], np.int8), np.array([10, 61, nothing, 5]), np.array([nothing, 7, 4, nothing])
    ... )
    >>> one, _ = found.ages
    >>> one.accounts, one.never, one.kept, one.median, one.oldest
    (3, 1, 1, 10.0, 61.0)
    >>> found.waiting, found.longest
    (2, 7.0)
    """
    waiting = waits[~np.isnan(waits)]
    return Measured(
        ages=tuple(_ages(need, ages[needs == need]) for need in Need if np.any(needs == need)),
        waiting=len(waiting),
        longest=float(waiting.max(initial=0.0)),
        unread=unread,
    )


def _ages(need: Need, ages: Floats) -> Ages:
    known = np.sort(ages[~np.isnan(ages)])
    median, p99, oldest = (
        float(known[int(share * (len(known) - 1))]) if len(known) else 0.0 for share in (0.5, 0.99, 1)
    )
    kept = int(np.count_nonzero(known <= PROMISES[need].age))
    return Ages(int(need), len(ages), len(ages) - len(known), kept, median, p99, oldest)


def keep(venue: Venue, network: Network, measured: Mapping[int, Measured]) -> None:
    """Keep what was measured, by operator id and for ``EVERYBODY``."""
    try:
        with blocking().pipeline(transaction=False) as pipeline:
            for operator_id, found in measured.items():
                text = msgspec.json.encode(found)
                pipeline.set(keys.freshness(operator_id, venue, network), text, ex=KEPT_SECONDS)
            pipeline.execute()
    except RedisError as error:
        logger.warning("The ages at %s cannot be kept: %s", venue, error)


def read(operator_id: int, venue: Venue, network: Network) -> Measured:
    """What was measured last for an operator, or for ``EVERYBODY``; nothing where nobody measures."""
    try:
        text = blocking().get(keys.freshness(operator_id, venue, network))
        return _decoder.decode(text) if isinstance(text, bytes) else Measured()
    except (RedisError, msgspec.DecodeError) as error:
        logger.warning("The ages at %s cannot be told: %s", venue, error)
        return Measured()
