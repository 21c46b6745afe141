"""What stands beside a close that the venue would not take."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from tests.factories import make_spec
from tests.trading.desks import NOW, make_desk, position, state
from trading.desk import Desk
from trading.forms import read_close
from trading.live.board import Board
from trading.models import Market, Position
from trading.panels.closing import build_close_preview
from trading.venues.snapshots import Network, Venue

BOUNDED = {
    Venue.HYPERLIQUID: {"max_market_notional": Decimal(500_000)},
    Venue.ASTER: {"max_size": Decimal(12)},
}
TOO_LARGE = "One order may have at most {} BTC here. Split it."


@pytest.mark.parametrize(
    ("venue", "typed", "most"),
    [
        # A sale at market may get 3 % less than the mark, 83,420 a coin; what rests may be worth ten times as much.
        (Venue.HYPERLIQUID, {}, "5.99376"),
        (Venue.HYPERLIQUID, {"size": "5.9"}, ""),
        (Venue.HYPERLIQUID, {"kind": "flip"}, "5.99376"),
        (Venue.HYPERLIQUID, {"kind": "limit", "price": "90000"}, ""),
        (Venue.HYPERLIQUID, {"kind": "limit"}, ""),
        (Venue.ASTER, {}, "12"),
        (Venue.ASTER, {"size": "12"}, ""),
        (Venue.ASTER, {"kind": "limit", "price": "90000"}, "12"),
    ],
)
def test_close_of_more_than_the_venue_takes_as_one_order_says_so_before_it_is_sent(
    venue: Venue, typed: dict[str, str], most: str
) -> None:
    spec = msgspec.structs.replace(make_spec("BTC", 40, venue=venue), **BOUNDED[venue])
    row = Market.described(spec, state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    held = position(row, mode="isolated")
    held.size, held.margin = Decimal(20), Decimal(20) * 86000 / 5
    held.cash = held.margin - held.size * 86000
    board = Board({"BTC": state("BTC", "86000")}, NOW)
    desk = replace(make_desk(board=board, equity=Decimal(1_000_000)), positions=(held,), venue=venue)

    shown = build_close_preview(desk, held, read_close(typed, spec, abs(held.size)))

    assert shown.errors.get("size", "") == (TOO_LARGE.format(most) if most else "")
