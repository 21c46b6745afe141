"""The board: what is publicly known of every market of a venue, in one place in Redis.

The stream writes it up to four times a second, the market-sync task when there is no stream; an older board never
overwrites a newer one. Readers keep it for a quarter of a second in their process, so a page asks Redis at most that
often however many quotes it computes.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import MarketState, Network, Venue

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 0.25

# KEYS[1] the board; ARGV[1] its time in ms, ARGV[2] its bytes. An older board changes nothing; one of the same
# moment takes the place, since it may hold more of what was heard then.
PUT_UNLESS_OLDER = """
local known = tonumber(redis.call('HGET', KEYS[1], 'as_of') or '0')
if known > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'as_of', ARGV[1], 'data', ARGV[2])
return 1
"""


class Board(msgspec.Struct, frozen=True):
    """Every market of a venue at one moment.

    ``as_of``: when the venue last confirmed these states by anything it sent; None while nothing is known at all.
    ``lagging``: markets whose own state is older than that, and how old.
    """

    states: dict[str, MarketState] = msgspec.field(default_factory=dict)
    as_of: datetime | None = None
    lagging: dict[str, datetime] = msgspec.field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the board holds anything."""
        return self.as_of is not None

    @property
    def marks(self) -> dict[str, Decimal]:
        """The mark price of every market."""
        return {name: state.mark for name, state in self.states.items()}

    def mark(self, market: str) -> Decimal | None:
        """The mark price of a market; None where it is not known."""
        state = self.states.get(market)
        return None if state is None else state.mark

    def time_of(self, market: str) -> datetime | None:
        """The moment a market's state is from; None where it is not known."""
        return self.lagging.get(market, self.as_of) if market in self.states else None


NOTHING_KNOWN = Board()

_decoder = msgspec.json.Decoder(Board)
_remembered: dict[str, tuple[float, Board]] = {}


def publish(
    venue: Venue,
    network: Network,
    states: Iterable[MarketState],
    as_of: datetime,
    lagging: Mapping[str, datetime] | None = None,
) -> bool:
    """Put a whole board in place; False where a newer one lies there. ``as_of`` is the venue's time or our receipt."""
    board = Board({state.name: state for state in states}, as_of, dict(lagging or {}))
    is_taken = bool(blocking().eval(PUT_UNLESS_OLDER, 1, *script_arguments(venue, network, board)))
    _remembered.pop(keys.board(venue, network), None)
    return is_taken


def script_arguments(venue: Venue, network: Network, board: Board) -> tuple[str, str, bytes]:
    """Key and arguments of ``PUT_UNLESS_OLDER``, for whoever holds an asyncio client."""
    if board.as_of is None:
        raise ValueError("A board that knows nothing is not published.")
    milliseconds = int(board.as_of.timestamp() * 1000)
    return keys.board(venue, network), str(milliseconds), msgspec.json.encode(board)


def read(venue: Venue, network: Network) -> Board:
    """The newest board, or ``NOTHING_KNOWN`` where none was published or Redis does not answer."""
    key = keys.board(venue, network)
    known = _remembered.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    try:
        data: Any = blocking().hget(key, "data")
        board = decode(data)
    except RedisError as error:
        logger.warning("The board of %s cannot be read: %s", venue, error)
        # The last one known in this process still tells how old it is.
        board = known[1] if known else NOTHING_KNOWN
    _remembered[key] = (time.monotonic() + REMEMBERED_SECONDS, board)
    return board


def decode(data: bytes | None) -> Board:
    """A board from its bytes; ``NOTHING_KNOWN`` from none, or from bytes of another release."""
    if data is None:
        return NOTHING_KNOWN
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        logger.warning("A board cannot be understood: %s", error)
        return NOTHING_KNOWN


def forget() -> None:
    """Drop what this process remembers."""
    _remembered.clear()
