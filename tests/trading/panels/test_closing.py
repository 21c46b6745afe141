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


@pytest.mark.parametrize(
    ("venue", "typed", "may"),
    [
        # 10 USDC at the mark, less at the limit that is sent (Hyperliquid 1.4).
        (Venue.HYPERLIQUID, {"size": "0.00012"}, True),
        (Venue.HYPERLIQUID, {"size": "0.00011"}, False),
        (Venue.HYPERLIQUID, {"size": "0.00012", "kind": "limit", "price": "90000"}, True),
        (Venue.HYPERLIQUID, {"size": "0.00011", "kind": "limit", "price": "90000"}, False),
        (Venue.ASTER, {"size": "0.00001"}, True),
        (Venue.ASTER, {"kind": "flip"}, True),
    ],
)
def test_part_of_a_position_is_at_least_what_the_venue_takes(venue: Venue, typed: dict[str, str], *, may: bool) -> None:
    desk, held = held_at(venue, "0.01")

    shown = build_close_preview(desk, held, read_close(typed, held.market.rules, abs(held.size)))

    assert ("size" not in shown.errors) is may


@pytest.mark.parametrize(("size", "may"), [("0.00007", True), ("0.00005", False)])
def test_reversal_is_an_order_of_twice_the_position_and_as_large_as_any(size: str, *, may: bool) -> None:
    desk, held = held_at(Venue.HYPERLIQUID, size)

    shown = build_close_preview(desk, held, read_close({"kind": "flip"}, held.market.rules, abs(held.size)))

    assert ("size" not in shown.errors) is may


def held_at(venue: Venue, size: str) -> tuple[Desk, Position]:
    """So many coins in isolated margin, entered at the mark."""
    row = Market.described(make_spec("BTC", 40, venue=venue), state("BTC"), Network.TESTNET, NOW)
    row.pk = 1
    held = position(row)
    held.size = Decimal(size)
    held.cash = held.margin - held.size * 86000
    return replace(make_desk(), positions=(held,), venue=venue), held


@pytest.mark.parametrize(
    ("venue", "size", "typed", "pnl", "at"),
    [
        (Venue.HYPERLIQUID, "-0.01", {}, "0.00", "at the mark"),
        (Venue.ASTER, "0.01", {}, "0.00", "at the mark"),
        # A buy at market is taken to pay 1.0005 of the mark (Aster 4.2): 43 more for each coin.
        (Venue.ASTER, "-0.01", {}, "−0.43", "at 86,043"),
        (Venue.ASTER, "-0.01", {"kind": "flip"}, "−0.43", "at 86,043"),
        (Venue.ASTER, "-0.01", {"kind": "limit", "price": "86000"}, "0.00", "at 86,000"),
    ],
)
def test_result_of_a_close_says_at_which_price_it_is(
    venue: Venue, size: str, typed: dict[str, str], pnl: str, at: str
) -> None:
    desk, held = held_at(venue, size)

    shown = build_close_preview(desk, held, read_close(typed, held.market.rules, abs(held.size)))

    assert (shown.pnl, shown.pnl_note) == (pnl, f"{held.market.rules.collateral}, after 0.00 of fees, {at}")
