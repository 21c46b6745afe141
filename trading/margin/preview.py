"""The answers the panels ask for: before → after of an order, a margin, leverage or mode change."""

from trading.margin.quotes import LeverageChange, MarginChange, ModeChange, OrderRequest, Preview
from trading.margin.types import Account


def preview_order(account: Account, order: OrderRequest) -> Preview:
    """What an order does to its market's position, to free collateral and to every other cross position."""
    raise NotImplementedError


def preview_margin_change(account: Account, change: MarginChange) -> Preview:
    """What adding or removing isolated margin does, with the bound of the venue's own rule."""
    raise NotImplementedError


def preview_leverage_change(account: Account, change: LeverageChange) -> Preview:
    """What a new leverage does to an open position, or why it is refused."""
    raise NotImplementedError


def preview_mode_change(account: Account, change: ModeChange) -> Preview:
    """Whether a market's margin mode may change, or why not."""
    raise NotImplementedError
