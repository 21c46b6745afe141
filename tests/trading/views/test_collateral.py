"""Collateral between the books of a trader's own account, from the form to the venue and back (Hyperliquid 3.9)."""

import json
import re
import time
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import fields
from tests.trading.wallets import reread, wallet_of
from trading import recent
from trading.books import books_of
from trading.connect import trading_adapter
from trading.models import Command, Difference, LedgerEntry
from trading.models.commands import CommandState
from trading.panels.portfolio import equity_of
from trading.portfolio import desk_of
from trading.recent import forget_desks
from trading.services.reconcile import prove
from trading.services.totals import money_totals
from trading.support.lookup import newest_traders
from trading.support.panels import build_trader

DIALOG, PREVIEW, MOVE = "/collateral/hyperliquid/", "/collateral/hyperliquid/preview/", "/collateral/hyperliquid/move/"
QUOTE = "/trade/hyperliquid:xyz:NVDA/quote/"
PATIENCE = 60.0


@pytest.fixture
def venue(venue: SandboxProcess, settings: Settings) -> SandboxProcess:
    settings.HYPERLIQUID_DEXES = ["xyz"]
    venue.mark("xyz:NVDA", "177.06")
    return venue


@pytest.fixture
def browser(desk: Desk) -> Client:
    desk.adapter = trading_adapter(desk.account)
    publish_prices(desk)
    return signed_in(desk)


def signed_in(desk: Desk) -> Client:
    client = Client(HTTP_HOST="alpha.localhost", headers={"HX-Request": "true"})
    client.force_login(desk.trader)
    return client


def form(**changes: str) -> dict[str, str]:
    return {"form_key": str(uuid4()), "source": "", "target": "xyz", "amount": "500"} | changes


def balances(desk: Desk) -> tuple[Decimal, Decimal]:
    """What the venue says is in the main book and in the other."""
    states = (desk.sandbox.info("clearinghouseState", user=desk.account.address, dex=dex) for dex in ("", "xyz"))
    main, other = (Decimal(state["marginSummary"]["accountValue"]) for state in states)
    return main, other


