"""Collateral that an account keeps apart from its main balance, and what moved between books (Hyperliquid 3.9)."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Pool(msgspec.Struct, frozen=True):
    """Collateral of an account beside its main balance: in a standard account what it keeps in one builder-deployed
    book, ``dex``; in a unified one its balance of a token other than the main, whichever books that backs (Hyperliquid
    3.9), and so at Aster in a standard one (4.7). Figures are in ``collateral``, "" where it is not known.

    ``free`` is what a new position there may take, ``cross_equity`` what backs the cross positions there and nothing
    else, ``withdrawable`` what may leave it (Hyperliquid 3.7)."""

    dex: str
    equity: Decimal
    free: Decimal
    cross_equity: Decimal
    withdrawable: Decimal = Decimal(0)
    collateral: str = ""

    @property
    def name(self) -> str:
        """What tells it from the account's others."""
        return self.dex or self.collateral


class CollateralMove(msgspec.Struct, frozen=True):
    """Collateral that left one book of the account for another of its own, as the venue recorded it. ``token`` is its
    short name; ``nonce`` is that of the request, None where the venue does not say."""

    time: datetime
    source: str
    target: str
    token: str
    amount: Decimal
    nonce: int | None = None
