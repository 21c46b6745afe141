"""One address of ours: its budget, what is under way on it, and the venue that counts it."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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

Event = tuple[float, int, Callable[[], None]]


class Accounts(Protocol):
    """Everybody's accounts, each at one place: how they answer, and who is told what came of them."""

    def fails(self, places: Places) -> NDArray[np.bool_]:
        """Whether each of these readings fails."""

    def rests(self, place: int, now: float) -> bool:
        """Whether the account is left alone now."""

    def read(self, places: Places, asked: float, answered: Floats) -> None:
        """These were read: asked for at this moment, answered at these."""

    def failed(self, places: Places, answered: Floats) -> None:
        """Readings of these in their turn failed at these moments."""

    def ordered(self, place: int) -> None:
        """The account's order was answered."""

    def unread(self, place: int) -> None:
        """The account could not be read after its order."""


class Address:
    """Requests of the accounts at ``places`` in the order in which they happen, within the platform's own budget.

    The reads of a turn are asked together and counted as one request until the last of their answers, which is never
    sooner than the platform counts them; the venue counts each of them at its own moment.
    """

    def __init__(self, places: Places, chance: np.random.Generator, accounts: Accounts) -> None:
        self.places = places
        self.meter = weight_meter("address", LIMIT)
        self.has_slack = True
        self.lags: list[float] = []
        self.counter = VenueCounter(LIMIT)
        self.waits: list[float] = []
        self.reads = self.failures = 0
        # Whose executions are to be read, and since when.
        self.behind: dict[int, float] = {}
        self._accounts = accounts
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
            self._tell(places, now, answers, in_turn=True)

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
            self._accounts.ordered(place)
            if not self._explain(now, place, READINGS.executions, Priority.URGENT):
                self.fall_behind(now, place)
                if not self._read_one(now, place, WEIGHT, Priority.URGENT):
                    self._accounts.unread(place)

        self._at(moment, lambda: attempt(moment))

    def fall_behind(self, now: float, place: int) -> None:
        """The account's executions are to be read when there is room."""
        self.behind.setdefault(place, now)

    def catch_up(self, now: float) -> None:
        """Read an account whole that has waited for it longest and does not rest, and now and then any other."""
        apart = READINGS.whole / (WHOLE_SHARE * self.meter.ceiling(Priority.ROUTINE) / self.meter.seconds)
        if now - self._whole_at >= apart:
            self._whole_at = now
            self._read_one(now, int(self.places[0]), READINGS.whole, Priority.ROUTINE)
        waiting = next((place for place in self.behind if not self._accounts.rests(place, now)), None)
        if waiting is not None:
            self._explain(now, waiting, READINGS.explaining, Priority.ROUTINE)

    def _explain(self, now: float, place: int, weight: int, priority: Priority) -> bool:
        """Read an account with its executions; False where they have no room. Where that fails they wait again, behind
        all others."""
        is_free = self.has_slack and priority is Priority.URGENT
        meter = schedule.executions_meter(self.meter, slack=self.has_slack)
        more = () if is_free else (Charge(meter, weight),)
        since = self.behind.get(place, now)

        def came(is_read: bool) -> None:
            if is_read:
                self.lags.append(now - since)
            else:
                self.fall_behind(since, place)

        is_asked = self._read_one(now, place, WEIGHT + weight, priority, more, came)
        if is_asked:
            self.behind.pop(place, None)
        return is_asked

    def _read_one(
        self,
        now: float,
        place: int,
        weight: int,
        priority: Priority,
        more: tuple[Charge, ...] = (),
        came: Callable[[bool], None] | None = None,
    ) -> bool:
        """Ask for one account; False where the budget says no. ``came`` is told whether it was read."""
        name, charges = self._request(weight)
        if self._ledger.take(now, name, priority, (*charges, *more)):
            return False
        answers = self._send(now, weight, 1)

        def answered() -> None:
            self._ledger.settle(float(answers[0]), name, (*charges, *more), CLEAN)
            in_turn = priority is Priority.ROUTINE
            is_read = self._tell(np.array([place]), now, answers, in_turn=in_turn)
            if not is_read and not in_turn:
                self._accounts.unread(place)
            if came is not None:
                came(is_read)

        self._at(float(answers[0]), answered)
        return True

    def _tell(self, places: Places, asked: float, answers: Floats, *, in_turn: bool) -> bool:
        """What came of these readings; whether all succeeded. Who fails in his turn rests."""
        fails = self._accounts.fails(places)
        self.reads += len(places)
        self.failures += int(np.count_nonzero(fails))
        if in_turn:
            self._accounts.failed(places[fails], answers[fails])
        self._accounts.read(places[~fails], asked, answers[~fails])
        return not fails.any()

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
