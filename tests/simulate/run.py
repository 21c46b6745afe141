"""One simulated stretch of time: turns, reads, commands and their answers in the order in which they happen."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from tests.simulate.world import Floats, Places, Traders, VenueCounter, paths
from trading.services.schedule import NEAR, Need, Roster, choose, due_ages, needs_of, turn_weight
from trading.venues.ledger import SHARES, Answer, Charge, Ledger, Meter, Priority

Policy = Callable[[Roster, float, float], Places]

LIMIT = 1200  # weight a minute for one address (Hyperliquid 7)
WEIGHT = 2  # of reading an account
TURN = 2  # seconds between two turns; the platform itself takes one each second
LOOK, LOOK_AT_ALL = 4, 60  # seconds between two looks at the ages of accounts at risk, and at those of the others
WARMING_UP = 600  # seconds after which ages are counted
ACT = 10  # seconds between two moments at which traders act
# Seconds until a request arrives at the venue, and until its answer is here; now and then far more.
FASTEST, USUAL, SLOWEST = 0.02, 0.10, 6.0
LEASE = 15.0
FOLLOWED = 10  # users whose changes the venue streams to one address; no reads are spent on them
OLDEST_AGE = 131_072
CLEAN = Answer()
# Who is watched between two moments of acting: everybody who might come near until the next, and of each class as many
# of those that have waited longest as could be read by then. Nobody else can be chosen.
WATCHED, LONGEST_WAITING = 0.09, 150


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
    def shock_at(self) -> int:
        """In the middle of it all marks fall by a tenth within a minute."""
        return self.seconds // 2


class Ages:
    """How old figures were, counted by the second for each account: exact to a second."""

    def __init__(self) -> None:
        self._counts = np.zeros((len(Need), OLDEST_AGE), np.int64)

    def add(self, needs: NDArray[np.int8], ages: Floats, seconds: int) -> None:
        """Count these ages for so many seconds."""
        np.add.at(self._counts, (needs, np.minimum(np.ceil(ages), OLDEST_AGE - 1).astype(np.intp)), seconds)

    def quantile(self, share: float, *needs: Need) -> int:
        """The smallest whole second that so large a share of all moments did not exceed; 0 without any."""
        counts = self._counts[list(needs or Need)].sum(axis=0)
        total = counts.sum()
        return int(np.searchsorted(np.cumsum(counts), share * total)) if total else 0

    def moments(self, *needs: Need) -> int:
        """How many account-seconds there were."""
        return int(self._counts[list(needs or Need)].sum())


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run came to. Ages in seconds, ``command_waits`` likewise. ``before``: the share of all accounts that were
    within 5 % of liquidation on average until the fall; ``at_worst``: the most at any time after it."""

    plan: Plan
    ages: Ages
    after_shock: Ages
    oldest: float
    breaches: int
    highest: int
    command_waits: Floats
    reads: int
    before: float
    at_worst: float

    @property
    def bound(self) -> float:
        """The seconds in which the budget could read once everybody who is within 5 % before the fall, and nobody
        else."""
        rate = self.plan.addresses * LIMIT * SHARES[Priority.ROUTINE] / 100 / 60 / WEIGHT
        return self.before * self.plan.accounts / rate


