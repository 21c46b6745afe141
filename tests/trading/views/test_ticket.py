"""The order panel over HTTP: what is shown, what is refused, and that nothing is sent twice."""

import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.sessions.backends import cached_db
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tenants.models import MarginPolicy
from tests.trading.conftest import Desk, open_account
from tests.trading.tickets import ticket
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import ORDER, QUOTE, fields
from trading.models import Command, Position
from trading.models.commands import CommandKind, CommandState
from trading.recent import forget_desks
from trading.services.orders import place_order


def test_quote_tells_what_the_order_would_do_and_sends_nothing(desk: Desk, browser: Client) -> None:
    page = browser.get(QUOTE, fields()).content.decode()

    # 0.01 BTC at 86,000 and 10x: 86.00 of margin, of which the taker fee of 0.387 leaves at once (Hyperliquid 3.3), so
    # liquidation is at (860 − 85.613) / (0.01 · 0.9875) = 78,418.94, shown towards the mark.
    assert "85.61" in page
    assert "78,419" in page
    assert "Buy / Long 0.01 BTC" in page
    assert not Command.objects.exists()


def test_quote_moves_with_the_slider(desk: Desk, browser: Client) -> None:
    near, far = (browser.get(QUOTE, fields(leverage=text)).content.decode() for text in ("20", "2"))

    assert "82,774" in near
    assert "43," in far


def test_order_opens_exactly_what_was_quoted(desk: Desk, browser: Client) -> None:
    answer = browser.post(ORDER, fields())

    assert answer.status_code == 200
    assert "Filled: buy 0.01 BTC at market" in answer.content.decode()
    held = Position.objects.get()
    assert (held.size, held.mode, held.leverage) == (Decimal("0.01"), "isolated", 10)


def test_form_whose_answer_was_lost_makes_no_order_on_an_account_connected_since(desk: Desk, browser: Client) -> None:
    form = fields()
    browser.post(ORDER, form)
    other = open_account(desk.sandbox, desk.operator, desk.trader)

    again = browser.post(ORDER, form)
    changed = browser.post(ORDER, form | {"size": "0.02"})

    assert (again.status_code, "Filled: buy 0.01 BTC at market" in again.content.decode()) == (200, True)
    assert changed.status_code == 409
    assert (len(desk.positions_at_venue()), other.positions_at_venue()) == (1, [])
    assert browser.post(ORDER, fields()).status_code == 200
    assert len(other.positions_at_venue()) == 1


