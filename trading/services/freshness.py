"""How old accounts' figures are beside what is promised, by class: measured in every turn, kept in Redis for the pages.

The age of an account is the time since it was last read or its stream was last known to tell all; where the last
attempt failed, the time since the last reading that did not.
"""

import logging
from collections.abc import Iterable, Mapping

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


_decoder = msgspec.json.Decoder(tuple[Ages, ...])


def measure(needs: Needs, ages: Floats) -> tuple[Ages, ...]:
    """The ages by class, the most urgent class first; classes without accounts are left out. An age that is not a
    number stands for never.

    >>> one, _ = measure(np.array([3, 3, 3, 5], np.int8), np.array([10.0, 61.0, np.nan, 5.0]))
    >>> one.accounts, one.never, one.kept, one.median, one.oldest
    (3, 1, 1, 10.0, 61.0)
    """
    return tuple(_ages(need, ages[needs == need]) for need in Need if np.any(needs == need))


def _ages(need: Need, ages: Floats) -> Ages:
    known = np.sort(ages[~np.isnan(ages)])
    median, p99, oldest = (
        float(known[int(share * (len(known) - 1))]) if len(known) else 0.0 for share in (0.5, 0.99, 1)
    )
    kept = int(np.count_nonzero(known <= PROMISES[need].age))
    return Ages(int(need), len(ages), len(ages) - len(known), kept, median, p99, oldest)


def keep(venue: Venue, network: Network, measured: Mapping[int, Iterable[Ages]]) -> None:
    """Keep what was measured, by operator id and for ``EVERYBODY``."""
    try:
        with blocking().pipeline(transaction=False) as pipeline:
            for operator_id, ages in measured.items():
                text = msgspec.json.encode(tuple(ages))
                pipeline.set(keys.freshness(operator_id, venue, network), text, ex=KEPT_SECONDS)
            pipeline.execute()
    except RedisError as error:
        logger.warning("The ages at %s cannot be kept: %s", venue, error)


def read(operator_id: int, venue: Venue, network: Network) -> tuple[Ages, ...]:
    """What was measured last for an operator, or for ``EVERYBODY``; nothing where nobody measures."""
    try:
        text = blocking().get(keys.freshness(operator_id, venue, network))
        return _decoder.decode(text) if isinstance(text, bytes) else ()
    except (RedisError, msgspec.DecodeError) as error:
        logger.warning("The ages at %s cannot be told: %s", venue, error)
        return ()
