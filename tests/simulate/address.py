"""One address of ours: its budget, what is under way on it, and the venue that counts it."""

import heapq
from collections.abc import Callable
from itertools import count

import numpy as np

from tests.simulate.world import Floats, Places, VenueCounter
from trading.services.schedule import turn_weight
from trading.venues.ledger import Answer, Charge, Ledger, Meter, Priority

LIMIT = 1200  # weight a minute for one address (Hyperliquid 7)
WEIGHT = 2  # of reading an account
# Seconds until a request arrives at the venue, and until its answer is here; now and then far more.
FASTEST, USUAL, SLOWEST = 0.02, 0.10, 6.0
CLEAN = Answer()

# Told of accounts that were read: where they are, when we asked, and when the answers came.
Read = Callable[[Places, float, Floats], None]
# Told of an account whose order was answered.
Done = Callable[[int], None]
Event = tuple[float, int, Callable[[], None]]


class Address:
    """Requests of the accounts at ``places`` in the order in which they happen, within the platform's own budget.

    The reads of a turn are asked together and counted as one request until the last of their answers, which is never
    sooner than the platform counts them; the venue counts each of them at its own moment.
    """

    def __init__(self, places: Places, chance: np.random.Generator, *, read: Read, done: Done) -> None:
        self.places = places
        self.meter = Meter("address", LIMIT)
        self.counter = VenueCounter(LIMIT)
        self.waits: list[float] = []
        self.reads = 0
        self._read, self._done = read, done
        self._chance = chance
        self._ledger = Ledger()
        self._events: list[Event] = []
        self._numbers = count()
        self._turned_at = 0.0

    def happen_until(self, moment: float) -> None:
        """Everything that happens before a moment, in its order."""
        while self._events and self._events[0][0] < moment:
            heapq.heappop(self._events)[2]()

    def free(self, now: float) -> float:
        """What the next turn may spend."""
        ceiling = self.meter.ceiling(Priority.ROUTINE)
        seconds, self._turned_at = now - self._turned_at, now
        return turn_weight(ceiling - self._ledger.used(self.meter, now), ceiling / self.meter.seconds, seconds)

    def read(self, now: float, places: Places) -> bool:
        """Ask for these accounts; False where the budget says no."""
        name, charges = self._request(WEIGHT * len(places))
        if self._ledger.take(now, name, Priority.ROUTINE, charges):
            return False
        answers = self._send(now, WEIGHT, len(places))

        def answered() -> None:
            self._ledger.settle(float(answers.max()), name, charges, CLEAN)
            self.reads += len(places)
            self._read(places, now, answers)

        self._at(float(answers.max()), answered)
        return True

    def order(self, moment: float, place: int) -> None:
        """A trader sends an order at this moment: let through at once, or tried again when the budget says."""
        name, charges = self._request(1)

        def attempt(now: float) -> None:
            if wait := self._ledger.take(now, name, Priority.COMMAND, charges):
                self._at(now + wait, lambda: attempt(now + wait))
                return
            self.waits.append(now - moment)
            (back,) = self._send(now, 1, 1).tolist()
            self._at(back, lambda: answered(back))

        def answered(now: float) -> None:
            self._ledger.settle(now, name, charges, CLEAN)
            self._done(place)

        self._at(moment, lambda: attempt(moment))

    def _request(self, weight: int) -> tuple[str, tuple[Charge]]:
        return str(next(self._numbers)), (Charge(self.meter, weight),)

    def _send(self, now: float, weight: int, number: int) -> Floats:
        """So many requests at once; when each of their answers is here."""
        there, back = np.minimum(FASTEST + self._chance.exponential(USUAL / 2, (2, number)), SLOWEST)
        self.counter.count(now + there, weight)
        answers: Floats = now + there + back
        return answers

    def _at(self, moment: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), happen))
