"""What is remembered of a trader's accounts and of markets belongs to one operator, whatever number another's has."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.http import Http404

from tenants.models import MarginPolicy, User
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange
from trading import recent
from trading.models import Market
from trading.recent import recent_desk, recent_market, recent_portfolio
from trading.venues.snapshots import Venue


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is remembered grows old."""
    monkeypatch.setattr(recent, "time", SimpleNamespace(monotonic=lambda: 1000.0))


def namesake(trader: User, exchange: Exchange) -> User:
    """A person of another operator with the same number: the tables never hold one, and memory must not rely on it."""
    return User(pk=trader.pk, operator_id=exchange.operator.pk, email=f"namesake@{exchange.host}")


def held_at_desk(trader: User) -> list[int]:
    return [row.pk for row in recent_desk(trader).positions]


def held_at_venue(trader: User) -> list[int]:
    return [row.pk for row in recent_desk(trader, Venue.HYPERLIQUID).positions]


def held_in_portfolio(trader: User) -> list[int]:
    return [row.pk for desk in recent_portfolio(trader).desks for row in desk.positions]


@pytest.mark.parametrize("held", [held_at_desk, held_at_venue, held_in_portfolio])
def test_same_number_at_another_operator_is_another_trader(
    alpha: Exchange, beta: Exchange, alices: Belongings, held: Callable[[User], list[int]]
) -> None:
    with operator_scope(alpha.operator.pk):
        assert held(alpha.trader) == [alices.position.pk]
        alices.position.delete()
        assert len(held(alpha.trader)) == 1  # remembered, so there is something to be taken for another's

    with operator_scope(beta.operator.pk):
        assert held(namesake(alpha.trader, beta)) == []


def test_market_remembered_at_one_operator_is_not_listed_by_another(
    alpha: Exchange, beta: Exchange, market: Market
) -> None:
    with operator_scope(beta.operator.pk):
        MarginPolicy.objects.update(venues=[Venue.ASTER])
    with operator_scope(alpha.operator.pk):
        assert recent_market(alpha.operator.pk, "BTC") == market

    with operator_scope(beta.operator.pk), pytest.raises(Http404):
        recent_market(beta.operator.pk, "BTC")
