"""The evidence of how each venue is doing, shared by all processes and judged by ``trading.venues.weather``."""

import logging
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from redis.client import Pipeline
from redis.exceptions import RedisError

from trading.live import keys
from trading.live.connections import blocking
from trading.venues.snapshots import Network, Venue
from trading.venues.weather import ASKING, Door, Evidence, Kind, Outcome, Weather, judge

logger = logging.getLogger(__name__)

# Failures tell of a venue when they have lasted for a while. As many are kept as an address of ours meets in that time,
# however much it may ask.
KEPT = 200
# Of good news a process tells a little; bad news always, and the first good news after it.
GOOD_NEWS_SECONDS = 1.0
REMEMBERED_SECONDS = 0.25
# The beginning outlives its evidence for as long as somebody reads the weather, and lulls of less than this.
BEGINNING = timedelta(seconds=30)

_decoder = msgspec.json.Decoder(Evidence)
_told: dict[str, float] = {}
_remembered: dict[tuple[Venue, Network, str], tuple[float, Weather]] = {}


def note(venue: Venue, network: Network, outcome: Outcome) -> None:
    """Keep what came of a request. Never fails: without Redis there is no weather, and no harm in that."""
    key, now = keys.weather(venue, network, settings.EGRESS, outcome.door), time.monotonic()
    is_good = outcome.kind is Kind.ANSWERED
    if is_good and now - _told.get(key, -GOOD_NEWS_SECONDS) < GOOD_NEWS_SECONDS:
        return
    _told[key] = now if is_good else -GOOD_NEWS_SECONDS
    told = Evidence(datetime.now(UTC), outcome)
    try:
        with blocking().pipeline(transaction=False) as pipeline:
            pipeline.lpush(key, msgspec.json.encode(told))
            pipeline.ltrim(key, 0, KEPT - 1)
            pipeline.expire(key, outcome.lasts)
            if outcome.wait is not None:
                _keep_silence(pipeline, keys.silences(venue, network, settings.EGRESS), told, outcome.wait)
            pipeline.execute()
    except RedisError as error:
        logger.warning("The weather of %s cannot be kept: %s", venue, error)


def _keep_silence(pipeline: Pipeline, key: str, told: Evidence, seconds: float) -> None:
    """What the venue ordered is known to its end, however long nothing more is heard."""
    ends = math.ceil((told.at.timestamp() + seconds) * 1000)
    pipeline.zremrangebyscore(key, "-inf", told.at.timestamp() * 1000)
    pipeline.zadd(key, {msgspec.json.encode(told): ends})
    # Of several, the one that ends last keeps the key: the first gives it an end, later ones only a later end.
    pipeline.pexpireat(key, ends, nx=True)
    pipeline.pexpireat(key, ends, gt=True)


def read(venue: Venue, network: Network, address: str = "") -> Weather:
    """The weather of a venue now, at most a quarter of a second old; fine where nothing is known. As an address of ours
    finds it; this process's where none is named."""
    place = (venue, network, address or settings.EGRESS)
    known = _remembered.get(place)
    if known and known[0] > time.monotonic():
        return known[1]
    try:
        found = _with_its_beginning(place, judge(_evidence(*place), datetime.now(UTC)))
    except (RedisError, msgspec.DecodeError) as error:
        logger.warning("The weather of %s cannot be told: %s", venue, error)
        found = Weather()
    _remembered[place] = (time.monotonic() + REMEMBERED_SECONDS, found)
    return found


def _evidence(venue: Venue, network: Network, address: str) -> list[Evidence]:
    """All that is known, newest first. Reads are many and commands few, so each door keeps its own."""
    with blocking().pipeline(transaction=False) as pipeline:
        for door in Door:
            pipeline.lrange(keys.weather(venue, network, address, door), 0, KEPT - 1)
        pipeline.zrange(keys.silences(venue, network, address), -1, -1)
        rows = {row for answer in pipeline.execute() for row in answer}
    return sorted((_decoder.decode(row) for row in rows), key=lambda one: one.at, reverse=True)


def _with_its_beginning(place: tuple[Venue, Network, str], found: Weather) -> Weather:
    """The weather since it began: what is remembered of it reaches back a minute or some requests only."""
    if found.since is None:
        return found
    key = keys.since(*place)
    known: Any = blocking().get(key)
    sky, _, began = known.decode().partition(" ") if known else ("", "", "")
    since = min(found.since, datetime.fromisoformat(began)) if sky == found.sky else found.since
    blocking().set(key, f"{found.sky} {since.isoformat()}", ex=BEGINNING)
    return replace(found, since=since)


def forget() -> None:
    """Drop what this process remembers."""
    _told.clear()
    _remembered.clear()


def may_probe(venue: Venue, network: Network, seconds: float) -> bool:
    """Whether it is time for one more try at a venue that is down; one process asks at a time."""
    return bool(blocking().set(keys.probe(venue, network), 1, px=timedelta(seconds=seconds), nx=True))


def may_ask(venue: Venue, network: Network) -> bool:
    """Whether an order may ask now if a venue takes orders again; one at a time."""
    return bool(blocking().set(keys.asking(venue, network), 1, px=timedelta(seconds=ASKING), nx=True))
