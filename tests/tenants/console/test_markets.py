"""The owner's choice of markets: in force at once, on record, told before it is saved, and his alone."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tenants.models import AuditEvent, MarginPolicy, MarketChoice
from tenants.scope import operator_scope
from tests.factories import Exchange, browser_at, make_account, make_market, make_order, make_position
from tests.tenants.console.markets_page import PAGE, PREVIEW, fields, listed
from trading.live import board, keys
from trading.live.connections import blocking
from trading.models import Market, Order, Position, VenueAccount
from trading.venues.snapshots import Network, Venue

BTC, ETH, KAITO = (f"hyperliquid:{name}" for name in ("BTC", "ETH", "KAITO"))


@pytest.fixture
def owner(alpha: Exchange, market: Market) -> Client:
    """Olga, at a venue with three markets and no price on its board, whatever a test before has put there."""
    blocking().delete(keys.board(Venue.HYPERLIQUID, Network.TESTNET))
    board.forget()
    make_market("ETH", 25, "2736.5", index=1)
    make_market("KAITO", 10, "1.5", index=2)
    return browser_at(alpha, alpha.owner)


def save(owner: Client, **changes: Any) -> Any:
    return owner.post(PAGE, fields(owner, **changes))


def choices(exchange: Exchange) -> list[tuple[str, bool, int | None, int | None]]:
    with operator_scope(exchange.operator.pk):
        rows = MarketChoice.objects.order_by("name")
        return [(row.name, row.is_offered, row.place, row.leverage_cap) for row in rows]


def events(exchange: Exchange) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    with operator_scope(exchange.operator.pk):
        return [(row.action, row.before, row.after) for row in AuditEvent.objects.order_by("id")]


def offered_to(exchange: Exchange) -> list[str]:
    """The markets in the list of a trader, in its order."""
    page = browser_at(exchange, exchange.trader).get("/trade/BTC/bar/").content.decode()
    return re.findall(r'href="/trade/([\w:]+)/"', page)


def hold(exchange: Exchange, market: Market, number: int, leverage: int = 5) -> Position:
    with operator_scope(exchange.operator.pk):
        account = VenueAccount.objects.first() or make_account(exchange.trader, f"0x{number:040x}")
        return make_position(account, market, leverage=leverage)


def test_every_market_is_offered_until_the_owner_chooses(alpha: Exchange, owner: Client) -> None:
    page = owner.get(PAGE).content.decode()

    assert re.findall(r'name="offered" value="([\w:]+)"[^>]*?( checked)', page) == [
        (BTC, " checked"),
        (ETH, " checked"),
        (KAITO, " checked"),
    ]
    assert ("3 of 3 offered" in page, 'name="offers_new" value="on" checked' in page) == (True, True)
    assert offered_to(alpha) == [BTC, ETH, KAITO]
    assert choices(alpha) == []


def test_choice_is_in_force_at_once_and_on_record(alpha: Exchange, owner: Client) -> None:
    answer = save(owner, offered=[BTC, ETH], **{f"cap:{BTC}": "5x", f"place:{ETH}": "1"})

    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert choices(alpha) == [("BTC", True, None, 5), ("ETH", True, 1, None), ("KAITO", False, None, None)]
    assert offered_to(alpha) == [ETH, BTC]
    assert events(alpha) == [
        (
            "markets changed",
            {"KAITO": "offered", "leverage cap of BTC": "none", "shown first": "none"},
            {"KAITO": "not offered", "leverage cap of BTC": "5x", "shown first": "ETH"},
        )
    ]


def test_only_what_changed_is_on_record_and_markets_with_the_same_change_together(
    alpha: Exchange, owner: Client
) -> None:
    save(owner, offered=[BTC])
    save(owner, offered=[BTC])
    save(owner, offered=[BTC, ETH, KAITO])

    assert [(before, after) for _, before, after in events(alpha)] == [
        ({"ETH, KAITO": "offered"}, {"ETH, KAITO": "not offered"}),
        ({"ETH, KAITO": "not offered"}, {"ETH, KAITO": "offered"}),
    ]
    assert choices(alpha) == []


def test_record_is_shown_with_the_names_as_they_are(alpha: Exchange, owner: Client) -> None:
    save(owner, offered=[BTC])

    assert "ETH, KAITO" in owner.get("/console/audit/").content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({f"cap:{BTC}": "41"}, "40x is the most that the venue allows."),
        ({f"cap:{BTC}": "0"}, "A whole number from 1 up."),
        ({f"cap:{BTC}": "2.5"}, "A whole number from 1 up."),
        ({f"cap:{BTC}": "NaN"}, "A whole number from 1 up."),
        ({f"cap:{BTC}": "٣"}, "A whole number from 1 up."),
        ({f"place:{BTC}": "0"}, "A place is a number from 1 to 999."),
        ({f"place:{BTC}": "-1"}, "A place is a number from 1 to 999."),
        ({f"place:{BTC}": "first"}, "A place is a number from 1 to 999."),
        ({f"place:{BTC}": "2", f"place:{ETH}": "2"}, "BTC has this place."),
        ({"offered": []}, "Offer at least one market: your traders have nowhere to trade otherwise."),
    ],
)
def test_choice_that_makes_no_sense_gets_a_sentence_and_is_kept(
    alpha: Exchange, owner: Client, changes: dict[str, Any], sentence: str
) -> None:
    answer = save(owner, **changes)
    page = answer.content.decode()

    assert (answer.status_code, sentence in page, choices(alpha), events(alpha)) == (422, True, [], [])
    for name, typed in changes.items():
        assert name == "offered" or f'name="{name}" type="text"' in page
        assert name == "offered" or f'value="{typed}"' in page


def test_cap_of_a_market_stays_below_the_common_one(alpha: Exchange, owner: Client) -> None:
    with operator_scope(alpha.operator.pk):
        MarginPolicy.objects.update(leverage_cap=8)

    assert "8x is the most that your own cap allows." in save(owner, **{f"cap:{BTC}": "9"}).content.decode()
    assert save(owner, **{f"cap:{BTC}": "8"}).status_code == 302


def test_cap_that_its_venue_has_undercut_is_no_obstacle_to_other_changes(alpha: Exchange, owner: Client) -> None:
    save(owner, **{f"cap:{BTC}": "30"})
    Market.objects.filter(name="BTC").update(max_leverage=20)
    row = Market.objects.get(name="BTC")
    Market.objects.filter(pk=row.pk).update(spec=row.spec | {"max_leverage": 20})

    assert save(owner, offered=[BTC, ETH]).status_code == 302
    assert choices(alpha) == [("BTC", True, None, 30), ("KAITO", False, None, None)]


def test_second_owner_is_told_and_nothing_is_lost(alpha: Exchange, owner: Client) -> None:
    first, second = fields(owner, offered=[BTC]), fields(owner, offered=[BTC, ETH])
    owner.post(PAGE, first)

    refused = owner.post(PAGE, second)
    page = refused.content.decode()

    assert (refused.status_code, offered_to(alpha)) == (409, [BTC])
    assert ("Somebody changed the markets while you were choosing" in page, "2 of 3 offered" in page) == (True, True)
    based_on = page.partition('name="based_on" value="')[2].partition('"')[0]
    assert owner.post(PAGE, second | {"based_on": based_on}).status_code == 302
    assert offered_to(alpha) == [BTC, ETH]


def test_change_of_the_margin_policy_and_of_the_markets_do_not_disturb_each_other(
    alpha: Exchange, owner: Client
) -> None:
    choice = fields(owner, offered=[BTC])
    with operator_scope(alpha.operator.pk):
        before = MarginPolicy.objects.get()
        before.isolated_leverage = 4
        before.save()

    assert owner.post(PAGE, choice).status_code == 302
    with operator_scope(alpha.operator.pk):
        after = MarginPolicy.objects.get()
    assert (after.isolated_leverage, after.updated_at) == (4, before.updated_at)


def test_operator_without_a_policy_may_choose_too(alpha: Exchange, owner: Client) -> None:
    with operator_scope(alpha.operator.pk):
        MarginPolicy.objects.all().delete()

    assert save(owner, offered=[ETH]).status_code == 302
    assert offered_to(alpha) == [ETH]


def test_two_operators_choose_differently_at_one_venue(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    others = browser_at(beta, beta.owner)

    save(owner, offered=[BTC], **{f"cap:{BTC}": "5"})
    save(others, offered=[ETH, BTC], **{f"place:{ETH}": "1"})

    assert (offered_to(alpha), offered_to(beta)) == ([BTC], [ETH, BTC])
    assert choices(alpha) == [("BTC", True, None, 5), ("ETH", False, None, None), ("KAITO", False, None, None)]
    assert choices(beta) == [("ETH", True, 1, None), ("KAITO", False, None, None)]


def test_new_markets_wait_where_the_owner_wants_to_see_them_first(alpha: Exchange, owner: Client) -> None:
    save(owner, offered=[BTC, ETH], offers_new="")
    make_market("NEW", 5, "1", index=3)

    assert offered_to(alpha) == [BTC, ETH]
    assert choices(alpha) == [("BTC", True, None, None), ("ETH", True, None, None)]
    assert events(alpha)[0][1:] == (
        {"KAITO": "offered", "new markets": "offered"},
        {"KAITO": "not offered", "new markets": "not offered"},
    )

    save(owner, offered=[BTC, "hyperliquid:NEW"], offers_new="on")
    make_market("NEWER", 5, "1", index=4)
    assert offered_to(alpha) == [BTC, "hyperliquid:NEW", "hyperliquid:NEWER"]


def test_market_that_came_while_the_page_was_open_is_decided_by_the_common_choice(
    alpha: Exchange, owner: Client
) -> None:
    form = fields(owner, offered=[BTC])
    make_market("NEW", 5, "1", index=3)

    assert owner.post(PAGE, form).status_code == 302
    assert offered_to(alpha) == [BTC, "hyperliquid:NEW"]


def test_delisted_market_is_shown_while_it_matters_and_its_choice_is_kept(
    alpha: Exchange, owner: Client, market: Market
) -> None:
    save(owner, **{f"cap:{ETH}": "5"})
    hold(alpha, Market.objects.get(name="KAITO"), 1)
    make_market("GONE", 5, "1", index=3)
    make_market("SHUT", 5, "1", index=4)
    with operator_scope(alpha.operator.pk):
        MarketChoice(venue="hyperliquid", name="SHUT", is_offered=False).save()
    Market.objects.exclude(pk=market.pk).update(is_delisted=True)

    page = owner.get(PAGE).content.decode()
    assert (listed(page), page.count("delisted at the venue")) == ([BTC, ETH, KAITO], 2)
    assert "1 of 1 offered" in page

    assert save(owner, **{f"cap:{BTC}": "20"}).status_code == 302
    assert choices(alpha) == [("BTC", True, None, 20), ("ETH", True, None, 5), ("SHUT", False, None, None)]


def test_consequences_are_told_before_saving(alpha: Exchange, owner: Client, market: Market) -> None:
    kaito = Market.objects.get(name="KAITO")
    hold(alpha, kaito, 1)
    hold(alpha, market, 1, leverage=20)
    with operator_scope(alpha.operator.pk):
        make_order(VenueAccount.objects.get(), kaito)
        Order.objects.update(reduce_only=False)
    scripted = browser_at(alpha, alpha.owner, htmx=True)

    typed = fields(owner, offered=[BTC], offers_new="", **{f"cap:{BTC}": "5", f"place:{BTC}": "1"})
    fragment = scripted.post(PREVIEW, typed).content.decode()

    told = re.findall(r"<span>([^<]+)</span></p>", fragment)
    assert told == [
        "1 trader holds a position in KAITO: he can add margin, reduce and close; nobody can open. "
        "1 resting order stays there until filled or cancelled.",
        "BTC: up to 5x instead of 40x. 1 position above it stays as it is.",
        "ETH: gone from the list of markets. None of your traders is in there.",
        "Shown first: BTC.",
        "A market that a venue adds is offered only once you say so here.",
    ]
    assert (choices(alpha), events(alpha)) == ([], [])
    assert "1 of 3 offered" in owner.post(PREVIEW, typed).content.decode()


def test_preview_of_what_is_in_force_says_so(owner: Client, alpha: Exchange) -> None:
    fragment = browser_at(alpha, alpha.owner, htmx=True).post(PREVIEW, fields(owner)).content.decode()

    assert "Nothing yet: this is what is in force." in fragment


def test_row_tells_price_age_volume_and_positions(alpha: Exchange, owner: Client, market: Market) -> None:
    hold(alpha, market, 1)
    Market.objects.filter(pk=market.pk).update(received_at=timezone.now() - timedelta(minutes=3))

    page = owner.get(PAGE).content.decode()
    row = page.partition('<tr data-filter="btc ')[2].partition("</tr>")[0]

    for text in ("64,794", "3 min old", "1.00\u202fM", "1 trader<", 'placeholder="40x"', "of 40x"):
        assert text in row


def test_positions_of_another_operator_are_not_counted(
    alpha: Exchange, beta: Exchange, owner: Client, market: Market
) -> None:
    hold(beta, market, 2)

    row = owner.get(PAGE).content.decode().partition('<tr data-filter="btc ')[2].partition("</tr>")[0]
    assert ("trader" in row, 'data-label="Open positions">0<' in row) == (False, True)


def test_venue_without_markets_is_an_empty_page(alpha: Exchange) -> None:
    page = browser_at(alpha, alpha.owner).get(PAGE).content.decode()

    assert ("No market is known yet" in page, "<table" in page) == (True, False)


def test_markets_of_two_venues_are_told_apart(alpha: Exchange, owner: Client, settings: Settings) -> None:
    settings.ASTER_URL = settings.HYPERLIQUID_URL
    make_market("KAITO", 75, "1.5", venue="aster")

    save(owner, offered=[BTC, ETH, KAITO])

    assert offered_to(alpha) == [BTC, ETH, KAITO]
    assert events(alpha) == [("markets changed", {"KAITO (Aster)": "offered"}, {"KAITO (Aster)": "not offered"})]
    assert re.findall(r'tr data-filter="([^"]+)"', owner.get(PAGE).content.decode()) == [
        "btc hyperliquid", "eth hyperliquid", "kaito hyperliquid", "kaito aster",
    ]  # fmt: skip


def list_more(count: int) -> None:
    """So many more markets at the venue of KAITO."""
    template = Market.objects.get(name="KAITO")
    Market.objects.bulk_create(
        Market(
            venue=template.venue, network=template.network, name=f"M{number}", index=10 + number, max_leverage=10,
            spec=template.spec | {"name": f"M{number}", "base": f"M{number}"}, mark_price=Decimal(1),
        )
        for number in range(count)
    )  # fmt: skip


def test_page_asks_the_same_at_3_and_300_markets(
    alpha: Exchange, owner: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def statements(count: int) -> None:
        # The person, the policy with its choices and its version, markets, positions, orders, and the brand.
        with django_assert_num_queries(7):
            assert len(listed(owner.get(PAGE).content.decode())) == count

    owner.get(PAGE)  # whose host it is, is remembered
    statements(3)
    list_more(297)
    with operator_scope(alpha.operator.pk):
        MarketChoice.objects.bulk_create(
            MarketChoice(venue="hyperliquid", name=f"M{number}", is_offered=False) for number in range(100)
        )
    statements(300)


def test_as_many_markets_as_the_venues_have_are_saved_at_once(alpha: Exchange, owner: Client) -> None:
    list_more(600)
    form = fields(owner)

    assert owner.post(PAGE, form | {f"cap:{BTC}": "7"}).status_code == 302
    assert choices(alpha) == [("BTC", True, None, 7)]
