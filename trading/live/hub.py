"""One Redis subscription a process, fanned out to every client of the process.

There are no queues. A channel keeps its merged state and the bytes of its newest message; a client keeps how far it
has read. One that is a single message behind gets the newest bytes, which all clients share; one that fell further
behind gets the merged state, in which the latest value of each id wins. So a slow client costs no memory, and one that
takes nothing for ``STUCK_SECONDS`` is dropped.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trading.live import keys, presence
from trading.live.connections import is_wanted
from trading.live.publish import CHANGES_SECONDS, STATE_SECONDS, Fragment

logger = logging.getLogger(__name__)

# A page that hears nothing for six seconds says so.
HEARTBEAT_SECONDS = 4.0
STUCK_SECONDS = 10.0
SWEEP_SECONDS = 1.0
LISTEN_SECONDS = 5.0
RECONNECT_SECONDS = (0.1, 0.5, 1.0, 2.0)


def event(kind: str, data: str, identity: int | None = None) -> bytes:
    """One server-sent event. ``identity`` comes back as Last-Event-ID when the page reconnects."""
    head = f"id: {identity}\n" if identity is not None else ""
    return f"{head}event: {kind}\ndata: {data}\n\n".encode()


def heartbeat() -> bytes:
    """The server's clock, as a patch; its id is where a page that reconnects continues."""
    now = datetime.now(UTC)
    return event("patch", f'{{"now":"{now.isoformat()}"}}', int(now.timestamp() * 1000))


class Channel:
    """What one Redis channel has carried so far."""

    __slots__ = ("clients", "fragments", "heard", "name", "newest", "refreshes", "snapshot", "state", "version")

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = 0
        self.heard = 0.0
        self.state: dict[str, Any] = {}
        self.refreshes: dict[str, int] = {}
        self.fragments: dict[bytes, tuple[int, bytes]] = {}
        self.newest = b""
        self.snapshot: bytes | None = None
        self.clients: set[Client] = set()

    def receive(self, message: bytes) -> None:
        """Take in one message: the latest value of each key wins, and the latest fragment of each id."""
        kind, _, content = message.partition(b" ")
        newest = b"event: " + kind + b"\ndata: " + content + b"\n\n"
        match kind:
            case b"patch":
                self.state.update(msgspec.json.decode(content))
                self.snapshot = None
            case b"refresh":
                self.refreshes.update(dict.fromkeys(content.decode().split(), self.version + 1))
            case b"fragment":
                identity, _, html = content.partition(b" ")
                newest = b"event: fragment\ndata: " + html + b"\n\n"
                self.fragments[identity] = (self.version + 1, newest)
            case _:
                logger.warning("A message of the unknown kind %r on %s", kind, self.name)
                return
        self.version += 1
        self.heard = time.monotonic()
        self.newest = newest
        for client in self.clients:
            client.wake.set()

    def since(self, version: int) -> bytes:
        """All that a client who has read up to ``version`` still has to get."""
        if version == self.version - 1:
            return self.newest
        missed = [html for at, html in self.fragments.values() if at > version]
        names = [name for name, at in self.refreshes.items() if at > version]
        return b"".join([self.full(), *missed, event("refresh", " ".join(names)) if names else b""])

    def opening(self) -> bytes:
        """What a page that has just been rendered gets: nothing where its own content is newer."""
        return self.full() if time.monotonic() - self.heard < STATE_SECONDS else b""

    def full(self) -> bytes:
        """The merged numbers as one patch."""
        if self.snapshot is None:
            self.snapshot = event("patch", msgspec.json.encode(self.state).decode()) if self.state else b""
        return self.snapshot


class Client:
    """One open stream: which channels it may hear, and how far it has read each."""

    __slots__ = ("accounts", "channels", "is_gone", "is_ticking", "market", "opening", "sending_since", "task", "wake")

    def __init__(self, market: str, accounts: tuple[tuple[int, int], ...]) -> None:
        self.market = market
        self.accounts = accounts
        self.channels: dict[Channel, int] = {}
        self.opening = b""
        self.wake = asyncio.Event()
        self.is_gone = False
        self.is_ticking = False
        self.sending_since = 0.0
        self.task: asyncio.Task[Any] | None = None

    def take(self) -> bytes:
        """Everything new since the last call."""
        chunks = []
        for channel, version in self.channels.items():
            if version != channel.version:
                chunks.append(channel.since(version))
                self.channels[channel] = channel.version
        if self.is_ticking:
            self.is_ticking = False
            chunks.append(heartbeat())
        return b"".join(chunks)

    def take_opening(self) -> bytes:
        """What is known on arrival, once: a stream that stays open for an hour does not hold on to it."""
        opening, self.opening = self.opening, b""
        return opening

    def leave(self) -> None:
        """End the stream."""
        self.is_gone = True
        self.wake.set()


