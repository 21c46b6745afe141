"""Builder-deployed books beside the main one (Hyperliquid 1.2, 3.9): one account out of its part in each of them.

A standard account keeps its collateral apart in every book, so each of them is a pool of its own. In a unified account
the balance of a token backs the positions of all books with that collateral, and of no others.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from trading.margin.types import AccountMode, MarginMode
from trading.venues.errors import UnknownState
from trading.venues.hyperliquid.markets import MAIN_COLLATERAL
from trading.venues.snapshots import AccountSnapshot, Pool, PositionSnapshot

ZERO = Decimal(0)


def together(
    main: AccountSnapshot, others: Sequence[AccountSnapshot], collaterals: Mapping[str, str]
) -> AccountSnapshot:
    """The account with the positions of every book; ``collaterals`` are the books' tokens by their names.

    Its sums are those of the main book in a standard account, and of all books with the main collateral otherwise; the
    rest is in ``pools``. Raises ``UnknownState`` where shared collateral backs positions of a book whose token is not
    known: then nobody can say what backs the others.
    """
    positions = (*main.positions, *(held for part in others for held in part.positions))
    if main.account_mode is AccountMode.STANDARD:
        pools = tuple(_book(part, collaterals.get(part.dex, "")) for part in others)
        return replace(main, positions=positions, pools=pools)
    if main.account_mode is not AccountMode.UNIFIED:
        return replace(_joined(main, (main, *others)), positions=positions, pools=())
    tokens: dict[str, list[AccountSnapshot]] = {MAIN_COLLATERAL: [main]}
    for part in others:
        token = collaterals.get(part.dex, "")
        if token:
            tokens.setdefault(token, []).append(part)
        elif part.positions:
            raise UnknownState(f"the collateral of the book {part.dex!r}")
    shared = _joined(main, tokens.pop(MAIN_COLLATERAL))
    balances = tuple(_balance(token, _joined(parts[0], parts)) for token, parts in tokens.items())
    return replace(shared, positions=positions, pools=balances)


def _joined(first: AccountSnapshot, parts: Sequence[AccountSnapshot]) -> AccountSnapshot:
    """Books that one balance backs, as one."""
    positions = tuple(held for part in parts for held in part.positions)
    return replace(
        first,
        positions=positions,
        cross_equity=first.equity - _isolated(positions),
        cross_maintenance=sum((part.cross_maintenance for part in parts), ZERO),
        cross_margin_used=sum((part.cross_margin_used for part in parts), ZERO),
    )


def _isolated(positions: Sequence[PositionSnapshot]) -> Decimal:
    return sum((held.margin for held in positions if held.mode is MarginMode.ISOLATED), ZERO)


def _book(part: AccountSnapshot, collateral: str) -> Pool:
    free = part.cross_equity - part.cross_margin_used
    return Pool(part.dex, part.equity, free, part.cross_equity, part.withdrawable, collateral)


def _balance(token: str, joined: AccountSnapshot) -> Pool:
    free = joined.cross_equity - joined.cross_margin_used
    return Pool("", joined.equity, free, joined.cross_equity, joined.withdrawable, token)
