"""How far our liquidation prices are from the venue's, over the open positions of the operator in scope."""

from dataclasses import dataclass
from decimal import Decimal

from django.core.cache import cache
from django.db.models import F

from tenants.scope import required_scope
from trading.metrics import BOUNDS, EstimateErrors, all_estimate_errors, estimated_positions
from trading.panels.numbers import fixed, percent

BASIS_POINTS, DECIMALS = 10_000, 4
SMALLEST_SHOWN = Decimal(1).scaleb(-DECIMALS)
A_MILLIONTH = BOUNDS.index(1e-6)
# The figures of a small operator are worked out each time; those of a large one are kept for a minute.
LARGE, KEPT_SECONDS = 10_000, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateView:
    """The distribution as text. ``worst_trader`` is None where nothing could be compared."""

    compared: str
    within_a_millionth: str
    median: str
    p99: str
    worst: str
    worst_market: str
    worst_trader: int | None
    one_sided: int


def build_estimates() -> EstimateView | None:
    """The distribution; None while nothing is held that has a price on either side."""
    key = f"support-estimates:{required_scope()}"
    kept: EstimateView | None = cache.get(key)
    if kept is not None:
        return kept
    errors = all_estimate_errors()
    if not errors.compared + errors.only_ours + errors.only_theirs:
        return None
    view = _view(errors)
    if errors.compared >= LARGE:
        cache.set(key, view, KEPT_SECONDS)
    return view


def _view(errors: EstimateErrors) -> EstimateView:
    market, trader = _worst() if errors.compared else ("", None)
    share = percent(Decimal(errors.within[A_MILLIONTH]) / errors.compared) if errors.compared else ""
    return EstimateView(
        compared=fixed(Decimal(errors.compared), 0),
        within_a_millionth=share,
        median=basis_points(errors.median),
        p99=basis_points(errors.p99),
        worst=basis_points(errors.worst),
        worst_market=market,
        worst_trader=trader,
        one_sided=errors.only_ours + errors.only_theirs,
    )


def _worst() -> tuple[str, int]:
    """The market and trader of the position whose two prices are farthest apart."""
    held = estimated_positions().order_by(F("error").desc(nulls_last=True), "pk")
    market, trader = held.values_list("market__name", "account__trader_id")[0]
    return str(market), int(trader)


def basis_points(error: float | None) -> str:
    """A relative error as text.

    >>> basis_points(0.00025), basis_points(3e-13), basis_points(0.0), basis_points(None)
    ('2.5000 bp', 'under 0.0001 bp', '0 bp', '')
    """
    if error is None:
        return ""
    points = Decimal(str(error)) * BASIS_POINTS
    if 0 < points < SMALLEST_SHOWN:
        return f"under {SMALLEST_SHOWN:f} bp"
    return f"{fixed(points, DECIMALS)} bp" if points else "0 bp"
