"""A position that is gone while its dialog stands open: it is said there, and a form that counted keeps its answer."""

from uuid import uuid4

import pytest
from django.test import Client

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.models import Command, Position
from trading.recent import forget_desks
from trading.services.orders import place_order

GONE = "This position is closed by now."
NOT_SENT = f"{GONE} Nothing was sent."
DIALOGS = pytest.mark.parametrize(
    ("opens", "asks", "sends", "place"),
    [
        ("close/", "close/preview/?percent=25", "close/now/", "close_preview"),
        ("margin/", "margin/preview/?direction=add&amount=50", "margin/change/", "margin_preview"),
        ("exits/", "exits/preview/?stop_loss=80000", "exits/set/", "exits_preview"),
    ],
    ids=["close", "margin", "exits"],
)


@pytest.fixture
def held(desk: Desk, browser: Client) -> Position:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position: Position = Position.objects.select_related("market").get()
    return position


@pytest.fixture
def address(held: Position) -> str:
    """Where the dialogs of a position live that has just gone."""
    Position.objects.all().delete()
    forget_desks()
    return f"/positions/{held.pk}/"


def form(**fields: str) -> dict[str, str]:
    return {"form_key": str(uuid4()), "direction": "add", "amount": "50", "stop_loss": "80000"} | fields


@DIALOGS
def test_open_dialog_says_that_the_position_is_gone_and_asks_no_more(
    browser: Client, address: str, opens: str, asks: str, sends: str, place: str
) -> None:
    before = Command.objects.count()
    shown, sent = browser.get(address + asks), browser.post(address + sends, form())

    assert (shown.status_code, sent.status_code) == (200, 409)
    for answer, words in ((shown, GONE), (sent, NOT_SENT)):
        page = answer.content.decode()
        assert (f'id="{place}"' in page, f">{words}</p>" in page, "hx-get" in page) == (True, True, False)
        assert answer.headers["HX-Reswap"] == "outerHTML"
    assert Command.objects.count() == before


@DIALOGS
def test_page_without_scripts_and_a_dialog_opened_too_late_say_so_too(
    desk: Desk, browser: Client, address: str, opens: str, asks: str, sends: str, place: str
) -> None:
    plain = Client(HTTP_HOST="alpha.localhost")
    plain.force_login(desk.trader)
    late, sent = browser.get(address + opens), plain.post(address + sends, form())

    for answer, words in ((late, GONE), (sent, NOT_SENT)):
        assert (answer.status_code, f"<p>{words}</p>" in answer.content.decode()) == (404, True)
        assert "There is no such page here" not in answer.content.decode()


@pytest.mark.parametrize(
    ("sends", "fields"),
    [("margin/change/", {"amount": "50"}), ("exits/set/", {"stop_loss": "80000"}), ("close/now/", {"percent": "25"})],
)
def test_form_that_counted_keeps_its_answer_when_the_position_is_gone(
    browser: Client, held: Position, sends: str, fields: dict[str, str]
) -> None:
    address, sent = f"/positions/{held.pk}/{sends}", {"form_key": str(uuid4()), "direction": "add"} | fields
    first = browser.post(address, sent)
    Position.objects.all().delete()
    forget_desks()

    again, other = browser.post(address, sent), browser.post(address, sent | dict.fromkeys(fields, "77"))

    (title,) = [line for line in first.content.decode().splitlines() if "toast-title" in line]
    assert (first.status_code, again.status_code, title in again.content.decode()) == (200, 200, True)
    assert (other.status_code, "already sent with other values" in other.content.decode()) == (409, True)
    assert "Nothing was sent" not in other.content.decode()


def test_form_that_took_the_exits_away_keeps_its_answer_when_the_position_is_gone(
    browser: Client, held: Position
) -> None:
    address, sent = f"/positions/{held.pk}/exits/set/", {"form_key": str(uuid4())}
    browser.post(address, form())
    first = browser.post(address, sent)
    Position.objects.all().delete()
    forget_desks()

    again, other = browser.post(address, sent), browser.post(address, sent | {"stop_loss": "77000"})

    assert [(answer.status_code, "cancel 1 BTC order" in answer.content.decode()) for answer in (first, again)] == [
        (200, True),
        (200, True),
    ]
    assert (other.status_code, "already sent with other values" in other.content.decode()) == (409, True)
