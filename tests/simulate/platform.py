"""Everybody's accounts as the platform keeps them, and whom it chooses to read, turn by turn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.simulate.address import LIMIT, WEIGHT, Address
from tests.simulate.world import Floats, Places, Traders
from trading.services.schedule import Roster, due_ages, has_slack, needs_of, rest_after
from trading.venues.ledger import SHARES, Priority

Policy = Callable[[Roster, float, float, float], Places]

TURN = 2  # seconds between two turns; the platform itself takes one each second
ACT = 20  # seconds between two moments at which traders act
WARMING_UP = 600  # seconds after which ages are counted
LEASE = 15.0
FOLLOWED = 10  # users whose changes the venue streams to one address; no reads are spent on them
# One reading in a hundred fails; those of the poisoned always, and they were read a month ago for the last time.
FAILING = 0.01
POISONED_SINCE = -30 * 86_400.0
# Weight that one address's reads may spend in a second.
RATE = LIMIT * SHARES[Priority.ROUTINE] / 100 / 60
# Who is watched between two moments of acting: everybody who might come near until the next, and of each class as many
# of those that have waited longest as could be read by then. Nobody else can be chosen.
WATCHED, LONGEST_WAITING = 0.095, 250
# What positions are worth: 5,000 dollars in the middle, 850,000 for one in a hundred at the top.
SIZES = (np.log(5000), 2.2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. Every address of ours has its share of the accounts and a budget of its own. ``viewers``: how
    many accounts are looked at; about one in two thousand where it is not said. ``poisoned``: how many can never be
    read."""

    accounts: int
    addresses: int
    hours: float
    seed: int = 1
    warming_up: int = WARMING_UP
    viewers: int | None = None
    poisoned: int = 10

    @property
    def seconds(self) -> int:
        return int(self.hours * 3600)

    @property
    def shock_at(self) -> int:
        """In the middle of it all marks fall by a tenth within a minute."""
        return self.seconds // 2


class Platform:
    """The roster of all accounts, and the addresses through which they are read."""

    def __init__(self, plan: Plan, policy: Policy, *, watch_all: bool = False) -> None:
        self.policy = policy
        self.chance = np.random.default_rng(plan.seed)
        self.traders = Traders(self.chance, plan.accounts)
        if plan.viewers is not None:
            self.traders.looked_at[:] = False
            self.traders.looked_at[:: plan.accounts // plan.viewers] = True
        self.poisoned = np.zeros(plan.accounts, np.bool_)
        self.poisoned[self.chance.choice(plan.accounts, plan.poisoned, replace=False)] = True
        # As a round robin would have left them.
        cycle = plan.accounts * WEIGHT / (plan.addresses * RATE)
        self.read_at = -self.chance.uniform(0, cycle, plan.accounts)
        self.read_at[self.poisoned] = POISONED_SINCE
        # Until when each is left alone, because somebody reads it or it keeps failing.
        self.not_before = np.zeros(plan.accounts)
        self.failures = np.zeros(plan.accounts, np.int64)
        # Whose position went by itself, which their next reading shows.
        self.gone = np.zeros(plan.accounts, np.bool_)
        self.unsettled = np.zeros(plan.accounts, np.bool_)
        self.weights = np.full(plan.accounts, WEIGHT)
        self.sizes = np.random.default_rng(plan.seed).lognormal(*SIZES, plan.accounts)
        self.polled = self.traders.looked_at & ~self.poisoned
        self.oldest, self.in_vain = 0.0, 0
        self._watch_all = watch_all
        everybody = np.arange(plan.accounts)
        shares = [everybody[one :: plan.addresses] for one in range(plan.addresses)]
        for share in shares:
            self.polled[share[self.polled[share]][:FOLLOWED]] = False
        self.addresses = [Address(share, self.chance, self) for share in shares]
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
        alone = self.not_before[places]
        roster = Roster(needs, due, self.read_at[places], alone, self.weights[places], held, distances)
        address.has_slack = has_slack(roster, now)
        address.catch_up(now)
        chosen = places[self.policy(roster, now, address.free(now), TURN)]
        if chosen.size and address.read(now, chosen):
            self.not_before[chosen] = now + LEASE
        return distances

    def oldest_at(self, moment: float) -> float:
        """The greatest age that any account that can be read ever had, up to this moment."""
        return max(self.oldest, float(moment - self.read_at[~self.poisoned].min()))

    def fails(self, places: Places) -> NDArray[np.bool_]:
        """Whether each of these readings fails."""
        poisoned = self.poisoned[places]
        self.in_vain += int(np.count_nonzero(poisoned))
        failing: NDArray[np.bool_] = poisoned | (self.chance.random(len(places)) < FAILING)
        return failing

    def rests(self, place: int, now: float) -> bool:
        """Whether the account is left alone now."""
        return bool(self.not_before[place] > now)

    def read(self, places: Places, asked: float, answered: Floats) -> None:
        """These were read, and need no rest."""
        # The figures are those of the moment the venue looked, which is at least the moment we asked.
        self.oldest = max(self.oldest, float((answered - self.read_at[places]).max(initial=0.0)))
        self.read_at[places] = asked
        self.not_before[places] = 0.0
        self.failures[places] = 0
        self.unsettled[places] = False
        for place in places[self.gone[places]].tolist():
            self.gone[place] = False
            self.addresses[place % len(self.addresses)].fall_behind(asked, place)

    def failed(self, places: Places, answered: Floats) -> None:
        """These rest as they do at the platform's workers: the longer, the more often they failed."""
        self.failures[places] += 1
        for place, moment in zip(places.tolist(), answered.tolist(), strict=True):
            self.not_before[place] = moment + rest_after(int(self.failures[place]))

    def ordered(self, place: int) -> None:
        """The account's order was answered."""
        self.traders.open(np.array([place]))

    def unread(self, place: int) -> None:
        """The account could not be read after its order."""
        self.unsettled[place] = True
