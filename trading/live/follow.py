"""The process that follows one venue: one at a time, whoever holds the lock.

A second process waits. When the first dies its lock expires within ``LOCK_SECONDS``; when it is stopped it lets go at
once. Whoever loses the lock stops following before anything else is published.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from trading.live import board, connections, keys, presence
from trading.live.heard import Heard
from trading.live.lookers import Lookers
from trading.live.public import CANDLE_INTERVALS
from trading.live.render import Renderer
from trading.live.watching import Watching
from trading.venues.base import Adapter
from trading.venues.errors import VenueError
from trading.venues.streaming import Complaint, Frame, Interest, Listen, Stream, Topic, Unreadable, Wanted

logger = logging.getLogger(__name__)

LOCK_SECONDS = 5.0
RENEW_SECONDS = 1.0
WAIT_SECONDS = 0.5
TURN_SECONDS = 0.25
PRESENCE_SECONDS = 1.0
MARKETS_SECONDS = 60.0
AFTER_FAILURE_SECONDS = 1.0
COUNT_SECONDS = 5.0


class LockLost(Exception):
    """Another process may follow the venue now."""


class Follower:
    """Follows one venue and network. ``open_stream`` makes the stream from the function that hears its frames."""

    def __init__(self, adapter: Adapter, open_stream: Callable[[Listen], Stream]) -> None:
        self._adapter = adapter
        self._open_stream = open_stream
        self._name = f"{adapter.venue} {adapter.network}"

    async def run(self) -> None:
        """Wait for the lock, follow while it is held, and wait again; for ever."""
        async with connections.concurrent() as redis:
            name = keys.stream_lock(self._adapter.venue, self._adapter.network)
            while connections.is_wanted():
                lock = redis.lock(name, timeout=LOCK_SECONDS, sleep=WAIT_SECONDS, thread_local=False)
                try:
                    await lock.acquire()
                    if connections.is_wanted():
                        # A task of its own: before Python 3.13 one whose group has failed counts as told to stop.
                        await asyncio.create_task(self._follow(redis, lock))
                except* (RedisError, LockLost) as failures:
                    logger.warning("%s is not followed: %s", self._name, failures.exceptions[0])
                finally:
                    await _let_go(lock)
                if connections.is_wanted():
                    await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def _follow(self, redis: Redis, lock: Lock) -> None:
        logger.info("Following %s.", self._name)
        known = await asyncio.to_thread(board.read, self._adapter.venue, self._adapter.network)
        heard = Heard(known)
        renderer = Renderer(redis, self._adapter.venue, self._adapter.network)
        lookers, arrival = Lookers(self._adapter.venue), asyncio.Event()

        def listen(frame: Frame) -> None:
            if isinstance(frame, Complaint | Unreadable):
                logger.warning("%s said on its stream: %s", self._name, frame)
            now = datetime.now(UTC)
            heard.listen(frame, now)
            watching.listen(frame, now)

        stream = self._open_stream(listen)
        watching = Watching(self._adapter, stream.accounts_at_most)
        async with asyncio.TaskGroup() as group:
            group.create_task(_renew(lock))
            group.create_task(stream.follow())
            group.create_task(self._read_markets(renderer, heard))
            group.create_task(self._want(renderer, heard, watching, stream, arrival))
            group.create_task(watching.choose())
            group.create_task(watching.write())
            group.create_task(_watch_accounts(lookers))
            group.create_task(self._hear_arrivals(redis, lookers, heard, renderer, arrival))
            group.create_task(lookers.load())
            group.create_task(_take_turns(redis, renderer, lookers, heard))
            group.create_task(self._count(redis, heard))

    async def _count(self, redis: Redis, heard: Heard) -> None:
        """Tell how many frames were heard, and how many of them made no sense."""
        while connections.is_wanted():
            if heard.counted:
                key = keys.stream_frames(self._adapter.venue, self._adapter.network)
                await redis.hset(key, mapping={kind: str(count) for kind, count in heard.counted.items()})
            await asyncio.sleep(COUNT_SECONDS)

    async def _read_markets(self, renderer: Renderer, heard: Heard) -> None:
        """Learn which markets there are, now and once a minute."""
        while True:
            try:
                found = await asyncio.to_thread(self._adapter.markets)
            except VenueError as error:
                logger.warning("The markets of %s cannot be read: %s", self._name, error)
                await asyncio.sleep(AFTER_FAILURE_SECONDS)
                continue
            heard.read(found.states, found.received_at)
            renderer.specs = {spec.name: spec for spec in found.specs}
            await asyncio.sleep(MARKETS_SECONDS)

    async def _want(
        self, renderer: Renderer, heard: Heard, watching: Watching, stream: Stream, arrival: asyncio.Event
    ) -> None:
        """Follow the state of every market, all there is of those that somebody looks at, and whoever is watched."""
        prefix = keys.market_channel(self._adapter.venue, self._adapter.network, "")
        while True:
            markets = await asyncio.to_thread(presence.looked_at_markets)
            renderer.markets = frozenset(
                name.removeprefix(prefix) for name in markets if name.startswith(prefix)
            ) & frozenset(renderer.specs)
            heard.forget_books(renderer.markets)
            states = (Interest(Topic.STATE, name) for name in renderer.specs)
            looked_at = (interest for name in renderer.markets for interest in _looked_at(name))
            collaterals = {spec.dex: spec.collateral for spec in renderer.specs.values()}
            stream.want(Wanted(frozenset((*states, *looked_at)), watching.watches, collaterals))
            await _wait(arrival, PRESENCE_SECONDS if renderer.specs else TURN_SECONDS)

    async def _hear_arrivals(
        self, redis: Redis, lookers: Lookers, heard: Heard, renderer: Renderer, arrival: asyncio.Event
    ) -> None:
        """Serve whoever arrives, or whatever changes, at once and not at the next look around."""
        prefix = keys.market_channel(self._adapter.venue, self._adapter.network, "")
        async with redis.pubsub() as arrivals:
            await arrivals.subscribe(keys.ARRIVALS)
            while connections.is_wanted():
                message = await arrivals.get_message(ignore_subscribe_messages=True, timeout=TURN_SECONDS)
                if message is None:
                    continue
                channel = message["data"].decode()
                lookers.announced(channel)
                if channel.startswith(prefix):
                    market = channel.removeprefix(prefix)
                    heard.show_again(market)
                    renderer.show_again(market)
                    arrival.set()


def _looked_at(market: str) -> Iterator[Interest]:
    """What a page that shows a market shows of it."""
    yield Interest(Topic.BOOK, market)
    yield Interest(Topic.TRADES, market)
    for interval in CANDLE_INTERVALS:
        yield Interest(Topic.CANDLES, market, interval)


async def _renew(lock: Lock) -> None:
    while connections.is_wanted():
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await lock.extend(LOCK_SECONDS, replace_ttl=True)
        except LockError:
            raise LockLost("the lock was lost to another process") from None


async def _watch_accounts(lookers: Lookers) -> None:
    while True:
        lookers.keep(await asyncio.to_thread(presence.looked_at_accounts))
        await asyncio.sleep(PRESENCE_SECONDS)


async def _wait(arrival: asyncio.Event, seconds: float) -> None:
    """Wait for what makes the next turn come early, but not for long."""
    try:
        async with asyncio.timeout(seconds):
            await arrival.wait()
    except TimeoutError:
        return
    arrival.clear()


async def _take_turns(redis: Redis, renderer: Renderer, lookers: Lookers, heard: Heard) -> None:
    while connections.is_wanted():
        now = datetime.now(UTC)
        known = await renderer.turn(heard, now)
        if known.is_known:
            await lookers.publish(redis, known, now)
        await _wait(lookers.loaded, TURN_SECONDS)


async def _let_go(lock: Lock) -> None:
    try:
        await lock.release()
    except (LockError, RedisError):
        return  # not ours any more, or gone with Redis
