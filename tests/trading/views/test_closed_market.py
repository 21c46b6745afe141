"""A market that the operator has closed: nothing new, every way out, and nobody else finds it."""

import re
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tenants.models import MarginPolicy, MarketChoice, Operator
from tenants.scope import operator_scope
from tests.factories import make_user
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from tests.trading.views.closed_market import PAGE, cap_market
from tests.trading.views.forms import ORDER, QUOTE, fields
from trading.models import Command, Order, Position
from trading.models.commands import CommandKind
from trading.recent import forget_desks
from trading.services.orders import place_order

CLOSED = "This exchange has closed BTC for new positions. You can add margin, reduce and close."


def close_market(name: str = "BTC") -> None:
    MarketChoice(venue="hyperliquid", name=name, is_offered=False).save()
    forget_desks()


@pytest.fixture
def held(desk: Desk, browser: Client) -> Position:
    """0.01 BTC long at 10x, in a market that is closed afterwards."""
    place_order(desk.adapter, desk.account, desk.market, ticket())
    close_market()
    position: Position = Position.objects.get()
    return position


def whole_page(desk: Desk) -> Client:
    """The same trader's browser on its way to a whole page."""
    client = Client(HTTP_HOST="alpha.localhost")
    client.force_login(desk.trader)
    return client


def sent() -> int:
    return len(Command.objects.filter(kind__in=[CommandKind.ORDER, CommandKind.ORDERS]))


def test_stranger_finds_neither_page_nor_entry_and_cannot_open(desk: Desk, browser: Client) -> None:
    close_market()

    assert whole_page(desk).get(PAGE).status_code == 404
    assert "hyperliquid:BTC/" not in browser.get("/trade/ETH/").content.decode()
    assert browser.get("/").headers["Location"] != PAGE
    answer = browser.post(ORDER, fields())
    assert (answer.status_code, CLOSED in answer.content.decode(), sent()) == (422, True, 0)


def test_holder_keeps_the_page_with_a_ticket_that_takes_the_position_back(browser: Client, held: Position) -> None:
    page = browser.get(PAGE).content.decode()

    assert CLOSED in page
    assert re.search(r'id="side-short" name="side" value="short"\s+checked', page)
    assert 'name="reduce_only" value="on" checked' in page
    assert 'href="/trade/hyperliquid:BTC/"' not in browser.get("/trade/BTC/bar/").content.decode()


def test_whoever_has_a_resting_order_keeps_the_page_and_may_cancel(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80_000)))
    order = Order.objects.get(is_open=True)
    close_market()

    assert whole_page(desk).get(PAGE).status_code == 200
    assert browser.post(f"/orders/{order.pk}/cancel/", {"form_key": str(uuid4())}).status_code == 200
    assert whole_page(desk).get(PAGE).status_code == 404


def test_open_page_of_a_market_that_is_closed_now_still_renews_its_stream(desk: Desk, browser: Client) -> None:
    close_market()
    part = browser.get(PAGE)

    assert (part.status_code, "/live/?ticket=" in part.content.decode()) == (200, True)
    assert CLOSED in browser.post(ORDER, fields()).content.decode()


def test_first_page_is_that_of_a_resting_order_where_nothing_is_offered(desk: Desk, browser: Client) -> None:
    MarginPolicy.objects.update_or_create(defaults={"offers_new_markets": False})
    assert browser.get("/").status_code == 503

    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80_000)))
    assert browser.get("/").headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, CLOSED),
        ({"kind": "limit", "price": "80000"}, CLOSED),
        ({"side": "short", "size": "0.02"}, CLOSED),
        ({"side": "short", "size": "0.005"}, f"{CLOSED} Tick “Reduce only” to send this one."),
    ],
)
def test_what_adds_or_might_is_refused_with_the_sentence(
    browser: Client, held: Position, changes: dict[str, str], sentence: str
) -> None:
    before = sent()
    answer = browser.post(ORDER, fields(**changes))

    assert (answer.status_code, sentence in answer.content.decode(), sent()) == (422, True, before)


def test_reversal_is_refused_and_closing_is_not(browser: Client, held: Position) -> None:
    address = f"/positions/{held.pk}/close/now/"
    flip = browser.post(address, {"form_key": str(uuid4()), "kind": "flip"})

    assert (flip.status_code, CLOSED in flip.content.decode()) == (422, True)
    assert browser.post(address, {"form_key": str(uuid4())}).status_code == 200
    assert not Position.objects.exists()


