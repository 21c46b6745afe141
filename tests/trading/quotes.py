"""Tickets, worked out for a trader who holds something."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import msgspec

from tests.factories import make_spec
from tests.trading.desks import NOW, make_desk, position, state
from trading.desk import Desk
from trading.forms import read_order
from trading.margin.types import TierTable
from trading.models import Market
from trading.panels.ticket import default_form
from trading.quoting import Quoted, quote_order
from trading.services.available import Available
from trading.venues.snapshots import Network, Venue

# The first tiers of BTC on Hyperliquid's testnet (Hyperliquid 3.1).
TIERS = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])


def tiered(venue: Venue = Venue.HYPERLIQUID) -> Market:
    spec = msgspec.structs.replace(make_spec("BTC", 40, venue=venue), tiers=TIERS)
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    return row


def desk_in(
    row: Market, held: str = "0", margin: str = "isolated", equity: str = "1000000", account_mode: str = "standard"
) -> Desk:
    """A trader who holds so many coins at 5x, in an account that is read."""
    size, mark = Decimal(held), row.mark_price or Decimal(0)
    desk = make_desk(equity=Decimal(equity), cross_equity=Decimal(equity), mode=account_mode)
    held_row = position(row, mode=margin)
    held_row.size, held_row.margin = size, abs(size) * mark / 5
    held_row.cash = held_row.margin - size * mark if margin == "isolated" else None
    return replace(desk, positions=(held_row,) if size else (), venue=Venue(row.venue))


def placed(desk: Desk, row: Market, typed: Mapping[str, str], available: Available | None = None) -> Quoted:
    return quote_order(desk, row, read_order(typed, row.rules, default_form(desk, row)), available)
