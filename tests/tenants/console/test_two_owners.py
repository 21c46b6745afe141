"""Two owners who save venues and markets in the same moment leave their traders a market."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from tenants.console.forms import NOTHING_LEFT
from tenants.console.market_form import NOTHING_OFFERED
from tenants.models import MarginPolicy, MarketChoice, Operator
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at, make_market
from tests.tenants.console import margin_page, markets_page
from tests.waiting import wait_until_somebody_waits
from trading.markets import listed_markets
from trading.models import Market

pytestmark = pytest.mark.django_db(transaction=True)
BITCOIN, ASTERS = "hyperliquid:BTC", "aster:BTCUSDT"


@pytest.fixture
def owner(alpha: Exchange, market: Market, settings: Settings) -> Client:
    """At two venues with a market each."""
    settings.ASTER_URL = settings.HYPERLIQUID_URL
    make_market("BTCUSDT", 125, venue="aster")
    return browser_at(alpha, alpha.owner)


def close_bitcoin() -> None:
    MarketChoice(venue="hyperliquid", name="BTC", is_offered=False).save()
    MarginPolicy.objects.update(markets_changed_at=timezone.now())


def leave_aster() -> None:
    MarginPolicy.objects.update(venues=["hyperliquid"])


def saved_beside(exchange: Exchange, change: Callable[[], None], save: Callable[[], Any]) -> Any:
    """The answer to an owner who saves while another one's change is being written."""
    answers: list[Any] = []

    def save_apart() -> None:
        try:
            answers.append(save())
        finally:
            connection.close()

    second = threading.Thread(target=save_apart)
    with operator_scope(exchange.operator.pk), transaction.atomic():
        Operator.objects.select_for_update(no_key=True).get(pk=exchange.operator.pk)
        change()
        second.start()
        wait_until_somebody_waits()
    second.join()
    (answer,) = answers
    return answer


def offered(exchange: Exchange) -> list[str]:
    with operator_scope(exchange.operator.pk):
        return [market.address for market in listed_markets()]


def test_venue_whose_last_market_another_owner_has_just_closed_is_not_left_alone(
    alpha: Exchange, owner: Client
) -> None:
    typed = margin_page.fields(alpha, venues=["hyperliquid"])

    answer = saved_beside(alpha, close_bitcoin, lambda: owner.post(margin_page.EDITOR, typed))

    assert (answer.status_code, NOTHING_LEFT in answer.content.decode()) == (422, True)
    assert offered(alpha) == [ASTERS]


def test_last_market_of_the_venues_that_another_owner_has_just_left_is_not_closed(
    alpha: Exchange, owner: Client
) -> None:
    typed = markets_page.fields(owner, offered=[ASTERS])

    answer = saved_beside(alpha, leave_aster, lambda: owner.post(markets_page.PAGE, typed))

    assert (answer.status_code, NOTHING_OFFERED in answer.content.decode()) == (409, True)
    assert offered(alpha) == [BITCOIN]
    again = owner.post(markets_page.PAGE, typed)
    assert (again.status_code, NOTHING_OFFERED in again.content.decode()) == (422, True)
