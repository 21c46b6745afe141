"""The owner's choice of venues: at least one, on record, and obeyed by the next page."""

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tenants.models import MarginPolicy, MarketChoice
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at, make_market
from tests.tenants.console.margin_page import EDITOR, PREVIEW, events, fields, policy_of
from trading.models import Market


@pytest.fixture
def owner(alpha: Exchange, market: Market, settings: Settings) -> Client:
    settings.ASTER_URL = settings.HYPERLIQUID_URL
    make_market("BTCUSDT", 125, venue="aster")
    return browser_at(alpha, alpha.owner)


def offered(client: Client) -> list[str]:
    page = client.get("/trade/BTC/bar/" if client.get("/trade/BTC/").status_code == 200 else "/trade/BTCUSDT/bar/")
    return re.findall(r'href="/trade/([\w:]+)/"', page.content.decode())


def test_everything_connected_is_offered_until_the_owner_chooses(alpha: Exchange, owner: Client) -> None:
    page = owner.get(EDITOR).content.decode()

    assert re.findall(r'name="venues" value="(\w+)"( checked)?', page) == [
        ("hyperliquid", " checked"),
        ("aster", " checked"),
    ]
    assert offered(browser_at(alpha, alpha.trader)) == ["hyperliquid:BTC", "aster:BTCUSDT"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["aster"], ["aster:BTCUSDT"]),
        (["hyperliquid"], ["hyperliquid:BTC"]),
        (["aster", "hyperliquid"], ["hyperliquid:BTC", "aster:BTCUSDT"]),
    ],
)
def test_traders_find_the_markets_of_the_chosen_venues(
    alpha: Exchange, owner: Client, chosen: list[str], expected: list[str]
) -> None:
    answer = owner.post(EDITOR, fields(alpha, venues=chosen))

    assert answer.status_code == 302
    assert offered(browser_at(alpha, alpha.trader)) == expected


def test_choice_is_on_record_with_before_and_after(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, venues=["aster"]))

    (event,) = events(alpha)
    assert (event.before, event.after) == ({"venues": "every connected one"}, {"venues": "Aster"})


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ([], "Choose at least one venue: traders have nowhere to trade otherwise."),
        (["binance"], "Choose from the venues shown."),
    ],
)
def test_choice_that_makes_no_sense_is_refused_beside_its_field(
    alpha: Exchange, owner: Client, chosen: list[str], sentence: str
) -> None:
    answer = owner.post(EDITOR, fields(alpha, venues=chosen))

    assert answer.status_code == 422
    assert re.search(rf'id="error_venues"[^>]*>{re.escape(sentence)}</p>', answer.content.decode())
    assert (policy_of(alpha).venues, events(alpha)) == ([], [])


def test_choice_that_leaves_no_market_is_refused_when_saved_and_in_the_preview(alpha: Exchange, owner: Client) -> None:
    with operator_scope(alpha.operator.pk):
        MarketChoice(venue="aster", name="BTCUSDT", is_offered=False).save()
    typed, sentence = fields(alpha, venues=["aster"]), "That leaves your traders no market"

    saved = owner.post(EDITOR, typed)
    previewed = browser_at(alpha, alpha.owner, htmx=True).post(PREVIEW, typed).content.decode()

    assert (saved.status_code, policy_of(alpha).venues, events(alpha)) == (422, [], [])
    for page in (saved.content.decode(), previewed):
        assert re.search(rf'id="error_venues"[^>]*>{sentence}', page)
    assert owner.post(EDITOR, fields(alpha, venues=["aster", "hyperliquid"])).status_code == 302


def test_choice_that_stays_as_it_is_keeps_nobody_from_lowering_a_cap(alpha: Exchange, owner: Client) -> None:
    Market.objects.filter(venue="aster").update(is_delisted=True)
    with operator_scope(alpha.operator.pk):
        MarginPolicy.objects.update(venues=["aster"])

    answer = owner.post(EDITOR, fields(alpha, venues=["aster"], leverage_cap="3"))

    assert (answer.status_code, policy_of(alpha).leverage_cap, policy_of(alpha).venues) == (302, 3, ["aster"])


def test_venue_whose_markets_are_not_read_yet_may_be_chosen_if_new_ones_are_offered(
    alpha: Exchange, owner: Client
) -> None:
    Market.objects.filter(venue="aster").delete()
    statuses = []
    for offers_new in (False, True):
        with operator_scope(alpha.operator.pk):
            MarginPolicy.objects.update(offers_new_markets=offers_new)
        statuses.append(owner.post(EDITOR, fields(alpha, venues=["aster"])).status_code)

    assert statuses == [422, 302]


def test_one_connected_venue_is_no_choice(alpha: Exchange, market: Market) -> None:
    with operator_scope(alpha.operator.pk):
        MarginPolicy.objects.update(venues=["hyperliquid"])
    owner = browser_at(alpha, alpha.owner)

    page = owner.get(EDITOR).content.decode()
    owner.post(EDITOR, fields(alpha, isolated_leverage="4"))

    assert 'name="venues"' not in page
    assert (policy_of(alpha).venues, policy_of(alpha).isolated_leverage) == (["hyperliquid"], 4)


def test_another_operators_choice_is_its_own(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, venues=["aster"]))

    assert offered(browser_at(beta, beta.trader)) == ["hyperliquid:BTC", "aster:BTCUSDT"]
