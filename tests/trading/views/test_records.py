"""What happened is on the trader's page: tables, a notice that stays until it is put away, and a story."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.hosts import forget_hosts
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at, make_fill
from tests.records import NOW, make_funding, make_ledger_entry, make_liquidation
from trading.models import FundingPayment, LedgerEntry, Liquidation, MarginChange, VenueAccount

TABLES = ("/funding/", "/transfers/", "/liquidations/")


@pytest.fixture
def browser(alpha: Exchange, alices: Belongings) -> Client:
    with operator_scope(alpha.operator.pk):
        Liquidation.objects.update(happened_at=timezone.now(), path=[[NOW.isoformat(), "52000", "52600", "52500"]] * 3)
    return browser_at(alpha, alpha.trader, htmx=True)


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_tables_tell_funding_transfers_and_liquidations(browser: Client) -> None:
    funding, transfers, liquidations = (page(browser, path) for path in TABLES)

    assert ("−0.001619" in funding, "tone-down" in funding) == (True, True)
    assert ("Deposit" in transfers, "+10,000.00" in transfers) == (True, True)
    assert ("52,522" in liquidations, "24.68" in liquidations, "1.22" in liquidations) == (True, True, True)


def test_empty_tables_say_what_would_be_there(browser: Client, alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        for model in (FundingPayment, LedgerEntry, Liquidation):
            model.objects.all().delete()
        VenueAccount.objects.update(history_read_at=None)

    words = ("No funding yet", "No transfers yet", "No liquidations")
    assert [said in page(browser, path) for path, said in zip(TABLES, words, strict=True)] == [True, True, True]
    assert "Not read yet." in page(browser, "/funding/")


def test_notice_of_a_liquidation_stays_until_it_is_put_away(browser: Client, alices: Belongings) -> None:
    noted = f"/liquidations/{alices.liquidation.pk}/noted/"
    first = page(browser, "/liquidations/new/")
    assert ("Liquidated: BTC long of 0.002" in first, "24.68 USDC were lost." in first, noted in first) == (
        True,
        True,
        True,
    )

    assert "Liquidated" not in browser.post(noted).content.decode()
    assert "Liquidated" not in page(browser, "/liquidations/new/")


def test_old_liquidation_is_no_news(browser: Client, alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        Liquidation.objects.update(happened_at=timezone.now() - timedelta(days=4))

    assert "Liquidated" not in page(browser, "/liquidations/new/")


def test_story_tells_what_happened_in_sentences(browser: Client, alices: Belongings) -> None:
    story = page(browser, f"/liquidations/{alices.liquidation.pk}/")

    for words in (
        "BTC long liquidated",
        "the mark price fell to 52,520",
        "Bought 0.002 BTC at 64,815",
        "Margin was added to the position.",
        "from isolated 10x to isolated 5x",
        "1.22 USDC came back.",
        "only this position&#39;s margin was touched",
        'points="0.0,',
    ):
        assert words in story


def test_margin_moved_elsewhere_says_so_without_inventing_figures(
    browser: Client, alpha: Exchange, alices: Belongings
) -> None:
    with operator_scope(alpha.operator.pk):
        MarginChange(
            account=alices.account, market=alices.position.market, key="x", amount=Decimal(30), happened_at=NOW
        ).save()
    table = page(browser, "/margin-changes/")

    assert ("+30.00" in table, "done elsewhere" in table, "not known" in table) == (True, True, True)


def test_tables_and_story_cost_the_same_with_one_row_and_with_thirty(
    browser: Client, alpha: Exchange, alices: Belongings
) -> None:
    paths = (*TABLES, "/liquidations/new/", f"/liquidations/{alices.liquidation.pk}/")
    before = [statements(browser, path) for path in paths]
    with operator_scope(alpha.operator.pk):
        market = alices.position.market
        for number in range(29):
            key = f"row {number}"
            make_funding(alices.account, market, key=key)
            make_ledger_entry(alices.account, key=key)
            make_liquidation(alices.account, market, key=key)
            make_fill(alices.account, market, key=key)

    assert [statements(browser, path) for path in paths] == before


def statements(browser: Client, path: str) -> int:
    forget_hosts()
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)
