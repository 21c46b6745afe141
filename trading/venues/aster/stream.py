"""Aster's websockets (Aster 2.3, 2.4): one connection for the markets, one for the accounts that are followed.

Prices of the whole venue come in two streams; books, trades and bars are followed where somebody looks. An account's
own stream is named by a key that the venue gives to the account's trading keys alone; 200 streams may share a
connection, so all accounts do. What is told goes to whoever was given the stream's key, whatever address was typed.
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator

import msgspec

from trading.venues.aster.frames import Envelope, account_frames, envelope, is_expired, market_frames
from trading.venues.aster.listening import ListenKeys
from trading.venues.connection import Connection, Timings
from trading.venues.streaming import (
    ConfirmedFrame,
    Connected,
    Disconnected,
    Frame,
    GapFrame,
    Interest,
    Listen,
    SignOfLife,
    Topic,
    Unreadable,
    Wanted,
)

logger = logging.getLogger(__name__)

STREAMS_AT_MOST = 200
# The venue would let more share the connection; keeping their keys and looking after them has to fit its budget too.
ACCOUNTS_AT_MOST = 100
OF_THE_VENUE = frozenset({"!markPrice@arr@1s", "!ticker@arr"})
SUFFIX_OF = {Topic.BOOK: "depth20@500ms", Topic.TRADES: "aggTrade", Topic.CANDLES: "kline_"}
# Ten messages a second are taken from us (Aster 2.3); prices come every second, an account may be silent for hours.
TIMINGS = Timings(probe_when_quiet=1.0, dead_when_silent=10.0, messages_at_most=8, messages_seconds=1.0)


def market_streams(wanted: frozenset[Interest]) -> frozenset[str]:
    """The streams that tell what is wanted, within the venue's limit; names are lower case (Aster 2.3)."""
    named = sorted(
        f"{interest.market.lower()}@{SUFFIX_OF[interest.topic]}{interest.interval}"
        for interest in wanted
        if interest.topic in SUFFIX_OF
    )
    room = STREAMS_AT_MOST - len(OF_THE_VENUE)
    if len(named) > room:
        logger.warning("%s streams are more than Aster allows on a connection: the last are left out.", len(named))
    return OF_THE_VENUE | frozenset(named[:room])