def round_robin(roster: Roster, now: float, weight: float) -> Places:
    """Who waited longest, whatever his risk: what the scheduler is compared with."""
    most = max(0, int(weight // WEIGHT))
    read_at = np.where(roster.not_before <= now, roster.read_at, np.inf)
    first = np.argsort(read_at)[:most]
    longest: Places = first[np.isfinite(read_at[first])]
    return longest


def delays(chance: np.random.Generator) -> Iterator[float]:
    """How long requests and answers are under way."""
    while True:
        yield from np.minimum(FASTEST + chance.exponential(USUAL / 2, 4096), SLOWEST).tolist()


class Address:
    """One address of ours: its accounts, its budget, and the venue that counts it."""

    def __init__(self, places: slice, chance: np.random.Generator) -> None:
        self.places = places
        self.watched: Places = np.zeros(0, np.intp)
        self.ledger = Ledger()
        self.meter = Meter("address", LIMIT)
        self.counter = VenueCounter(LIMIT)
        self.waits: list[float] = []
        self.reads = 0
        self._delays = delays(chance)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._turned_at = 0.0

    def at(self, moment: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))

    def happen_until(self, moment: float) -> None:
        """Everything that happens before a moment, in its order."""
        events = self._events
        while events and events[0][0] < moment:
            at, _, act = heapq.heappop(events)
            act(at)

    def ask(self, now: float, priority: Priority, weight: int, answered: Callable[[float], None]) -> float:
        """Send a request if the budget lets it through; the seconds to wait otherwise."""
        name, charges = str(next(self._order)), (Charge(self.meter, weight),)
        wait = self.ledger.take(now, name, priority, charges)
        if wait:
            return wait
        there = now + next(self._delays)
        self.counter.arrivals.append((there, weight))

        def settle(at: float) -> None:
            self.ledger.settle(at, name, charges, CLEAN)
            answered(at)

        self.at(there + next(self._delays), settle)
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
        ceiling = self.meter.ceiling(Priority.ROUTINE)
        seconds, self._turned_at = now - self._turned_at, now
        return turn_weight(ceiling - self.ledger.used(self.meter, now), ceiling / self.meter.seconds, seconds)


class Platform:
    """The roster of all accounts, and the addresses through which they are read."""

    def __init__(self, plan: Plan, policy: Policy, *, watch_all: bool = False) -> None:
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
        self.oldest = 0.0
        self._watch_all = watch_all
        shares = [slice(one, None, plan.addresses) for one in range(plan.addresses)]
        for share in shares:
            self.polled[share][np.flatnonzero(self.polled[share])[:FOLLOWED]] = False
        self.addresses = [Address(share, self.chance) for share in shares]

    def act(self, now: float, distances: Floats) -> None:
        """Commands of traders at any moment until the next call, each account to be read again after its own; and who
        may be chosen for reading until then. ``distances`` are everybody's."""
        watched = self._watch_all | (distances <= WATCHED) | self.polled | self.unsettled
        acting = self.traders.acting(distances, ACT)
        watched[acting] = True
        moments = now + ACT * self.chance.random(len(acting))
        for place, moment in zip(acting.tolist(), moments.tolist(), strict=True):
            address = self.addresses[place % len(self.addresses)]
            address.at(moment, self._command(address, place))
        holds = ~np.isnan(distances)
        for address in self.addresses:
            here = np.arange(len(distances))[address.places]
            for others in (here[holds[here]], here[~holds[here]]):
                most = min(LONGEST_WAITING, len(others))
                watched[others[np.argpartition(self.read_at[others], most - 1)[:most]]] = True
            address.watched = here[watched[here]]

    def turn(self, address: Address, now: float) -> Floats:
        """Choose who is read now, and ask; the distances of those who are watched."""
        places = address.watched
        distances = self.traders.distances(places)
        self.traders.liquidate(places, distances)
        needs = needs_of(distances, self.polled[places], self.unsettled[places])
        due = due_ages(needs, distances)
        roster = Roster(needs, due, self.read_at[places], self.leased[places], self.weights[places])
        for place in places[self.policy(roster, now, address.free(now))].tolist():
            self._read(address, now, place)
        return distances

    def _read(self, address: Address, now: float, place: int) -> None:
        def answered(at: float) -> None:
            # The figures are those of the moment the venue looked, which is at least the moment we asked.
            self.oldest = max(self.oldest, at - float(self.read_at[place]))
            self.read_at[place] = now
            self.leased[place] = 0.0
            self.unsettled[place] = False
            address.reads += 1

        if not address.ask(now, Priority.ROUTINE, WEIGHT, answered):
            self.leased[place] = now + LEASE

    def _command(self, address: Address, place: int) -> Callable[[float], None]:
        def done(at: float) -> None:
            self.traders.open(np.array([place]))
            self.unsettled[place] = True

        return lambda at: address.command(at, done)


class Looks:
    """The ages that are counted on the way, and how many are at risk."""

    def __init__(self, plan: Plan) -> None:
        self.ages, self.after_shock = Ages(), Ages()
        self.at_risk: list[tuple[int, int]] = []
        self._plan = plan

    def at_those_at_risk(self, second: int, platform: Platform, places: Places, distances: Floats) -> None:
        near = distances <= float(NEAR)
        self.at_risk.append((second, int(np.count_nonzero(near))))
        self._add(second, platform, places[near], distances[near], LOOK)

    def at_the_others(self, second: int, platform: Platform, distances: Floats) -> None:
        others = np.flatnonzero(~(distances <= float(NEAR)))
        self._add(second, platform, others, distances[others], LOOK_AT_ALL)

    def _add(self, second: int, platform: Platform, places: Places, distances: Floats, seconds: int) -> None:
        nobody = np.zeros(len(places), np.bool_)
        needs, ages = needs_of(distances, nobody, nobody), second - platform.read_at[places]
        self.ages.add(needs, ages, seconds)
        if self._plan.shock_at <= second < self._plan.shock_at + 3600:
            self.after_shock.add(needs, ages, seconds)

    def share(self, *, before: bool) -> float:
        """The share that was at risk on average before the fall, or at the most since."""
        shares = [
            found / self._plan.accounts for second, found in self.at_risk if (second < self._plan.shock_at) == before
        ]
        return sum(shares) / len(shares) if before else max(shares)


def simulate(plan: Plan, policy: Policy = choose, *, watch_all: bool = False) -> Finding:
    """Let the platform run through the plan and measure it. ``watch_all``: leave nobody out beforehand of those who
    cannot be chosen."""
    platform, looks = Platform(plan, policy, watch_all=watch_all), Looks(plan)
    traders, everybody = platform.traders, np.arange(plan.accounts)
    marks = traders.marks * paths(platform.chance, plan.seconds // TURN, TURN, plan.shock_at // TURN)
    for second, traders.marks in zip(range(0, plan.seconds, TURN), marks, strict=True):
        for address in platform.addresses:
            address.happen_until(second)
        if second % ACT == 0:
            distances = traders.distances(everybody)
            platform.act(second, distances)
            if second >= WARMING_UP and second % LOOK_AT_ALL == 0:
                looks.at_the_others(second, platform, distances)
        watched = [platform.turn(address, second) for address in platform.addresses]
        if second >= WARMING_UP and second % LOOK == 0:
            places = np.concatenate([address.watched for address in platform.addresses])
            looks.at_those_at_risk(second, platform, places, np.concatenate(watched))
    waits = np.concatenate([address.waits for address in platform.addresses])
    return Finding(
        plan=plan,
        ages=looks.ages,
        after_shock=looks.after_shock,
        oldest=max(platform.oldest, float(plan.seconds - platform.read_at.min())),
        breaches=sum(address.counter.breaches for address in platform.addresses),
        highest=max(address.counter.highest for address in platform.addresses),
        command_waits=waits,
        reads=sum(address.reads for address in platform.addresses),
        before=looks.share(before=True),
        at_worst=looks.share(before=False),
    )
