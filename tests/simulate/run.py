"""One simulated stretch of time: turns, reads, commands and their answers in the order in which they happen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.simulate.address import LIMIT, WEIGHT, Address
from tests.simulate.ages import Ages
from tests.simulate.world import Floats, Places, Traders, paths
from trading.services.schedule import NEAR, VERY_NEAR, Need, Roster, choose, due_ages, has_slack, needs_of
from trading.venues.ledger import SHARES, Priority

Policy = Callable[[Roster, float, float, float], Places]

TURN = 2  # seconds between two turns; the platform itself takes one each second
LOOK = 4  # seconds between two looks at the ages of accounts at risk
ACT = 20  # seconds between two moments at which traders act
WARMING_UP = 600  # seconds after which ages are counted
LEASE = 15.0
FOLLOWED = 10  # users whose changes the venue streams to one address; no reads are spent on them
# Weight that one address's reads may spend in a second.
WITHIN_5, WITHIN_2 = float(NEAR), float(VERY_NEAR)
RATE = LIMIT * SHARES[Priority.ROUTINE] / 100 / 60
# Who is watched between two moments of acting: everybody who might come near until the next, and of each class as many
# of those that have waited longest as could be read by then. Nobody else can be chosen.
WATCHED, LONGEST_WAITING = 0.095, 250
# What positions are worth: 5,000 dollars in the middle, 850,000 for one in a hundred at the top.
SIZES = (np.log(5000), 2.2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. Every address of ours has its share of the accounts and a budget of its own. ``viewers``: how
    many accounts are looked at; about one in two thousand where it is not said."""

    accounts: int
    addresses: int
    hours: float
    seed: int = 1
    warming_up: int = WARMING_UP
    viewers: int | None = None

    @property
    def seconds(self) -> int:
        return int(self.hours * 3600)

    @property
    def shock_at(self) -> int:
        """In the middle of it all marks fall by a tenth within a minute."""
        return self.seconds // 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run came to. Ages in seconds, ``command_waits`` likewise. ``before``: the share of all accounts that were
    within 5 % of liquidation on average until the fall; ``at_worst``: the most at any time after it. ``calm`` are the
    ages until the fall, ``after_shock`` those in the hour after it. ``explained``: after how many seconds executions
    were read; ``behind``: whose were to be read still at the end."""

    plan: Plan
    ages: Ages
    calm: Ages
    after_shock: Ages
    oldest: float
    breaches: int
    highest: int
    command_waits: Floats
    reads: int
    explained: Floats
    behind: int
    before: float
    at_worst: float

    @property
    def bound(self) -> float:
        """The seconds in which the budget could read once everybody who is within 5 % before the fall, and nobody
        else."""
        return self.before * self.plan.accounts * WEIGHT / (self.plan.addresses * RATE)


def round_robin(roster: Roster, now: float, weight: float, _seconds: float) -> Places:
    """Who waited longest, whatever his risk: what the scheduler is compared with."""
    most = max(0, int(weight // WEIGHT))
    read_at = np.where(roster.not_before <= now, roster.read_at, np.inf)
    first = np.argsort(read_at)[:most]
    longest: Places = first[np.isfinite(read_at[first])]
    return longest


class Platform:
    """The roster of all accounts, and the addresses through which they are read."""

    def __init__(self, plan: Plan, policy: Policy, *, watch_all: bool = False) -> None:
        self.policy = policy
        self.chance = np.random.default_rng(plan.seed)
        self.traders = Traders(self.chance, plan.accounts)
        if plan.viewers is not None:
            self.traders.looked_at[:] = False
            self.traders.looked_at[:: plan.accounts // plan.viewers] = True
        # As a round robin would have left them.
        cycle = plan.accounts * WEIGHT / (plan.addresses * RATE)
        self.read_at = -self.chance.uniform(0, cycle, plan.accounts)
        self.leased = np.zeros(plan.accounts)
        # Whose position went by itself, which their next reading shows.
        self.gone = np.zeros(plan.accounts, np.bool_)
        self.unsettled = np.zeros(plan.accounts, np.bool_)
        self.weights = np.full(plan.accounts, WEIGHT)
        self.sizes = np.random.default_rng(plan.seed).lognormal(*SIZES, plan.accounts)
        self.polled = self.traders.looked_at.copy()
        self.oldest = 0.0
        self._watch_all = watch_all
        everybody = np.arange(plan.accounts)
        shares = [everybody[one :: plan.addresses] for one in range(plan.addresses)]
        for share in shares:
            self.polled[share[self.polled[share]][:FOLLOWED]] = False
        self.addresses = [
            Address(share, self.chance, read=self._read, done=self._done, unread=self._unread) for share in shares
        ]
        self.watched = shares

    def act(self, now: float, distances: Floats) -> None:
        """Commands of traders at any moment until the next call, each account to be read again after its own; and who
        may be chosen for reading until then. ``distances`` are everybody's."""
        watched = self._watch_all | (distances <= WATCHED) | self.polled | self.unsettled
        acting = self.traders.acting(distances, ACT)
        watched[acting] = True
        moments = now + ACT * self.chance.random(len(acting))
        for place, moment in zip(acting.tolist(), moments.tolist(), strict=True):
            self.addresses[place % len(self.addresses)].order(moment, place)
        holds = ~np.isnan(distances)
        for number, address in enumerate(self.addresses):
            here = address.places
            holding = holds[here]
            for others in (here[holding], here[~holding]):
                most = min(LONGEST_WAITING, len(others))
                watched[others[np.argpartition(self.read_at[others], most - 1)[:most]]] = True
            self.watched[number] = here[watched[here]]

    def turn(self, number: int, now: float) -> Floats:
        """Choose who is read now, and ask; the distances of those who are watched."""
        places, address = self.watched[number], self.addresses[number]
        distances = self.traders.distances(places)
        self.gone[places[distances <= 0]] = True
        self.traders.liquidate(places, distances)
        needs = needs_of(distances, self.polled[places], self.unsettled[places])
        due, held = due_ages(needs, distances), np.where(np.isnan(distances), 0.0, self.sizes[places])
        roster = Roster(needs, due, self.read_at[places], self.leased[places], self.weights[places], held, distances)
        address.has_slack = has_slack(roster, now)
        address.catch_up(now)
        chosen = places[self.policy(roster, now, address.free(now), TURN)]
        if chosen.size and address.read(now, chosen):
            self.leased[chosen] = now + LEASE
        return distances

    def _read(self, places: Places, asked: float, answered: Floats) -> None:
        # The figures are those of the moment the venue looked, which is at least the moment we asked.
        self.oldest = max(self.oldest, float((answered - self.read_at[places]).max()))
        self.read_at[places] = asked
        self.leased[places] = 0.0
        self.unsettled[places] = False
        for place in places[self.gone[places]].tolist():
            self.gone[place] = False
            self.addresses[place % len(self.addresses)].fall_behind(asked, place)

    def _done(self, place: int) -> None:
        self.traders.open(np.array([place]))

    def _unread(self, place: int) -> None:
        self.unsettled[place] = True


