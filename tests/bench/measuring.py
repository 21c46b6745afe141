"""Timing, and what a goal's measurement is.

Processor time is measured, not the clock's: everything here is one thread's reckoning, and other work on the machine
disturbs it least that way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. Times are seconds; ``peer`` is None where the peer could not be run, ``note`` says why.

    ``goal`` is the longest time that meets the goal; None on lines that are only there to compare with.
    """

    name: str
    work: str
    ours: float
    peer_name: str
    peer: float | None
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times longer the peer takes."""
        return None if self.peer is None else self.peer / self.ours

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.ours <= self.goal


def seconds_per_call(work: Callable[[], object], calls: int) -> float:
    """The time of one call, over a batch of them."""
    start = process_time()
    for _ in range(calls):
        work()
    return (process_time() - start) / calls


def in_turns(works: Sequence[Callable[[], float]], rounds: int = ROUNDS) -> list[float]:
    """The median measurement of each, taken in turns so that a busy moment of the machine touches all of them."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for times, work in zip(taken, works, strict=True):
            times.append(work())
    return [median(times) for times in taken]
