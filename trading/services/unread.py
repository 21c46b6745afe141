"""What became of a position between its last reading and its liquidation, by the executions in between. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

# Aster's clock is read first, so a reading may hold what was executed until its answers had all come.
ON_ITS_WAY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Move:
    """One execution; ``size`` is signed: a sale is negative."""

    at: datetime
    size: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """The sizes that a position had, signed, from the one that was read on."""

    sizes: tuple[Decimal, ...]

    @property
    def last(self) -> Decimal:
        """What was there in the end."""
        return self.sizes[-1]

    @property
    def is_one_position(self) -> bool:
        """Whether what was there in the end is the position that was read: it never went and never turned."""
        return all(size * self.sizes[0] > 0 for size in self.sizes)


def course_of(seen: Decimal, seen_at: datetime, moves: Sequence[Move], found: Decimal) -> Course:
    """How a position of size ``seen`` went on by the executions after its reading, oldest first.

    Of those right after the reading's clock it may hold the first ones: as many as let the end be ``found`` (unsigned),
    which is what the liquidation is known to have found, or else what it closed. Where none do, the clock decides.
    """
    near = sum(1 for move in moves if move.at - seen_at <= ON_ITS_WAY)
    courses = [
        Course(tuple(accumulate((move.size for move in moves[held:]), initial=seen))) for held in range(near + 1)
    ]
    return next((course for course in courses if abs(course.last) == found), courses[0])
