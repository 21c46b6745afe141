"""Reading accounts from their venues: by need, within the venue's budget, each by one worker at a time."""

import logging
import time
from functools import cache

import numpy as np
from celery import shared_task
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from trading.connect import account_adapter, configured_venues, gateway_of
from trading.live import board, handing, keys, presence, weather
from trading.live.shapes import announce
from trading.metering import budget_of, meter_of
from trading.models import Command, VenueAccount
from trading.models.commands import OPEN_STATES
from trading.services import freshness, schedule, sync
from trading.services.fees import keep_fees_current
from trading.services.risk import nearest
from trading.services.roster import Known, RosterOf
from trading.services.schedule import Roster
from trading.tasks.followups import follow_up
from trading.tasks.turns import OperatorTask, alone, is_first_within
from trading.venues.base import Network, Venue
from trading.venues.ledger import Priority
from trading.venues.metered import reading
from trading.venues.weather import PROBE, Sky

logger = logging.getLogger(__name__)

TURN_SECONDS = 1.0
# A worker that was away never spends in one turn what it did not spend in the meantime.
LONGEST_TURN = 3.0
EXPIRES_SECONDS = 4
MEASURE_SECONDS = 5.0

_turned_at: dict[tuple[Venue, Network], float] = {}


@shared_task  # type: ignore[untyped-decorator]
def sync_due_accounts() -> int:
    """Choose whose turn it is within the budget of each venue, and hand the accounts out; how many."""
    with alone(keys.task_lock("sync_due_accounts")) as is_mine:
        return sum(_turn(venue, network) for venue, network in configured_venues()) if is_mine else 0


def _turn(venue: Venue, network: Network) -> int:
    weight, whole_every = _purse(venue, network)
    with every_operator():
        known = _roster_of(venue, network).known(timezone.now())
        roster = _claims(venue, network, known)
    _measure(venue, network, known, roster)
    chosen = schedule.choose(roster, time.time(), weight)
    if weather.read(venue, network).sky is Sky.DOWN:
        # One after another until one is answered: whether it is up is all there is to learn.
        chosen = chosen[:1] if weather.may_probe(venue, network, PROBE) else chosen[:0]
    accounts = list(zip(known.operators[chosen].tolist(), known.ids[chosen].tolist(), strict=True))
    handing.hand_out(venue, network, (account_id for _, account_id in accounts))
    for operator_id, account_id in accounts:
        sync_account_in_turn.apply_async(args=[operator_id, account_id, whole_every], expires=EXPIRES_SECONDS)
    return len(accounts)


def _measure(venue: Venue, network: Network, known: Known, roster: Roster) -> None:
    """Now and then, keep how old everybody's figures are."""
    if not is_first_within(keys.measured(venue, network), MEASURE_SECONDS):
        return
    ages = time.time() - known.fresh_at
    measured = {freshness.EVERYBODY: freshness.measure(roster.needs, ages)}
    for operator_id in np.unique(known.operators).tolist():
        his = known.operators == operator_id
        measured[operator_id] = freshness.measure(roster.needs[his], ages[his])
    freshness.keep(venue, network, measured)


def _purse(venue: Venue, network: Network) -> tuple[float, float]:
    """What this turn may spend, and after how many seconds orders and fills are read again."""
    meter = meter_of(gateway_of(venue).tariff, venue, network)
    state = budget_of(venue, network).state(meter)
    now, ceiling = time.monotonic(), meter.ceiling(Priority.ROUTINE)
    seconds = min(LONGEST_TURN, now - _turned_at.get((venue, network), now - TURN_SECONDS))
    _turned_at[venue, network] = now
    free = 0 if state.closed_for else ceiling - state.used[0]
    weight = schedule.turn_weight(free, ceiling / meter.seconds, seconds)
    return weight, schedule.whole_every(state.used[0], ceiling)


@cache
def _roster_of(venue: Venue, network: Network) -> RosterOf:
    return RosterOf(venue, network)