class Line:
    """The conversation on one combined connection: which streams it carries, and who hears them."""

    def __init__(
        self,
        base_url: str,
        *,
        hear: Callable[[Envelope | Frame], None],
        opened: Callable[[], None],
        closed: Callable[[str], None],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._hear = hear
        self._opened = opened
        self._closed = closed
        self._numbers = itertools.count(1)
        self._named: frozenset[str] = frozenset()
        self.wanted: frozenset[str] = frozenset()
        self.subscribed: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        """Everything that is wanted now is named in the address."""
        self._named = self.wanted
        return f"{self._base_url}/stream?streams={'/'.join(sorted(self._named))}"

    @property
    def probe(self) -> str:
        """A question that changes nothing."""
        return self._message("LIST_SUBSCRIPTIONS")

    def opened(self) -> None:
        """What the address named is subscribed to."""
        self.subscribed = self._named
        self._opened()

    def outgoing(self) -> Iterator[str]:
        """The difference between what is followed and what is wanted; what is not wanted any more makes room first."""
        wanted = self.wanted
        changes = (("UNSUBSCRIBE", self.subscribed - wanted), ("SUBSCRIBE", wanted - self.subscribed))
        self.subscribed = wanted
        for method, changed in changes:
            if changed:
                yield self._message(method, sorted(changed))

    def heard(self, text: str | bytes) -> None:
        """Hand on one message."""
        self._hear(envelope(text))

    def closed(self, cause: str) -> None:
        """Nothing is subscribed to any more."""
        self.subscribed = frozenset()
        self._closed(cause)

    def _message(self, method: str, params: list[str] | None = None) -> str:
        content = {"method": method} | ({} if params is None else {"params": params}) | {"id": next(self._numbers)}
        return msgspec.json.encode(content).decode()


class AsterStream:
    """What Aster tells of markets and accounts. ``listen`` gets every frame, in the order in which they came.

    ``base_url`` is that of the venue's websockets, which live on a host of their own (Aster 1.1).
    """

    accounts_at_most = ACCOUNTS_AT_MOST

    def __init__(
        self,
        base_url: str,
        listen: Listen,
        *,
        timings: Timings = TIMINGS,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._listen = listen
        self._markets = Line(base_url, hear=self._market, opened=lambda: listen(Connected()), closed=self._market_lost)
        self._accounts = Line(base_url, hear=self._account, opened=self._account_opened, closed=self._account_lost)
        self._lines = [
            Connection(line, timings=timings, jitter=jitter, sleep=sleep) for line in (self._markets, self._accounts)
        ]
        self._keys = ListenKeys(self._key_changed, self._key_doubted, time.monotonic)
        self._markets.wanted = OF_THE_VENUE

    def want(self, wanted: Wanted) -> None:
        """Follow exactly this from now on; a change is sent within two seconds."""
        self._markets.wanted = market_streams(wanted.interests)
        self._keys.follow(wanted.accounts[:ACCOUNTS_AT_MOST])
        self._accounts.wanted = frozenset(self._keys.hearers)

    async def follow(self) -> None:
        """Connect, listen, and connect again, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keys.keep())
            group.create_task(self._lines[0].keep())
            group.create_task(self._keep_accounts())

    async def _keep_accounts(self) -> None:
        """There is a connection for accounts while any is followed."""
        while True:
            while not self._accounts.wanted:
                await asyncio.sleep(0.1)
            line = asyncio.create_task(self._lines[1].keep())
            try:
                while self._accounts.wanted and not line.done():
                    await asyncio.sleep(0.1)
            finally:
                line.cancel()
            await asyncio.gather(line, return_exceptions=True)

    def _market(self, message: Envelope | Frame) -> None:
        frames = market_frames(message.stream, message.data) if isinstance(message, Envelope) else (message,)
        for frame in frames:
            self._listen(frame)

    def _market_lost(self, cause: str) -> None:
        self._listen(Disconnected(cause))

    def _account(self, message: Envelope | Frame) -> None:
        hearers = self._keys.hearers
        if isinstance(message, Envelope):
            if message.stream not in hearers:
                self._listen(SignOfLife("a stream that is not followed"))
            for name in hearers.get(message.stream, ()):
                self._tell(name, message)
        elif isinstance(message, Unreadable):
            self._account_lost(message.cause)
        else:
            self._listen(message)
        # Whatever the connection says shows that it stands; that a stream on it has nothing to say, its key's proof.
        for name, is_new in self._keys.take_proven(self._accounts.subscribed):
            self._listen(GapFrame("followed from now on", name) if is_new else ConfirmedFrame(name))

    def _tell(self, name: str, message: Envelope) -> None:
        if is_expired(message.data):
            self._keys.expired(name)
            self._listen(GapFrame("its key has run out", name))
            return
        for frame in account_frames(name, message.data):
            self._listen(GapFrame(frame.cause, name) if isinstance(frame, Unreadable) else frame)

    def _account_opened(self) -> None:
        """Nothing is replayed (Aster 2.4), and the keys may have died meanwhile."""
        self._keys.ask_again()
        self._account_lost("a new connection")

    def _account_lost(self, cause: str) -> None:
        for names in self._keys.hearers.values():
            for name in names:
                self._listen(GapFrame(cause, name))

    def _key_changed(self, name: str) -> None:
        self._accounts.wanted = frozenset(self._keys.hearers)
        self._listen(GapFrame("another key", name))

    def _key_doubted(self, name: str) -> None:
        """Its key may have ended: what happens now might not be told."""
        self._listen(GapFrame("its key could not be checked", name))
