"""One turn of the stream for everybody: the board, and patches, books and trades of the markets somebody looks at."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from redis.asyncio import Redis

from trading.live import keys
from trading.live.board import PUT_UNLESS_OLDER, Board, script_arguments
from trading.live.heard import Heard
from trading.live.public import Patch, candles_patch, difference, market_patch, marks_patch
from trading.live.publish import queue_fragment, queue_patch
from trading.markets import stale_limits
from trading.models import Market
from trading.panels.market import build_book, freshness
from trading.panels.trades import build_trades
from trading.venues.snapshots import MarketSpec, Network, Venue

MARKS_SECONDS = 1.0
# Books, trades and candles of one market are put out at most this often.
BOOK_SECONDS = 0.5
TRADES_SECONDS = 0.5
CANDLES_SECONDS = 1.0


class Renderer:
    """Publishes what moved since its last turn; what did not move costs no byte."""

    def __init__(self, redis: Redis, venue: Venue, network: Network) -> None:
        self._redis = redis
        self._venue = venue
        self._network = network
        self._published: datetime | None = None
        self._sent: dict[str, Patch] = {}
        self._again: set[str] = set()
        self._next_marks = 0.0
        self._next: dict[tuple[str, str], float] = {}
        self.specs: Mapping[str, MarketSpec] = {}
        self.markets: frozenset[str] = frozenset()

    def show_again(self, market: str) -> None:
        """Put out all numbers of a market once more: whoever comes may have been drawn before the last one moved."""
        self._again.add(keys.market_channel(self._venue, self._network, market))

    async def turn(self, heard: Heard, now: datetime) -> Board:
        """Publish everything that is new, and return the board. Raises ``RedisError``; then nothing counts as sent."""
        board = heard.board()
        if board.as_of is None:
            return board
        async with self._redis.pipeline(transaction=False) as pipeline:
            if board.as_of != self._published:
                pipeline.eval(PUT_UNLESS_OLDER, 1, *script_arguments(self._venue, self._network, board))
            sent = self._queue_markets(pipeline, heard, board)
            self._queue_books(pipeline, heard, now)
            self._queue_trades(pipeline, heard)
            await pipeline.execute()
        self._published = board.as_of
        self._sent |= sent
        return board

    def _queue_markets(self, pipeline: Any, heard: Heard, board: Board) -> dict[str, Patch]:
        """Patches of the markets somebody looks at, and once a second all marks; what each channel then holds."""
        sent = {}
        for name in self.markets:
            state, moment, spec = board.states.get(name), board.time_of(name), self.specs.get(name)
            if state is not None and moment is not None and spec is not None:
                channel = keys.market_channel(self._venue, self._network, name)
                candles = {key: row for key, row in self._sent.get(channel, {}).items() if key.startswith("candle-")}
                if self._is_time("candles", name, CANDLES_SECONDS):
                    candles = candles_patch(self.specs[name].address, heard.candles.get(name, {}))
                sent[channel] = market_patch(spec, state, moment) | candles
        if time.monotonic() >= self._next_marks and self.markets:
            self._next_marks = time.monotonic() + MARKS_SECONDS
            sent[keys.marks_channel(self._venue, self._network)] = marks_patch(self.specs, board)
        for channel, patch in sent.items():
            changed = patch if channel in self._again else difference(self._sent.get(channel, {}), patch)
            self._again.discard(channel)  # before anything is awaited: whoever comes meanwhile is served next turn
            if changed:
                queue_patch(pipeline, channel, changed, patch)
        return sent

    def _queue_books(self, pipeline: Any, heard: Heard, now: datetime) -> None:
        for name in tuple(heard.fresh_books & self.markets & self.specs.keys()):
            if not self._is_time("book", name, BOOK_SECONDS):
                continue
            heard.fresh_books.discard(name)
            state, book = heard.states.get(name), heard.books[name]
            if state is None:
                continue
            market = Market.described(self.specs[name], state, self._network, now)
            fresh = freshness(heard.heard_at, now, stale_limits())
            html = render_to_string("trading/_book.html", {"book": build_book(market, book, state, fresh)})
            queue_fragment(pipeline, keys.market_channel(self._venue, self._network, name), "book", html)

    def _queue_trades(self, pipeline: Any, heard: Heard) -> None:
        for name in tuple(heard.fresh_trades & self.markets & self.specs.keys()):
            if not self._is_time("trades", name, TRADES_SECONDS):
                continue
            heard.fresh_trades.discard(name)
            html = render_to_string(
                "trading/_trades.html", {"trades": build_trades(self.specs[name], heard.trades[name])}
            )
            queue_fragment(pipeline, keys.market_channel(self._venue, self._network, name), "trades", html)

    def _is_time(self, what: str, market: str, seconds: float) -> bool:
        """Whether the last time was so many seconds ago; then it is now."""
        now = time.monotonic()
        if now < self._next.get((what, market), 0.0):
            return False
        self._next[what, market] = now + seconds
        return True
