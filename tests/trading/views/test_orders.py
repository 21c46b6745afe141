"""What a trader can do with orders and exits over HTTP: shown before, done once, and said why where not."""

import re
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.factories import make_market, make_order
from tests.trading.conftest import Desk, open_desk
from tests.trading.tickets import ticket
from tests.trading.views.forms import ORDER, fields
from trading.markets import market_named
from trading.models import Command, Order, Position
from trading.recent import forget_desks
from trading.services.orders import place_order


@pytest.fixture
def held(desk: Desk, browser: Client) -> Position:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position: Position = Position.objects.select_related("market").get()
    return position


def key(**fields: str) -> dict[str, str]:
    return {"form_key": str(uuid4()), **fields}


def open_orders() -> dict[str, Decimal]:
    return {order.trigger_kind: order.trigger_price for order in Order.objects.filter(is_open=True)}


def test_ticket_places_a_stop_and_its_row_says_what_it_waits_for(desk: Desk, browser: Client) -> None:
    answer = browser.post(ORDER, fields(kind="stop", trigger="90000", mode="isolated"))

    assert "Waiting: buy 0.01 BTC at market once the mark is 90,000" in answer.content.decode()
    page = browser.get("/orders/").content.decode()
    for text in ("Stop market", "Mark above 90,000", "Change", "Cancel all"):
        assert text in page


def test_ticket_sends_exits_with_the_entry_and_the_position_shows_them(desk: Desk, browser: Client) -> None:
    form = fields(protects="on", take_profit="90000", stop_loss="80000")

    first, second = browser.post(ORDER, form), browser.post(ORDER, form)

    assert "Filled: buy 0.01 BTC at market, take-profit at 90,000 and stop-loss at 80,000" in first.content.decode()
    assert second.status_code == 200
    assert Position.objects.get().size == Decimal("0.01")
    page = browser.get("/positions/").content.decode()
    assert "90,000" in page
    assert "80,000" in page


def test_exits_are_set_changed_and_taken_away(browser: Client, held: Position) -> None:
    address = f"/positions/{held.pk}/exits/set/"
    shown = browser.get(f"/positions/{held.pk}/exits/preview/?take_profit=90000&stop_loss=80000").content.decode()
    assert "Set take-profit and stop-loss" in shown
    # 0.01 · (90,000 − 86,001) less 0.045 % of 900, over 172.002 of margin.
    assert "+39.58" in shown
    assert "+23.0" in shown

    form = key(take_profit="90000", stop_loss="80000")
    browser.post(address, form)
    again = browser.post(address, form)
    assert (again.status_code, open_orders()) == (200, {"take_profit": Decimal(90000), "stop_loss": Decimal(80000)})
    assert browser.post(address, form | {"stop_loss": "81000"}).status_code == 409

    forget_desks()  # a preview may be a quarter of a second behind
    assert (
        "Set stop-loss"
        in browser.get(f"/positions/{held.pk}/exits/preview/?take_profit=90000&stop_loss=82000").content.decode()
    )
    browser.post(address, key(take_profit="90000", stop_loss="82000"))
    assert open_orders() == {"take_profit": Decimal(90000), "stop_loss": Decimal(82000)}
    assert 'value="82000"' in browser.get(f"/positions/{held.pk}/exits/").content.decode()

    assert "cancel 2 BTC orders" in browser.post(address, key()).content.decode()
    assert open_orders() == {}


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ({"take_profit": "85000"}, "would trigger at once"),
        ({"stop_loss": "87000"}, "would trigger at once"),
        ({"stop_loss": "60000"}, "this stop would never fire"),
        ({"stop_loss": "80000.5"}, "steps of 1"),
        ({"stop_loss": "x"}, "has to be a number"),
        ({}, "Nothing is changed"),
        ({"form_key": "", "stop_loss": "80000"}, "This form has expired"),
    ],
)
def test_exit_that_cannot_be_is_refused_with_a_sentence(
    browser: Client, held: Position, prices: dict[str, str], sentence: str
) -> None:
    answer = browser.post(f"/positions/{held.pk}/exits/set/", key(**prices) | prices)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert open_orders() == {}


