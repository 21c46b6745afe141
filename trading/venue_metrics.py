"""What is measured of the venues themselves: their weather, what is left of our budgets, and how fresh accounts are."""

import logging
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis.exceptions import RedisError

from trading.connect import configured_venues, gateway_of
from trading.live import keys, weather
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

PLACE = ["venue", "network"]


def purse(venue: Venue, network: Network) -> tuple[Meter, BudgetState] | None:
    """What this process's address may spend at a venue and what it has spent; None while that cannot be told."""
    meter = meter_of(gateway_of(venue).tariff, venue, network)
    try:
        return meter, budget_of(venue, network).state(meter)
    except RedisError as error:
        logger.warning("The budget of %s cannot be told: %s", venue, error)
        return None


def venue_measurements() -> Iterable[Metric]:
    """The families in the order they are printed."""
    return [*_budgets(), _accounts_short(), _skies(), _clocks(), _frames(), *_ages()]


def _budgets() -> Iterable[Metric]:
    limit = GaugeMetricFamily(
        "perpsstudio_budget_limit_weight", "What our address may spend in a minute.", labels=PLACE
    )
    used = GaugeMetricFamily("perpsstudio_budget_used_weight", "What counts on it now.", labels=PLACE)
    closed = GaugeMetricFamily(
        "perpsstudio_budget_closed_seconds",
        "For how long reads stay away because we were told to slow down.",
        labels=PLACE,
    )
    for venue, network in configured_venues():
        found = purse(venue, network)
        if found is not None:
            meter, state = found
            place = [venue.value, network.value]
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


def _skies() -> Metric:
    family = GaugeMetricFamily("perpsstudio_venue_weather", "1 for the state a venue is in.", labels=[*PLACE, "state"])
    for venue, network in configured_venues():
        present = weather.read(venue, network).sky
        for sky in Sky:
            family.add_metric([venue.value, network.value, sky.value], int(sky is present))
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


def _ages() -> Iterable[Metric]:
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
    for venue, network in configured_venues():
        for row in freshness.read(freshness.EVERYBODY, venue, network):
            place = [venue.value, network.value, Need(row.need).name.lower()]
            accounts.add_metric(place, row.accounts)
            kept.add_metric(place, row.kept)
            for quantile, seconds in (("0.5", row.median), ("0.99", row.p99), ("1", row.oldest)):
                age.add_metric([*place, quantile], seconds)
    return age, promised, accounts, kept
