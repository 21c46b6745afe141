"""One run from the first server to the last figure."""

import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command

from tests.chaos import late_frames, record, turned
from tests.chaos.checker import Trouble, Verdict, judge
from tests.chaos.common_rules import RULES, figures, wishes
from tests.chaos.deaths import Deaths, die_everywhere
from tests.chaos.fleet import (
    PLAIN_SETTLERS,
    SETTLERS,
    Fleet,
    Member,
    beat,
    follower,
    looker,
    plain_settler,
    reader,
    settler,
)
from tests.chaos.forks import in_a_process, in_processes
from tests.chaos.people import open_accounts, open_operator
from tests.chaos.record import open_count
from tests.chaos.servers import Servers
from tests.chaos.standing import differing
from tests.chaos.trading_life import TRADERS, read_everything, trade
from trading.connect import configured_venues

KILL_SECONDS, COUNT_SECONDS = 2.0, 0.5
FEWEST_TO_COMPARE = 50
FEWEST_LATE, MOST_LATE = 4.0, 20.0  # seconds of late frames
FEWEST_ACCOUNTS, MOST_ACCOUNTS, COMMANDS_EACH = 4, 12, 12  # at each venue
PATIENCE = 60.0
# Each request of a venue meets each of these by chance; together one in ten.
FAULTS = (
    ("drop_before", 0.018, 0),
    ("drop_after", 0.018, 0),
    ("error_before", 0.012, 0),
    ("error_after", 0.012, 0),
    ("malformed", 0.009, 0),
    ("truncated", 0.009, 0),
    ("late", 0.009, 1.5),
    ("twice", 0.009, 0),
    ("delay", 0.006, 1.3),
)
# So do a venue's frames. What Hyperliquid tells it tells again, so one may be lost in silence; what Aster tells once is
# lost as its connection is, with all that happens until there is another.
FRAME_FAULTS = (
    ("any", "reorder", 0.25),
    ("any", "double", 0.1),
    ("hyperliquid", "drop", 0.01),
    ("hyperliquid", "cut", 0.0003),
    ("aster", "cut", 0.002),
)
# Seconds in which our rows are the venue's, once it is well again: less than until whoever follows reads of his own
# accord, so that what a frame has spoiled is not healed by then.
SETTLING, LOOK_SECONDS = 100.0, 10.0
RATE_LIMITS = {"fault": "too_many_requests", "request": "any", "count": 4, "seconds": 1}
VENUES = ("hyperliquid", "aster")


@dataclass
class Outcome:
    """What a run measured. ``late``: how rows stood after the time of late frames; ``standing``: at the end."""

    began: float = field(default_factory=time.time)
    seconds: float = 0.0
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    kills: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    deaths: Deaths = field(default_factory=Deaths)
    late: dict[str, list[str]] = field(default_factory=dict)
    turned_back: list[str] = field(default_factory=list)
    standing: dict[str, list[str]] = field(default_factory=dict)
    standing_seconds: float = 0.0
    frames: dict[str, dict[str, int]] = field(default_factory=dict)
    unexplained: dict[str, list[str]] = field(default_factory=dict)
    totals: dict[str, list[str]] = field(default_factory=dict)
    wishes: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)


