"""Leverage tiers that a venue tells to accounts alone: whoever can read them tells all, whatever process he is in."""

import threading
import time
from collections.abc import Callable
from functools import cache

from django.core.cache import cache as kept_by_all

from trading.margin.types import TierTable
from trading.models import Market
from trading.venues.errors import MissingKey
from trading.venues.ledger import UNDER_WAY
from trading.venues.onboarding import Tiers
from trading.venues.snapshots import Network, Venue

TIERS_SECONDS = 120
REMEMBERED_SECONDS = 15
# Longer than any process can go by a reading that was under way when a change was found.
CHANGED_SECONDS = UNDER_WAY + TIERS_SECONDS + REMEMBERED_SECONDS


class SharedTiers:
    """Leverage tiers where only an account may read them: whoever can reads, and everybody is told.

    They are the venue's public data. Read again every two minutes by whoever asks with a key; while nobody does, as the
    markets were last stored with them. What was found changed in between counts in every process at once, for as long
    as anybody may remember an older reading.
    """

    def __init__(self, venue: Venue, network: Network) -> None:
        self._venue = venue
        self._network = network
        self._lock = threading.Lock()
        self._known: Tiers = {}
        self._good_until = 0.0

    def __call__(self, read: Callable[[], Tiers]) -> Tiers:
        """What is known, or what ``read`` gives; one reader at a time, so that a process reads once."""
        with self._lock:
            return {**self._remembered(read), **self._changed()}

    def note(self, market: str, tiers: TierTable) -> None:
        """A market's tiers are others than the ones kept for all."""
        with self._lock:
            kept_by_all.set(self._changed_key, {**self._changed(), market: tiers}, CHANGED_SECONDS)

    @property
    def _key(self) -> str:
        return f"tiers:{self._venue}:{self._network}"

    @property
    def _changed_key(self) -> str:
        return f"{self._key}:changed"

    def _changed(self) -> Tiers:
        changed: Tiers = kept_by_all.get(self._changed_key, {})
        return changed

    def _remembered(self, read: Callable[[], Tiers]) -> Tiers:
        if time.monotonic() >= self._good_until:
            try:
                self._known = self._read(read)
            except MissingKey:
                return self._stored()
            self._good_until = time.monotonic() + REMEMBERED_SECONDS
        return self._known

    def _read(self, read: Callable[[], Tiers]) -> Tiers:
        known: Tiers | None = kept_by_all.get(self._key)
        if known is None:
            known = read()
            kept_by_all.set(self._key, known, TIERS_SECONDS)
        return known

    def _stored(self) -> Tiers:
        rows = Market.objects.filter(venue=self._venue, network=self._network)
        return {row.name: row.rules.tiers for row in rows}


@cache
def tiers_of(venue: Venue, network: Network) -> SharedTiers:
    """What this process shares of a venue's tiers."""
    return SharedTiers(venue, network)


def note_tiers(venue: Venue, network: Network, market: str, tiers: TierTable) -> None:
    """A market's leverage tiers were found changed: tell every process."""
    tiers_of(venue, network).note(market, tiers)
