"""The positions panel over HTTP: margin with a preview, closing, cancelling, and whose position it is."""

import re
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from tests.factories import make_command
from tests.trading.conftest import Desk, open_desk
from tests.trading.tickets import ticket
from trading.live.shapes import announce
from trading.margin.types import MarginMode
from trading.models import Command, Market, Order, Position, VenueAccount
from trading.recent import forget_desks
from trading.services.orders import place_order


@pytest.fixture
def held(desk: Desk, browser: Client) -> Position:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position: Position = Position.objects.select_related("market").get()
    return position


def margin(position: Position, **changes: str) -> tuple[str, dict[str, str]]:
    values = {"form_key": str(uuid4()), "direction": "add", "amount": "50"}
    return f"/positions/{position.pk}/margin/change/", values | changes


def test_row_shows_what_can_be_lost_and_how_far_it_is(browser: Client, held: Position) -> None:
    page = browser.get("/positions/").content.decode()

    for text in ("BTC", "Isolated 5x", "Long", "860.00", "171.6", "69,7", "Close"):
        assert text in page


def test_preview_moves_the_liquidation_price_before_anything_is_sent(browser: Client, held: Position) -> None:
    preview = browser.get(
        f"/positions/{held.pk}/margin/preview/", {"direction": "add", "amount": "50"}
    ).content.decode()

    # Bought at 86,001: (860.01 − 171.613) / (0.01 · 0.9875) = 69,711.1; with 50 more in the bucket 64,647.8. Both are
    # shown towards the mark (Hyperliquid 3.3, 3.4).
    assert "69,712" in preview
    assert "64,648" in preview
    assert "Add 50 USDC" in preview
    assert Command.objects.filter(kind="margin").count() == 0


def test_margin_is_added_once_for_one_form(browser: Client, held: Position) -> None:
    address, form = margin(held)

    first, second = browser.post(address, form), browser.post(address, form)

    assert "Done: add 50 margin, BTC" in first.content.decode()
    assert second.status_code == 200
    assert Position.objects.get().cash == held.cash + 50
    assert browser.post(address, form | {"amount": "60"}).status_code == 409


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": ""}, "Enter an amount."),
        ({"amount": "x"}, "The amount has to be a number"),
        ({"amount": "NaN"}, "The amount has to be a plain number"),
        ({"amount": "-5"}, "The amount has to be above zero"),
        ({"amount": "1.001"}, "The amount takes at most 2 decimals"),
        ({"amount": "1000000"}, "more than can be moved"),
        ({"amount": "150", "direction": "remove"}, "more than can be moved"),
        ({"form_key": ""}, "This form has expired"),
        ({"direction": "price", "target": "90000"}, "A long is liquidated below the mark"),
        ({"direction": "price", "target": "100%"}, "A long is liquidated below the mark"),
        ({"direction": "price", "target": "x"}, "The price has to be a number"),
        ({"direction": "price", "target": ""}, "Enter an amount."),
        ({"direction": "price", "target": "84000"}, "141.1 USDC is more than can be moved: 0 is the most."),
        ({"seen_liquidation": "70000"}, "The estimate moved while you decided"),
        ({"seen_liquidation": ""}, "The estimate moved while you decided"),
    ],
)
def test_bad_amount_gets_a_sentence_and_nothing_is_sent(
    browser: Client, held: Position, changes: dict[str, str], sentence: str
) -> None:
    address, form = margin(held, **changes)

    answer = browser.post(address, form)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Command.objects.filter(kind="margin").count() == 0


def test_amount_that_cannot_be_moved_leaves_every_figure_as_it_is(browser: Client, held: Position) -> None:
    """No loss of 0.00 stands beside what will be refused."""

    def told(amount: str, direction: str = "remove") -> tuple[str, list[str]]:
        fields = {"direction": direction, "amount": amount}
        page = browser.get(f"/positions/{held.pk}/margin/preview/", fields).content.decode()
        return page, re.findall(r"<d[td].*?</d[td]>", page, re.DOTALL)

    refused, figures = told("99999")

    assert "more than can be moved" in refused
    assert figures == told("")[1]
    assert figures != told("1", "add")[1]


