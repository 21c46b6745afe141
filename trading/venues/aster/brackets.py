"""Leverage tiers, shared: any account may read them and every account needs them (Aster 3.4).

They change seldom and a read needs a signature, so a process keeps what one login read for all the others.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from trading.margin.types import TierTable
from trading.venues.aster.signing import utc_now

Tiers = Mapping[str, TierTable]
Brackets = Callable[[Callable[[], Tiers]], Tiers]

LIFETIME = timedelta(minutes=10)


def always_read(read: Callable[[], Tiers]) -> Tiers:
    """No sharing: every question reads anew."""
    return read()


class SharedBrackets:
    """The tiers of the venue, read again after a while by whoever asks then; a failure to read is the asker's."""

    def __init__(self, lifetime: timedelta = LIFETIME, clock: Callable[[], datetime] = utc_now) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: Tiers = {}
        self._good_until: datetime | None = None

    def __call__(self, read: Callable[[], Tiers]) -> Tiers:
        """What is kept, or what ``read`` gives; one reader at a time, so that a worker reads once."""
        with self._lock:
            now = self._clock()
            if self._good_until is None or now >= self._good_until:
                self._kept = read()
                self._good_until = now + self._lifetime
            return self._kept
