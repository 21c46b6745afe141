"""What this platform measures of itself: how far its liquidation prices are from the venues', how old its figures are.

Each sync stores our price beside the venue's (``trading.services.sync``); the error is their difference as a fraction
of the venue's price. Everything is counted in the database, over the operators in scope, so that a scrape costs a few
aggregates however many positions there are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    Count,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    JSONField,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Abs, NullIf
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from trading.connect import configured_venues
from trading.live import board
from trading.models import Command, Difference, Position, WalletApproval
from trading.models.commands import CommandEvent, CommandState
from trading.models.records import DifferenceKind
from trading.services.readings import accounts_in_use
from trading.venue_metrics import venue_measurements
from trading.venues.errors import Reason

# Upper bounds of the relative error. A millionth is what the audit allows; a hundredth misleads a trader.
BOUNDS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
QUANTILES = (0.5, 0.99)


class Quantile(Aggregate):
    """The smallest value that a share of all values does not exceed; NULLs do not count."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True, slots=True)
class EstimateErrors:
    """The error of our liquidation prices over one group of open positions, as fractions of the venue's prices.

    ``within`` counts the errors up to each of ``BOUNDS``. The last two count positions for which one side has a price
    and the other has none. Quantiles and ``worst`` are None where nothing could be compared.
    """

    venue: str
    mode: str
    compared: int
    total: float
    median: float | None
    p99: float | None
    worst: float | None
    within: tuple[int, ...]
    only_ours: int
    only_theirs: int


def estimated_positions() -> QuerySet[Position]:
    """Open positions of the operators in scope with their ``error``; NULL where there are not two prices."""
    theirs = NullIf(F("liquidation_price"), Value(Decimal(0)))
    apart = Abs(F("estimated_liquidation_price") - F("liquidation_price"))
    positions: QuerySet[Position] = Position.objects.annotate(
        error=ExpressionWrapper(apart / theirs, output_field=FloatField())
    )
    return positions


def estimate_errors() -> list[EstimateErrors]:
    """The errors of every venue and margin mode that has open positions."""
    grouped = estimated_positions().values("account__venue", "mode").order_by("account__venue", "mode")
    return [_errors(row, row["account__venue"], row["mode"]) for row in grouped.annotate(**_aggregates())]


def all_estimate_errors() -> EstimateErrors:
    """The errors of all open positions together."""
    return _errors(estimated_positions().aggregate(**_aggregates()), "", "")


def _aggregates() -> dict[str, Aggregate]:
    no_ours, no_theirs = Q(estimated_liquidation_price=None), Q(liquidation_price=None)
    within = {f"within_{place}": Count("pk", filter=Q(error__lte=bound)) for place, bound in enumerate(BOUNDS)}
    return within | {
        "compared": Count("error"),
        "total": Sum("error", default=0.0),
        "median": Quantile("error", share=QUANTILES[0]),
        "p99": Quantile("error", share=QUANTILES[1]),
        "worst": Max("error"),
        "only_ours": Count("pk", filter=no_theirs & ~no_ours),
        "only_theirs": Count("pk", filter=no_ours & ~no_theirs),
    }


def _errors(row: Mapping[str, Any], venue: str, mode: str) -> EstimateErrors:
    return EstimateErrors(
        venue=venue,
        mode=mode,
        compared=_count(row["compared"]),
        total=float(row["total"] or 0),
        median=_share(row["median"]),
        p99=_share(row["p99"]),
        worst=_share(row["worst"]),
        within=tuple(_count(row[f"within_{place}"]) for place in range(len(BOUNDS))),
        only_ours=_count(row["only_ours"]),
        only_theirs=_count(row["only_theirs"]),
    )


def _count(value: float | None) -> int:
    return int(value or 0)


def _share(value: float | None) -> float | None:
    return None if value is None else float(value)


class Measurements(Collector):
    """Everything a scrape asks for, read when it asks."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterable[Metric]:
        """The families in the order they are printed."""
        errors = estimate_errors()
        return [
            _error_histogram(errors),
            _error_quantiles(errors),
            _one_sided(errors),
            *_account_ages(self.now),
            _board_ages(self.now),
            _commands(),
            _differences(),
            _refusals(),
            *venue_measurements(),
        ]


def exposition(now: datetime) -> bytes:
    """The measurements of the operators in scope in Prometheus' text format."""
    return generate_latest(Measurements(now))


def _error_histogram(errors: Iterable[EstimateErrors]) -> Metric:
    family = HistogramMetricFamily(
        "perpsstudio_liquidation_estimate_error_ratio",
        "Distance of our liquidation price from the venue's, as a fraction of the venue's, over open positions.",
        labels=["venue", "mode"],
    )
    for row in errors:
        buckets = [(f"{bound:g}", count) for bound, count in zip(BOUNDS, row.within, strict=True)]
        family.add_metric([row.venue, row.mode], [*buckets, ("+Inf", row.compared)], sum_value=row.total)
    return family


