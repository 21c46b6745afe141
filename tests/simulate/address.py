"""One address of ours: its budget, what is under way on it, and the venue that counts it."""

import heapq
from collections.abc import Callable
from itertools import count

import numpy as np

from tests.simulate.world import Floats, Places, VenueCounter
from trading.services import schedule
from trading.services.schedule import WHOLE_SHARE
from trading.venues.hyperliquid.weights import TARIFF, readings
from trading.venues.ledger import Answer, Charge, Ledger, Priority
from trading.venues.metered import weight_meter

LIMIT = TARIFF.weight  # a minute for one address (Hyperliquid 7)
READINGS = readings(0)
WEIGHT = READINGS.account
# Seconds until a request arrives at the venue, and until its answer is here; now and then far more.
FASTEST, USUAL, SLOWEST = 0.02, 0.10, 6.0
CLEAN = Answer()

# Told of accounts that were read: where they are, when we asked, and when the answers came.
Read = Callable[[Places, float, Floats], None]
# Told of one account: that its order was answered, or that it could not be read after it.
Done = Callable[[int], None]
Event = tuple[float, int, Callable[[], None]]


class Address:
    """Requests of the accounts at ``places`` in the order in which they happen, within the platform's own budget.

    The reads of a turn are asked together and counted as one request until the last of their answers, which is never
    sooner than the platform counts them; the venue counts each of them at its own moment.
    """

    def __init__(self, places: Places, chance: np.random.Generator, *, read: Read, done: Done, unread: Done) -> None:
        self.places = places
        self.meter = weight_meter("address", LIMIT)
        self.has_slack = True
        self.lags: list[float] = []
        self.counter = VenueCounter(LIMIT)
        self.waits: list[float] = []
        self.reads = 0
        self._read, self._done, self._unread = read, done, unread
        # Whose executions are to be read, and since when.
        self.behind: dict[int, float] = {}
        self._whole_at = 0.0
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
        return schedule.turn_weight(ceiling - self._ledger.used(self.meter, now), ceiling / self.meter.seconds, seconds)

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
        """A trader sends an order at this moment: let through at once, or tried again when the budget says. Once it is
        answered, money and positions are read, and what was executed where there is room."""
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
            if not self._explain(now, place, READINGS.executions, Priority.URGENT):
                self.fall_behind(now, place)
                if not self._read_one(now, place, WEIGHT, Priority.URGENT):
                    self._unread(place)

        self._at(moment, lambda: attempt(moment))

    def fall_behind(self, now: float, place: int) -> None:
        """The account's executions are to be read when there is room."""
        self.behind.setdefault(place, now)

    def catch_up(self, now: float) -> None:
        """Read an account whole that has waited for it longest, and now and then any other."""
        apart = READINGS.whole / (WHOLE_SHARE * self.meter.ceiling(Priority.ROUTINE) / self.meter.seconds)
        if now - self._whole_at >= apart:
            self._whole_at = now
            self._read_one(now, int(self.places[0]), READINGS.whole, Priority.ROUTINE)
        if self.behind:
            self._explain(now, next(iter(self.behind)), READINGS.explaining, Priority.ROUTINE)

    def _explain(self, now: float, place: int, weight: int, priority: Priority) -> bool:
        """Read an account with its executions; False where they have no room."""
        is_free = self.has_slack and priority is Priority.URGENT
        meter = schedule.executions_meter(self.meter, slack=self.has_slack)
        more = () if is_free else (Charge(meter, weight),)
        is_read = self._read_one(now, place, WEIGHT + weight, priority, more)
        if is_read:
            self.lags.append(now - self.behind.pop(place, now))
        return is_read

    def _read_one(self, now: float, place: int, weight: int, priority: Priority, more: tuple[Charge, ...] = ()) -> bool:
        name, charges = self._request(weight)
        if self._ledger.take(now, name, priority, (*charges, *more)):
            return False
        answers = self._send(now, weight, 1)

        def answered() -> None:
            self._ledger.settle(float(answers[0]), name, (*charges, *more), CLEAN)
            self._read(np.array([place]), now, answers)

        self._at(float(answers[0]), answered)
        return True

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
