"""Choosing whose turn it is to be read: by need, within the budget of each venue."""

import math
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np
from celery import shared_task
from django.utils import timezone

from tenants.scope import every_operator
from trading.connect import configured_venues, gateway_of
from trading.live import addresses, board, handing, keys, near, presence, weather
from trading.live.followed import FARTHEST
from trading.metering import budget_of, meter_of
from trading.models import Command
from trading.models.commands import OPEN_STATES
from trading.services import executions, freshness, schedule
from trading.services.crossings import CrossingsOf
from trading.services.readings import not_shown, weights_of
from trading.services.risk import Floats, nearest, notionals
from trading.services.roster import Known, RosterOf
from trading.services.schedule import Need, Places, Roster
from trading.tasks.readings import EXPIRES_SECONDS, QUEUED_SECONDS, look_at_accounts, read_soon
from trading.tasks.turns import alone, is_first_within
from trading.venues.base import Network, Venue
from trading.venues.ledger import Priority
from trading.venues.tariff import ReadingWeights
from trading.venues.weather import PROBE, Sky

TURN_SECONDS = 1.0
# A worker that was away never spends in one turn what it did not spend in the meantime.
LONGEST_TURN = 3.0
# As many accounts are looked at by one task.
BATCH = 25
# The share of a turn that may go to those whose resting orders the mark went through: in a fall they are many.
CROSSED_SHARE = 0.2
MEASURE_SECONDS = 5.0
# Who fails so often in a row fails for a reason of his own.
FAILING_TIMES = 3

_turned_at: dict[tuple[Venue, Network], float] = {}


