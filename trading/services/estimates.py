"""Our liquidation prices beside the venue's: computed at every sync, so that the estimate's own error is known."""

from collections.abc import Mapping
from decimal import Decimal

from trading.holdings import snapshot_accounts
from trading.margin.cross import liquidations
from trading.margin.errors import MarginInputError
from trading.venues.snapshots import AccountSnapshot, MarketSpec


def estimated_liquidations(snapshot: AccountSnapshot, specs: Mapping[str, MarketSpec]) -> dict[str, Decimal | None]:
    """Our liquidation price of every position of a snapshot, by market; None where the engine gives none.

    A snapshot the engine refuses (a figure that makes no sense) yields no estimates rather than wrong ones.
    """
    try:
        accounts = snapshot_accounts(snapshot, specs)
    except MarginInputError:
        return {}
    return {
        held.market: answer.price
        for account in accounts
        for held, answer in zip(account.positions, liquidations(account), strict=True)
    }
