"""What an account is worth, collateral by collateral: the same whichever of its books the money lies in.

Amounts of different tokens are never added up: no venue says what one is worth in another (Hyperliquid 3.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.connect import gateway_of
from trading.desk import Desk
from trading.holdings import RULES
from trading.margin.cross import state_of
from trading.margin.types import MarginMode
from trading.models import VenueAccount
from trading.venues.snapshots import Venue

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Balance:
    """Collateral that backs nothing but its own positions, in ``token``, "" where that is not known.

    ``equity`` is all of it, ``isolated`` the part that lies in isolated positions, ``free`` what a new position may
    take; None where it cannot be known. ``name`` is the pool's, "" for the account's main collateral.
    """

    name: str
    token: str
    equity: Decimal | None
    isolated: Decimal
    free: Decimal | None


def balances_of(desk: Desk, account: VenueAccount) -> tuple[Balance, ...]:
    """The account's collateral at the newest marks, the main one first. Raises what ``trading.desk.NO_FIGURES`` names
    where the rows make no sense."""
    tokens = {name: row.get("collateral", "") for name, row in account.pools.items()}
    main = gateway_of(Venue(account.venue)).collateral
    return tuple(_balance(desk, account, name, token) for name, token in {"": main, **tokens}.items())


def _balance(desk: Desk, account: VenueAccount, name: str, token: str) -> Balance:
    engine = desk.engine_of(name)
    state, isolated = state_of(engine), sum((held.equity for held in engine.of_mode(MarginMode.ISOLATED)), ZERO)
    # The collateral that a portfolio account's liquidation prices imply is not what it is worth (Hyperliquid 3.9).
    if account.told_equity is None or state.equity is None:
        return Balance(name, token, None, isolated, None)
    free = state.free_collateral(RULES[Venue(account.venue)])
    return Balance(name, token, state.equity + isolated, isolated, free)


def in_main_token(balances: Sequence[Balance]) -> tuple[Balance, ...]:
    """Those of the main collateral's token, which may be added up."""
    return tuple(balance for balance in balances if balance.token == balances[0].token)


def worth(balances: Sequence[Balance]) -> Decimal | None:
    """All that is held in the main collateral's token; None where some of it cannot be known."""
    amounts = [balance.equity for balance in in_main_token(balances)]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else None
