"""P11: support's search and an account's timeline among very many, by the clock.

It needs a PostgreSQL and a Valkey of its own (``make bench`` brings both): it makes its tables and rows in them, and
with a million accounts takes several minutes and seven gigabytes for that. ``ACCOUNTS=100000`` makes fewer.
"""

import os
import shutil
from statistics import quantiles

from tests.bench.measuring import Line
from tests.bench.pages import unavailable

ACCOUNTS = int(os.environ.get("ACCOUNTS", "1000000"))
EVENTS_EACH, BYTES_EACH = 10, 9_000
LONGEST = 0.1


def searches_and_timelines() -> list[Line]:
    """P11: two hundred requests of each through the whole middleware, in this process."""
    missing = unavailable() or _no_room()
    if missing:
        return [Line("P11", "support's search and timeline", 0.0, "", None, note=missing)]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.site_settings")
    os.environ["HYPERLIQUID_NETWORK"] = "testnet"
    import django  # noqa: PLC0415  # only these goals need Django

    django.setup()
    from tests.bench import crowd  # noqa: PLC0415  # models exist from here on

    searched, told = crowd.answered(ACCOUNTS)
    return [
        *_lines(f"search among {ACCOUNTS:,} traders", searched),
        *_lines(f"timeline among {ACCOUNTS * EVENTS_EACH:,} events", told),
    ]


def _lines(work: str, seconds: list[float]) -> list[Line]:
    hundredths = quantiles(seconds, n=100)
    return [
        Line("P11", f"{work}, 99th percentile", hundredths[98], "", None, LONGEST),
        Line("P11", f"{work}, median", hundredths[49], "", None),
    ]


def _no_room() -> str:
    wanted, free = ACCOUNTS * BYTES_EACH, shutil.disk_usage(os.environ.get("STATE", ".")).free
    return "" if free > wanted else f"{wanted / 1e9:.0f} GB are needed and {free / 1e9:.0f} are free (ACCOUNTS=100000)"
