"""The evidence of how each venue is doing, shared by all processes and judged by ``trading.venues.weather``."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import JUDGED, MEMORY, Evidence, Kind, Outcome, Weather, judge

logger = logging.getLogger(__name__)

# Of good news a process tells a little; bad news always, and the first good news after it.
GOOD_NEWS_SECONDS = 1.0
REMEMBERED_SECONDS = 0.25

_decoder = msgspec.json.Decoder(Evidence)
_told: dict[str, float] = {}
_remembered: dict[str, tuple[float, Weather]] = {}


def note(venue: Venue, network: Network, outcome: Outcome) -> None:
    """Keep what came of a request. Never fails: without Redis there is no weather, and no harm in that."""
    key, now = keys.weather(venue, network, settings.EGRESS), time.monotonic()
    is_good = outcome.kind is Kind.ANSWERED
    if is_good and now - _told.get(key, -GOOD_NEWS_SECONDS) < GOOD_NEWS_SECONDS:
        return
    _told[key] = now if is_good else -GOOD_NEWS_SECONDS
    try:
        with blocking().pipeline(transaction=False) as pipeline:
            pipeline.lpush(key, msgspec.json.encode(Evidence(datetime.now(UTC), outcome)))
            pipeline.ltrim(key, 0, JUDGED - 1)
            pipeline.expire(key, MEMORY)
            pipeline.execute()
    except RedisError as error:
        logger.warning("The weather of %s cannot be kept: %s", venue, error)


def read(venue: Venue, network: Network, address: str = "") -> Weather:
    """The weather of a venue now, at most a quarter of a second old; fine where nothing is known. As an address of ours
    finds it; this process's where none is named."""
    key = keys.weather(venue, network, address or settings.EGRESS)
    known = _remembered.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    try:
        rows: Any = blocking().lrange(key, 0, JUDGED - 1)
        found = judge([_decoder.decode(row) for row in rows], datetime.now(UTC))
    except (RedisError, msgspec.DecodeError) as error:
        logger.warning("The weather of %s cannot be told: %s", venue, error)
        found = Weather()
    _remembered[key] = (time.monotonic() + REMEMBERED_SECONDS, found)
    return found


def forget() -> None:
    """Drop what this process remembers."""
    _told.clear()
    _remembered.clear()


def may_probe(venue: Venue, network: Network, seconds: float) -> bool:
    """Whether it is time for one more try at a venue that is down; one process asks at a time."""
    return bool(blocking().set(keys.probe(venue, network), 1, px=timedelta(seconds=seconds), nx=True))
