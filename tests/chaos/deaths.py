"""Walking every path to its death: at every point of it, or at some of them."""

import importlib
import math
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

import psycopg

from tests.chaos.checker import Trouble
from tests.chaos.fleet import Fleet
from tests.chaos.forks import ends_of, in_processes
from tests.chaos.walks import OF_WALLETS, Walk, keep_keys, names_of, walk, walks_of

WALK_SECONDS = 20.0
TRIES = 4
USUAL_POINTS = 16  # of a walk, roughly
# Who dies at some points only has so long for all of them: on a machine with no time left the rest is not walked.
PATIENCE = 180.0
# Nothing but a walk puts a command off for so long.
MAKE_DUE = """
UPDATE trading_command SET next_at = now()
WHERE state IN ('prepared', 'unknown') AND next_at > now() + interval '4 seconds'
"""

# Where to go: to a point of a walk, 0 for its end.
Errand = tuple[Walk, int]
Name = tuple[str, ...]


@dataclass
class Deaths:
    """Who died where: ``points`` by venue and path, ``unwalked`` those where nobody came, and when each walk was.
    ``survived``: so many were at the end before they came to their point."""

    points: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    unwalked: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


@dataclass
class Guide:
    """Sends walkers out, one at each venue at a time, and counts who died."""

    fleet: Fleet
    seed: int
    ends: float = math.inf
    deaths: Deaths = field(default_factory=Deaths)
    turns: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def send(self, errands: Iterable[Errand | None]) -> dict[Walk, list[str]]:
        """Let a walker of each venue go at once. What those passed who came to the end of their walk; who came to
        nothing goes again with another account."""
        arrived: dict[Walk, list[str]] = {}
        left = dict(errand for errand in errands if errand is not None)
        for _ in range(TRIES):
            if not left or time.monotonic() > self.ends:
                break
            start = time.time()
            ends = ends_of([self._walker(way, point) for way, point in left.items()], seconds=WALK_SECONDS)
            _make_due()
            self.deaths.troubles.append(Trouble(start, time.time(), is_of_its_own=True))
            self.fleet.tend()
            for way, end in zip(list(left), ends, strict=True):
                if end.is_killed:
                    self.deaths.points[f"{way.venue} {way.path}"] += 1
                elif end.answer:
                    arrived[way] = end.answer
                else:
                    continue
                del left[way]
        self.deaths.unwalked += [f"{way.venue} {way.path} {way.kind}" for way in left]
        return arrived

    def _walker(self, way: Walk, point: int) -> partial[list[str]]:
        whose = way.venue, way.path in OF_WALLETS
        self.turns[whose] += 1
        return partial(walk, way, point, self.turns[whose], self.seed)


def die_everywhere(fleet: Fleet, venues: Sequence[str], seed: int, every_point: int) -> Deaths:
    """Die once at each point of each path (1), or at about every so-manieth, but on each path."""
    guide, chance = Guide(fleet, seed), random.Random(seed)
    # Loaded here once for all walkers, who are forked.
    importlib.import_module("eth_account.messages")
    if every_point == 1:
        _die_at_all(guide, venues, chance)
    else:
        guide.ends = time.monotonic() + PATIENCE
        _die_at_some(guide, venues, chance, every_point)
    in_processes([partial(keep_keys, venue) for venue in venues], seconds=WALK_SECONDS)
    return guide.deaths


def _die_at_all(guide: Guide, venues: Sequence[str], chance: random.Random) -> None:
    """First every walk is walked to its end, because only that tells what points it has."""
    passed: dict[Walk, list[str]] = {}
    for ways in zip_longest(*(walks_of(venue) for venue in venues)):
        passed |= guide.send((way, 0) for way in ways if way is not None)
    errands = chosen(passed, chance)
    for together in zip_longest(*([one for one in errands if one[0].venue == venue] for venue in venues)):
        guide.deaths.survived += len(guide.send(together))


def chosen(passed: dict[Walk, list[str]], chance: random.Random) -> list[Errand]:
    """Each point once, in the order of the walks; where several walks have it, one of them. Pure but for chance."""
    having: defaultdict[Name, list[Errand]] = defaultdict(list)
    for way, points in passed.items():
        for place, name in enumerate(names_of(way, points), 1):
            having[name].append((way, place))
    order = list(passed)
    return sorted(
        (chance.choice(errands) for errands in having.values()), key=lambda one: (order.index(one[0]), one[1])
    )


def _die_at_some(guide: Guide, venues: Sequence[str], chance: random.Random, every_point: int) -> None:
    """How many points a walk has is known when somebody has come to its end, so the first who goes may do so."""
    for ways in zip_longest(*(_some(venue, chance, every_point) for venue in venues)):
        arrived = guide.send((way, chance.randint(1, USUAL_POINTS)) for way in ways if way is not None)
        for _ in range(TRIES):
            arrived = guide.send((way, chance.randint(1, len(passed))) for way, passed in arrived.items())


def _some(venue: str, chance: random.Random, every_point: int) -> Iterator[Walk]:
    by_path: defaultdict[str, list[Walk]] = defaultdict(list)
    for way in walks_of(venue):
        by_path[way.path].append(way)
    for ways in by_path.values():
        yield from chance.sample(ways, min(len(ways), max(1, len(ways) * USUAL_POINTS // every_point)))


def _make_due() -> None:
    """Whatever was put off for a walker is anybody's again."""
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        connection.execute("SELECT set_config('perpsstudio.operator', '0', false)")
        connection.execute(MAKE_DUE)
