"""What one process has heard from a venue: states, books, and how far each can be trusted to be current."""

from collections.abc import Iterable
from datetime import datetime

from trading.live.board import Board
from trading.venues.hyperliquid.stream import BookFrame, Disconnected, Frame, StateFrame, Unreadable
from trading.venues.snapshots import Book, MarketState


class Heard:
    """The memory of a stream.

    Frames arrive in order, so every frame of a connection, a pong included, confirms all that the same connection said
    before. A market is *confirmed* once this connection has told its state; until then its state keeps its own time.
    """

    def __init__(self, known: Board) -> None:
        self.states = dict(known.states)
        self.books: dict[str, Book] = {}
        self.fresh_books: set[str] = set()
        self._times = {name: moment for name in known.states if (moment := known.time_of(name)) is not None}
        self._confirmed: set[str] = set()
        self._heard_at: datetime | None = None

    @property
    def heard_at(self) -> datetime | None:
        """When the venue last said anything at all."""
        return self._heard_at

    def listen(self, frame: Frame, now: datetime) -> None:
        """Take in one frame that arrived ``now``."""
        match frame:
            case Disconnected() | Unreadable():
                self._doubt()
                return
            case StateFrame(state):
                self.states[state.name] = state
                self._confirmed.add(state.name)
            case BookFrame(book):
                self.books[book.market] = book
                self.fresh_books.add(book.market)
        self._heard_at = now

    def read(self, states: Iterable[MarketState], received_at: datetime) -> None:
        """Take in what was read otherwise, where the stream has told nothing newer."""
        for state in states:
            known = self._times.get(state.name)
            if state.name not in self._confirmed and (known is None or known < received_at):
                self.states[state.name] = state
                self._times[state.name] = received_at

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
        """Drop the books of markets that nobody looks at any more."""
        for name in self.books.keys() - kept:
            del self.books[name]
        self.fresh_books &= kept

    def _doubt(self) -> None:
        """What was current until now has that time from now on."""
        if self._heard_at is not None:
            self._times |= dict.fromkeys(self._confirmed, self._heard_at)
        self._confirmed.clear()
