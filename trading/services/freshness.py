"""How old accounts' figures are beside what is promised, by class: measured in every turn, kept in Redis for the pages.

The age of an account is the time since it was last read or its stream was last known to tell all; where the last
attempt failed, the time since the last reading that did not. Beside them stand whose executions are still to be read,
who is due and not read, because our limit at the venue holds him back, whose readings fail again and again, and how
many accounts nobody may read, which have no age at all.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.services.risk import Floats
from trading.services.schedule import PROMISES, Flags, Need, Needs
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
    the first of them has waited. ``held_back``: how many were due and had no room in our limit. ``failing``: how many
    failed when they were read last, and more than once before. ``unread``: how many accounts nobody may read, for their
    key is gone."""

    ages: tuple[Ages, ...] = ()
    waiting: int = 0
    longest: float = 0.0
    held_back: int = 0
    failing: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Accounts side by side, each at one place in all arrays. ``ages``: in seconds, not a number for never. ``waits``:
    for how many seconds their executions have waited, not a number for not at all."""

    needs: Needs
    ages: Floats
    waits: Floats
    held_back: Flags
    failing: Flags

    def of(self, whose: Flags) -> "Figures":
        """Those of some of the accounts."""
        return Figures(
            self.needs[whose], self.ages[whose], self.waits[whose], self.held_back[whose], self.failing[whose]
        )


_decoder = msgspec.json.Decoder(Measured)


def measure(figures: Figures, unread: int = 0) -> Measured:
    """The ages by class, the waits for executions, and how many are not read, for whichever reason.

    >>> needs, nothing = np.array([3, 3, 3, 5], np.int8), np.nan
    >>> ages, waits = np.array([10, 61, nothing, 5]), np.array([nothing, 7, 4, nothing])
    >>> found = measure(Figures(needs, ages, waits, ages > 60, np.isnan(ages)))
    >>> one, _ = found.ages
    >>> one.accounts, one.never, one.kept, one.median, one.oldest
    (3, 1, 1, 10.0, 61.0)
    >>> found.waiting, found.longest, found.held_back, found.failing
    (2, 7.0, 1, 1)
    """
    needs, waiting = figures.needs, figures.waits[~np.isnan(figures.waits)]
    return Measured(
        ages=tuple(_ages(need, figures.ages[needs == need]) for need in Need if np.any(needs == need)),
        waiting=len(waiting),
        longest=float(waiting.max(initial=0.0)),
        held_back=int(np.count_nonzero(figures.held_back)),
        failing=int(np.count_nonzero(figures.failing)),
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
