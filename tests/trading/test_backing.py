"""What resting orders take from what may be added to a position (Aster 4.6)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.factories import make_spec
from tests.trading.desks import NOW, make_desk, position, state
from trading.desk import Desk
from trading.live.board import Board
from trading.margin.cross import addable, state_of
from trading.margin.isolated import BoundRule
from trading.margin.rules import ASTER
from trading.margin.types import MarginMode
from trading.models import Market, Order, Preference
from trading.services.flat_settings import Chosen
from trading.venues.snapshots import Network, Venue

NAMES = ("BTC", "ETH")


def markets() -> tuple[Market, Market]:
    """Two markets of Aster."""
    rows = [
        Market.described(make_spec(name, 40, venue=Venue.ASTER), state(name), Network.TESTNET, NOW) for name in NAMES
    ]
    for number, row in enumerate(rows, start=1):
        row.pk = number
    return rows[0], rows[1]


def desk_with(order_in: int, mode: str = "isolated", **more: object) -> Desk:
    """1,000 of cross equity and a position of 860 at 5x, beside an order that rests with 172 behind it."""
    rows = markets()
    order = Order(market=rows[order_in], is_buy=True, size=Decimal("0.01"), limit_price=Decimal(86000))
    desk = make_desk(board=Board({name: state(name) for name in NAMES}, NOW), cross_equity=Decimal(1000))
    return replace(desk, positions=(position(rows[0], mode=mode),), orders=(order,), venue=Venue.ASTER, **more)  # type: ignore[arg-type]


ISOLATED, CROSS = Chosen(MarginMode.ISOLATED, 5), Chosen(MarginMode.CROSS, 5)
WISH = Preference(mode="cross", leverage=5)


@pytest.mark.parametrize(
    ("desk", "reserved", "isolated"),
    [
        (desk_with(0), "172", "172"),
        (desk_with(0, "cross"), "172", "0"),
        (desk_with(1, settings={2: ISOLATED}), "172", "172"),
        (desk_with(1, settings={2: CROSS}), "172", "0"),
        # What the trader chose counts where the venue told nothing.
        (desk_with(1, preferences={2: WISH}), "172", "0"),
        (desk_with(1, settings={2: ISOLATED}, preferences={2: WISH}), "172", "172"),
        # Of a market of which nothing is known an order counts as taking the most.
        (desk_with(1), "860", "860"),
    ],
)
def test_order_margin_is_isolated_where_its_market_is(desk: Desk, reserved: str, isolated: str) -> None:
    assert (desk.engine.order_margin, desk.engine.isolated_order_margin) == (Decimal(reserved), Decimal(isolated))


@pytest.mark.parametrize(
    ("chosen", "most", "rule"),
    [
        # 1,000 less the profit of 100, the 172 of the order and 1.2625 of maintenance.
        (ISOLATED, "726.7375", BoundRule.CROSS_MAINTENANCE),
        # 1,000 less the same 172 and 1.01 of initial margin.
        (CROSS, "826.99", BoundRule.FREE_COLLATERAL),
    ],
)
def test_most_that_may_be_added_leaves_what_isolated_orders_take(chosen: Chosen, most: str, rule: BoundRule) -> None:
    """A cross profit of 100 is free collateral and no part of the wallet."""
    desk = desk_with(1, settings={2: chosen})
    winner = replace(
        desk.engine.positions[0], market="SOL", size=Decimal(1), entry_price=Decimal(1), mark_price=Decimal(101),
        mode=MarginMode.CROSS, leverage=100, cash=None,
    )  # fmt: skip
    account = replace(desk.engine, positions=(*desk.engine.positions, winner))

    found = addable(state_of(account), ASTER)

    assert (found.amount, found.rule) == (Decimal(most), rule)
