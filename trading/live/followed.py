"""Who is followed, and when what his stream told has to be written. Pure: whoever calls says what time it is."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from trading.live.told import Leg, Standing, Told, sizes_of
from trading.services.schedule import NEAR, VERY_NEAR
from trading.venues.base import AccountSnapshot, Adapter
from trading.venues.streaming import AccountFrame, FillsFrame, GapFrame, HappeningFrame, PrivateFrame

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
NOBODY_LOOKS = 3
# A followed account that nobody looks at counts as nearer than it is, by so much.
STAYS_WITHIN = Decimal("0.8")
# Up to this distance accounts may have to be known to whoever chooses.
FARTHEST = NEAR / STAYS_WITHIN

ZERO = Decimal(0)

# Operator and account.
Account = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that somebody looks at or that is near a liquidation, as far as it decides which streams are followed.

    ``since`` is when he began to look, None for one that nobody looks at. ``distance``: of the nearest liquidation, a
    fraction of the mark.
    """

    account: Account
    stream: str
    distance: Decimal
    since: float | None
    is_followed: bool = False


def choose(candidates: Iterable[Candidate], most: int) -> tuple[str, ...]:
    """The streams to follow, most urgent first: of those who look whoever is near a liquidation, then whoever looked
    first; and in the room that is left those whom nobody looks at, the nearest first.

    Taking up a stream costs a reading, so whoever is followed stays until he is clearly farther than others.
    """
    ordered = sorted((rank, one.stream) for one in candidates if (rank := _rank(one)) is not None)
    return tuple(dict.fromkeys(stream for _, stream in ordered))[:most]


def _rank(one: Candidate) -> tuple[int, float, Account] | None:
    """The smallest goes first; None for one that need not be followed."""
    if one.since is not None:
        return _band(one.distance), one.since, one.account
    counted = one.distance * STAYS_WITHIN if one.is_followed else one.distance
    return (NOBODY_LOOKS, float(counted), one.account) if counted <= NEAR else None


def _band(nearest: Decimal) -> int:
    return 0 if nearest <= VERY_NEAR else 1 if nearest <= NEAR else 2


class Outcome(Enum):
    """What became of news: written, kept because a worker holds the account, kept because something failed."""

    WRITTEN = "written"
    BUSY = "busy"
    FAILED = "failed"


class Moves:
    """Whether every move of a position has the executions that made it: a frame may be lost on a connection that stands
    and says so nowhere. Where the stream tells sizes only as they change, the last reading is where they start."""

    def __init__(self) -> None:
        self._run = 0
        self._is_based = False
        self._read: dict[Leg, Decimal] | None = None
        self._sizes: dict[Leg, Decimal] | None = None
        self._told_at: datetime | None = None
        self._counted: set[str] = set()
        self._open: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._open_since: float | None = None

    @property
    def need_a_start(self) -> bool:
        """Whether the stream has not told yet what sizes there are."""
        return self._sizes is None

    @property
    def are_open(self) -> bool:
        """Whether a move still misses its executions, or these their move. Any thread may ask."""
        return any(tuple(self._open.values()))

    @property
    def standing(self) -> Standing:
        """How the sizes stand to the executions now."""
        known = self._known
        explained = None if known is None or self.are_open else {leg: size for leg, size in known.items() if size}
        return Standing(explained, self._run, self._is_based)

    @property
    def _known(self) -> dict[Leg, Decimal] | None:
        return self._read if self._sizes is None else self._sizes

    def start_from(self, sizes: Mapping[Leg, Decimal], run: int) -> None:
        """A reading in this run showed these sizes, and no other positions; our rows hold them."""
        if run == self._run and self.need_a_start:
            self._read = dict(sizes)
            self._is_based = True

    def are_stored(self, run: int) -> None:
        """Our rows hold what was told in this run."""
        self._is_based |= run == self._run

    def take(self, frame: PrivateFrame | GapFrame) -> None:
        """Take in one frame; after a break it begins anew, because everything is read then."""
        match frame:
            case GapFrame():
                self._begin_anew()
            case AccountFrame(_, snapshot) if self._told_at is None or self._told_at <= snapshot.venue_time:
                self._move_to(sizes_of(snapshot))
                self._told_at = snapshot.venue_time
            case HappeningFrame(sizes=sizes) if sizes:
                if (known := self._known) is not None:
                    self._move_to(known | {(market, side): size for market, side, size in sizes})
            case FillsFrame(_, fills, is_snapshot):
                new = [fill for fill in fills if fill.key not in self._counted]
                self._counted |= {fill.key for fill in new}
                if not is_snapshot:
                    for fill in new:
                        self._open[fill.market] += -fill.size if fill.is_buy else fill.size

    def _move_to(self, sizes: dict[Leg, Decimal]) -> None:
        if (known := self._known) is not None:
            for leg in sizes.keys() | known.keys():
                self._open[leg[0]] += sizes.get(leg, ZERO) - known.get(leg, ZERO)
        self._sizes = sizes

    def are_unexplained(self, now: float) -> bool:
        """Whether something has been missing for too long; asked again, it says so no more."""
        if not self.are_open:
            self._open_since = None
            if len(self._counted) > KEYS_KEPT:
                self._counted.clear()
        elif self._open_since is None:
            self._open_since = now
        elif now - self._open_since >= EXPLAINED_SECONDS:
            self._begin_anew()
            return True
        return False

    def _begin_anew(self) -> None:
        self._run, self._is_based = self._run + 1, False
        self._read = self._sizes = self._told_at = self._open_since = None
        self._open.clear()
        self._counted.clear()