def forget_rosters() -> None:
    """Drop what this process remembers."""
    _roster_of.cache_clear()
    _turned_at.clear()


def _claims(venue: Venue, network: Network, known: Known) -> Roster:
    """Every account with its need now: by streamed marks, by who looks, by what is open, by who has it in hands."""
    marks = board.read(venue, network).marks
    distances = nearest(known.exposure, np.array([float(marks.get(name, "nan")) for name in known.names]))
    hands = handing.read(venue, network)
    looked_at, unsettled = np.zeros((2, len(known.ids)), np.bool_)
    looked_at[known.places(account_id for _, account_id in presence.looked_at_accounts())] = True
    open_commands = Command.objects.filter(state__in=OPEN_STATES).values_list("account_id", flat=True)
    unsettled[known.places([*open_commands, *hands.wanted])] = True
    not_before = np.zeros(len(known.ids))
    for account_id, until in hands.not_before.items():
        not_before[known.places([account_id])] = until
    needs = schedule.needs_of(distances, looked_at, unsettled)
    return Roster(needs, schedule.due_ages(needs, distances), known.attempted_at, not_before, known.weights)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def sync_account_in_turn(operator_id: int, account_id: int, whole_every: float = schedule.WHOLE_OFTEN) -> None:
    """Read one account because it is its turn: money and positions; all of it where they moved, and now and then."""
    with reading(Priority.ROUTINE):
        _sync(operator_id, account_id, whole_every, is_turn=True)


@shared_task(base=OperatorTask)  # type: ignore[untyped-decorator]
def sync_account_now(operator_id: int, account_id: int) -> None:
    """Read one account whole, because something has just happened to it; where that fails, in one of the next turns."""
    found = VenueAccount.objects.filter(pk=account_id).values_list("venue", "network").first()
    if found is not None:
        handing.want(Venue(found[0]), Network(found[1]), account_id)
        _sync(operator_id, account_id, 0.0)


@shared_task  # type: ignore[untyped-decorator]
def sync_accounts(accounts: list[tuple[int, int]]) -> None:
    """Read several accounts one after another, each in its own operator's scope."""
    for operator_id, account_id in accounts:
        with operator_scope(operator_id):
            _sync(operator_id, account_id, schedule.WHOLE_OFTEN)


def _sync(operator_id: int, account_id: int, whole_every: float, *, is_turn: bool = False) -> None:
    """Read an account unless somebody else does, and keep what came of it for the next turns.

    An account that fails in its turn rests, the longer the more often; while the venue is down that is not its fault.
    """
    with alone(keys.account_lock(operator_id, account_id)) as is_mine:
        account = VenueAccount.objects.filter(pk=account_id).first() if is_mine else None
        if account is None:
            return
        venue, network, is_read = Venue(account.venue), Network(account.network), False
        try:
            is_read = _read(account, whole_every)
        finally:
            if is_read:
                handing.give_back(venue, network, account_id)
            elif is_turn and weather.read(venue, network).sky is not Sky.DOWN:
                count = handing.failures(venue, network, account_id) + 1
                handing.let_rest(venue, network, account_id, count, schedule.rest_after(count))


def _read(account: VenueAccount, whole_every: float) -> bool:
    """Read it and tell its pages what changed; whether the venue answered."""
    operator_id, account_id = account.operator_id, account.pk
    # A process that died between two commands of one wish left the second to whoever comes by.
    follow_up(account)
    adapter = account_adapter(account)
    if not whole_every or is_first_within(keys.whole_read(operator_id, account_id), whole_every):
        is_read = sync.sync_account(adapter, account)
        announce(operator_id, account_id)
        if is_read:
            keep_fees_current(adapter, account)
        return is_read
    is_read = sync.sync_positions(adapter, account)
    if announce(operator_id, account_id) and is_read:
        is_read = sync.sync_account(adapter, account)
        announce(operator_id, account_id)
    return is_read
