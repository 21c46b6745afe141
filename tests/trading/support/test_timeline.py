"""One account's life, page by page: nothing left out, nothing twice, and as fast on the last page as on the first."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.scope import operator_scope
from tests.factories import NOW, Belongings, Exchange, browser_at, make_command, make_fill, make_margin_change
from tests.records import make_difference, make_funding, make_ledger_entry, make_liquidation, make_setting_change
from trading.models import ApprovalEvent, CommandEvent, Fill, FundingPayment, VenueAccount
from trading.support import timeline as module
from trading.support.lookup import find_traders, newest_traders
from trading.support.timeline import Happened, read_cursor, timeline


@pytest.fixture
def account(alpha: Exchange, alices: Belongings) -> Iterator[VenueAccount]:
    with operator_scope(alpha.operator.pk):
        yield alices.account


def walk(account: VenueAccount) -> list[Happened]:
    """Every entry, page after page, through the text of the cursors."""
    found: list[Happened] = []
    cursor = None
    while True:
        page = timeline(account, cursor)
        found += page.entries
        if not page.older:
            return found
        cursor = read_cursor(page.older)
        assert cursor is not None


def fill_up(account: VenueAccount, market: Any, moments: int) -> int:
    """Some of every kind, many of them in the same moment; how many."""
    for number in range(moments):
        at = NOW + timedelta(seconds=number // 4)
        key = f"row {number}"
        make_fill(account, market, key=key)
        Fill.objects.filter(key=key).update(happened_at=at)
        make_funding(account, market, key=key, happened_at=at)
        make_ledger_entry(account, key=key, happened_at=at)
        make_liquidation(account, market, key=key, happened_at=at)
        make_setting_change(account, market, happened_at=at)
        make_difference(account, market, subject=key, found_at=at)
        command = make_command(account, market, nonce=1000 + number, prepared_at=at)
        make_margin_change(account, market, command)
    return moments * 8


def test_pages_tell_everything_once_and_in_order(
    account: VenueAccount, alices: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(walk(account))
    made = fill_up(account, alices.position.market, 9)
    whole = walk(account)
    for size in (1, 3, 7):
        monkeypatch.setattr(module, "PAGE", size)
        assert [(entry.rank, entry.row.pk) for entry in walk(account)] == [(e.rank, e.row.pk) for e in whole]

    assert len(whole) == len({(entry.rank, entry.row.pk) for entry in whole}) == made + before
    assert [entry.at for entry in whole] == sorted((entry.at for entry in whole), reverse=True)


def test_page_costs_the_same_with_few_rows_and_with_many(account: VenueAccount, alices: Belongings) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            timeline(account, None)
        return len(captured)

    few = statements()
    fill_up(account, alices.position.market, 30)
    assert (statements(), few) == (11, 11)


@pytest.mark.parametrize("text", ["", "x", "2026-11-22T12:00:00~fill~1", "2026-11-22T12:00:00+00:00~fill~x", "a~b~c"])
def test_text_that_is_no_cursor_leads_to_the_beginning(text: str) -> None:
    assert read_cursor(text) is None


def crowd(account: VenueAccount, market_id: int) -> None:
    """Twenty thousand other traders with accounts like this one, and sixty thousand payments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_user (operator_id, email, wallet, role, is_active, created_at, password)"
            " SELECT %s, 'many' || n || '@alpha.example', '', '', true, now(), '!' FROM generate_series(1, 20000) n",
            [account.operator_id],
        )
        columns = [
            str(field.column)
            for field in VenueAccount._meta.concrete_fields
            if not field.generated and field.column != "id"
        ]
        listed = ", ".join(columns)
        chosen = ", ".join(
            {"trader_id": "u.id", "address": "'0x' || md5(u.email) || '00000000'"}.get(name, f"a.{name}")
            for name in columns
        )
        cursor.execute(
            f"INSERT INTO trading_venueaccount ({listed}) SELECT {chosen} FROM trading_venueaccount a, tenants_user u"
            " WHERE a.id = %s AND u.email LIKE 'many%%'",
            [account.pk],
        )
        cursor.execute(
            "INSERT INTO trading_fundingpayment"
            " (operator_id, account_id, market_id, key, happened_at, amount, size, rate)"
            " SELECT %s, a.id, %s, n::text, now() - n * interval '1 hour', 1, 1, 1"
            " FROM trading_venueaccount a, generate_series(1, 2) n WHERE a.id <> %s",
            [account.operator_id, market_id, account.pk],
        )
        cursor.execute(
            "INSERT INTO trading_fundingpayment"
            " (operator_id, account_id, market_id, key, happened_at, amount, size, rate)"
            " SELECT %s, %s, %s, 'many' || n, now() - n * interval '1 hour', 1, 1, 1 FROM generate_series(1, 20000) n",
            [account.operator_id, account.pk, market_id],
        )
        cursor.execute("ANALYZE tenants_user, trading_venueaccount, trading_fundingpayment")


def plans_of(queries: list[dict[str, str]]) -> list[str]:
    """How PostgreSQL answers what was read."""
    plans = []
    with connection.cursor() as cursor:
        for query in queries:
            if query["sql"].startswith("SELECT"):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


def test_plans_read_by_index_alone_among_many(account: VenueAccount, alices: Belongings) -> None:
    """Tens of thousands of rows: whoever scanned a table would read them all."""
    crowd(account, alices.position.market_id)
    assert FundingPayment.objects.count() > 60_000

    with CaptureQueriesContext(connection) as captured:
        assert len(find_traders("many77").traders) == 50
        assert len(find_traders("0xab").traders) == 50
        assert len(newest_traders(None).traders) == 25
        first = timeline(account, None)
        cursor_text = read_cursor(first.older)
        assert len(timeline(account, cursor_text).entries) == 50
    plans = plans_of(captured.captured_queries)
    for table in ("tenants_user", "trading_venueaccount", "trading_fundingpayment"):
        assert [plan for plan in plans if f"Seq Scan on {table}" in plan] == []


def test_steps_of_a_command_stand_behind_it(account: VenueAccount, alices: Belongings, alpha: Exchange) -> None:
    event = {"command": alices.command, "step": "answered", "state": "unknown", "happened_at": NOW}
    CommandEvent(**event, path="/exchange", status=502, answer=b"bad <gateway>").save()
    page = browser_at(alpha, alpha.support).get(f"/support/traders/{alpha.trader.pk}/timeline/").content.decode()

    assert ("/exchange HTTP 502 bad &lt;gateway&gt;" in page, "Answered" in page) == (True, True)


def test_approval_and_its_steps_stand_in_the_timeline(
    account: VenueAccount, alices: Belongings, alpha: Exchange
) -> None:
    event = {"approval": account.approvals.get(), "step": "answered", "state": "unknown", "happened_at": NOW}
    ApprovalEvent(**event, path="/exchange", status=502, answer=b"bad <gateway>").save()
    page = browser_at(alpha, alpha.support).get(f"/support/traders/{alpha.trader.pk}/timeline/").content.decode()

    assert ("Trading key: accepted." in page, "/exchange HTTP 502 bad &lt;gateway&gt;" in page) == (True, True)
