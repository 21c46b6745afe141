"""What is measured, goal by goal."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.bench import orderly, pages, parsing, ranking, signing, start, streams, support, syncing
from tests.bench.accounts import cross_account
from tests.bench.measuring import Line, in_turns, seconds_per_call
from trading.margin.cross import liquidations

POSITIONS, CALLS = 20, 400
MICROSECONDS = 1e-6


def cross_prices() -> list[Line]:
    """P3: every liquidation price of a cross account of twenty positions, exact."""
    account = cross_account(POSITIONS)
    work = f"{POSITIONS} exact prices of a cross account"
    missing = orderly.unavailable()
    ours: Callable[[], float] = partial(seconds_per_call, partial(liquidations, account), CALLS)
    if missing:
        (time,) = in_turns([ours])
        return [Line("P3", work, time, "Orderly", None, 50 * MICROSECONDS, note=missing)]
    theirs = partial(orderly.seconds_per_price, account.positions, float(account.cross_equity))
    time, per_price = in_turns([ours, theirs])
    return [
        Line("P3", work, time, f"Orderly, all {POSITIONS}", per_price * POSITIONS, 50 * MICROSECONDS),
        Line("P3", work, time, "Orderly, one of them", per_price),
    ]


GOALS: Mapping[str, Callable[[], list[Line]]] = {
    "P1": signing.one_order,
    "P2": parsing.account,
    "P3": cross_prices,
    "P4": ranking.accounts,
    "P5": pages.quotes,
    "P6": pages.tables,
    "P7": streams.updates,
    "P8": syncing.accounts,
    "P10": start.starts,
    "P11": support.searches_and_timelines,
}
