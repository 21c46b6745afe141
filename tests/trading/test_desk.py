"""How old the numbers of a desk are: never younger than the oldest number they come from."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.factories import make_position
from tests.trading.conftest import Desk as TradingDesk
from tests.trading.desks import HOUR_AGO, NOW, THREE_HOURS_AGO, make_desk, market, state
from tests.trading.tickets import ticket
from trading.live.board import Board
from trading.panels.positions import account_freshness
from trading.panels.view_models import FreshnessState
from trading.portfolio import _at_one_moment, portfolio_of
from trading.services.accounts import current_accounts
from trading.services.orders import close_position, place_order
from trading.venues.snapshots import Venue


@pytest.mark.parametrize(
    ("board", "moment"),
    [
        (Board({"BTC": state("BTC")}, NOW), NOW),
        (Board({"BTC": state("BTC")}, NOW, {"BTC": HOUR_AGO}), HOUR_AGO),
        (Board({"ETH": state("ETH")}, NOW), THREE_HOURS_AGO),
        (Board(), THREE_HOURS_AGO),
    ],
)
def test_mark_is_as_old_as_the_market_itself(board: Board, moment: datetime) -> None:
    assert make_desk(board=board).marked_at(market()) == moment


def test_account_is_as_old_as_its_oldest_number() -> None:
    lagging = Board({"BTC": state("BTC"), "ETH": state("ETH")}, NOW, {"ETH": HOUR_AGO})

    assert make_desk(board=lagging).figures_at == NOW
    assert make_desk(market("BTC"), board=lagging).figures_at == NOW
    assert make_desk(market("BTC"), market("ETH"), board=lagging).figures_at == HOUR_AGO
    assert make_desk(market("BTC"), board=Board()).figures_at == THREE_HOURS_AGO
    assert make_desk(market("BTC"), synced_at=HOUR_AGO).figures_at == HOUR_AGO


def test_account_with_a_number_of_unknown_age_has_no_age() -> None:
    assert make_desk(synced_at=None).figures_at is None
    assert make_desk(market("BTC", received_at=None), board=Board()).figures_at is None
    assert replace(make_desk(), account=None).figures_at is None


def test_lagging_mark_closes_the_account_it_values() -> None:
    lagging = Board({"BTC": state("BTC")}, NOW, {"BTC": HOUR_AGO})

    assert account_freshness(make_desk(market("BTC"), board=lagging)).state is FreshnessState.CLOSED
    assert account_freshness(make_desk(board=lagging)).state is FreshnessState.LIVE


def test_account_and_positions_are_of_one_moment_though_a_sync_writes_in_between(desk: TradingDesk) -> None:
    flat = current_accounts(desk.trader)[Venue.HYPERLIQUID]
    place_order(desk.adapter, desk.account, desk.market, ticket())
    held = current_accounts(desk.trader)[Venue.HYPERLIQUID]

    account, positions = _at_one_moment(flat)
    assert (account.venue_time, account.cross_equity) == (held.venue_time, held.cross_equity)
    assert [row.size for row in positions] == [Decimal("0.01")]

    close_position(desk.adapter, desk.account, positions[0], mark=Decimal(86000), form_key=uuid4())
    closed = current_accounts(desk.trader)[Venue.HYPERLIQUID]
    account, positions = _at_one_moment(held)
    assert (account.venue_time, account.cross_equity, positions) == (closed.venue_time, closed.cross_equity, ())


def test_two_legs_of_a_market_keep_their_order_whichever_was_written_last(desk: TradingDesk) -> None:
    for side, size in (("short", "-0.002"), ("long", "0.002")):
        make_position(desk.account, desk.market, position_side=side, size=Decimal(size))

    (shown,) = portfolio_of(desk.trader)
    assert [row.position_side for row in shown.positions] == ["long", "short"]
