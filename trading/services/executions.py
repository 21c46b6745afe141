"""Whose executions are to be read: at once where there is room, and else the longest waiting first.

What was executed costs many times what money and positions do (Hyperliquid 7, Aster 5). Where the promises of
freshness have no slack it is read within a share of the budget (``schedule.executions_meter``), so that it takes
nothing from those near liquidation. Who waits is kept on his account's row, by the transaction that stores what moved
or before it: whatever process dies and whatever Redis loses, it is read.

A stream may tell of a move before it tells of the executions that made it. Then the row waits from a moment to come on:
until then the stream may still tell them, and take that back; a process that died by then tells nothing.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from tenants.scope import every_operator
from trading.connect import gateway_of
from trading.live import keys
from trading.live.connections import blocking
from trading.metering import budget_of, meter_of
from trading.models import VenueAccount
from trading.services import schedule
from trading.services.readings import accounts_in_use
from trading.venues.budget import Budget, request_name
from trading.venues.ledger import Answer, Charge, Meter, Priority
from trading.venues.snapshots import Network, Venue

logger = logging.getLogger(__name__)

# Without a turn for so long nobody knows of slack, and nothing is kept back.
TOLD_SECONDS = 10
# What a venue is asked beside executions that wait has this part of as much as they have, and takes nothing of theirs.
QUESTIONS_PART = 3
# Within this time a stream tells the executions of a move, or has the account read.
TOLD_WITHIN = timedelta(seconds=5)


def tell_slack(venue: Venue, network: Network, *, slack: bool) -> None:
    """Tell every process whether the promises have slack now."""
    if slack:
        blocking().delete(keys.strained(venue, network))
    else:
        blocking().set(keys.strained(venue, network), 1, ex=TOLD_SECONDS)


def have_room(venue: Venue, network: Network, weight: int, priority: Priority) -> bool:
    """Whether executions may be read now; then they are counted. Whoever waits for them finds room while the promises
    have slack. What costs more than the whole share takes all of it."""
    try:
        slack = _has_slack(venue, network)
        if slack and priority is not Priority.ROUTINE:
            return True
        return _take(venue, network, _meter(venue, network, slack=slack), weight, priority)
    except RedisError as error:
        logger.warning("Whether executions have room cannot be told: %s", error)
        return True


def leave_room(venue: Venue, network: Network, weight: int) -> bool:
    """Whether a small question that can wait may be asked now; then it is counted. While no executions wait it is
    counted as they are. Else it would take what drops out before they ever find their many together, so it has a share
    of its own."""
    try:
        meter = _meter(venue, network, slack=_has_slack(venue, network))
        with every_operator():
            somebody_waits = _behind(venue, network).exists()
        if somebody_waits:
            meter = replace(meter, name=f"{meter.name}:questions", limit=meter.limit // QUESTIONS_PART)
        return _take(venue, network, meter, weight, Priority.ROUTINE)
    except RedisError as error:
        logger.warning("Whether questions leave room cannot be told: %s", error)
        return True


def _has_slack(venue: Venue, network: Network) -> bool:
    return not blocking().exists(keys.strained(venue, network))


def _meter(venue: Venue, network: Network, *, slack: bool) -> Meter:
    return schedule.executions_meter(meter_of(gateway_of(venue).tariff, venue, network), slack=slack)


def _take(venue: Venue, network: Network, meter: Meter, weight: int, priority: Priority) -> bool:
    # A gate of its own: the venue has answered nothing here.
    budget = Budget(blocking(), f"{budget_of(venue, network).gate}:executions")
    name, charges = request_name(), [Charge(meter, min(weight, meter.ceiling(priority)))]
    is_let_through = budget.take(name, priority, charges) == 0
    if is_let_through:
        budget.settle(name, charges, Answer())
    return is_let_through


def fall_behind(*accounts: VenueAccount) -> None:
    """The executions of these accounts are to be read when there is room, whatever their streams tell."""
    now = timezone.now()
    _mark(accounts, now, now)


def expect(*accounts: VenueAccount) -> None:
    """The streams of these accounts are still to tell what moved them; where they do not in time, it is to be read."""
    now = timezone.now()
    _mark(accounts, now, now + TOLD_WITHIN)


def _mark(accounts: Collection[VenueAccount], now: datetime, since: datetime) -> None:
    """Whoever waits already waits since then."""
    if accounts:
        rows = VenueAccount.objects.filter(pk__in=[account.pk for account in accounts])
        rows.filter(Q(behind_since=None) | Q(behind_since__gt=now)).update(behind_since=since)


def are_expected(account: VenueAccount) -> bool:
    """Whether its stream is still to tell what moved it, by the row as it was read last."""
    return account.behind_since is not None and account.behind_since > timezone.now()


def are_told(account: VenueAccount) -> None:
    """Its stream has told all that made what the account's row says is held. What is to be read all the same, because
    it has fallen behind since, stays so."""
    VenueAccount.objects.filter(pk=account.pk, behind_since__gt=timezone.now()).update(behind_since=None)


def catch_up(account: VenueAccount) -> None:
    """All executions are known that made what the account's row says is held. It is locked by the running
    transaction."""
    if account.behind_since is not None:
        VenueAccount.objects.filter(pk=account.pk).update(behind_since=None)


def waiting(venue: Venue, network: Network) -> dict[int, float]:
    """The accounts of all operators whose executions are to be read, the longest waiting first, and since when (Unix
    seconds): since it fell behind, or since it was to be read last and that failed."""
    with every_operator():
        rows = _behind(venue, network).order_by("behind_since", "pk").values_list("pk", "behind_since")
        return {account_id: since.timestamp() for account_id, since in rows if since is not None}


def go_to_the_end(venue: Venue, network: Network, account_id: int) -> None:
    """The account is to be read now. Where that fails it waits again, behind all others."""
    with every_operator():
        _behind(venue, network).filter(pk=account_id).update(behind_since=timezone.now())


def _behind(venue: Venue, network: Network) -> "QuerySet[VenueAccount]":
    """Of whom the venue can be asked: whose key is gone keeps nobody waiting, and goes on with a new one."""
    found = accounts_in_use().filter(venue=venue, network=network, behind_since__lte=timezone.now())
    return found if gateway_of(venue).reads_without_key else found.exclude(agent_key=b"")