BAD = [
    ({"size": "abc"}, "The size has to be a number"),
    ({"size": "NaN"}, "The size has to be a plain number"),
    ({"size": "-1"}, "The size has to be above zero"),
    ({"size": "0.0000001"}, "The size takes at most 5 decimals"),
    ({"size": ""}, "Enter a size"),
    ({"size": "0.0001"}, "An order has to be worth at least 10 USDC"),
    ({"size": "5"}, "more than your free collateral"),
    ({"leverage": "41"}, "40x is the venue&#39;s maximum on BTC"),
    ({"leverage": "0"}, "Leverage is a whole number from 1 up"),
    ({"mode": "shared"}, "Choose one of the options shown"),
    ({"kind": "limit"}, "Enter the limit price"),
    ({"kind": "limit", "price": "86000.5"}, "move in steps of 1"),
    ({"reduce_only": "on"}, "There is no BTC position to reduce"),
    ({"form_key": "nonsense"}, "This form has expired"),
    ({"seen_liquidation": "70000"}, "The estimate moved while you decided"),
    ({"seen_liquidation": ""}, "The estimate moved while you decided"),
    ({"seen_liquidation": "1e999999999"}, "The estimate moved while you decided"),
    ({"seen_max_loss": ""}, "The estimate moved while you decided"),
    ({"seen_max_loss": "60"}, "The estimate moved while you decided"),
    ({"leverage": "1", "seen_liquidation": "70000"}, "The estimate moved while you decided"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_bad_input_gets_a_sentence_and_nothing_is_sent(
    desk: Desk, browser: Client, changes: dict[str, str], sentence: str
) -> None:
    answer = browser.post(ORDER, fields(**changes))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [("limit", "price", "Enter the limit price"), ("stop", "trigger", "Enter the trigger price")],
)
def test_price_that_waits_to_be_typed_is_asked_for_by_the_button_and_beside_its_field_once_sent(
    desk: Desk, browser: Client, kind: str, name: str, sentence: str
) -> None:
    form = fields(kind=kind)
    texts = []
    for page in (browser.get(QUOTE, form), browser.post(ORDER, form), browser.get(QUOTE, form | {name: "x"})):
        text = page.content.decode()
        (button,) = re.findall(r'id="place_order"[^>]*>([^<]*)<', text)
        (beside,) = re.findall(rf'id="error_{name}"[^>]*>([^<]*)<', text)
        texts.append((button, beside))

    assert texts[:2] == [(sentence, ""), (sentence, f"{sentence}.")]
    assert texts[2][1] == "The price has to be a number, such as 1.5."


def test_order_whose_estimate_moved_may_be_sent_again_at_once_and_no_other(browser: Client) -> None:
    buttons = {}
    for what, form in (("moved", {"seen_max_loss": "60"}), ("wrong", {"form_key": "nonsense"})):
        page = browser.post(ORDER, fields(**form)).content.decode()
        buttons[what] = "disabled" in page.partition('id="place_order"')[2].partition(">")[0]

    assert buttons == {"moved": False, "wrong": True}


def test_order_goes_through_on_what_was_seen(desk: Desk, browser: Client) -> None:
    quote = browser.get(QUOTE, fields()).content.decode()
    seen = dict(re.findall(r'name="(seen_\w+)" value="([^"]*)"', quote))
    assert set(seen) == {"seen_liquidation", "seen_max_loss"}

    assert browser.post(ORDER, fields(**seen)).status_code == 200
    assert Position.objects.get().size == Decimal("0.01")


def test_operators_cap_holds_below_the_venues_maximum(desk: Desk, browser: Client) -> None:
    MarginPolicy.objects.update(leverage_cap=5)

    answer = browser.post(ORDER, fields(leverage="6"))

    assert answer.status_code == 422
    assert "5x is the highest this exchange offers on BTC" in answer.content.decode()
    assert not Command.objects.exists()


def test_replayed_form_is_answered_with_the_first_order(desk: Desk, browser: Client) -> None:
    form = fields()

    first, second = browser.post(ORDER, form), browser.post(ORDER, form)

    assert (first.status_code, second.status_code) == (200, 200)
    assert Command.objects.filter(kind=CommandKind.ORDER).count() == 1
    assert Position.objects.get().size == Decimal("0.01")


def test_share_of_what_is_available_can_be_replayed_after_the_price_moved(desk: Desk, browser: Client) -> None:
    form = fields(size="", percent="50")
    browser.post(ORDER, form)
    size = Position.objects.get().size
    desk.sandbox.mark("BTC", "86500")

    again = browser.post(ORDER, form)

    assert again.status_code == 200
    assert Position.objects.get().size == size


def test_replayed_form_with_other_values_is_refused(desk: Desk, browser: Client) -> None:
    form = fields()
    browser.post(ORDER, form)

    answer = browser.post(ORDER, form | {"size": "0.02"})

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "already sent with other values" in page
    assert '<a class="button button-main button-accent" id="start_over" href="/trade/hyperliquid:BTC/"' in page
    assert 'id="place_order"' not in page
    assert "ticket_form_key" not in page
    assert "hx-trigger" not in page.partition(">")[0]
    assert Position.objects.get().size == Decimal("0.01")


def test_replayed_form_with_other_values_keeps_its_key_without_scripts(desk: Desk) -> None:
    publish_prices(desk)
    plain = Client(HTTP_HOST="alpha.localhost")
    plain.force_login(desk.trader)
    form = fields()
    plain.post(ORDER, form)

    page = plain.post(ORDER, form | {"size": "0.02"}).content.decode()

    assert f'id="ticket_form_key" name="form_key" value="{form["form_key"]}"' in page
    assert "Start a new order" in page
    assert plain.post(ORDER, form | {"size": "0.02"}).status_code == 409


def test_only_the_tickets_own_answer_arms_it_again(desk: Desk, browser: Client) -> None:
    own = browser.post(ORDER, fields(leverage="5")).content.decode()
    held = Position.objects.get()
    added = browser.post(
        f"/positions/{held.pk}/margin/change/", {"form_key": str(uuid4()), "direction": "add", "amount": "10"}
    ).content.decode()
    closed = browser.post(f"/positions/{held.pk}/close/now/", {"form_key": str(uuid4())}).content.decode()

    assert "ticket_form_key" in own
    assert "Done: add 10 margin, BTC" in added
    assert "ticket_form_key" not in added
    assert "Filled: sell 0.01 BTC" in closed
    assert "ticket_form_key" not in closed


def test_lost_answer_is_shown_as_being_checked(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    desk.sandbox.fault("drop_after", "order", count=1)

    answer = browser.post(ORDER, fields())

    assert answer.status_code == 200
    assert "Checking: buy 0.01 BTC at market" in answer.content.decode()
    command = Command.objects.get(state=CommandState.UNKNOWN)
    assert "Checking" in browser.get(f"/commands/{command.pk}/").content.decode()


def test_old_prices_close_the_button_with_the_reason(desk: Desk, browser: Client) -> None:
    publish_prices(desk, timezone.now() - timedelta(minutes=2))

    answer = browser.post(ORDER, fields())

    assert answer.status_code == 422
    assert "Prices are too old" in answer.content.decode()
    assert not Command.objects.exists()


def test_unknown_market_does_not_exist(desk: Desk, browser: Client) -> None:
    assert browser.get("/trade/NOPE/").status_code == 404
    assert browser.post("/trade/NOPE/order/", fields()).status_code == 404


def test_form_works_without_scripts(desk: Desk) -> None:
    publish_prices(desk)
    plain = Client(HTTP_HOST="alpha.localhost")
    plain.force_login(desk.trader)

    refused = plain.post(ORDER, fields(size="abc"))
    taken = plain.post(ORDER, fields())

    assert refused.status_code == 422
    assert 'value="abc"' in refused.content.decode()
    assert taken.status_code == 302
    assert "Filled: buy 0.01 BTC" in plain.get(taken.headers["Location"]).content.decode()


def test_ticket_opens_with_the_traders_own_choice(desk: Desk, browser: Client) -> None:
    browser.post(ORDER, fields(leverage="7"))
    Position.objects.all().delete()

    page = browser.get("/trade/BTC/").content.decode()

    assert 'name="leverage" type="text" inputmode="numeric" value="7"' in page


def test_quote_asks_the_database_nothing_while_the_slider_moves(
    desk: Desk, browser: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.recent.REMEMBERED_SECONDS", 60)  # a clock that a busy machine cannot outrun
    monkeypatch.setattr("tenants.recent.REMEMBERED_SECONDS", 60)
    monkeypatch.setattr("tenants.recent.SESSION_SECONDS", 60)
    monkeypatch.setattr("tenants.hosts.REMEMBERED_SECONDS", 60)
    monkeypatch.setattr("trading.recent.RULES_SECONDS", 60)
    for name in ("ETH", "SOL"):
        market = type(desk.market).objects.get(name=name)
        mark = desk.adapter.market_setting(desk.account.address, market.rules).mark
        size = market.rules.floor_size(Decimal(200) / mark)
        place_order(desk.adapter, desk.account, market, ticket(size=size, mark=mark, leverage=5))
    browser.get(QUOTE, fields())

    with django_assert_num_queries(0):
        pages = [browser.get(QUOTE, fields(leverage=str(step))).content.decode() for step in range(2, 12)]

    assert len(set(pages)) == 10
    forget_desks()
    # The market with the operator's venues, accounts, policy, preferences, positions, orders and the markets of these;
    # not the person.
    with django_assert_num_queries(7):
        browser.get(QUOTE, fields())


def test_remembered_quote_ends_with_the_session_and_an_order_asks_who_it_is(
    desk: Desk, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.get(QUOTE, fields()).status_code == 200
    other = Client(HTTP_HOST="alpha.localhost", headers={"HX-Request": "true"})
    other.cookies.load(browser.cookies.output(header=""))

    desk.trader.is_active = False
    desk.trader.save(update_fields=["is_active"])
    refused = browser.post(ORDER, fields())
    assert refused.status_code == 204
    assert "sign-in" in refused.headers["HX-Redirect"]
    assert not Command.objects.exists()

    desk.trader.is_active = True
    desk.trader.save(update_fields=["is_active"])
    monkeypatch.setattr("tenants.recent.REMEMBERED_SECONDS", 60)
    monkeypatch.setattr("tenants.recent.SESSION_SECONDS", 60)
    assert other.get(QUOTE, fields()).status_code == 200
    browser.session.flush()
    assert other.get(QUOTE, fields()).status_code == 204


def test_session_that_another_process_ended_is_noticed_when_it_is_read_again(
    desk: Desk, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.recent.SESSION_SECONDS", 0)
    assert browser.get(QUOTE, fields()).status_code == 200

    cached_db.SessionStore(browser.session.session_key).delete()  # this process is not told

    assert browser.get(QUOTE, fields()).status_code == 204