def prepare(servers: Servers, commands: int) -> None:
    """Tables, and accounts with money and keys."""

    def work() -> int:
        if not servers.has_tables:
            call_command("migrate", verbosity=0, interactive=False)
        turned.watch()
        return open_operator()

    count = min(MOST_ACCOUNTS, max(FEWEST_ACCOUNTS, commands // COMMANDS_EACH))
    operator_id = in_a_process(work, seconds=600)
    opening = [partial(open_accounts, operator_id, servers.venue, *place, count) for place in configured_venues()]
    if operator_id is None or not all(in_processes(opening, seconds=600)):
        raise RuntimeError("the accounts of the run could not be made")


def _trader(venue: str, place: int, seed: int) -> Member:
    def work(life: int) -> None:
        trade(venue, place, TRADERS, seed, life)

    return Member(f"trader {venue} {place}", work)


def _workers(folder: Path) -> list[Member]:
    plain = [plain_settler(number) for number in range(PLAIN_SETTLERS)]
    settlers = [settler(number, folder) for number in range(SETTLERS)]
    followers = [follower(venue, folder) for venue, _ in configured_venues()]
    return [*plain, *settlers, reader(0, folder), *followers, looker(), beat(folder)]


def run(servers: Servers, commands: int, seed: int, *, every_point: int) -> Outcome:
    """Trade until each venue has ``commands`` commands, with everything that can go wrong; then look what was left."""
    folder = Path(tempfile.mkdtemp(prefix="perpsstudio-chaos-logs-"))
    outcome, began = Outcome(), time.monotonic()
    traders = [_trader(venue, place, seed) for venue in VENUES for place in range(TRADERS)]
    fleet = Fleet(_workers(folder))
    try:
        fleet.start()
        outcome.late = late_frames.spend(servers.venue, VENUES, seed, min(MOST_LATE, FEWEST_LATE + commands / 60))
        _progress(outcome, "frames come in time again")
        fleet.join(traders)
        _order_bad_days(servers, seed)
        _disturb_frames(servers, seed)
        _storm(servers, fleet, outcome, commands, seed)
        fleet.dismiss("trader")
        if commands >= FEWEST_TO_COMPARE:
            _follow_common_rules(outcome, commands, seed)
        servers.venue.post("fault", clear=True)
        if every_point:
            _disturb_frames(servers, seed)
            outcome.deaths = die_everywhere(fleet, VENUES, seed, every_point)
            servers.venue.post("fault", clear=True)
            _progress(outcome, f"died {outcome.deaths.points.total()} times at points")
        _wait_for_the_end(fleet)
        _progress(outcome, "everything has its end")
        _let_rows_settle(outcome, fleet)
        fleet.dismiss("")
        outcome.unexplained = in_a_process(read_everything, seconds=600) or {"nobody": ["the last reading failed", ""]}
    finally:
        fleet.dismiss("")
    outcome.kills, outcome.stopped = len(fleet.killed), Counter(fleet.stopped)
    # The death of a worker excuses nobody: another one goes on with its work.
    outcome.troubles += [*(Trouble(at, at, who) for who, at in fleet.killed), *outcome.deaths.troubles]
    outcome.seconds = time.monotonic() - began
    return outcome


def _order_bad_days(servers: Servers, seed: int) -> None:
    for number, (fault, probability, seconds) in enumerate(FAULTS):
        servers.venue.post(
            "fault", fault=fault, request="any", probability=probability, seconds=seconds, seed=seed + number
        )


def _disturb_frames(servers: Servers, seed: int) -> None:
    for number, (venue, fault, probability) in enumerate(FRAME_FAULTS):
        servers.venue.post("fault", fault=fault, request=venue, probability=probability, seed=seed + number)


def _storm(servers: Servers, fleet: Fleet, outcome: Outcome, commands: int, seed: int) -> None:
    """Kill somebody every two seconds, the database after a third of the way, the broker's memory after two; until
    each venue has so many commands more than it had."""
    chance = random.Random(seed)
    next_kill, next_limit, next_count = time.monotonic() + KILL_SECONDS, time.monotonic() + 5, 0.0
    to_come: Iterator[tuple[float, Callable[[], None]]] = iter(
        ((1 / 3, servers.crash_database), (2 / 3, servers.empty_broker), (2.0, lambda: None))
    )
    share, happen = next(to_come)
    before = _counted()
    while True:
        time.sleep(0.1)
        fleet.tend()
        if time.monotonic() >= next_kill:
            next_kill += KILL_SECONDS
            fleet.kill_one(chance)
        if time.monotonic() >= next_limit:
            next_limit += 10
            servers.venue.post("fault", **RATE_LIMITS)
        if time.monotonic() < next_count:
            continue
        next_count, counted = time.monotonic() + COUNT_SECONDS, _counted()
        done = min(counted.get(venue, 0) - before.get(venue, 0) for venue in VENUES) / commands
        _progress(outcome, str(counted))
        if done >= share:
            start = time.time()
            happen()
            outcome.troubles.append(Trouble(start, time.time()))
            share, happen = next(to_come)
        if done >= 1:
            return


def _counted() -> dict[str, int]:
    """Asked with a connection of its own: this process must have none open when it forks."""
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
            connection.execute("SELECT set_config('perpsstudio.operator', '0', false)")
            rows = connection.execute(
                "SELECT a.venue, count(*) FROM trading_command c JOIN trading_venueaccount a ON a.id = c.account_id"
                " GROUP BY a.venue"
            )
            return {str(venue): int(count) for venue, count in rows}
    except psycopg.OperationalError:
        return {}


def _follow_common_rules(outcome: Outcome, commands: int, seed: int) -> None:
    """A tenth as many orders by each of the two common rules, on the same bad days."""
    pairs, count = list(itertools.product(VENUES, RULES.items())), max(24, commands // 10)
    made = in_processes([partial(wishes, venue, tries, count, seed) for venue, (_, tries) in pairs], seconds=600)
    for (venue, (rule, _)), found in zip(pairs, made, strict=True):
        outcome.wishes.setdefault(venue, {})[rule] = found or []


def _wait_for_the_end(fleet: Fleet) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and in_a_process(open_count, seconds=10) != 0:
        fleet.tend()
        time.sleep(0.1)


def _let_rows_settle(outcome: Outcome, fleet: Fleet) -> None:
    """Whoever reads and follows goes on, and nobody else reads."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLING:
        fleet.tend()
        found = in_a_process(partial(differing, LOOK_SECONDS), seconds=SETTLING)
        outcome.standing = found or {"nobody": ["the rows could not be compared"]}
        outcome.standing_seconds = time.monotonic() - began
        if not any(outcome.standing.values()):
            return


def judged(servers: Servers, outcome: Outcome) -> Outcome:
    """Stop the venue and compare its record with ours."""
    servers.venue.stop()
    found = servers.venue.recorded()
    all_beliefs = [*record.beliefs(found["state"], dict.fromkeys(VENUES, TRADERS)), *record.approvals()]
    struck, done, unfollowed = record.strikes(found), record.executions(found), record.unfollowed()
    troubles = outcome.troubles + [
        Trouble(one.ended, one.ended + 1) for one in struck if "too_many_requests" in one.kinds
    ]
    for strike in struck:
        for kind in strike.kinds:
            outcome.strikes[kind] = outcome.strikes.get(kind, 0) + 1
    for venue in VENUES:
        theirs = [row for row in all_beliefs if row.venue == venue]
        known = {name for row in all_beliefs if row.venue != venue for name in (row.request, row.burn)}
        outcome.rules[venue] = figures(outcome.wishes.get(venue, {}), done)
        known |= {
            name for rules in outcome.wishes.values() for rows in rules.values() for sent, _ in rows for name in sent
        }
        its_own = [row for row in done if row.request not in known]
        outcome.verdicts[venue] = judge(theirs, its_own, struck, troubles, outcome.began)
        outcome.verdicts[venue].unresolved += [told for name, told in unfollowed if name == venue]
    outcome.totals, outcome.frames, outcome.turned_back = found["totals"], found["frames"], turned.told()
    told = [name for verdict in outcome.verdicts.values() for name in verdict.worth_telling]
    outcome.stories = record.stories(told, done)
    return outcome


def _progress(outcome: Outcome, text: str) -> None:
    """Say how far it is where a person looks, if he wants to know."""
    if os.environ.get("CHAOS_PROGRESS"):
        sys.stderr.write(f"{time.time() - outcome.began:6.1f} {text}\n")