class Hub:
    """The clients of one process and the one subscription that feeds them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pubsub = redis.pubsub()
        self._channels: dict[str, Channel] = {}
        self._subscribing = asyncio.Lock()
        # What the subscription was told, so that whoever comes next makes up for whoever gave up half way.
        self._subscribed: set[str] = set()
        self._works: set[asyncio.Task[None]] = set()
        self.clients: set[Client] = set()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._sweep())]

    async def close(self) -> None:
        """End every stream and the subscription."""
        for client in tuple(self.clients):
            client.leave()
        for task in (*self._tasks, *self._works):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RedisError):
                await task
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        await self._redis.aclose()

    async def join(self, client: Client, names: Iterable[str]) -> bytes:
        """Let a client hear these channels; returns what is known on them now."""
        self.clients.add(client)
        channels = [await self._open(name, client) for name in names]
        await self._whole(self._mark([client], arrivals=[channel.name for channel in channels]))
        # What the opening holds is read; a refresh that came meanwhile is told by ``refreshes_since``.
        client.channels = {channel: channel.version for channel in channels}
        return b"".join(channel.opening() for channel in channels)

    def part(self, client: Client) -> None:
        """Forget a client; a channel that nobody hears is closed by the next sweep."""
        self.clients.discard(client)
        for channel in client.channels:
            channel.clients.discard(client)

    async def refreshes_since(self, accounts: Iterable[tuple[int, int]], moment: int) -> bytes:
        """What has to be fetched again by a page whose content is of ``moment`` (Unix ms), as one event."""
        names: set[str] = set()
        if moment < (time.time() - CHANGES_SECONDS) * 1000:
            names.update(Fragment)
        for operator_id, account_id in accounts:
            known: Any = await self._redis.hgetall(keys.changes(operator_id, account_id))
            names.update(name.decode() for name, at in known.items() if int(at) >= moment)
        return event("refresh", " ".join(sorted(names))) if names else b""

    async def _open(self, name: str, client: Client) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        # The client is counted before anything is awaited, so a sweep never closes the channel under it.
        channel.clients.add(client)
        client.channels[channel] = channel.version
        if name not in self._subscribed:
            await self._whole(self._subscribe())
        return channel

    async def _whole(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to the end also where the page gives up meanwhile: what is cut in two costs all the connection."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        await asyncio.shield(task)

    async def _subscribe(self) -> None:
        """Subscribe to every channel that is not subscribed to yet, whoever opened it."""
        async with self._subscribing:
            missing = self._channels.keys() - self._subscribed
            if missing:
                await self._pubsub.subscribe(*missing)
                self._subscribed |= missing
        for name in missing:
            if name in self._channels:
                await self._load(self._channels[name])

    async def _load(self, channel: Channel) -> None:
        """The state that others were sent before this process heard the channel."""
        content: Any = await self._redis.get(keys.state(channel.name))
        if content:
            channel.receive(b"patch " + content)

    async def _listen(self) -> None:
        attempt = 0
        while is_wanted():
            try:
                # The pub/sub connection exists only once something is subscribed to.
                async with self._subscribing:
                    names = set(self._channels)
                    await self._pubsub.subscribe(keys.CONTROL, *names)
                    self._subscribed = names
                for channel in tuple(self._channels.values()):
                    await self._load(channel)
                attempt = 0
                await self._receive()
            except RedisError as error:
                logger.warning("The live subscription is broken and is made again: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
            attempt += 1

    async def _receive(self) -> None:
        while is_wanted():
            message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
            if message is None:
                continue
            channel = self._channels.get(message["channel"].decode())
            if channel is not None:
                channel.receive(message["data"])

    async def _sweep(self) -> None:
        """Heartbeats, presence, clients that take nothing, channels that nobody hears."""
        next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
        while is_wanted():
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            self._drop_stuck(now)
            try:
                await self._close_unheard()
                if now >= next_heartbeat:
                    next_heartbeat = now + HEARTBEAT_SECONDS
                    self._beat()
                    await self._mark(self.clients)
            except RedisError as error:
                logger.warning("Presence could not be renewed: %s", error)

    def _drop_stuck(self, now: float) -> None:
        for client in tuple(self.clients):
            if client.sending_since and now - client.sending_since > STUCK_SECONDS and client.task is not None:
                client.task.cancel()

    def _beat(self) -> None:
        for client in self.clients:
            client.is_ticking = True
            client.wake.set()

    async def _close_unheard(self) -> None:
        """Between looking and forgetting nothing is awaited: a client that comes after opens the channel anew."""
        async with self._subscribing:
            for name in [name for name, channel in self._channels.items() if not channel.clients]:
                del self._channels[name]
            unheard = self._subscribed - self._channels.keys()
            # Forgotten first: if the order to unsubscribe is lost, a needless channel is heard, and never a needed one
            # not.
            self._subscribed -= unheard
            if unheard:
                await self._pubsub.unsubscribe(*unheard)

    async def _mark(self, clients: Iterable[Client], arrivals: Iterable[str] = ()) -> None:
        accounts = {account for client in clients for account in client.accounts}
        markets = {client.market for client in clients}
        async with self._redis.pipeline(transaction=False) as pipeline:
            presence.queue_marks(pipeline, accounts, markets, time.time())
            for name in arrivals:
                pipeline.publish(keys.ARRIVALS, name)
            await pipeline.execute()
