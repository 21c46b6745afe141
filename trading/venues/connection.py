"""A websocket that is kept up: it notices a socket that is silent without being closed, connects again with jittered
delays, and never sends more messages than the venue allows. What is said on it is a ``Conversation``.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import aiohttp

logger = logging.getLogger(__name__)

LARGEST_FRAME = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds, and messages. Hyperliquid closes a connection on which it sent nothing for 60 s and allows 30 new ones
    and 2000 messages a minute (Hyperliquid 6); Aster allows 10 messages a second and ends a connection after 24 hours
    (Aster 2.3)."""

    connect: float = 5.0
    close: float = 0.5
    probe_every: float = 30.0
    # A quiet connection is asked for a sign of life, so that its silence means "nothing has changed".
    probe_when_quiet: float = 1.0
    dead_when_silent: float = 10.0
    first_delay: float = 1.0
    longest_delay: float = 30.0
    proven_after: float = 30.0
    longest_life: float = 23 * 3600.0
    messages_at_most: int = 1800
    messages_seconds: float = 60.0


class Conversation(Protocol):
    """What is said on one connection."""

    @property
    def url(self) -> str:
        """Where to connect now."""

    @property
    def probe(self) -> str:
        """A message that the venue answers."""

    def opened(self) -> None:
        """A new connection stands, on which nothing has been said."""

    def outgoing(self) -> Iterable[str]:
        """What is to be sent now; each message is given out once a connection."""

    def heard(self, text: str | bytes) -> None:
        """Take in one message."""

    def closed(self, cause: str) -> None:
        """The connection is gone, or could not be made."""


def beside(base_url: str) -> str:
    """The base address of websockets on the same host as an HTTP base address."""
    return "ws" + base_url.rstrip("/").removeprefix("http")


def reconnect_delay(attempt: int, timings: Timings, jitter: float) -> float:
    """Seconds to wait before connection ``attempt`` (0 is the first retry); ``jitter`` is a number in 0..1."""
    longest = min(timings.longest_delay, timings.first_delay * 2.0 ** min(attempt, 16))
    return longest * (0.5 + jitter / 2)


def cause_of(error: Exception) -> str:
    """Why a line is down, fit for a log: errors repeat the address, and its query may name keys (Aster 2.4)."""
    told = str(error.status) if isinstance(error, aiohttp.ClientResponseError) else str(error).partition("?")[0]
    return f"{type(error).__name__} {told}".strip()


class _Silent(Exception):
    """Nothing arrived for too long on a socket that claims to be open."""


class Pace:
    """How many messages may still be sent: ``most`` in any ``seconds``, over all connections that share it."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._sent: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until one more may be sent; zero counts it as sent."""
        while self._sent and self._sent[0] <= now - self._seconds:
            self._sent.popleft()
        if len(self._sent) >= self._most:
            return self._sent[0] + self._seconds - now
        self._sent.append(now)
        return 0.0


class Connection:
    """One connection, kept up until cancelled."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        timings: Timings,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._conversation = conversation
        self._timings = timings
        self._jitter = jitter
        self._sleep = sleep
        self._pace = Pace(timings.messages_at_most, timings.messages_seconds)

    async def keep(self) -> None:
        """Connect, converse, and connect again, for ever."""
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                await self._connect()
            except (aiohttp.ClientError, OSError, TimeoutError, _Silent) as error:
                cause = cause_of(error)
            else:
                cause = "closed"
            self._conversation.closed(cause)
            if time.monotonic() - began > self._timings.proven_after:
                attempt = 0
            delay = reconnect_delay(attempt, self._timings, self._jitter())
            logger.warning("A stream is down (%s), next attempt in %.1f s.", cause, delay)
            attempt += 1
            await self._sleep(delay)

    async def _connect(self) -> None:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._timings.connect)
        async with aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar()) as session:
            async with asyncio.timeout(2 * self._timings.connect):
                goodbye = aiohttp.ClientWSTimeout(ws_close=self._timings.close)
                socket = await session.ws_connect(self._conversation.url, max_msg_size=LARGEST_FRAME, timeout=goodbye)
            try:
                self._conversation.opened()
                await self._converse(socket)
            finally:
                await socket.close()

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read until the venue closes or the connection is old. Raises ``_Silent`` when it says nothing."""
        timings = self._timings
        began = heard = time.monotonic()
        next_probe = heard + timings.probe_every
        while heard - began < timings.longest_life:
            for text in self._conversation.outgoing():
                await self._send(socket, text)
            try:
                message = await socket.receive(timeout=timings.probe_when_quiet)
            except TimeoutError:
                if time.monotonic() - heard > timings.dead_when_silent:
                    raise _Silent(f"no frame for {timings.dead_when_silent:g} s") from None
                await self._send(socket, self._conversation.probe)
                continue
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return
            heard = time.monotonic()
            self._conversation.heard(message.data)
            if heard >= next_probe:
                next_probe = heard + timings.probe_every
                await self._send(socket, self._conversation.probe)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
        while (wait := self._pace.wait(time.monotonic())) > 0:
            await self._sleep(wait)
        await socket.send_str(text)
