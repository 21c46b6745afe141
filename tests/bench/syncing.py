"""P8: accounts of ten positions from the venue's bytes to our rows and to whoever looks at them.

It needs a PostgreSQL and a Valkey of its own (``make bench`` brings both): it makes its tables and rows in them.
"""

import os

from tests.bench.measuring import Line
from tests.bench.pages import unavailable

ACCOUNTS, POSITIONS = 50, 10
WORK = f"sync an account of {POSITIONS} positions"
PEER = "SDK, threads, ORM"


def accounts() -> list[Line]:
    """P8: one account of a batch, beside the official SDK in threads with the ORM; and its rows alone."""
    missing = unavailable()
    if missing:
        return [Line("P8", WORK, 0.0, PEER, None, note=missing)]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.site_settings")
    os.environ["HYPERLIQUID_NETWORK"] = "testnet"
    import django  # noqa: PLC0415  # only these goals need Django

    django.setup()
    from tests.bench import turns  # noqa: PLC0415  # models exist from here on

    ours, turn, theirs = turns.accounts(ACCOUNTS, POSITIONS)
    rows, one_by_one = turns.rows(ACCOUNTS, POSITIONS)
    return [
        Line("P8", f"{WORK}, {ACCOUNTS} at once", ours.ours, PEER, theirs.ours, 1 / 2000),
        Line("P8", "the database's part of that", ours.database, PEER, theirs.database),
        Line("P8", "a whole turn: leases and budget too", turn.ours, PEER, theirs.ours),
        Line(
            "P8",
            "write a changed position, both",
            rows.both,
            "update_or_create",
            one_by_one.both,
            one_by_one.both / 100,
        ),
    ]
