"""Builder-deployed books beside the main one (Hyperliquid 1.2, 3.9): one account out of its part in each of them.

A standard account keeps its collateral apart in every book, so each of them is a pool of its own. In a unified account
one balance backs the positions of all.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from trading.margin.types import AccountMode, MarginMode
from trading.venues.snapshots import AccountSnapshot, Pool

ZERO = Decimal(0)


def together(main: AccountSnapshot, others: Sequence[AccountSnapshot]) -> AccountSnapshot:
    """The account with the positions of every book.

    Its sums stay those of the main book in a standard account, whose other books are in ``pools``; otherwise they are
    of all books, which share the collateral.
    """
    positions = (*main.positions, *(held for part in others for held in part.positions))
    if main.account_mode is AccountMode.STANDARD:
        return replace(main, positions=positions, pools=tuple(_pool(part) for part in others))
    isolated = sum((held.margin for held in positions if held.mode is MarginMode.ISOLATED), ZERO)
    return replace(
        main,
        positions=positions,
        cross_equity=main.equity - isolated,
        cross_maintenance=sum((part.cross_maintenance for part in others), main.cross_maintenance),
        cross_margin_used=sum((part.cross_margin_used for part in others), main.cross_margin_used),
        pools=(),
    )


def _pool(part: AccountSnapshot) -> Pool:
    free = part.cross_equity - part.cross_margin_used
    return Pool(part.dex, part.equity, free, part.cross_equity, part.withdrawable)
