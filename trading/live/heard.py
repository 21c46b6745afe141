"""What one process has heard from a venue of its markets: states, books, trades, candles, and how far each can be
trusted to be current.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trading.live.board import Board
from trading.venues.snapshots import Book, Candle, MarketState, Trade
from trading.venues.streaming import (
    BookFrame,
    CandleFrame,
    ChangeFrame,
    Complaint,
    Connected,
    Disconnected,
    Frame,
    GapFrame,
    StateFrame,
    TradesFrame,
    Unreadable,
)

TRADES_KEPT = 30


class Heard:
    """The memory of a stream.

    Frames of a connection arrive in order, so every frame, a pong included, confirms all that the same connection said
    before. A market is *confirmed* once this connection has told its state; until then its state keeps its own time.
    What carries the venue's time is taken by that time all the same: whatever order frames come in, however often, they
    end in the same state.
    """

    def __init__(self, known: Board) -> None:
        self.states = dict(known.states)
        self.books: dict[str, Book] = {}
        self.trades: dict[str, dict[str, Trade]] = {}
        self.candles: dict[str, dict[str, Candle]] = {}
        self.fresh_books: set[str] = set()
        self.fresh_trades: set[str] = set()
        self.counted: Counter[str] = Counter()
        self._times = {name: moment for name in known.states if (moment := known.time_of(name)) is not None}
        self._confirmed: set[str] = set()
        self._told: dict[str, dict[str, tuple[datetime, Decimal | None]]] = {}
        self._heard_at: datetime | None = None

    @property
    def heard_at(self) -> datetime | None:
        """When the venue last said anything at all."""
        return self._heard_at

    def listen(self, frame: Frame, now: datetime) -> None:
        """Take in one frame that arrived ``now``."""
        self.counted[type(frame).__name__] += 1
        match frame:
            case Disconnected() | Unreadable() | GapFrame(account=""):
                self._doubt()
                return
            case Connected() | Complaint() | GapFrame():
                return
            case StateFrame(state):
                self.states[state.name] = state
                self._confirmed.add(state.name)
            case ChangeFrame():
                self._change(frame)
            case BookFrame(book):
                self._take_book(book)
            case TradesFrame(market, trades):
                self._take_trades(market, trades)
            case CandleFrame(interval, candle):
                self._take_candle(interval, candle)
        self._heard_at = now

    def _change(self, frame: ChangeFrame) -> None:
        """Take what is newer than this connection told before; a market counts once the rest of it was read."""
        told = self._told.setdefault(frame.market, {})
        told.update(
            (name, (frame.time, value))
            for name, value in frame.values
            if name not in told or told[name][0] <= frame.time
        )
        if frame.market in self.states:
            self._overlay(frame.market, self.states[frame.market])

    def _overlay(self, market: str, state: MarketState) -> None:
        told = self._told.get(market, {})
        values: dict[str, Any] = {name: value for name, (_, value) in told.items()}
        self.states[market] = msgspec.structs.replace(state, **values)
        if "mark" in told:
            self._confirmed.add(market)

    def _take_book(self, book: Book) -> None:
        known = self.books.get(book.market)
        if known is None or known.venue_time <= book.venue_time:
            self.books[book.market] = book
            self.fresh_books.add(book.market)

    def _take_trades(self, market: str, trades: Iterable[Trade]) -> None:
        known = self.trades.get(market, {})
        merged = known | {trade.key: trade for trade in trades}
        if merged.keys() == known.keys() and known:
            return
        newest = sorted(merged.values(), key=lambda trade: (trade.time, trade.key))[-TRADES_KEPT:]
        self.trades[market] = {trade.key: trade for trade in newest}
        self.fresh_trades.add(market)

    def _take_candle(self, interval: str, candle: Candle) -> None:
        """A bar only grows: of two states of one bar the one with more trades is the later."""
        bars = self.candles.setdefault(candle.market, {})
        known = bars.get(interval)
        if known is None or (known.opened_at, known.trades) <= (candle.opened_at, candle.trades):
            bars[interval] = candle

    def read(self, states: Iterable[MarketState], received_at: datetime) -> None:
        """Take in what was read otherwise, where the stream has told nothing newer."""
        for state in states:
            known = self._times.get(state.name)
            if state.name not in self._confirmed and (known is None or known < received_at):
                self.states[state.name] = state
                self._times[state.name] = received_at
            if state.name in self._told:
                self._overlay(state.name, state)

    def board(self) -> Board:
        """The board as of the last frame, or as of the newest reading while no market is confirmed."""
        if self._confirmed and self._heard_at is not None:
            as_of: datetime | None = self._heard_at
        else:
            as_of = max(self._times.values(), default=None)
        lagging = {
            name: self._times[name]
            for name in self.states
            if name not in self._confirmed and self._times[name] != as_of
        }
        return Board(dict(self.states), as_of, lagging)

    def forget_books(self, kept: frozenset[str]) -> None:
        """Drop the books, trades and candles of markets that nobody looks at any more."""
        memories: tuple[dict[str, Any], ...] = (self.books, self.trades, self.candles)
        for memory in memories:
            for name in memory.keys() - kept:
                del memory[name]
        self.fresh_books &= kept
        self.fresh_trades &= kept

    def show_again(self, market: str) -> None:
        """Somebody arrived who has seen neither the book nor the trades."""
        self.fresh_books |= {market} & self.books.keys()
        self.fresh_trades |= {market} & self.trades.keys()

    def _doubt(self) -> None:
        """What was current until now has that time from now on."""
        if self._heard_at is not None:
            self._times |= dict.fromkeys(self._confirmed, self._heard_at)
        self._confirmed.clear()
        self._told.clear()
