"""One simulated stretch of time: turns, reads, commands and their answers in the order in which they happen."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tests.simulate.world import SHOCK, SHOCK_SECONDS, Traders, VenueCounter
from trading.services.schedule import NEAR, Need, Places, Roster, choose, due_ages, needs_of, turn_weight
from trading.venues.ledger import SHARES, Answer, Charge, Ledger, Meter, Priority

Floats = NDArray[np.float64]
Policy = Callable[[Roster, float, float], Places]

LIMIT = 1200  # weight a minute for one address (Hyperliquid 7)
WEIGHT = 2  # of reading an account
LOOK = 5  # seconds between two looks at everybody's age
WARMING_UP = 600  # seconds after which ages are counted
ACT = 10  # seconds between two moments at which traders act
# Seconds until a request arrives at the venue, and until its answer is here; now and then far more.
FASTEST, USUAL, SLOWEST = 0.02, 0.10, 6.0
LEASE = 15.0
FOLLOWED = 10  # users whose changes the venue streams to one address; no reads are spent on them
OLDEST_AGE = 16_384
CLEAN = Answer()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. Every address of ours has its share of the accounts and a budget of its own."""

    accounts: int
    addresses: int
    hours: float
    seed: int = 1

    @property
    def seconds(self) -> int:
        return int(self.hours * 3600)

    @property
    def shock_at(self) -> float:
        """In the middle of it all marks fall by a tenth within a minute."""
        return self.seconds / 2


class Ages:
    """How old figures were, counted by the second for each account: exact to a second."""

    def __init__(self) -> None:
        self._counts = np.zeros((len(Need), OLDEST_AGE), np.int64)

    def add(self, needs: NDArray[np.int8], ages: Floats) -> None:
        whole = np.minimum(np.ceil(ages), OLDEST_AGE - 1).astype(np.int64)
        flat = np.bincount(needs.astype(np.int64) * OLDEST_AGE + whole, minlength=self._counts.size)
        self._counts += flat.reshape(self._counts.shape)

    def quantile(self, share: float, *needs: Need) -> int:
        """The smallest whole second that so large a share of all moments did not exceed; 0 without any."""
        counts = self._counts[list(needs or Need)].sum(axis=0)
        total = counts.sum()
        return int(np.searchsorted(np.cumsum(counts), share * total)) if total else 0

    def moments(self, *needs: Need) -> int:
        """How many account-seconds there were."""
        return int(self._counts[list(needs)].sum())


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run came to. Ages in seconds, ``command_waits`` likewise."""

    plan: Plan
    ages: Ages
    after_shock: Ages
    breaches: int
    highest: int
    command_waits: Floats
    reads: int
    bound: float


def round_robin(roster: Roster, now: float, weight: float) -> Places:
    """Who waited longest, whatever his risk: what the scheduler is compared with."""
    most = max(0, int(weight // WEIGHT))
    read_at = np.where(roster.not_before <= now, roster.read_at, np.inf)
    first = np.argpartition(read_at, most)[:most] if most < len(read_at) else np.arange(len(read_at))
    longest: Places = first[np.isfinite(read_at[first])]
    return longest


class Address:
    """One address of ours: its accounts, its budget, and the venue that counts it."""

    def __init__(self, places: slice, chance: np.random.Generator) -> None:
        self.places = places
        self.ledger = Ledger()
        self.meter = Meter("address", LIMIT)
        self.counter = VenueCounter(LIMIT)
        self.waits: list[float] = []
        self.reads = 0
        self._chance = chance
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._turned_at = 0.0

    def at(self, moment: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))

    def happen_until(self, moment: float) -> None:
        """Everything that happens before a moment, in its order."""
        while self._events and self._events[0][0] < moment:
            at, _, act = heapq.heappop(self._events)
            act(at)

    def ask(self, now: float, priority: Priority, weight: int, answered: Callable[[float], None]) -> float:
        """Send a request if the budget lets it through; the seconds to wait otherwise."""
        name, charges = str(next(self._order)), [Charge(self.meter, weight)]
        wait = self.ledger.take(now, name, priority, charges)
        if wait:
            return wait
        there = now + self._delay()
        self.counter.arrivals.append((there, weight))

        def settle(at: float) -> None:
            self.ledger.settle(at, name, charges, CLEAN)
            answered(at)

        self.at(there + self._delay(), settle)
        return 0.0

    def command(self, now: float, done: Callable[[float], None], since: float | None = None) -> None:
        """A trader's order: let through at once, or tried again when the budget says."""
        began = now if since is None else since
        wait = self.ask(now, Priority.COMMAND, 1, done)
        if wait:
            self.at(now + wait, lambda at: self.command(at, done, began))
        else:
            self.waits.append(now - began)

    def free(self, now: float) -> float:
        """What the next turn may spend."""
        free = self.meter.ceiling(Priority.ROUTINE) - self.ledger.used(self.meter, now)
        rate = self.meter.ceiling(Priority.ROUTINE) / self.meter.seconds
        seconds, self._turned_at = now - self._turned_at, now
        return turn_weight(free, rate, seconds)

    def _delay(self) -> float:
        return float(min(FASTEST + self._chance.exponential(USUAL / 2), SLOWEST))