def test_books_of_a_venue_are_asked_of_the_database_once_a_minute(
    desk: Desk,
    browser: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser.post(MOVE, form(amount="500.25"))
    shown = desk_of(desk.trader)
    recent.forget_desks()
    with django_assert_num_queries(1):
        names = [book.dex for book in books_of(shown)]
    with django_assert_num_queries(0):
        assert [book.dex for book in books_of(shown)] == names == ["", "xyz"]
    monkeypatch.setattr(recent, "BOOKS_SECONDS", 0)
    recent.forget_desks()
    for _ in range(2):
        with django_assert_num_queries(1):
            books_of(shown)


def proven(desk: Desk, command: Command) -> Command:
    ends = time.monotonic() + PATIENCE
    while not prove(trading_adapter(desk.account), command) and time.monotonic() < ends:
        time.sleep(0.05)
    command.refresh_from_db()
    return command


def test_collateral_moves_there_and_back_and_never_leaves_the_account(desk: Desk, browser: Client) -> None:
    page = browser.post(MOVE, form(amount="500.25"))

    assert page.status_code == 200, page.content.decode()
    assert "Done: move 500.25 USDC from the main book to xyz" in page.content.decode()
    assert balances(desk) == (Decimal("9499.75"), Decimal("500.25"))
    desk.account.refresh_from_db()
    assert (desk.account.equity, desk.account.pools["xyz"]["withdrawable"]) == (Decimal("9499.75"), "500.25")
    # the transfer is on record at once
    assert [(row.kind, row.amount) for row in LedgerEntry.objects.filter(kind="send")] == [("send", Decimal("-500.25"))]

    assert browser.post(MOVE, form(source="xyz", target="", amount="500.25")).status_code == 200
    assert balances(desk) == (Decimal(10000), Decimal(0))
    commands = Command.objects.order_by("prepared_at")
    assert [command.state for command in commands] == [CommandState.ACCEPTED] * 2
    actions = [json.loads(bytes(command.body))["action"] for command in commands]
    assert {action["destination"] for action in actions} == {desk.account.address}
    assert [(action["sourceDex"], action["destinationDex"]) for action in actions] == [("", "xyz"), ("xyz", "")]


def test_a_move_changes_no_total_anywhere(desk: Desk, browser: Client) -> None:
    reread(desk)
    before = told_totals(desk, browser)
    assert before == (Decimal(10000), Decimal(10000), "10,000.00", "10,000.00")

    assert browser.post(MOVE, form(amount="250")).status_code == 200
    reread(desk)
    assert told_totals(desk, browser) == before
    page = browser.get("/account/").content.decode()
    assert [text in page for text in ("In the main book", "9,750.00", "In xyz", "250.00")] == [True] * 4
    told = money_totals(desk.account)
    assert told is not None
    assert (told.opening, told.balance) == (Decimal(10000), Decimal(10000))
    assert (told.transfers, told.unexplained) == (Decimal(0), Decimal(0))

    assert browser.post(MOVE, form(source="xyz", target="", amount="250")).status_code == 200
    reread(desk)
    assert told_totals(desk, browser) == before
    assert not Difference.objects.exists()


def test_free_in_a_book_is_what_the_accounts_own_figures_leave_free(desk: Desk, browser: Client) -> None:
    limit = fields(kind="limit", price="80000", size="0.1", leverage="10")
    assert browser.post("/trade/hyperliquid:BTC/order/", limit).status_code == 200
    reread(desk)

    dialog = browser.get(DIALOG).content.decode()
    shown = re.search(r"Free in the main book</abbr></dt>.*?<strong[^>]*>([0-9,.]+)<", dialog, re.DOTALL)
    account = re.search(r'id="account-free"[^>]*>([0-9,.]+)<', browser.get("/account/").content.decode())
    # 0.1 BTC at 80,000 and 10x hold 800 back.
    assert [found and found[1] for found in (shown, account)] == ["9,200.00"] * 2


def told_totals(desk: Desk, browser: Client) -> tuple[Decimal | None, Decimal | None, str, str]:
    """What the account is worth: as the venue told, at the newest marks, on the trader's page and in support's list."""
    forget_desks()
    page = browser.get("/account/").content.decode()
    shown = re.search(r'id="account-equity"[^>]*>([0-9,.]+)<', page)
    (trader,) = (row for row in newest_traders(None).traders if row.pk == desk.trader.pk)
    at_marks, listed = equity_of(desk_of(desk.trader)), build_trader(trader, timezone.now()).equity
    return desk.account.told_equity, at_marks, shown[1] if shown else "", listed


def test_the_same_form_moves_once_and_other_values_under_its_key_are_refused(desk: Desk, browser: Client) -> None:
    sent = form()
    assert [browser.post(MOVE, sent).status_code for _ in range(3)] == [200, 200, 200]
    again = browser.post(MOVE, sent | {"amount": "501"})
    assert (again.status_code, "already sent with other values" in again.content.decode()) == (409, True)
    assert balances(desk) == (Decimal(9500), Decimal(500))
    assert Command.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": "10000.01"}, "At most 10000 USDC can leave the main book now."),
        ({"source": "xyz", "target": "", "amount": "1"}, "Nothing can leave xyz now"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "-5"}, "above zero"),
        ({"amount": "1e3"}, "plain number"),
        ({"amount": "NaN"}, "plain number"),
        ({"amount": "five"}, "has to be a number"),
        ({"amount": "1.0000001"}, "at most 6 decimals"),
        ({"amount": ""}, "Enter an amount."),
        ({"source": "xyz"}, "Choose two different books."),
        ({"form_key": "nonsense"}, "form"),
    ],
)
def test_what_cannot_be_moved_is_said_in_a_sentence_and_nothing_is_sent(
    desk: Desk, browser: Client, changes: dict[str, str], sentence: str
) -> None:
    page = browser.post(MOVE, form(**changes))
    assert (page.status_code, sentence in page.content.decode()) == (422, True), page.content.decode()
    assert Command.objects.count() == 0
    assert balances(desk) == (Decimal(10000), Decimal(0))


