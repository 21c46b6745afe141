"""An account's own numbers as patches: what they say is what the table draws."""

from datetime import timedelta
from decimal import Decimal

from tests.trading.desks import NOW, make_desk, market, state
from trading.live.board import Board
from trading.live.private import account_patch


def test_price_that_the_chart_draws_moves_with_the_one_that_is_read() -> None:
    """Of two cross positions the other one's mark moves, and with it the price where this one is liquidated."""
    desk = make_desk(
        market("BTC"), market("ETH"), position_mode="cross", equity=Decimal(400), cross_equity=Decimal(400)
    )
    told = []
    for mark in ("86000", "80000"):
        board = Board({"BTC": state("BTC"), "ETH": state("ETH", mark)}, NOW)
        patch = account_patch(desk, board, NOW + timedelta(seconds=1))
        told.append((patch["position-1-liquidation"].replace(",", ""), patch["position-1"]["data"]["liquidation"]))

    assert [read for read, drawn in told] == [drawn for read, drawn in told]
    assert len({drawn for read, drawn in told if drawn}) == 2
