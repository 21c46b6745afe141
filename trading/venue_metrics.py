"""What is measured of the venues themselves: their weather, what is left of our budgets, and how fresh accounts are.

Weather and budget are those of one address of ours each, so both are told for every address that has workers.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis.exceptions import RedisError

from trading.connect import configured_venues, gateway_of
from trading.live import addresses, keys, weather
from trading.live.connections import blocking
from trading.metering import accounts_short_of_requests, budget_of, meter_of
from trading.services import freshness
from trading.services.schedule import PROMISES, Need
from trading.venues.budget import BudgetState
from trading.venues.ledger import Meter
from trading.venues.snapshots import Network, Venue
from trading.venues.streaming import Complaint, Unreadable
from trading.venues.weather import Sky

logger = logging.getLogger(__name__)

Place = tuple[Venue, Network]
PLACE = ["venue", "network"]


def our_addresses() -> tuple[str, ...]:
    """The names of all addresses of ours that have workers, and of this process's own, in their order."""
    try:
        alive = addresses.alive()
    except RedisError as error:
        logger.warning("Which addresses have workers cannot be told: %s", error)
        alive = ()
    return tuple(sorted({*alive, settings.EGRESS}))


def purse(venue: Venue, network: Network, address: str) -> tuple[Meter, BudgetState] | None:
    """What an address of ours may spend at a venue and what it has spent; None while that cannot be told."""
    try:
        meter = meter_of(gateway_of(venue).tariff, venue, network, address)
        return meter, budget_of(venue, network, address).state(meter)
    except RedisError as error:
        logger.warning("The budget of %s cannot be told: %s", venue, error)
        return None


def venue_measurements() -> Iterable[Metric]:
    """The families in the order they are printed."""
    ours = our_addresses()
    return [*_budgets(ours), _accounts_short(), _skies(ours), _clocks(), _frames(), *_fresh()]


def _budgets(ours: Sequence[str]) -> Iterable[Metric]:
    labels = [*PLACE, "address"]
    limit = GaugeMetricFamily(
        "perpsstudio_budget_limit_weight", "What an address of ours may spend in a minute.", labels=labels
    )
    used = GaugeMetricFamily("perpsstudio_budget_used_weight", "What counts on it now.", labels=labels)
    closed = GaugeMetricFamily(
        "perpsstudio_budget_closed_seconds",
        "For how long reads stay away because we were told to slow down.",
        labels=labels,
    )
    for (venue, network), address in product(configured_venues(), ours):
        found = purse(venue, network, address)
        if found is not None:
            meter, state = found
            place = [venue.value, network.value, address]
            limit.add_metric(place, meter.limit)
            used.add_metric(place, state.used[0])
            closed.add_metric(place, state.closed_for)
    return limit, used, closed


def _accounts_short() -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_accounts_short_of_requests",
        "Accounts that have hardly a request left at the venue for life.",
        labels=PLACE,
    )
    for venue, network in configured_venues():
        try:
            count = accounts_short_of_requests(gateway_of(venue).tariff, venue, network)
        except RedisError as error:
            logger.warning("The requests left at %s cannot be told: %s", venue, error)
            continue
        if count is not None:
            family.add_metric([venue.value, network.value], count)
    return family


def _skies(ours: Sequence[str]) -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_venue_weather",
        "1 for the state a venue is in, as an address of ours finds it.",
        labels=[*PLACE, "address", "state"],
    )
    for (venue, network), address in product(configured_venues(), ours):
        present = weather.read(venue, network, address).sky
        for sky in Sky:
            family.add_metric([venue.value, network.value, address, sky.value], int(sky is present))
    return family


def _clocks() -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_venue_clock_offset_seconds",
        "The venue's clock less ours, asked when it refused a fresh command as too late; forgotten after an hour.",
        labels=PLACE,
    )
    for venue, network in configured_venues():
        try:
            told: Any = blocking().get(keys.clock_offset(venue, network))
        except RedisError as error:
            logger.warning("The clock of %s cannot be told: %s", venue, error)
            continue
        if told is not None:
            family.add_metric([venue.value, network.value], float(told))
    return family