@dataclass
class Followed:
    """One account that is followed, and what its stream has told. Moments are of the monotonic clock.

    ``stream`` is the name its frames come under (``trading.connect.stream_of``); a stream of another name is another
    key's, and the account is then followed anew. ``is_told``: the stream tells about it since the last break;
    ``is_writing``: what it told is taken out and not stored yet; ``is_reading``: it is being read besides;
    ``is_failing``: that failed and has not succeeded since. Where nobody looks at it, what may be missing is read when
    there is room.
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
    is_writing: bool = False
    is_reading: bool = False
    is_failing: bool = False
    is_looked_at: bool = True
    moves: Moves = field(default_factory=Moves)

    @property
    def is_current(self) -> bool:
        """Whether all that happened has been told, and can be written."""
        waits = self.is_reading or self.is_failing or self.told.must_read or self.told.must_look
        return self.is_told and not waits

    @property
    def is_settled(self) -> bool:
        """Whether all that was told is written, and nothing that belongs to it is still to come."""
        return not (self.is_writing or self.told.is_news or self.moves.are_open)

    def look(self, *, is_looked_at: bool) -> None:
        """Whether somebody looks at it from now on; whoever begins to look finds it whole."""
        self.told.must_read |= is_looked_at and not self.is_looked_at
        self.is_looked_at = is_looked_at

    def take_in(self, frame: PrivateFrame | GapFrame, now: datetime) -> None:
        """Take in one frame about this account."""
        self.is_told = not isinstance(frame, GapFrame)
        self.moves.take(frame)
        self.told.take(frame, now)

    def look_after(self, now: float) -> None:
        """Have it read where something is missing, and now and then."""
        if self.news_since is None and (self.told.is_news or self.moves.are_open):
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
        told.standing = self.moves.standing
        if told.must_read and not (told.has_happened or self.is_looked_at):
            told.must_read, told.must_look, told.is_behind, self.whole_at = False, True, True, now
        self.is_writing, self.is_reading = True, told.must_read or told.must_look
        if self.is_reading:
            self.read_at = now
        if told.must_read:
            self.whole_at = now
        return told

    def settle(self, told: Told, outcome: Outcome, now: float) -> None:
        """What was taken out is written, or is kept for the next time."""
        if outcome is Outcome.WRITTEN and told.snapshot is not None and not self.is_reading:
            self.moves.are_stored(told.standing.run)
        self.is_writing = self.is_reading = False
        self.is_failing = outcome is Outcome.FAILED or (self.is_failing and outcome is Outcome.BUSY)
        if outcome is Outcome.WRITTEN:
            self.told.must_read |= told.must_read
            self.told.has_happened |= told.must_read
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
