"""How old the numbers of a desk are: never younger than the oldest number they come from."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.trading.desks import HOUR_AGO, NOW, THREE_HOURS_AGO, make_desk, market, state
from trading.live.board import Board
from trading.panels.positions import account_freshness
from trading.panels.view_models import FreshnessState


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