def _error_quantiles(errors: Iterable[EstimateErrors]) -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_liquidation_estimate_error_quantile_ratio",
        "Exact quantiles of the same distance; quantile 1 is the worst open position.",
        labels=["venue", "mode", "quantile"],
    )
    for row in errors:
        for quantile, error in zip((*QUANTILES, 1), (row.median, row.p99, row.worst), strict=True):
            if error is not None:
                family.add_metric([row.venue, row.mode, f"{quantile:g}"], error)
    return family


def _one_sided(errors: Iterable[EstimateErrors]) -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_liquidation_prices_one_sided",
        "Open positions for which one side has a liquidation price and the other has none.",
        labels=["venue", "mode", "missing"],
    )
    for row in errors:
        family.add_metric([row.venue, row.mode, "venue"], row.only_ours)
        family.add_metric([row.venue, row.mode, "ours"], row.only_theirs)
    return family


def _account_ages(now: datetime) -> tuple[Metric, Metric]:
    oldest = GaugeMetricFamily(
        "perpsstudio_oldest_account_age_seconds",
        "Time since the account that was read longest ago was read.",
        labels=["venue"],
    )
    unread = GaugeMetricFamily("perpsstudio_accounts_never_read", "Accounts that were never read.", labels=["venue"])
    grouped = accounts_in_use().values("venue").order_by("venue")
    for row in grouped.annotate(oldest=Min("synced_at"), unread=Count("pk", filter=Q(synced_at=None))):
        unread.add_metric([row["venue"]], row["unread"])
        if row["oldest"] is not None:
            oldest.add_metric([row["venue"]], (now - row["oldest"]).total_seconds())
    return oldest, unread


def _board_ages(now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "perpsstudio_board_age_seconds", "Time since a venue last confirmed its prices.", labels=["venue", "network"]
    )
    for venue, network in configured_venues():
        as_of = board.read(venue, network).as_of
        if as_of is not None:
            family.add_metric([venue.value, network.value], (now - as_of).total_seconds())
    return family


def _commands() -> Metric:
    family = GaugeMetricFamily("perpsstudio_commands", "Commands by state, since the first.", labels=["state"])
    grouped = Command.objects.order_by().values_list("state").annotate(commands=Count("pk"))
    counted = dict.fromkeys(CommandState.values, 0) | dict(grouped)
    for state, count in counted.items():
        family.add_metric([state], count)
    return family


def _differences() -> Metric:
    """What the venues showed and nothing in our rows explained; a difference that stays open is looked at again."""
    family = GaugeMetricFamily(
        "perpsstudio_differences",
        "Differences between the venues and our rows by kind, open and healed, since the first.",
        labels=["kind", "state"],
    )
    grouped = Difference.objects.order_by().values_list("kind")
    counts = grouped.annotate(all=Count("pk"), open=Count("pk", filter=Q(healed_at=None)))
    counted = {kind: (every, waiting) for kind, every, waiting in counts}
    for kind in DifferenceKind.values:
        every, waiting = counted.get(kind, (0, 0))
        family.add_metric([kind, "open"], waiting)
        family.add_metric([kind, "healed"], every - waiting)
    return family


class _Reasons(Func):
    """Every reason in an event's evidence, a row for each: its own and its members'."""

    function = "jsonb_path_query"
    template = "%(function)s(%(expressions)s, 'strict $.**.reason')"
    output_field = JSONField()
    set_returning = True


def _refusals() -> Metric:
    """Refusals by the platform's own reasons, of commands, of members of batches that went through otherwise, and of
    what a wallet approved; a reason "unmapped" is a text of the venue that no table knows yet."""
    family = GaugeMetricFamily(
        "perpsstudio_refusals",
        "Commands and approvals that a venue refused, by reason, since the first.",
        labels=["venue", "reason"],
    )
    told = CommandEvent.objects.filter(evidence__has_any_keys=["reason", "members"]).order_by()
    refused = told.annotate(refused_for=_Reasons("evidence"))
    grouped = refused.values_list("command__account__venue", "refused_for").annotate(refusals=Count("pk"))
    approvals = WalletApproval.objects.exclude(reason="").order_by().values_list("account__venue", "reason")
    counted = Counter({(venue.value, Reason.UNMAPPED.value): 0 for venue, _ in configured_venues()})
    for venue, reason, count in (*grouped, *approvals.annotate(refusals=Count("pk"))):
        counted[venue, reason] += count
    for (venue, reason), count in sorted(counted.items()):
        family.add_metric([venue, reason], count)
    return family