def test_part_of_a_position_is_closed_once_and_says_what_it_frees(browser: Client, held: Position) -> None:
    address, form = f"/positions/{held.pk}/close/now/", key(kind="market", percent="25")
    shown = browser.get(f"/positions/{held.pk}/close/preview/?percent=25").content.decode()
    assert "Close 0.0025 BTC at market" in shown

    first, second = browser.post(address, form), browser.post(address, form)

    assert "Filled: sell 0.0025 BTC" in first.content.decode()
    assert second.status_code == 200
    assert Position.objects.get().size == Decimal("0.0075")
    reused = browser.post(address, form | {"percent": "50"})
    # A form that counted keeps its key and offers no button: pressing again could only close more.
    assert reused.status_code == 409
    assert 'id="close_position"' not in reused.content.decode()
    assert Position.objects.get().size == Decimal("0.0075")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": "0.02"}, "that is the most"),
        ({"size": "0.00011"}, "A part has to be at least 0.00012 BTC here."),
        ({"size": "x"}, "has to be a number"),
        ({"percent": "0"}, "between 1 and 100"),
        ({"kind": "limit"}, "Enter the limit price"),
        ({"kind": "limit", "price": "86000.5"}, "steps of 1"),
        ({"kind": "flip", "seen_liquidation": "1"}, "The estimate moved"),
        ({"form_key": "x"}, "This form has expired"),
    ],
)
def test_close_that_cannot_be_is_refused_with_a_sentence(
    browser: Client, held: Position, changes: dict[str, str], sentence: str
) -> None:
    answer = browser.post(f"/positions/{held.pk}/close/now/", key() | changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Position.objects.get().size == Decimal("0.01")


def test_refused_form_keeps_its_key_without_scripts(desk: Desk, held: Position) -> None:
    plain = Client(HTTP_HOST="alpha.localhost")
    plain.force_login(desk.trader)
    form = key(size="x")

    page = plain.post(f"/positions/{held.pk}/close/now/", form).content.decode()

    assert f'name="form_key" value="{form["form_key"]}"' in page
    assert 'value="x"' in page


def test_position_is_reversed_with_the_new_liquidation_price_shown(browser: Client, held: Position) -> None:
    shown = browser.get(f"/positions/{held.pk}/close/preview/?kind=flip").content.decode()
    assert "Reverse to short 0.01 BTC" in shown
    # A short of 0.01 at 86,000 and 5x is liquidated above it (Hyperliquid 3.4).
    assert "101," in shown

    browser.post(f"/positions/{held.pk}/close/now/", key(kind="flip"))

    assert Position.objects.get().size == Decimal("-0.01")


def test_resting_order_is_changed_once(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get()
    dialog = browser.get(f"/orders/{order.pk}/change/").content.decode()
    assert 'value="80000"' in dialog
    assert "Nothing is changed" in dialog
    assert (
        "Change the order" in browser.get(f"/orders/{order.pk}/change/preview/?price=81000&size=0.01").content.decode()
    )

    address, form = f"/orders/{order.pk}/change/now/", key(price="81000", size="0.02")
    first, second = browser.post(address, form), browser.post(address, form)

    assert "Done: change BTC order to 0.02 at 81,000" in first.content.decode()
    assert second.status_code == 200
    assert [(row.limit_price, row.size) for row in Order.objects.filter(is_open=True)] == [
        (Decimal(81000), Decimal("0.02"))
    ]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"price": "", "size": "0.01"}, "Enter a price"),
        ({"price": "80000.5", "size": "0.01"}, "steps of 1"),
        ({"price": "81000", "size": "0.0001"}, "at least 10 USDC"),
        ({"price": "80000", "size": "0.01"}, "Nothing is changed"),
    ],
)
def test_change_that_cannot_be_is_refused(desk: Desk, browser: Client, typed: dict[str, str], sentence: str) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))

    answer = browser.post(f"/orders/{Order.objects.get().pk}/change/now/", key(**typed))

    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert not Command.objects.filter(kind="modify").exists()