@pytest.mark.parametrize("changes", [{"source": "spot"}, {"target": "flx"}, {"target": "0x" + "b2" * 20}])
def test_a_place_that_is_no_book_of_the_account_does_not_exist(
    desk: Desk, browser: Client, changes: dict[str, str]
) -> None:
    assert browser.post(MOVE, form(**changes)).status_code == 404
    assert Command.objects.count() == 0


def test_a_watched_account_moves_nothing(desk: Desk, browser: Client) -> None:
    type(desk.account).objects.update(agent_key=b"", agent_address="")
    page = browser.post(MOVE, form())
    assert (page.status_code, "Connect a trading key" in page.content.decode()) == (422, True)
    assert Command.objects.count() == 0


def test_the_preview_tells_both_balances_and_what_may_leave(desk: Desk, browser: Client) -> None:
    dialog = browser.get(DIALOG).content.decode()
    assert "10,000.00 USDC can leave the main book." in dialog
    page = browser.get(PREVIEW, form()).content.decode()
    assert [text in page for text in ("9,500.00", "Free in xyz", "Move 500 USDC to xyz")] == [True] * 3


def test_the_ticket_of_a_book_without_collateral_opens_the_form(desk: Desk, browser: Client) -> None:
    page = browser.get(QUOTE, fields(size="1", leverage="5")).content.decode()
    assert "Move some there from another book of your account." in page
    assert 'href="/collateral/hyperliquid/?target=xyz"' in page
    assert "Move collateral to xyz</a>" in page
    opened = browser.get(DIALOG, {"target": "xyz"}).content.decode()
    assert '<option value="xyz" selected>xyz</option>' in opened

    assert browser.post(MOVE, form()).status_code == 200
    forget_desks()
    funded = browser.get(QUOTE, fields(size="1", leverage="5")).content.decode()
    assert ("/collateral/" in funded, "Move some there" in funded) == (False, False)


def test_a_unified_account_has_nothing_to_move(desk: Desk, browser: Client) -> None:
    wallet = wallet_of(desk)
    assert wallet.user_set_abstraction(desk.account.address, "unifiedAccount")["status"] == "ok"
    wallet.session.close()
    wallet.info.session.close()
    type(desk.account).objects.update(history_read_at=None)
    reread(desk)
    assert [browser.get(DIALOG).status_code, browser.post(MOVE, form()).status_code] == [404, 404]
    assert "/collateral/" not in browser.get("/account/").content.decode()
    assert Command.objects.count() == 0


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "malformed", "truncated"])
def test_a_move_that_was_carried_out_unheard_is_proven_by_the_venues_record(
    desk: Desk, browser: Client, fault: str
) -> None:
    desk.sandbox.fault(fault, "agentSendAsset", count=1)
    assert browser.post(MOVE, form()).status_code == 200
    command = proven(desk, Command.objects.get())
    assert (command.state, Decimal(command.evidence["moved"])) == (CommandState.ACCEPTED, Decimal(500))
    assert balances(desk) == (Decimal(9500), Decimal(500))


@pytest.mark.parametrize("fault", ["drop_before", "error_before"])
def test_a_move_that_never_arrived_is_sent_again_with_the_same_bytes_and_moves_once(
    desk: Desk, browser: Client, fault: str
) -> None:
    desk.sandbox.fault(fault, "agentSendAsset", count=1)
    assert browser.post(MOVE, form()).status_code == 200
    command = Command.objects.get()
    body = bytes(command.body)
    assert proven(desk, command).state == CommandState.ACCEPTED
    assert bytes(command.body) == body
    assert balances(desk) == (Decimal(9500), Decimal(500))


def test_the_venues_refusal_is_told_and_nothing_is_lost(desk: Desk, browser: Client) -> None:
    # spent elsewhere since we looked: what we believe is free is not there any more
    wallet = wallet_of(desk)
    token = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"
    assert wallet.send_asset(desk.account.address, "", "xyz", token, 9800.0)["status"] == "ok"
    wallet.session.close()
    wallet.info.session.close()
    page = browser.post(MOVE, form())
    assert "Refused: move 500 USDC" in page.content.decode()
    assert "too small for this transfer" in page.content.decode()
    assert balances(desk) == (Decimal(200), Decimal(9800))
