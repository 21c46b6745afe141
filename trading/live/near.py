"""Who is nearest to a liquidation at a venue, whether or not anybody looks: told by the scheduler at every turn, for
whoever follows streams. It is in Redis and may be lost: then nobody is followed for being near until the next turn.
"""

from collections.abc import Iterable

import msgspec

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue

# Without a turn for so long nobody knows.
SECONDS = 10
# More than any venue lets one follower follow, for not all of them can be.
MOST = 200

_decode = msgspec.json.Decoder(list[tuple[int, int, float]])


def tell(venue: Venue, network: Network, distances: Iterable[tuple[tuple[int, int], float]]) -> None:
    """These accounts of operators are near, the nearest first, each with its distance as a fraction of the mark."""
    rows = [(*account, distance) for account, distance in distances]
    blocking().set(keys.near(venue, network), msgspec.json.encode(rows), ex=SECONDS)


def read(venue: Venue, network: Network) -> dict[tuple[int, int], float]:
    """Who is near now, the nearest first."""
    told = blocking().get(keys.near(venue, network))
    return {} if told is None else {(operator, account): away for operator, account, away in _decode.decode(told)}