@dataclass(frozen=True, slots=True)
class Purse:
    """What a turn may spend through each address of ours, by its name, and what all may in a second. ``costs``: of a
    reading. ``is_idle``: half of it lies idle. ``is_down``: the venue answers none of them."""

    weights: dict[str, float]
    rate: float
    costs: ReadingWeights
    is_idle: bool
    is_down: bool

    @property
    def whole_every(self) -> float:
        """Seconds between two readings of one account's orders and fills."""
        return schedule.WHOLE_OFTEN if self.is_idle else schedule.WHOLE_SELDOM

    @property
    def whole_apart(self) -> float:
        """Seconds between two such readings of accounts that nobody waits for, where nothing lies idle."""
        return self.costs.whole / (schedule.WHOLE_SHARE * self.rate)

    @property
    def whole_at_once(self) -> int:
        """How many accounts a turn may read whole where half lies idle: hardly more than it may spend, so that a venue
        that is back after a while meets no herd."""
        return max(1, int(sum(self.weights.values()) // self.costs.explaining))

    @property
    def crossed_at_once(self) -> int:
        """How many accounts a turn may read for their resting orders."""
        return max(1, int(CROSSED_SHARE * sum(self.weights.values()) // self.costs.account))


@dataclass(frozen=True, slots=True)
class Claims:
    """Everybody's need in a turn. ``lost``: the places of those whose reading after a command was lost, which are read
    whole; ``crossed``: of those whose resting orders the mark went through."""

    roster: Roster
    lost: frozenset[int]
    crossed: frozenset[int]


@shared_task  # type: ignore[untyped-decorator]
def sync_due_accounts() -> int:
    """Choose whose turn it is within the budget of each venue, and hand the accounts out; how many."""
    addresses.mark()
    with alone(keys.task_lock("sync_due_accounts")) as is_mine:
        return sum(_turn(venue, network) for venue, network in configured_venues()) if is_mine else 0


def _turn(venue: Venue, network: Network) -> int:
    purse = _purse(venue, network)
    with every_operator():
        known = _roster_of(venue, network).known(timezone.now())
        claims = _claims(venue, network, known, purse)
    roster = claims.roster
    executions.tell_slack(venue, network, slack=purse.is_idle or schedule.has_slack(roster, time.time()))
    chosen = schedule.choose(roster, time.time(), sum(purse.weights.values()))
    _measure(venue, network, known, roster, chosen, purse)
    if purse.is_down:
        chosen = _one_to_ask(venue, network, chosen)
    else:
        _explain(venue, network, known, roster, addresses.queue(max(purse.weights, key=purse.weights.__getitem__)))
    handing.hand_out(venue, network, known.ids[chosen].tolist(), QUEUED_SECONDS)
    whole = set() if purse.is_down else {*_whole(venue, network, known, claims, chosen, purse), *claims.lost}
    through = schedule.deal(roster.weights[chosen].tolist(), purse.weights)
    looks: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, address in zip(chosen.tolist(), through, strict=True):
        operator_id, account_id, queue = int(known.operators[place]), int(known.ids[place]), addresses.queue(address)
        if place in whole:
            read_soon(operator_id, account_id, 0.0 if place in claims.lost else purse.whole_every, queue)
        else:
            looks[operator_id, queue].append(account_id)
    for (operator_id, queue), account_ids in looks.items():
        for first in range(0, len(account_ids), BATCH):
            batch = account_ids[first : first + BATCH]
            look_at_accounts.apply_async(args=[operator_id, batch], expires=EXPIRES_SECONDS, queue=queue)
    return len(chosen)


def _one_to_ask(venue: Venue, network: Network, chosen: Places) -> Places:
    """Who asks now and then whether a venue that is down is up again, which is all there is to learn: one by chance,
    for of the most urgent some may always fail."""
    if not chosen.size or not weather.may_probe(venue, network, PROBE):
        return chosen[:0]
    place = random.randrange(chosen.size)  # noqa: S311  # spreads, hides nothing
    return chosen[place : place + 1]


def _explain(venue: Venue, network: Network, known: Known, roster: Roster, queue: str) -> None:
    """Have an account read whole whose executions have waited longest, where they have room now. Room is taken only for
    one that can be read: one that nobody may read is left out, and one that rests lets the next go first."""
    places = known.places(executions.waiting(venue, network))
    ready = places[roster.not_before[places] <= time.time()]
    if not ready.size or not executions.have_room(venue, network, weights_of(venue).explaining, Priority.ROUTINE):
        return
    account_id = int(known.ids[ready[0]])
    executions.go_to_the_end(venue, network, account_id)
    read_soon(int(known.operators[ready[0]]), account_id, 0.0, queue)


def _whole(venue: Venue, network: Network, known: Known, claims: Claims, chosen: Places, purse: Purse) -> list[int]:
    """Whose orders and fills may be read too. That costs many times as much as positions: where the budget is used,
    those whom somebody looks at or waits for, and now and then the one who was left out longest; where half of it lies
    idle, the most urgent."""
    if purse.is_idle:
        return list(chosen[: purse.whole_at_once].tolist())
    awaited = (claims.roster.needs[chosen] <= Need.LOOKED_AT) & ~np.isin(chosen, list(claims.crossed))
    others = chosen[~awaited]
    if others.size and is_first_within(keys.whole_turn(venue, network), purse.whole_apart):
        longest = others[np.argmin(known.whole_at[others])]
        return [*chosen[awaited].tolist(), int(longest)]
    return list(chosen[awaited].tolist())


def _measure(venue: Venue, network: Network, known: Known, roster: Roster, chosen: Places, purse: Purse) -> None:
    """Now and then, keep how old everybody's figures are, whose executions are to be read, and who is not read: because
    our limit holds him back, or because his readings fail again and again."""
    if not is_first_within(keys.measured(venue, network), MEASURE_SECONDS):
        return
    now = time.time()
    waits = now - known.figures(executions.waiting(venue, network), math.nan)
    held_back, failing = schedule.due_now(roster, now), np.zeros(len(known.ids), np.bool_)
    held_back[chosen] = False
    held_back &= not purse.is_down
    failing[known.places(handing.failing(venue, network, FAILING_TIMES))] = True
    everybody = freshness.Figures(roster.needs, now - known.fresh_at, waits, held_back, failing)
    measured = {freshness.EVERYBODY: freshness.measure(everybody, sum(known.unread.values()))}
    for operator_id in {*np.unique(known.operators).tolist(), *known.unread}:
        his = everybody.of(known.operators == operator_id)
        measured[operator_id] = freshness.measure(his, known.unread.get(operator_id, 0))
    freshness.keep(venue, network, measured)


def _purse(venue: Venue, network: Network) -> Purse:
    """What this turn may spend through each address of ours that has workers and is answered by the venue; where none
    is, through any of them."""
    now, free, rate, used, ceiling = time.monotonic(), {}, 0.0, 0, 0
    costs = weights_of(venue)
    seconds = min(LONGEST_TURN, now - _turned_at.get((venue, network), now - TURN_SECONDS))
    _turned_at[venue, network] = now
    alive = addresses.alive()
    answered = [address for address in alive if weather.read(venue, network, address).sky is not Sky.DOWN]
    # Where none is, chance breaks the tie between equal ones: the first that is answered again is found.
    for address in answered or random.sample(alive, len(alive)):
        meter = meter_of(gateway_of(venue).tariff, venue, network, address)
        state, most = budget_of(venue, network, address).state(meter), meter.ceiling(Priority.ROUTINE)
        left = 0 if state.closed_for else most - state.used[0]
        free[address] = max(0.0, schedule.turn_weight(left, most / meter.seconds, seconds, costs.pooled))
        rate, used, ceiling = rate + most / meter.seconds, used + state.used[0], ceiling + most
    return Purse(free, rate, costs, is_idle=used * 2 <= ceiling, is_down=not answered)


@cache
def _roster_of(venue: Venue, network: Network) -> RosterOf:
    return RosterOf(venue, network)


@cache
def _crossings_of(venue: Venue, network: Network) -> CrossingsOf:
    return CrossingsOf(venue, network)


def forget_rosters() -> None:
    """Drop what this process remembers."""
    _roster_of.cache_clear()
    _crossings_of.cache_clear()
    _turned_at.clear()


def _claims(venue: Venue, network: Network, known: Known, purse: Purse) -> Claims:
    """Every account with its need now: by streamed marks, by who looks, by what is open, by who has it in hands. Of
    those that may have changed unheard no more are taken than may be read."""
    told = board.read(venue, network).marks
    marks = np.array([float(told.get(name, "nan")) for name in known.names])
    distances = nearest(known.exposure, marks)
    if told:  # without any mark everybody counts as near
        _tell_near(venue, network, known, distances)
    not_before = known.figures(handing.left_alone(venue, network), 0.0)
    free = not_before <= time.time()
    lost = [place for place in known.places(not_shown(venue, network, timezone.now())).tolist() if free[place]]
    crossed = [place for place in _crossings_of(venue, network).due(known, told, time.time()) if free[place]]
    lost, crossed = lost[: purse.whole_at_once], crossed[: purse.crossed_at_once]
    looked_at, unsettled = np.zeros((2, len(known.ids)), np.bool_)
    looked_at[known.places(account_id for _, account_id in presence.looked_at_accounts())] = True
    open_commands = Command.objects.filter(state__in=OPEN_STATES).values_list("account_id", flat=True)
    unsettled[[*known.places(open_commands).tolist(), *lost, *crossed]] = True
    needs = schedule.needs_of(distances, looked_at, unsettled)
    due = schedule.due_ages(needs, distances)
    held = notionals(known.exposure, marks)
    roster = Roster(needs, due, np.nan_to_num(known.fresh_at), not_before, known.weights, held, distances)
    return Claims(roster, frozenset(lost), frozenset(crossed))


def _tell_near(venue: Venue, network: Network, known: Known, distances: Floats) -> None:
    """Tell whoever follows streams who is near a liquidation."""
    places = np.flatnonzero(distances <= float(FARTHEST))
    places = places[np.argsort(distances[places], kind="stable")][: near.MOST]
    accounts = zip(known.operators[places].tolist(), known.ids[places].tolist(), strict=True)
    near.tell(venue, network, zip(accounts, distances[places].tolist(), strict=True))
