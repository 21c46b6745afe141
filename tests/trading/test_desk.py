"""How old the numbers of a desk are: never younger than the oldest number they come from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tenants.models import User
from tenants.policy import Policy
from tests.factories import make_spec
from trading.desk import Desk
from trading.live.board import Board
from trading.models import Market, Position, VenueAccount
from trading.panels.positions import account_freshness
from trading.panels.view_models import FreshnessState
from trading.venues.snapshots import MarketState, Network

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR_AGO, THREE_HOURS_AGO = NOW - timedelta(hours=1), NOW - timedelta(hours=3)


def state(name: str, mark: str = "86000") -> MarketState:
    price = Decimal(mark)
    return MarketState(name, price, price, price, price, Decimal(0), Decimal(0), Decimal(0))


def market(name: str = "BTC", received_at: datetime | None = THREE_HOURS_AGO) -> Market:
    described = Market.described(make_spec(name, 40), state(name), Network.TESTNET, NOW)
    described.received_at = received_at
    described.pk = {"BTC": 1, "ETH": 2}[name]
    return described


def position(held: Market, mark: str = "86000") -> Position:
    return Position(
        pk=held.pk, market=held, size=Decimal("0.01"), entry_price=Decimal(86000), mark_price=Decimal(mark),
        mode="isolated", leverage=5, margin=Decimal(172), cash=Decimal(-688), unrealised_pnl=Decimal(0),
        max_leverage=40, venue_time=NOW,
    )  # fmt: skip


def make_desk(*held: Market, board: Board | None = None, synced_at: datetime | None = NOW) -> Desk:
    account = VenueAccount(
        pk=1, venue="hyperliquid", network="testnet", equity=Decimal(10000), cross_equity=Decimal(10000),
        synced_at=synced_at,
    )  # fmt: skip
    return Desk(
        trader=User(), account=account, positions=tuple(position(row) for row in held), orders=(), preferences={},
        policy=Policy(), board=board or Board({"BTC": state("BTC"), "ETH": state("ETH")}, NOW), now=NOW,
    )  # fmt: skip


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
