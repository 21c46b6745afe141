"""The margin policy's editor: checked, previewed, in force at once, on record."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.test import Client

from tenants.models import MarginPolicy
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at, make_market
from tests.tenants.console.margin_page import EDITOR, PREVIEW, events, fields, policy_of
from trading.margin.types import MarginRestriction
from trading.models import Market, Preference


@pytest.fixture
def owner(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.owner)


def test_policy_is_in_force_on_the_traders_next_page(alpha: Exchange, owner: Client, market: Market) -> None:
    trader = browser_at(alpha, alpha.trader)
    before = trader.get("/trade/BTC/").content.decode()

    answer = owner.post(EDITOR, fields(alpha, isolated_leverage="4", leverage_cap="8", slider_marks="2 4 6x"))

    after = trader.get("/trade/BTC/").content.decode()
    assert (answer.status_code, answer.headers["Location"]) == (302, EDITOR)
    assert ('name="leverage" type="text" inputmode="numeric" value="3"' in before, 'max="40"' in before) == (True, True)
    assert ('name="leverage" type="text" inputmode="numeric" value="4"' in after, 'max="8"' in after) == (True, True)
    assert [f'data-at="{mark}"' in after for mark in (1, 2, 4, 6, 8)] == [True] * 5
    assert 'data-at="10"' not in after


def test_traders_own_choice_is_never_overwritten(alpha: Exchange, owner: Client, alices: Belongings) -> None:
    owner.post(EDITOR, fields(alpha, offers_cross=None, isolated_leverage="2", leverage_cap="5"))

    with operator_scope(alpha.operator.pk):
        assert list(Preference.objects.values_list("mode", "leverage")) == [("isolated", 7)]


def test_change_is_on_record_with_before_and_after(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, leverage_cap="5x", margin_presets="100; 10,25.50", slider_marks="5 1 5"))

    (event,) = events(alpha)
    assert (event.actor_id, event.action, event.address) == (alpha.owner.pk, "margin policy changed", "127.0.0.1")
    assert event.before == {"leverage cap": "none", "slider marks": "1x · 3x · 5x · 10x", "margin presets": "25"}
    assert event.after == {"leverage cap": "5x", "slider marks": "1x · 5x", "margin presets": "10 · 25.5 · 100"}
    assert policy_of(alpha).margin_presets == [Decimal(10), Decimal("25.5"), Decimal(100)]


def test_saving_what_is_in_force_records_nothing(alpha: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha))

    assert events(alpha) == []


LEVERAGE = "Leverage is a whole number from 1 to 200, such as 3."
PRESET = "A preset is above zero, at most 1000000, with at most two decimals."


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("default_mode", "portfolio", "Choose isolated or cross."),
        *(
            ("isolated_leverage", typed, LEVERAGE)
            for typed in ("", "0", "-3", "2.5", "NaN", "201", "1e2", "٣", "9" * 99)
        ),
        ("cross_leverage", "ten", LEVERAGE),
        ("leverage_cap", "0", LEVERAGE),
        ("slider_marks", "1, two", LEVERAGE),
        ("slider_marks", "1 2 3 4 5 6 7 8 9", "There is room for 8 marks; these are 9."),
        *(("margin_presets", typed, PRESET) for typed in ("0", "-5", "1.001", "NaN", "Infinity", "1e3", "1000001")),
        ("margin_presets", "ten", "A preset is an amount, such as 25."),
        ("margin_presets", "1 2 3 4 5 6 7", "There is room for 6 presets; these are 7."),
        ("leverage_cap", "2", "3x is above your cap of 2x: lower it, or raise the cap."),
    ],
)
def test_bad_input_gets_a_sentence_and_is_kept(
    alpha: Exchange, owner: Client, field: str, typed: str, sentence: str
) -> None:
    answer = owner.post(EDITOR, fields(alpha, **{field: typed}))
    page = answer.content.decode()

    assert (answer.status_code, sentence in page, events(alpha)) == (422, True, [])
    assert f'value="{typed}"' in page or field == "default_mode"


def test_cross_cannot_be_the_default_where_it_is_not_offered(alpha: Exchange, owner: Client) -> None:
    answer = owner.post(EDITOR, fields(alpha, offers_cross=None, default_mode="cross"))

    assert (answer.status_code, policy_of(alpha).default_mode) == (422, "isolated")
    assert "Cross cannot be the default while it is not offered." in answer.content.decode()


def test_second_owner_is_told_and_nothing_is_lost(alpha: Exchange, owner: Client) -> None:
    first, second = fields(alpha, isolated_leverage="4"), fields(alpha, isolated_leverage="5")
    owner.post(EDITOR, first)

    refused = owner.post(EDITOR, second)
    page = refused.content.decode()

    assert (refused.status_code, policy_of(alpha).isolated_leverage) == (409, 4)
    assert ("Somebody changed the margin policy" in page, 'value="5"' in page) == (True, True)
    version = policy_of(alpha).updated_at.isoformat()
    assert owner.post(EDITOR, second | {"based_on": version}).status_code == 302
    assert policy_of(alpha).isolated_leverage == 5


def test_policy_of_one_operator_leaves_the_other_alone(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    owner.post(EDITOR, fields(alpha, isolated_leverage="9"))

    assert (policy_of(alpha).isolated_leverage, policy_of(beta).isolated_leverage) == (9, 3)


def test_operator_without_a_policy_gets_one(alpha: Exchange, owner: Client) -> None:
    values = fields(alpha, based_on="never", isolated_leverage="6")
    with operator_scope(alpha.operator.pk):
        MarginPolicy.objects.all().delete()

    assert owner.get(EDITOR).status_code == 200
    assert owner.post(EDITOR, values).status_code == 302
    assert policy_of(alpha).isolated_leverage == 6


def test_preview_shows_slider_table_and_conflicts_and_saves_nothing(alpha: Exchange, market: Market) -> None:
    make_market("OP", 5, "2.1", index=1)
    make_market("NEW", 3, "1.5", MarginRestriction.ISOLATED_ONLY, index=2)
    owner = browser_at(alpha, alpha.owner, htmx=True)

    typed = fields(alpha, default_mode="cross", isolated_leverage="10", slider_marks="1 10 20", market="hyperliquid:OP")
    fragment = owner.post(PREVIEW, typed).content.decode()
    frame = fragment.partition('<iframe src="')[2].partition('"')[0].replace("&amp;", "&")
    ticket = owner.get(frame).content.decode()

    assert "10x (venue max 40x)" in fragment
    assert "5x (venue max 5x)" in fragment
    assert "<strong>OP.</strong> The venue allows 5x, so the isolated default of 10x becomes 5x." in fragment
    assert "<strong>NEW.</strong> The venue takes isolated margin only" in fragment
    assert ('max="5"' in ticket, 'data-at="10"' in ticket, "htmx.min" in ticket) == (True, False, False)
    assert (policy_of(alpha).isolated_leverage, events(alpha)) == (3, [])


def test_example_ticket_answers_what_is_typed_into_it(alpha: Exchange, market: Market) -> None:
    owner = browser_at(alpha, alpha.owner, htmx=True)
    fragment = owner.post(PREVIEW, fields(alpha)).content.decode()
    frame = fragment.partition('<iframe src="')[2].partition('"')[0].replace("&amp;", "&")
    order = {"side": "short", "size": "0.1", "leverage": "2"}
    opened, typed = (owner.get(f"{frame}&{urlencode(fields)}").content.decode() for fields in ({}, order))

    assert "Example figures: a new trader with 12,480.00 USDC at present prices." in opened
    assert ('data-spoken="3x, margin' in opened, 'data-spoken="2x, margin' in typed) == (True, True)
    assert ("Buy / Long 0" in opened, ">Sell / Short 0.1 BTC</button>" in typed) == (True, True)


def test_preview_names_mistakes_beside_their_fields(alpha: Exchange, market: Market) -> None:
    owner = browser_at(alpha, alpha.owner, htmx=True)
    fragment = owner.post(PREVIEW, fields(alpha, leverage_cap="nonsense")).content.decode()

    assert f'id="error_leverage_cap" role="status" hx-swap-oob="outerMorph">{LEVERAGE}</p>' in fragment


def test_start_fills_the_form_and_saves_nothing(alpha: Exchange, owner: Client, market: Market) -> None:
    page = owner.get(EDITOR, {"start": "beginners"}).content.decode()

    assert ('value="1, 2, 3, 4, 5"' in page, policy_of(alpha).slider_marks) == (True, [1, 3, 5, 10])


@pytest.mark.parametrize("policy", ["", "nonsense", "eyJhIjoxfQ:1abcde:forged"])
def test_policy_that_was_not_signed_here_is_not_shown(owner: Client, policy: str) -> None:
    assert owner.get("/console/frames/ticket/", {"policy": policy}).status_code == 404