def test_change_of_an_order_that_has_ended_is_asked_for_no_more(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order, typed = Order.objects.get().pk, {"price": "81000", "size": "0.02"}
    resting = browser.get(f"/orders/{order}/change/preview/", typed).content.decode()
    Order.objects.update(is_open=False)

    ended = browser.get(f"/orders/{order}/change/preview/", typed).content.decode()
    answer = browser.post(f"/orders/{order}/change/now/", key(**typed))

    assert ["hx-get" in page and 'id="modify_order"' in page for page in (resting, ended)] == [True, False]
    assert ("no longer open" in ended, answer.status_code) == (True, 422)
    assert not Command.objects.filter(kind="modify").exists()


def test_all_orders_of_a_market_are_cancelled_after_saying_what_is_lost(browser: Client, held: Position) -> None:
    browser.post(f"/positions/{held.pk}/exits/set/", key(take_profit="90000", stop_loss="80000"))
    dialog = browser.get("/orders/of/BTC/cancel/").content.decode()
    for text in ("Cancel 2 orders", "left without its take-profit and stop-loss", "mark below 80,000"):
        assert text in dialog
    form = key()

    first, second = (browser.post("/orders/of/BTC/cancel/now/", form) for _ in range(2))

    assert "Done: cancel 2 BTC orders" in first.content.decode()
    assert (second.status_code, open_orders()) == (200, {})
    assert browser.post("/orders/of/BTC/cancel/now/", key()).status_code == 422


def test_margin_is_moved_until_liquidation_is_where_it_is_wanted(browser: Client, held: Position) -> None:
    shown = browser.get(f"/positions/{held.pk}/margin/preview/?direction=price&target=60000").content.decode()
    # 0.01 · 60,000 · 0.9875 = 592.5 may be owed; 688.397 is: 95.897 more is needed, up to the cent (Hyperliquid 3.4).
    assert "Add 95.9 USDC" in shown
    form = key(direction="price", target="60000")

    first, second = (browser.post(f"/positions/{held.pk}/margin/change/", form) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    moved = Position.objects.get()
    assert moved.cash == held.cash + Decimal("95.9")
    assert Decimal(59999) < moved.liquidation_price <= Decimal(60000)


def test_price_to_be_typed_shows_how_much_may_move_either_way(browser: Client, held: Position) -> None:
    bounds = {}
    for typed in ("", "60000"):
        page = browser.get(f"/positions/{held.pk}/margin/preview/?direction=price&target={typed}").content.decode()
        bounds[typed] = re.findall(r"Up to [\d,.]+ USDC can be (\w+)\.", page)

    assert bounds == {"": ["added", "removed"], "60000": ["added"]}


def test_what_belongs_to_another_trader_does_not_exist(desk: Desk, browser: Client, held: Position) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    order = Order.objects.get(is_open=True)
    bob = open_desk(desk.sandbox, desk.operator, "bob@alpha.example")
    browser.force_login(bob.trader)

    for path in (f"/positions/{held.pk}/exits/", f"/positions/{held.pk}/exits/preview/", f"/orders/{order.pk}/change/",
                 f"/orders/{order.pk}/change/preview/", f"/positions/{held.pk}/close/preview/"):  # fmt: skip
        assert (path, browser.get(path).status_code) == (path, 404)
    for path in (f"/positions/{held.pk}/exits/set/", f"/orders/{order.pk}/change/now/"):
        assert (path, browser.post(path, key(stop_loss="80000", price="1", size="1")).status_code) == (path, 404)
    assert "Nothing to cancel" in browser.get("/orders/of/BTC/cancel/").content.decode()
    browser.post("/orders/of/BTC/cancel/now/", key())
    assert Order.objects.get(pk=order.pk).is_open


def test_cancel_that_is_refused_says_why(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    answer = browser.post(f"/orders/{Order.objects.get().pk}/cancel/", {"form_key": ""})

    page = answer.content.decode()
    assert (answer.status_code, "<h1>This was not done</h1>" in page) == (422, True)
    assert "<p>This form has expired" in page
    assert "not served here" not in page


@pytest.mark.parametrize("address", ["/orders/{order}/cancel/", "/orders/of/{market}/cancel/now/"])
def test_cancel_whose_form_named_something_else_before_is_a_conflict(desk: Desk, browser: Client, address: str) -> None:
    for name, price in (("BTC", 80000), ("ETH", 1100)):
        place_order(desk.adapter, desk.account, market_named(name), ticket(limit_price=Decimal(price)))
    first, second = Order.objects.order_by("pk").select_related("market")
    form = key()

    browser.post(address.format(order=first.pk, market=first.market.address), form)
    answer = browser.post(address.format(order=second.pk, market=second.market.address), form)

    assert (answer.status_code, "already sent with other values" in answer.content.decode()) == (409, True)
    assert [order.pk for order in Order.objects.filter(is_open=True)] == [second.pk]


def test_cancel_whose_form_named_the_same_of_another_venue_before_is_a_conflict(
    desk: Desk, browser: Client, settings: Settings
) -> None:
    """Venues call markets alike and count their orders alike."""
    settings.ASTER_URL, settings.ASTER_NETWORK = desk.sandbox.url, "testnet"
    theirs = make_market(desk.market.name, venue="aster")
    for price in (80000, 81000):
        place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(price)))
    first = Order.objects.first()
    assert first is not None
    alike = make_order(desk.account, theirs, first.venue_id)

    for before, after in [
        (f"/orders/{first.pk}/cancel/", f"/orders/{alike.pk}/cancel/"),
        (f"/orders/of/{desk.market.address}/cancel/now/", f"/orders/of/{theirs.address}/cancel/now/"),
    ]:
        form = key()
        answers = [browser.post(address, form) for address in (before, after)]
        assert [answer.status_code for answer in answers] == [200, 409]
        assert "already sent with other values" in answers[1].content.decode()


def test_form_that_can_cancel_nothing_any_more_has_no_button_but_the_one_that_closes_it(
    desk: Desk, browser: Client
) -> None:
    for name, price in (("BTC", 80000), ("ETH", 1100)):
        place_order(desk.adapter, desk.account, market_named(name), ticket(limit_price=Decimal(price)))
    form = key()
    browser.post("/orders/of/BTC/cancel/now/", form)

    page = browser.post("/orders/of/ETH/cancel/now/", form).content.decode()
    assert ('id="cancel_orders"' in page, "Close and look</a>" in page) == (False, True)
    assert 'id="cancel_orders"' in browser.get("/orders/of/ETH/cancel/").content.decode()