def test_reducing_margin_and_exits_work_as_ever(browser: Client, held: Position) -> None:
    def key() -> dict[str, str]:
        return {"form_key": str(uuid4())}

    reduced = browser.post(ORDER, fields(side="short", size="0.005", reduce_only="on"))
    margin = browser.post(f"/positions/{held.pk}/margin/change/", key() | {"direction": "add", "amount": "10"})
    exits = browser.post(f"/positions/{held.pk}/exits/set/", key() | {"stop_loss": "82000"})

    assert (reduced.status_code, margin.status_code, exits.status_code) == (200, 200, 200)
    assert Position.objects.get().size == Decimal("0.005")
    assert Order.objects.filter(is_open=True, reduce_only=True).count() == 1


def test_resting_order_that_could_open_is_not_changed_any_more(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80_000)))
    order = Order.objects.get(is_open=True)
    close_market()

    typed = {"form_key": str(uuid4()), "price": "81000", "size": "0.01"}
    answer = browser.post(f"/orders/{order.pk}/change/now/", typed)

    assert (answer.status_code, CLOSED in answer.content.decode()) == (422, True)
    assert Order.objects.get(is_open=True).limit_price == Decimal(80_000)


def test_closing_the_last_of_it_without_scripts_is_told_at_another_market(desk: Desk, held: Position) -> None:
    plain = whole_page(desk)

    closed = plain.post(f"/positions/{held.pk}/close/now/", {"form_key": str(uuid4())})
    led = plain.get(closed.headers["Location"])

    assert (closed.status_code, led.status_code) == (302, 302)
    assert not led.headers["Location"].startswith(PAGE)
    assert "Filled: sell 0.01 BTC" in plain.get(led.headers["Location"]).content.decode()


def test_closed_market_of_another_operator_is_open_here(desk: Desk, browser: Client) -> None:
    other = Operator.objects.create(slug="beta", name="Beta")
    with operator_scope(other.pk):
        make_user("bob@beta.example")
        close_market()

    assert browser.get(PAGE).status_code == 200
    assert browser.post(ORDER, fields()).status_code == 200


def test_cap_of_a_market_clamps_the_ticket_and_holds_on_the_server(desk: Desk, browser: Client) -> None:
    cap_market(4)

    page = browser.get(PAGE).content.decode()
    refused = browser.post(ORDER, fields(leverage="5"))

    assert ('max="4"' in page, 'type="text" inputmode="numeric" value="4"' in page) == (True, True)
    assert "Up to 4x here; the venue allows 40x." in page
    assert refused.status_code == 422
    assert "4x is the highest this exchange offers on BTC" in refused.content.decode()
    assert browser.post(ORDER, fields(leverage="4")).status_code == 200
    assert 'max="25"' in browser.get("/trade/ETH/").content.decode()


def test_bar_and_list_of_markets_show_what_may_be_chosen_here(browser: Client) -> None:
    before = [shown_leverages(browser, page) for page in (PAGE, "/trade/BTC/bar/")]
    cap_market(4)

    assert before == [("40x max", {"BTC-PERP": "40x", "ETH-PERP": "25x"})] * 2
    after = [shown_leverages(browser, page) for page in (PAGE, "/trade/BTC/bar/")]
    assert after == [("4x max", {"BTC-PERP": "4x", "ETH-PERP": "25x"})] * 2


def shown_leverages(browser: Client, page: str) -> tuple[str, dict[str, str]]:
    """Beside the market's name, and beside two names in the list."""
    bar = browser.get(page).content.decode().partition('id="market_bar"')[2]
    (badge,) = re.findall(r'<h1>BTC-PERP</h1> <span class="badge">([^<]*)</span>', bar)
    listed = dict(re.findall(r'<span>(\S+) <span class="unit">([^<]*)</span>', bar))
    return badge, {name: listed[name] for name in ("BTC-PERP", "ETH-PERP")}


def test_position_above_the_cap_is_left_alone_and_can_be_closed(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    cap_market(4)

    assert browser.get(PAGE).status_code == 200
    assert Position.objects.get().leverage == 10
    answer = browser.post(ORDER, fields(side="short", leverage="4", reduce_only="on"))
    assert (answer.status_code, Position.objects.exists()) == (200, False)


def test_quote_in_a_closed_market_asks_the_database_nothing_more(
    desk: Desk, browser: Client, held: Position, django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("trading.recent.REMEMBERED", "tenants.recent.REMEMBERED", "tenants.recent.SESSION"):
        monkeypatch.setattr(f"{name}_SECONDS", 60)
    monkeypatch.setattr("tenants.hosts.REMEMBERED_SECONDS", 60)
    monkeypatch.setattr("trading.recent.RULES_SECONDS", 60)
    browser.get(QUOTE, fields())

    with django_assert_num_queries(0):
        page = browser.get(QUOTE, fields(leverage="7")).content.decode()
    assert CLOSED in page
