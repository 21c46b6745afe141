"""What a venue lets one address spend, reckoned exactly over any sliding window, in memory.

A request counts from the moment it is let through until a whole window after its answer, because the venue counts it
somewhere in between. Until its answer comes it is taken to arrive as late as it can, so a process that dies while it
waits never makes room too early. What takes risk away may use the whole limit, other commands nearly all of it and
reads a smaller share, so that a close finds room whatever others did (Hyperliquid 7, Aster 5).

A share alone would not do: reads that fill theirs at once leave nothing to orders until they drop out, a minute later.
So a read also leaves room for orders at a steady rate, ``Meter.kept``, at every moment until then. Reads that come
steadily make room as steadily, and may fill their whole share.

A venue that says "slow down" closes the gate. For as long as it says, nothing passes, not even a command: that is a
ban. Where it says no time, reads stay away for a growing time of our own choosing and commands still pass, because
nobody has forbidden them.

``trading.venues.budget`` does the same in Redis for all processes together; the tests hold the two against each other.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

# The longest that a request may be under way; ``transport.Limits.total`` is no longer.
UNDER_WAY = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Priority(IntEnum):
    """Who asks. What takes risk away (a cancel, an order that only reduces, margin put in) goes before all else, then a
    question whose answer ends a command, any other command, a read that somebody waits for and one that can wait."""

    RELIEF = 0
    PROOF = 1
    COMMAND = 2
    URGENT = 3
    ROUTINE = 4


# Of each limit, in per cent: what is left above is for those before it, and the last is relief's alone. A question that
# costs 20 of 1200 (Hyperliquid 7) proves a command above all others, and leaves room for twelve closes.
SHARES = {
    Priority.RELIEF: 100,
    Priority.PROOF: 99,
    Priority.COMMAND: 97,
    Priority.URGENT: 96,
    Priority.ROUTINE: 95,
}


@dataclass(frozen=True, slots=True)
class Meter:
    """One thing that a venue counts: ``limit`` in any ``seconds``. ``name`` is unique among everything counted.

    ``kept``: how much of it commands find within any ``seconds``, at a steady rate, whatever is read."""

    name: str
    limit: int
    seconds: float = 60.0
    kept: int = 0

    def ceiling(self, priority: Priority) -> int:
        """How much of the limit this priority may fill.

        >>> [Meter("address", 1200).ceiling(priority) for priority in Priority]
        [1200, 1188, 1164, 1152, 1140]
        """
        return self.limit * SHARES[priority] // 100


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request costs on one meter. A limit of our own may hold only while the first meter is used beyond
    ``above``; it is counted all the same."""

    meter: Meter
    weight: int
    above: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request, as far as the meters care.

    ``extra`` is what the answer's size costs, on the first meter. ``reported`` are the venue's own counts, one for each
    charge, None where it told none. ``slow_down``: the venue refused for the rate; ``wait``: for how long, where it
    said so.
    """

    extra: int = 0
    reported: tuple[int | None, ...] = ()
    slow_down: bool = False
    wait: float | None = None


@dataclass(slots=True)
class _Log:
    """What is counted on one meter: each request's weight until the moment it drops out."""

    used: int = 0
    entries: dict[str, tuple[float, int]] = field(default_factory=dict)
    order: list[tuple[float, str]] = field(default_factory=list)

    def put(self, name: str, until: float, weight: int) -> None:
        self.used += weight - self.entries.get(name, (0.0, 0))[1]
        self.entries[name] = (until, weight)
        heapq.heappush(self.order, (until, name))

    def prune(self, now: float) -> None:
        while self.order and self.order[0][0] <= now:
            until, name = heapq.heappop(self.order)
            if self.entries.get(name, (None, 0))[0] == until:
                self.used -= self.entries.pop(name)[1]

    def free_at(self, excess: int) -> float | None:
        """When so much will have dropped out; None where there is not so much."""
        for until, weight in sorted(self.entries.values()):
            excess -= weight
            if excess <= 0:
                return until
        return None

    def wait_for_commands(self, now: float, charge: Charge) -> float:
        """Seconds until a read leaves commands what is kept for them, at every moment until all this has dropped
        out."""
        meter = charge.meter
        room, wait = float(meter.ceiling(Priority.COMMAND) - self.used - charge.weight), 0.0
        for until, weight in sorted(self.entries.values()):
            if room >= meter.kept:
                break
            wait = max(wait, until - now - room * meter.seconds / meter.kept)
            room += weight
        return wait


class Ledger:
    """The decisions about one address of ours at one venue. Times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self.closed_until = 0.0
        self.is_ordered = False  # whether the venue itself said for how long
        self.strikes = 0
        self._logs: dict[str, _Log] = {}

    def take(self, now: float, request: str, priority: Priority, charges: Sequence[Charge]) -> float:
        """Let a request through and count it: 0; or the seconds to wait, and nothing is counted."""
        wait = self.gate(now, priority)
        first = self._log(charges[0].meter, now).used + charges[0].weight if charges else 0
        for charge in charges:
            log = self._log(charge.meter, now)
            excess = log.used + charge.weight - charge.meter.ceiling(priority)
            if excess > 0 and first > charge.above:
                free_at = log.free_at(excess)
                wait = max(wait, charge.meter.seconds if free_at is None else free_at - now)
            if priority > Priority.COMMAND and charge.meter.kept:
                wait = max(wait, log.wait_for_commands(now, charge))
        if wait > 0:
            return wait
        for charge in charges:
            until = now + UNDER_WAY + charge.meter.seconds
            self._log(charge.meter, now).put(request, until, charge.weight)
        return 0.0

    def settle(self, now: float, request: str, charges: Sequence[Charge], answer: Answer, jitter: float = 1.0) -> None:
        """Count an answered request from its answer on, and heed what the venue said."""
        for place, charge in enumerate(charges):
            log = self._log(charge.meter, now)
            weight = charge.weight + (answer.extra if place == 0 else 0)
            log.put(request, now + charge.meter.seconds, weight)
            reported = answer.reported[place] if place < len(answer.reported) else None
            if reported is not None:
                _correct(log, charge.meter, now, reported)
        if answer.slow_down:
            self._close(now, answer.wait, jitter)
        elif self.closed_until <= now:
            self.strikes = 0

    def gate(self, now: float, priority: Priority) -> float:
        """Seconds for which the gate stays closed to this priority."""
        if priority <= Priority.COMMAND and not self.is_ordered:
            return 0.0
        return max(0.0, self.closed_until - now)

    def used(self, meter: Meter, now: float) -> int:
        """What counts on a meter now."""
        return self._log(meter, now).used

    def _close(self, now: float, wait: float | None, jitter: float) -> None:
        """Refusals that arrive while the gate is closed belong to the event that closed it."""
        if wait is not None:
            self.is_ordered = True
            self.closed_until = max(self.closed_until, now + wait)
        elif self.closed_until <= now:
            self.strikes += 1
            self.is_ordered = False
            self.closed_until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.strikes - 1)) * jitter

    def _log(self, meter: Meter, now: float) -> _Log:
        log = self._logs.get(meter.name)
        if log is None:
            log = self._logs[meter.name] = _Log()
        log.prune(now)
        return log


def _correct(log: _Log, meter: Meter, now: float, reported: int) -> None:
    """Count what the venue has counted in its running window and we have not: others share our address."""
    since = now - now % meter.seconds + meter.seconds
    ours = sum(weight for until, weight in log.entries.values() if until >= since)
    if reported > ours:
        log.put(f"others {now!r}", now + meter.seconds, reported - ours)
