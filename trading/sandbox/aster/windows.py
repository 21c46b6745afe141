"""Which rows of a history are answered: spans of at most seven days, the first rows of one or the newest
(Aster rules 3.7)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from trading.sandbox.aster import failures
from trading.sandbox.aster.calls import FAR, Call
from trading.sandbox.prices import DAY

T = TypeVar("T")

WEEK = 7 * DAY


@dataclass(frozen=True)
class Window:
    """Both ends belong to it; ``from_start`` says that the first rows are wanted and not the newest."""

    start: int
    end: int
    limit: int
    from_start: bool

    @classmethod
    def of(cls, call: Call, now: int, *, default: int, most: int, is_numbered: bool = False) -> Self:
        """The span that a request asks for. A page that begins at a number has no span; without either it is the last
        seven days."""
        start, end = (call.parameters.optional_integer(name) for name in ("startTime", "endTime"))
        limit = call.parameters.limit(default, most)
        if is_numbered:
            return cls(start or 0, FAR if end is None else end, limit, from_start=True)
        if start is not None and end is not None and end - start > WEEK:
            raise failures.other(-1127, "More than 168 hours between startTime and endTime.")
        if start is not None:
            return cls(start, start + WEEK if end is None else end, limit, from_start=True)
        last = now if end is None else end
        return cls(last - WEEK, last, limit, from_start=False)

    @classmethod
    def unlimited(cls, call: Call, now: int, *, default: int, most: int) -> Self:
        """A span that may be as long as it likes; without a start it is the last seven days."""
        start, end = (call.parameters.optional_integer(name) for name in ("startTime", "endTime"))
        last, limit = FAR if end is None else end, call.parameters.limit(default, most)
        return cls(now - WEEK if start is None else start, last, limit, from_start=start is not None)

    def of_rows(self, rows: Sequence[T], time: Callable[[T], int]) -> list[T]:
        """The rows within, oldest first."""
        within = sorted((row for row in rows if self.start <= time(row) <= self.end), key=time)
        return within[: self.limit] if self.from_start else within[-self.limit :]
