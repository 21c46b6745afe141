"""One simulated stretch of time: turns, reads, commands and their answers in the order in which they happen."""

from dataclasses import dataclass
from time import process_time

import numpy as np

from tests.simulate.address import WEIGHT
from tests.simulate.ages import Ages
from tests.simulate.platform import ACT, RATE, TURN, Plan, Platform, Policy
from tests.simulate.world import Floats, Places, paths
from trading.services.schedule import NEAR, VERY_NEAR, Need, Roster, choose

LOOK = 4  # seconds between two looks at the ages of accounts at risk
WITHIN_5, WITHIN_2 = float(NEAR), float(VERY_NEAR)
# As many stretches has the curve that a run draws.
STRETCHES = 144


@dataclass(frozen=True, slots=True)
class Stretch:
    """The 99th percentile of the ages in a part of a run that ends ``until``; all in seconds."""

    until: float
    within_5: float
    within_2: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run came to. Ages in seconds, ``command_waits`` likewise. ``before``: the share of all accounts that were
    within 5 % of liquidation on average until the fall; ``at_worst``: the most at any time after it. ``calm`` are the
    ages until the fall, ``after_shock`` those in the hour after it. ``reads``: all readings, of which so many were
    ``failures`` and so many of poisoned accounts, ``in_vain``. ``viewers``: how many were looked at. ``explained``:
    after how many seconds executions were read; ``behind``: whose were to be read still at the end. ``took``: the
    processor's seconds."""

    plan: Plan
    ages: Ages
    calm: Ages
    after_shock: Ages
    curve: tuple[Stretch, ...]
    oldest: float
    breaches: int
    highest: int
    command_waits: Floats
    reads: int
    failures: int
    in_vain: int
    viewers: int
    explained: Floats
    behind: int
    before: float
    at_worst: float
    took: float

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


class Looks:
    """The ages at risk that are counted on the way, and how many are at risk."""

    def __init__(self, plan: Plan) -> None:
        self.ages, self.calm, self.after_shock = Ages(), Ages(), Ages()
        self.at_risk: list[tuple[float, int]] = []
        self.curve: list[Stretch] = []
        self._plan = plan
        self._stretch: list[tuple[Floats, Floats]] = []
        self._ends = plan.warming_up + plan.seconds / STRETCHES

    def look(self, moment: float, platform: Platform, places: Places, distances: Floats) -> None:
        """Count the ages of those of these accounts that are at risk now, or that somebody looks at."""
        looked_at = moment - platform.read_at[places[platform.polled[places]]]
        self.ages.add(np.full(len(looked_at), Need.LOOKED_AT, np.int8), looked_at, LOOK)
        near = (distances <= WITHIN_5) & ~platform.poisoned[places]
        ages = moment - platform.read_at[places[near]]
        needs = np.where(distances[near] <= WITHIN_2, Need.VERY_NEAR, Need.NEAR).astype(np.int8)
        self._draw(moment, ages, ages[needs == Need.VERY_NEAR])
        self.at_risk.append((moment, len(ages)))
        self.ages.add(needs, ages, LOOK)
        if moment < self._plan.shock_at:
            self.calm.add(needs, ages, LOOK)
        elif moment < self._plan.shock_at + 3600:
            self.after_shock.add(needs, ages, LOOK)

    def _draw(self, moment: float, within_5: Floats, within_2: Floats) -> None:
        self._stretch.append((within_5, within_2))
        if moment >= self._ends:
            self._ends += self._plan.seconds / STRETCHES
            all_5, all_2 = (np.concatenate(ages) for ages in zip(*self._stretch, strict=True))
            self.curve.append(Stretch(moment, _p99(all_5), _p99(all_2)))
            self._stretch.clear()

    def share(self, *, before: bool) -> float:
        """The share that was at risk on average before the fall, or at the most since."""
        shares = [
            found / self._plan.accounts for moment, found in self.at_risk if (moment < self._plan.shock_at) == before
        ]
        return sum(shares) / len(shares) if before else max(shares)


def _p99(ages: Floats) -> float:
    return float(np.quantile(ages, 0.99)) if len(ages) else 0.0


def simulate(plan: Plan, policy: Policy = choose, *, watch_all: bool = False) -> Finding:
    """Let the platform run through the plan and measure it. ``watch_all``: leave nobody out beforehand of those who
    cannot be chosen."""
    began = process_time()
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
        curve=tuple(looks.curve),
        oldest=platform.oldest_at(plan.seconds),
        breaches=sum(address.counter.breaches for address in platform.addresses),
        highest=max(address.counter.highest for address in platform.addresses),
        command_waits=waits,
        reads=sum(address.reads for address in platform.addresses),
        failures=sum(address.failures for address in platform.addresses),
        in_vain=platform.in_vain,
        viewers=int(np.count_nonzero(platform.traders.looked_at)),
        explained=np.concatenate([address.lags for address in platform.addresses]),
        behind=sum(len(address.behind) for address in platform.addresses),
        before=looks.share(before=True),
        at_worst=looks.share(before=False),
        took=process_time() - began,
    )
