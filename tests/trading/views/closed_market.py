"""A market's page, and what an operator may do to the market."""

from tenants.models import MarketChoice
from trading.recent import forget_desks

PAGE = "/trade/hyperliquid:BTC/"


def cap_market(leverage: int) -> None:
    """The operator allows so much leverage in it."""
    MarketChoice(venue="hyperliquid", name="BTC", is_offered=True, leverage_cap=leverage).save()
    forget_desks()
