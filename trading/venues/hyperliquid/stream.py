"""Hyperliquid's websocket: frames in, our words out, and a connection that is kept up (Hyperliquid 6).

``parse`` is pure. ``MarketStream`` follows what it is told to want: it subscribes, notices a socket that is silent
without being closed, connects again with jittered delays and subscribes anew. It holds no prices: whoever listens does.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
import msgspec

from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Malformed
from trading.venues.hyperliquid import markets
from trading.venues.snapshots import Book, MarketState

logger = logging.getLogger(__name__)

PING = '{"method":"ping"}'
LARGEST_FRAME = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. The venue closes a connection on which it sent nothing for 60 s and allows 30 new ones a minute."""

    connect: float = 5.0
    close: float = 0.5
    ping_every: float = 30.0
    # A quiet connection is asked for a sign of life, so that its silence means "nothing has changed".
    ping_when_quiet: float = 1.0
    dead_when_silent: float = 10.0
    first_delay: float = 1.0
    longest_delay: float = 30.0
    proven_after: float = 30.0


class Subscription(msgspec.Struct, frozen=True):
    """What to follow: ``activeAssetCtx`` or ``l2Book`` of one market."""

    type: str
    coin: str


@dataclass(frozen=True, slots=True)
class StateFrame:
    """A market's prices."""

    state: MarketState


@dataclass(frozen=True, slots=True)
class BookFrame:
    """A market's order book, whole."""

    book: Book


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A frame without news: a pong, an acknowledgement, a channel nobody asked for."""

    channel: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """The venue refused something that was asked on the stream."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame that cannot be understood: what it would have said is not known now."""

    cause: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; nothing is known to be current until new frames arrive."""

    cause: str


Frame = StateFrame | BookFrame | SignOfLife | Complaint | Unreadable | Disconnected


class _Envelope(Record, frozen=True):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Context(Record, frozen=True):
    funding: Decimal
    open_interest: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None = None


class _ActiveContext(Record, frozen=True):
    coin: str
    ctx: _Context


_envelopes = msgspec.json.Decoder(_Envelope)
_decode_context = Decoder(_ActiveContext, "activeAssetCtx")
_decode_complaint = Decoder(str, "error")


def parse(text: str | bytes) -> Frame:
    """One frame in our words. Never raises: what cannot be understood is ``Unreadable``.

    The first text on a connection may be a plain line and no JSON at all (Hyperliquid 6): a sign of life.
    """
    try:
        envelope = _envelopes.decode(text)
    except msgspec.ValidationError as error:
        return Unreadable(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        is_plain = text[:1] not in ("{", b"{")
        return SignOfLife("") if is_plain else Unreadable(str(error))
    try:
        return _content(envelope)
    except Malformed as error:
        return Unreadable(error.cause)


def _content(envelope: _Envelope) -> Frame:
    match envelope.channel:
        case "activeAssetCtx":
            return StateFrame(_state(_decode_context(envelope.data)))
        case "l2Book":
            return BookFrame(markets.book(bytes(envelope.data)))
        case "error":
            return Complaint(_decode_complaint(envelope.data))
        case channel:
            return SignOfLife(channel)


def _state(row: _ActiveContext) -> MarketState:
    context = row.ctx
    return MarketState(
        name=row.coin,
        mark=context.mark_px,
        oracle=context.oracle_px,
        mid=context.mid_px,
        previous_day_price=context.prev_day_px,
        funding_rate=context.funding,
        open_interest=context.open_interest,
        day_volume=context.day_ntl_vlm,
    )


def stream_url(base_url: str) -> str:
    """The websocket beside an HTTP base URL."""
    return "ws" + base_url.rstrip("/").removeprefix("http") + "/ws"


def reconnect_delay(attempt: int, timings: Timings, jitter: float) -> float:
    """Seconds to wait before connection ``attempt`` (0 is the first retry); ``jitter`` is a number in 0..1."""
    longest = min(timings.longest_delay, timings.first_delay * 2.0 ** min(attempt, 16))
    return longest * (0.5 + jitter / 2)


class _Silent(Exception):
    """Nothing arrived for too long on a socket that claims to be open."""


class MarketStream:
    """One connection to one venue, kept up until cancelled. ``listen`` gets every frame, in order."""

    def __init__(
        self,
        base_url: str,
        listen: Callable[[Frame], None],
        *,
        timings: Timings | None = None,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = stream_url(base_url)
        self._listen = listen
        self._timings = timings or Timings()
        self._jitter = jitter
        self._sleep = sleep
        self._wanted: frozenset[Subscription] = frozenset()
        self._subscribed: frozenset[Subscription] = frozenset()

    def want(self, subscriptions: frozenset[Subscription]) -> None:
        """Follow exactly these from now on; the change is sent within a second."""
        self._wanted = subscriptions

    async def follow(self) -> None:
        """Connect, listen, and connect again, for ever."""
        attempt = 0
        while True:
            began = time.monotonic()
            try:
                await self._connect()
            except (aiohttp.ClientError, OSError, TimeoutError, _Silent) as error:
                cause = f"{type(error).__name__} {error}".strip()
            else:
                cause = "closed by the venue"
            self._listen(Disconnected(cause))
            if time.monotonic() - began > self._timings.proven_after:
                attempt = 0
            delay = reconnect_delay(attempt, self._timings, self._jitter())
            logger.warning("The stream %s is down (%s), next attempt in %.1f s.", self.url, cause, delay)
            attempt += 1
            await self._sleep(delay)

    async def _connect(self) -> None:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._timings.connect)
        async with aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar()) as session:
            async with asyncio.timeout(2 * self._timings.connect):
                goodbye = aiohttp.ClientWSTimeout(ws_close=self._timings.close)
                socket = await session.ws_connect(self.url, max_msg_size=LARGEST_FRAME, timeout=goodbye)
            try:
                self._subscribed = frozenset()
                await self._converse(socket)
            finally:
                await socket.close()

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read until the venue closes. Raises ``_Silent`` when it stays open and says nothing."""
        timings = self._timings
        heard = time.monotonic()
        next_ping = heard + timings.ping_every
        while True:
            if self._wanted != self._subscribed:
                await self._subscribe(socket)
            try:
                message = await socket.receive(timeout=timings.ping_when_quiet)
            except TimeoutError:
                if time.monotonic() - heard > timings.dead_when_silent:
                    raise _Silent(f"no frame for {timings.dead_when_silent:g} s") from None
                await socket.send_str(PING)
                continue
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return
            heard = time.monotonic()
            self._listen(parse(message.data))
            if heard >= next_ping:
                next_ping = heard + timings.ping_every
                await socket.send_str(PING)

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Tell the venue the difference between what is followed and what is wanted."""
        wanted = self._wanted
        for method, changed in (("unsubscribe", self._subscribed - wanted), ("subscribe", wanted - self._subscribed)):
            for subscription in sorted(changed, key=lambda one: (one.type, one.coin)):
                request = {"method": method, "subscription": subscription}
                await socket.send_str(msgspec.json.encode(request).decode())
        self._subscribed = wanted