class Platform:
    """The roster of all accounts, and the addresses through which they are read."""

    def __init__(self, plan: Plan, policy: Policy) -> None:
        self.plan = plan
        self.policy = policy
        self.chance = np.random.default_rng(plan.seed)
        self.traders = Traders(self.chance, plan.accounts)
        # As a round robin would have left them.
        cycle = plan.accounts / plan.addresses * WEIGHT * 60 / (LIMIT * SHARES[Priority.ROUTINE] / 100)
        self.read_at = -self.chance.uniform(0, cycle, plan.accounts)
        self.leased = np.zeros(plan.accounts)
        self.unsettled = np.zeros(plan.accounts, np.bool_)
        self.weights = np.full(plan.accounts, WEIGHT)
        self.polled = self.traders.looked_at.copy()
        shares = [slice(one, None, plan.addresses) for one in range(plan.addresses)]
        for share in shares:
            followed = np.flatnonzero(self.polled[share])[:FOLLOWED]
            self.polled[share][followed] = False
        self.addresses = [Address(share, self.chance) for share in shares]

    def turn(self, now: float, distances: Floats) -> None:
        needs = needs_of(distances, self.polled, self.unsettled)
        due = due_ages(needs, distances)
        for address in self.addresses:
            here = address.places
            roster = Roster(needs[here], due[here], self.read_at[here], self.leased[here], self.weights[here])
            for place in self.policy(roster, now, address.free(now)).tolist():
                self._read(address, now, here.start + place * here.step)

    def _read(self, address: Address, now: float, place: int) -> None:
        def answered(at: float) -> None:
            # The figures are those of the moment the venue looked, which is at least the moment we asked.
            self.read_at[place] = now
            self.leased[place] = 0.0
            self.unsettled[place] = False
            address.reads += 1

        if not address.ask(now, Priority.ROUTINE, WEIGHT, answered):
            self.leased[place] = now + LEASE

    def trade(self, now: float, seconds: float) -> None:
        """Commands of traders at any moment of the coming seconds; each account is read again after its own."""
        for place in self.traders.acting(seconds).tolist():
            address = self.addresses[place % len(self.addresses)]
            address.at(now + seconds * self.chance.random(), self._command(address, place))

    def _command(self, address: Address, place: int) -> Callable[[float], None]:
        def done(at: float) -> None:
            self.traders.open(np.array([place]))
            self.unsettled[place] = True

        return lambda at: address.command(at, done)


def simulate(plan: Plan, policy: Policy = choose) -> Finding:
    """Let the platform run through the plan and measure it."""
    platform, ages, after_shock = Platform(plan, policy), Ages(), Ages()
    traders, nobody, at_risk = platform.traders, np.zeros(plan.accounts, np.bool_), 0.0
    for second in range(1, plan.seconds + 1):
        now = float(second)
        falls = plan.shock_at <= now < plan.shock_at + SHOCK_SECONDS
        if second % ACT == 0:
            platform.trade(now, ACT)
        distances = traders.move(1.0, np.log1p(SHOCK) / SHOCK_SECONDS if falls else 0.0)
        for address in platform.addresses:
            address.happen_until(now)
        platform.turn(now, distances)
        if second % LOOK == 0 and second > WARMING_UP:
            needs = needs_of(distances, nobody, nobody)
            ages.add(needs, now - platform.read_at)
            if plan.shock_at <= now < plan.shock_at + 3600:
                after_shock.add(needs, now - platform.read_at)
            at_risk += float(np.count_nonzero(distances <= float(NEAR))) * LOOK
    rate = plan.addresses * LIMIT * SHARES[Priority.ROUTINE] / 100 / 60 / WEIGHT
    return Finding(
        plan=plan,
        ages=ages,
        after_shock=after_shock,
        breaches=sum(address.counter.breaches for address in platform.addresses),
        highest=max(address.counter.highest for address in platform.addresses),
        command_waits=np.concatenate([address.waits for address in platform.addresses]),
        reads=sum(address.reads for address in platform.addresses),
        bound=at_risk / (plan.seconds - WARMING_UP) / rate,
    )
