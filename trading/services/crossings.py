"""Resting orders that the mark has come through: the venue may have filled or triggered them without telling anybody.

An order that is bought below the mark or sold above it fills when the mark comes there; one that cuts a loss waits on
the other side (Hyperliquid 2.4, Aster 3.7). The mark is not the book, so such an order may rest on: its account is read
at once, and then again each time as long after as it has been since, so that an order that never fills costs little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from trading.services.roster import Known
from trading.venues.snapshots import Network, Venue

SOONEST = 2.0  # seconds between two readings for one order

# For each mark the index finds by floats what it may be through, and among these the decimals decide: what is not above
# another stays so as a float. OFFSET keeps PostgreSQL from reading all that rest, however few it takes them for.
THROUGH = """
WITH told AS (
    SELECT market.id AS market_id, named.mark
    FROM unnest(%(names)s::text[], %(marks)s::numeric[]) AS named (name, mark)
    JOIN trading_market AS market ON market.name = named.name
    WHERE market.venue = %(venue)s AND market.network = %(network)s
)
SELECT found.id, found.account_id FROM told CROSS JOIN LATERAL (
    SELECT id, account_id, coalesce(trigger_price, limit_price) AS price FROM trading_order
    WHERE market_id = told.market_id AND is_open AND wakes_below AND wakes_at >= told.mark::float8 OFFSET 0
) AS found WHERE told.mark <= found.price
UNION ALL
SELECT found.id, found.account_id FROM told CROSS JOIN LATERAL (
    SELECT id, account_id, coalesce(trigger_price, limit_price) AS price FROM trading_order
    WHERE market_id = told.market_id AND is_open AND NOT wakes_below AND wakes_at <= told.mark::float8 OFFSET 0
) AS found WHERE told.mark >= found.price
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account has an order that the mark has been through ``since`` (Unix seconds)."""

    account_id: int
    since: float


def is_due(since: float, read_at: float, now: float) -> bool:
    """Whether an account whose order the mark went through is to be read again. Unix seconds.

    >>> [is_due(100, read_at, 108) for read_at in (99, 101, 103, 105, 107)]
    [True, True, True, False, False]
    """
    return read_at < since or now - read_at >= max(SOONEST, read_at - since)


class CrossingsOf:
    """The orders of one venue and network that the mark went through, in the memory of this process. One that begins
    takes those that it finds for new. Use it inside ``every_operator``."""

    def __init__(self, venue: Venue, network: Network) -> None:
        self._here = {"venue": venue.value, "network": network.value}
        self._crossed: dict[int, Crossing] = {}

    def due(self, known: Known, marks: Mapping[str, Decimal], now: float) -> list[int]:
        """The places of the accounts that are to be read for their orders, the longest waiting first."""
        through = self._through(marks)
        for order, account_id in through.items():
            self._crossed.setdefault(order, Crossing(account_id, now))
        due: dict[int, float] = {}
        places = known.places({crossing.account_id for crossing in self._crossed.values()})
        place_of = dict(zip(known.ids[places].tolist(), places.tolist(), strict=True))
        for order, crossing in tuple(self._crossed.items()):
            place = place_of.get(crossing.account_id)
            read_at = 0.0 if place is None else float(known.fresh_at[place])
            if place is None or (order not in through and read_at >= crossing.since):
                del self._crossed[order]
            elif is_due(crossing.since, read_at, now):
                due[place] = min(crossing.since, due.get(place, now))
        return sorted(due, key=due.__getitem__)

    def _through(self, marks: Mapping[str, Decimal]) -> dict[int, int]:
        """The resting orders on whose other side the mark is, and their accounts."""
        if not marks:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(THROUGH, {**self._here, "names": list(marks), "marks": list(marks.values())})
            return dict(cursor.fetchall())
