"""Who is followed, and when what his stream told has to be written. Pure: whoever calls says what time it is."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from trading.live.told import Told
from trading.services.schedule import NEAR, VERY_NEAR
from trading.venues.base import AccountSnapshot, Adapter
from trading.venues.streaming import AccountFrame, FillsFrame, GapFrame, PrivateFrame

# Marks move all the time and are worked out here; the venue's own figures are written this often when nothing else is.
QUIET_SECONDS = 2.0
# Figures are read now and then although nothing seems to have happened, and the account whole: a stream can be wrong
# about itself.
LOOK_SECONDS = 120.0
WHOLE_SECONDS = 600.0
# How soon an account may be read again.
READ_SECONDS = 2.0
# Money and positions and the executions that changed them come in frames of their own.
EXPLAINED_SECONDS = 1.0
KEYS_KEPT = 5000
# What belongs together is written together: an order that is gone and the execution that ended it.
TOGETHER_SECONDS = 0.1
# How soon rows that could not be written are tried again: where a worker holds the account, and where something failed.
BUSY_SECONDS = 0.1
FAILED_SECONDS = 1.0

# Operator and account.
Account = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Looked:
    """An account that somebody looks at, as far as it decides which streams are followed."""

    account: Account
    stream: str
    distance: Decimal
    since: float


def choose(looked: Iterable[Looked], most: int) -> tuple[str, ...]:
    """The streams to follow, most urgent first: near a liquidation, then whoever looked first."""
    ordered = sorted(looked, key=lambda one: (_band(one.distance), one.since, one.account))
    return tuple(dict.fromkeys(one.stream for one in ordered))[:most]


def _band(nearest: Decimal) -> int:
    return 0 if nearest <= VERY_NEAR else 1 if nearest <= NEAR else 2


class Outcome(Enum):
    """What became of news: written, kept because a worker holds the account, kept because something failed."""

    WRITTEN = "written"
    BUSY = "busy"
    FAILED = "failed"


class Moves:
    """Whether every move of a position has the executions that made it: a frame may be lost on a connection that stands
    and says so nowhere."""

    def __init__(self) -> None:
        self._sizes: dict[str, Decimal] | None = None
        self._told_at: datetime | None = None
        self._counted: set[str] = set()
        self._open: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._open_since: float | None = None

    def take(self, frame: PrivateFrame | GapFrame) -> None:
        """Take in one frame; after a break it begins anew, because everything is read then."""
        match frame:
            case GapFrame():
                self._begin_anew()
            case AccountFrame(_, snapshot) if self._told_at is None or self._told_at <= snapshot.venue_time:
                sizes = {row.market: row.size for row in snapshot.positions}
                if self._sizes is not None:
                    self._book(sizes, 1)
                    self._book(self._sizes, -1)
                self._sizes, self._told_at = sizes, snapshot.venue_time
            case FillsFrame(_, fills, is_snapshot):
                new = [fill for fill in fills if fill.key not in self._counted]
                self._counted |= {fill.key for fill in new}
                if not is_snapshot:
                    for fill in new:
                        self._book({fill.market: fill.size}, -1 if fill.is_buy else 1)

    def are_unexplained(self, now: float) -> bool:
        """Whether something has been missing for too long; asked again, it says so no more."""
        if not any(self._open.values()):
            self._open_since = None
            if len(self._counted) > KEYS_KEPT:
                self._counted.clear()
        elif self._open_since is None:
            self._open_since = now
        elif now - self._open_since >= EXPLAINED_SECONDS:
            self._begin_anew()
            return True
        return False

    def _book(self, sizes: Mapping[str, Decimal], sign: int) -> None:
        for market, size in sizes.items():
            self._open[market] += sign * size

    def _begin_anew(self) -> None:
        self._sizes = self._told_at = self._open_since = None
        self._open.clear()
        self._counted.clear()


@dataclass
class Followed:
    """One account that is followed, and what its stream has told. Moments are of the monotonic clock.

    ``stream`` is the name its frames come under (``trading.connect.stream_of``); a stream of another name is another
    key's, and the account is then followed anew. ``is_told``: the stream tells about it since the last break.
    """

    stream: str
    adapter: Adapter
    told: Told = field(default_factory=lambda: Told(must_read=True))
    written: AccountSnapshot | None = None
    written_at: float = 0.0
    read_at: float = 0.0
    whole_at: float = 0.0
    not_before: float = 0.0
    news_since: float | None = None
    is_told: bool = False
    moves: Moves = field(default_factory=Moves)

    def take_in(self, frame: PrivateFrame | GapFrame, now: datetime) -> None:
        """Take in one frame about this account."""
        self.is_told = not isinstance(frame, GapFrame)
        self.moves.take(frame)
        self.told.take(frame, now)

    def look_after(self, now: float) -> None:
        """Have it read where something is missing, and now and then."""
        if self.news_since is None and self.told.is_news:
            self.news_since = now
        if self.is_told:
            self.told.must_read |= self.moves.are_unexplained(now)
            self.told.must_look |= now - self.read_at >= LOOK_SECONDS
            self.told.must_read |= now - self.whole_at >= WHOLE_SECONDS

    def is_due(self, now: float) -> bool:
        """Whether its rows have to be written now."""
        if now < self.not_before:
            return False
        if self.told.must_read or self.told.must_look:
            return now - self.read_at >= READ_SECONDS
        if self.told.is_news or is_other(self.written, self.told.snapshot):
            return self.news_since is None or now - self.news_since >= TOGETHER_SECONDS
        is_current = self.told.snapshot is not None or self.told.confirmed_at is not None
        return is_current and now - self.written_at >= QUIET_SECONDS

    def take_out(self, now: float) -> Told:
        """Everything that was told since the last time; until it is written nothing more is due."""
        told, self.told, self.not_before, self.news_since = self.told, Told(), math.inf, None
        if told.must_read or told.must_look:
            self.read_at = now
        if told.must_read:
            self.whole_at = now
        return told

    def settle(self, told: Told, outcome: Outcome, now: float) -> None:
        """What was taken out is written, or is kept for the next time."""
        if outcome is Outcome.WRITTEN:
            self.told.must_read |= told.must_read
            self.written, self.written_at, self.not_before = told.snapshot or self.written, now, now
        else:
            self.told = told.followed_by(self.told)
            self.not_before = now + (BUSY_SECONDS if outcome is Outcome.BUSY else FAILED_SECONDS)


def is_other(known: AccountSnapshot | None, new: AccountSnapshot | None) -> bool:
    """Whether what is held, and how, differs: more than a mark has moved."""
    return new is not None and (known is None or _held(known) != _held(new))


def _held(snapshot: AccountSnapshot) -> set[tuple[object, ...]]:
    return {(row.market, row.size, row.entry_price, row.mode, row.leverage, row.cash) for row in snapshot.positions} | {
        (snapshot.account_mode,)
    }