def test_tables_that_are_fetched_at_once_share_one_reading(
    desk: Desk,
    browser: Client,
    held: Position,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_for_a_minute(monkeypatch)
    first = browser.get("/positions/").content

    with django_assert_num_queries(0):
        assert browser.get("/positions/").content == first
        assert "No open orders" in browser.get("/orders/").content.decode()


@pytest.fixture
def remembered(browser: Client, held: Position, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table with the one position, shown and kept for a minute."""
    remember_for_a_minute(monkeypatch)
    assert browser.get("/positions/").content.decode().count("data-row") == 1


@pytest.mark.usefixtures("remembered")
def test_announced_change_is_never_hidden_by_what_is_remembered(desk: Desk, browser: Client) -> None:
    Position.objects.all().delete()
    announce(desk.operator.pk, desk.account.pk)

    assert "No open positions" in browser.get("/positions/").content.decode()


@pytest.mark.usefixtures("remembered")
def test_table_after_a_command_is_read_anew(browser: Client, held: Position) -> None:
    browser.post(f"/positions/{held.pk}/close/now/", {"form_key": str(uuid4())})

    assert "No open positions" in browser.get("/positions/").content.decode()


def test_remembered_table_is_one_traders_alone(
    desk: Desk, browser: Client, held: Position, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_for_a_minute(monkeypatch)
    bob = open_desk(desk.sandbox, desk.operator, "bob@alpha.example")
    answer = browser.get("/positions/")
    assert (answer.content.decode().count("data-row"), answer["Vary"]) == (1, browser.get("/positions/")["Vary"])
    assert "Cookie" in answer["Vary"]

    browser.force_login(bob.trader)

    assert "No open positions" in browser.get("/positions/").content.decode()


def remember_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that a busy machine cannot outrun."""
    for name in ("trading.recent", "tenants.recent", "tenants.hosts"):
        monkeypatch.setattr(f"{name}.REMEMBERED_SECONDS", 60)
    monkeypatch.setattr("tenants.recent.SESSION_SECONDS", 60)


def test_close_is_answered_even_when_the_position_is_gone(browser: Client, held: Position) -> None:
    address, form = f"/positions/{held.pk}/close/now/", {"form_key": str(uuid4())}
    assert "Close 0.01 BTC at market" in browser.get(f"/positions/{held.pk}/close/").content.decode()

    first, second = browser.post(address, form), browser.post(address, form)

    assert "Filled: sell 0.01 BTC at market" in first.content.decode()
    assert second.status_code == 200
    assert not Position.objects.exists()


def test_resting_order_is_listed_and_cancelled(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    assert "80,000" in browser.get("/orders/").content.decode()

    answer = browser.post(f"/orders/{order.pk}/cancel/", {"form_key": str(uuid4())})

    assert "Done: cancel BTC order" in answer.content.decode()
    assert "No open orders" in browser.get("/orders/").content.decode()


def test_cross_position_offers_no_margin_of_its_own(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(mode=MarginMode.CROSS))
    held = Position.objects.get()

    assert "shared" in browser.get("/positions/").content.decode()
    assert browser.get(f"/positions/{held.pk}/margin/").status_code == 404


def test_another_traders_rows_do_not_exist(desk: Desk, browser: Client, held: Position) -> None:
    bob = open_desk(desk.sandbox, desk.operator, "bob@alpha.example")
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order, command = Order.objects.get(), Command.objects.first()
    assert command is not None
    browser.force_login(bob.trader)
    key = {"form_key": str(uuid4()), "amount": "5", "direction": "add"}

    assert browser.get(f"/positions/{held.pk}/margin/").status_code == 404
    assert browser.get(f"/positions/{held.pk}/margin/preview/?amount=5").status_code == 404
    assert browser.post(f"/positions/{held.pk}/margin/change/", key).status_code == 404
    assert browser.get(f"/positions/{held.pk}/close/").status_code == 404
    assert browser.post(f"/positions/{held.pk}/close/now/", key).status_code == 404
    assert browser.post(f"/orders/{order.pk}/cancel/", key).status_code == 404
    assert browser.get(f"/commands/{command.pk}/").status_code == 404
    assert "No open positions" in browser.get("/positions/").content.decode()


def test_position_nobody_can_value_is_closed_all_the_same(browser: Client, held: Position) -> None:
    Position.objects.update(mark_price=0)
    margin_path = f"/positions/{held.pk}/margin/"

    for path in ("/trade/BTC/", "/positions/", "/account/", margin_path, f"{margin_path}preview/?amount=5"):
        answer = browser.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert "These figures cannot be read right now." in answer.content.decode()
    taken_out = margin(held)[1] | {"direction": "remove"}
    assert browser.post(f"{margin_path}change/", taken_out).status_code == 422
    assert browser.post(f"{margin_path}change/", margin(held)[1]).status_code == 200
    assert Position.objects.get().cash == held.cash + 50
    Position.objects.update(mark_price=0)
    assert "Close 0.01 BTC at market" in browser.get(f"/positions/{held.pk}/close/").content.decode()

    answer = browser.post(f"/positions/{held.pk}/close/now/", {"form_key": str(uuid4())})
    assert "Filled: sell 0.01 BTC at market" in answer.content.decode()
    assert not Position.objects.exists()


def test_account_that_is_not_shown_cannot_be_acted_on(desk: Desk, browser: Client, held: Position) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get(is_open=True)
    VenueAccount.objects.update(is_current=False)
    key = {"form_key": str(uuid4()), "amount": "5", "direction": "add"}

    assert browser.get(f"/positions/{held.pk}/margin/").status_code == 404
    assert browser.get(f"/positions/{held.pk}/margin/preview/?amount=5").status_code == 404
    assert browser.post(f"/positions/{held.pk}/margin/change/", key).status_code == 404
    assert browser.get(f"/positions/{held.pk}/close/").status_code == 404
    assert browser.post(f"/positions/{held.pk}/close/now/", key).status_code == 404
    assert browser.post(f"/orders/{order.pk}/cancel/", key).status_code == 404


@pytest.mark.parametrize(
    "path", ["/trade/BTC/book/", "/trade/BTC/bar/", "/trade/BTC/candles/", "/banner/", "/account/"]
)
def test_panel_is_only_read(browser: Client, path: str) -> None:
    assert browser.post(path).status_code == 405


def test_panel_asks_the_database_the_same_at_1_and_30_rows(
    browser: Client,
    held: Position,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_for_a_minute(monkeypatch)
    browser.get("/positions/")
    forget_desks()
    # The accounts, the policy, preferences, positions, orders, their markets and what is being checked; not the person.
    with django_assert_num_queries(7):
        browser.get("/positions/")
    template = Market.objects.get(name="ETH")
    for index in range(29):
        spec = template.spec | {"name": f"T{index}"}
        market = Market.objects.create(
            venue="hyperliquid", network="testnet", name=f"T{index}", index=1000 + index, max_leverage=25, spec=spec,
            mark_price=3000,
        )  # fmt: skip
        Position(
            account=held.account, market=market, size=1, entry_price=3000, mark_price=3000, mode="isolated", leverage=5,
            margin=600, cash=-2400, unrealised_pnl=0, max_leverage=25, venue_time=held.venue_time,
        ).save()  # fmt: skip

    forget_desks()
    with django_assert_num_queries(7):
        page = browser.get("/positions/").content.decode()

    assert page.count("data-row") == 30


def test_whole_page_reads_what_is_held_once(desk: Desk, held: Position) -> None:
    client = Client(HTTP_HOST="alpha.localhost")
    client.force_login(desk.trader)
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/trade/BTC/").content.decode()

    asked = [row["sql"] for row in captured]
    tables = ("trading_position", "trading_order", "trading_preference")
    assert page.count("data-row data-market") == 1
    assert {table: sum(f'FROM "{table}"' in sql for sql in asked) for table in tables} == dict.fromkeys(tables, 1)


def test_working_shows_the_steps_with_the_traders_numbers(browser: Client, held: Position) -> None:
    page = browser.get(f"/positions/{held.pk}/working/").content.decode()

    # Bought at 86,001 with 171.613 in the bucket: 688.397 of cash short, liquidation at 69,711.1 (Hyperliquid 3.4).
    for text in ("Liquidation price", "Maintenance rate at liquidation", "−688.397", "69,711.089", "171.612996"):
        assert text in page


def test_every_position_with_an_open_command_says_so_and_the_newest_five_are_told(
    browser: Client, desk: Desk, held: Position
) -> None:
    make_command(desk.account, held.market)
    other = Market.objects.exclude(pk=held.market_id).first()
    assert other
    for nonce in range(2, 8):
        make_command(desk.account, other, nonce)
    forget_desks()

    assert '<span class="word">checking</span>' in browser.get("/positions/").content.decode()
    assert browser.get("/trade/BTC/").content.decode().count('id="notice-') == 5