def _frames() -> Metric:
    """A complaint is a refusal on the stream; what is unreadable may be a frame that the venue changed."""
    family = CounterMetricFamily(
        "perpsstudio_stream_frames",
        "What the stream that is running has heard of a venue, by kind.",
        labels=[*PLACE, "kind"],
    )
    for venue, network in configured_venues():
        counted = dict.fromkeys((Complaint.__name__, Unreadable.__name__), 0)
        try:
            heard: Any = blocking().hgetall(keys.stream_frames(venue, network))
        except RedisError as error:
            logger.warning("The frames heard of %s cannot be told: %s", venue, error)
            continue
        counted |= {kind.decode(): int(count) for kind, count in heard.items()}
        for kind, count in sorted(counted.items()):
            family.add_metric([venue.value, network.value, kind], count)
    return family


def _fresh() -> Iterable[Metric]:
    """What the turns measured last: nothing of a venue where nobody has measured for a minute."""
    found = {place: freshness.read(freshness.EVERYBODY, *place) for place in configured_venues()}
    measured = {place: told for place, told in found.items() if told != freshness.Measured()}
    return [*_ages(measured), *_waits(measured)]


def _waits(measured: Mapping[Place, freshness.Measured]) -> Iterable[Metric]:
    waiting = GaugeMetricFamily(
        "perpsstudio_executions_waiting", "Accounts whose executions are still to be read.", labels=PLACE
    )
    longest = GaugeMetricFamily(
        "perpsstudio_executions_longest_wait_seconds", "For how long the first of them has waited.", labels=PLACE
    )
    held_back = GaugeMetricFamily(
        "perpsstudio_accounts_held_back", "Accounts that were due and had no room in our limit.", labels=PLACE
    )
    failing = GaugeMetricFamily(
        "perpsstudio_accounts_failing", "Accounts whose readings fail again and again, so that they rest.", labels=PLACE
    )
    unread = GaugeMetricFamily(
        "perpsstudio_accounts_without_key",
        "Accounts that nobody may read: the venue tells them to their key alone, and that is gone. They have no age.",
        labels=PLACE,
    )
    for (venue, network), told in measured.items():
        place = [venue.value, network.value]
        waiting.add_metric(place, told.waiting)
        longest.add_metric(place, told.longest)
        held_back.add_metric(place, told.held_back)
        failing.add_metric(place, told.failing)
        unread.add_metric(place, told.unread)
    return waiting, longest, held_back, failing, unread


def _ages(measured: Mapping[Place, freshness.Measured]) -> Iterable[Metric]:
    labels = [*PLACE, "class"]
    age = GaugeMetricFamily(
        "perpsstudio_account_age_seconds",
        "Age of accounts' figures; quantile 1 is the oldest.",
        labels=[*labels, "quantile"],
    )
    promised = GaugeMetricFamily(
        "perpsstudio_account_age_promised_seconds", "The age that is promised.", labels=["class"]
    )
    accounts = GaugeMetricFamily("perpsstudio_accounts", "Accounts of a class.", labels=labels)
    kept = GaugeMetricFamily(
        "perpsstudio_accounts_as_promised", "Accounts that are as fresh as promised.", labels=labels
    )
    for need, promise in PROMISES.items():
        promised.add_metric([need.name.lower()], promise.age)
    for (venue, network), told in measured.items():
        for row in told.ages:
            place = [venue.value, network.value, Need(row.need).name.lower()]
            accounts.add_metric(place, row.accounts)
            kept.add_metric(place, row.kept)
            for quantile, seconds in (("0.5", row.median), ("0.99", row.p99), ("1", row.oldest)):
                age.add_metric([*place, quantile], seconds)
    return age, promised, accounts, kept
