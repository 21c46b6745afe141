"""Figures of recorded payloads and vectors, in our own form, so that a clone without the recordings proves them too."""

from datetime import UTC, datetime
from decimal import Decimal

from trading.margin.rounding import PriceRule
from trading.margin.types import MarginRestriction, TierTable
from trading.venues.base import MarketSpec, Venue

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OWNER = "0xe5ca49fb3bd9a581f0d1ef9cb5d7177da08bf901"
# Public test keys of the official SDKs: never fund them.
PYTHON_SDK_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
RUST_SDK_KEY = "e908f86dbb4d55ac876378565aafeabc187f6690f046459397b17d9b9a19688e"


def market(
    name: str = "BTC",
    index: int = 0,
    size_decimals: int = 5,
    max_leverage: int = 40,
    restriction: MarginRestriction = MarginRestriction.NONE,
    *,
    delisted: bool = False,
) -> MarketSpec:
    """A market with a single tier."""
    return MarketSpec(
        venue=Venue.HYPERLIQUID,
        name=name,
        base=name.rpartition(":")[2],
        index=index,
        size_decimals=size_decimals,
        price_rule=PriceRule.significant(size_decimals),
        tiers=TierTable.single(max_leverage),
        restriction=restriction,
        max_leverage=max_leverage,
        min_notional=Decimal(10),
        delisted=delisted,
        collateral="USDC",
        max_market_notional=Decimal(30_000_000),
    )
