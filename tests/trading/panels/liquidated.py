"""Liquidations made of rows that no database holds, as their story is told from."""

from decimal import Decimal

import msgspec

from tests.factories import make_spec
from tests.trading.desks import HOUR_AGO, NOW, state
from trading.margin.types import TierTable
from trading.models import Fill, Liquidation, Market
from trading.past import Story
from trading.venues.snapshots import Network


def market(tiers: TierTable | None = None) -> Market:
    """Bitcoin at 40x, or with other tiers."""
    spec = make_spec("BTC", 40)
    spec = spec if tiers is None else msgspec.structs.replace(spec, tiers=tiers)
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    return row


def story(where: Market, size: str, extreme: str, *fills: Fill, mode: str = "isolated") -> Story:
    """A position that was to be liquidated at 80,000, and a price that went as far as ``extreme``."""
    row = Liquidation(
        pk=1, market=where, key="1", happened_at=NOW, ended_at=NOW, mode=mode, method="market",
        size_before=Decimal(size), closed_size=abs(Decimal(size)), liquidation_price=Decimal(80000), seen_at=HOUR_AGO,
        fee=Decimal(0), closed_pnl=Decimal(0), settled=Decimal(0),
        path=[[NOW.isoformat(), min(extreme, "80000"), max(extreme, "80000"), "80000"]],
    )  # fmt: skip
    return Story(liquidation=row, fills=fills, margin_changes=(), setting_changes=(), funding=())