class Looks:
    """The ages at risk that are counted on the way, and how many are at risk."""

    def __init__(self, plan: Plan) -> None:
        self.ages, self.calm, self.after_shock = Ages(), Ages(), Ages()
        self.at_risk: list[tuple[float, int]] = []
        self._plan = plan

    def look(self, moment: float, platform: Platform, places: Places, distances: Floats) -> None:
        """Count the ages of those of these accounts that are at risk now."""
        near = distances <= WITHIN_5
        ages = moment - platform.read_at[places[near]]
        needs = np.where(distances[near] <= WITHIN_2, Need.VERY_NEAR, Need.NEAR).astype(np.int8)
        self.at_risk.append((moment, len(ages)))
        self.ages.add(needs, ages, LOOK)
        if moment < self._plan.shock_at:
            self.calm.add(needs, ages, LOOK)
        elif moment < self._plan.shock_at + 3600:
            self.after_shock.add(needs, ages, LOOK)

    def share(self, *, before: bool) -> float:
        """The share that was at risk on average before the fall, or at the most since."""
        shares = [
            found / self._plan.accounts for moment, found in self.at_risk if (moment < self._plan.shock_at) == before
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
            platform.act(second, traders.distances(everybody))
        watched = [platform.turn(number, second) for number in range(plan.addresses)]
        if second >= plan.warming_up and second % LOOK == 0:
            moment = second + TURN * float(platform.chance.random())
            for address in platform.addresses:
                address.happen_until(moment)
            looks.look(moment, platform, np.concatenate(platform.watched), np.concatenate(watched))
    waits = np.concatenate([address.waits for address in platform.addresses])
    return Finding(
        plan=plan,
        ages=looks.ages,
        calm=looks.calm,
        after_shock=looks.after_shock,
        oldest=max(platform.oldest, float(plan.seconds - platform.read_at.min())),
        breaches=sum(address.counter.breaches for address in platform.addresses),
        highest=max(address.counter.highest for address in platform.addresses),
        command_waits=waits,
        reads=sum(address.reads for address in platform.addresses),
        explained=np.concatenate([address.lags for address in platform.addresses]),
        behind=sum(len(address.behind) for address in platform.addresses),
        before=looks.share(before=True),
        at_worst=looks.share(before=False),
    )
