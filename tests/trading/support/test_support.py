"""Support: find, look, explain. Reading only, every look on record, never a byte of key material."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.hosts import forget_hosts
from tenants.models import AuditEvent, User
from tenants.scope import operator_scope
from tests.factories import (
    ALICES_ADDRESS,
    NOW,
    Belongings,
    Exchange,
    browser_at,
    make_account,
    make_command,
    make_fill,
    make_margin_change,
    make_market,
    make_order,
    make_position,
    make_user,
)
from trading.models import Position, VenueAccount

FIND = "/support/"


@pytest.fixture
def support(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.support)


def account_page(client: Client, exchange: Exchange) -> str:
    answer = client.get(f"/support/traders/{exchange.trader.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def events(exchange: Exchange) -> list[tuple[str, str, str]]:
    with operator_scope(exchange.operator.pk):
        rows = AuditEvent.objects.exclude(action="brand published").order_by("pk").select_related("actor")
        return [(event.actor.email, event.action, event.subject) for event in rows]


@pytest.mark.parametrize("query", ["", "alice", "ALICE@alpha", "alice@alpha.example", "0xa11c", "0xA11CE", " alice "])
def test_trader_is_found_by_the_beginning_of_email_or_address(support: Client, alices: Belongings, query: str) -> None:
    page = support.get(FIND, {"q": query}).content.decode()

    assert ("alice@alpha.example</a>" in page, "0xa11c…0001" in page, "10,000.00" in page) == (True, True, True)


def test_accounts_at_two_venues_count_together(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        other = make_account(alpha.trader, ALICES_ADDRESS, venue="aster", equity=Decimal(2_345))
        make_position(other, make_market("BTCUSDT", 125, "86000", venue="aster"))
        held = Position.objects.count()

    page = support.get(FIND).content.decode()

    assert ("12,345.00" in page, f'data-label="Positions">{held}</td>' in page) == (True, True)


@pytest.mark.parametrize("query", ["lice", "a11ce", "olga", "sam", "%", "_lice", "bob", "alice\x00x", "x" * 900])
def test_others_are_not_found(support: Client, alices: Belongings, bobs: Belongings, query: str) -> None:
    answer = support.get(FIND, {"q": query})

    assert (answer.status_code, "Nobody found" in answer.content.decode()) == (200, True)


def test_trader_without_an_account_is_listed_and_shown(support: Client, alpha: Exchange) -> None:
    assert "none connected" in support.get(FIND).content.decode()
    assert "No account is connected" in account_page(support, alpha)


def test_account_shows_everything_the_venue_told(support: Client, alpha: Exchange, alices: Belongings) -> None:
    page = account_page(support, alpha)

    for words in (ALICES_ADDRESS, "Isolated 5x", "64,815", "64,794", "25.85", "Open Long", "60,000", "+25.00"):
        assert words in page
    assert "Add 25 margin, BTC" in page
    assert '<td class="state-unknown">Checking</td>' in page
    assert "The venue did not answer in time." in page


def test_liquidation_price_is_explained_with_the_traders_own_numbers(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    page = account_page(support, alpha)

    # The venue's own recorded position (Hyperliquid rules 3.4): it said 52522.4977215.
    for words in (
        "Cash leg of the position",
        "25.856067 − 0.002 × 64,794",
        "−103.731933",
        "−(−103.731933 + 0) / (0.002 × (1 − 0.0125))",
        "52,522.4977215",
        "Maintenance there",
        "0.0 basis points apart",
    ):
        assert words in page
    assert page.count("52,523") == 2


def test_positions_of_both_modes_stand_side_by_side(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        eth = make_market("ETH", 25, "3000", index=1)
        make_position(
            alices.account, eth, mode="cross", cash=None, leverage=10, size=Decimal(-1), entry_price=Decimal(2990),
            mark_price=Decimal(3000), liquidation_price=None, max_leverage=25,
        )  # fmt: skip
    page = account_page(support, alpha)

    assert ("Isolated 5x" in page, "Cross 10x" in page, ">none<span" in page) == (True, True, True)
    assert "Only one of the two gives a price." in page
    assert "Equity of the cross account" in page


def test_rows_that_make_no_sense_are_told_and_the_rest_is_shown(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    with operator_scope(alpha.operator.pk):
        Position.objects.update(cash=None)
    page = account_page(support, alpha)

    assert ("These figures cannot be worked out" in page, "Open Long" in page) == (True, True)


def test_age_and_trouble_of_the_reading_are_shown(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.update(sync_problem="The venue did not answer.", synced_at="2026-01-01T00:00:00Z")
    page = account_page(support, alpha)

    assert ("The last reading failed: The venue did not answer." in page, "d old" in page) == (True, True)


@pytest.mark.parametrize(("hours", "mark", "has_dot"), [(2, "age age-live", False), (3, "age age-stale", True)])
def test_list_marks_figures_older_than_every_promise_and_none_as_live(
    support: Client, alpha: Exchange, alices: Belongings, hours: int, mark: str, has_dot: bool
) -> None:
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=hours))
    page = support.get(FIND).content.decode()

    assert re.findall(r'<time class="([^"]+)".*?<span>([^<]+)</span>', page, re.DOTALL) == [(mark, f"{hours} h old")]
    assert ('<i class="dot">' in page) == has_dot


def test_every_look_and_every_search_is_on_record(alpha: Exchange, alices: Belongings) -> None:
    for person in (alpha.support, alpha.owner):
        client = browser_at(alpha, person)
        client.get(FIND)
        client.get(FIND, {"q": "ali"})
        account_page(client, alpha)

    assert events(alpha) == [
        (person.email, action, subject)
        for person in (alpha.support, alpha.owner)
        for action, subject in (("traders searched", "ali"), ("account looked at", "alice@alpha.example"))
    ]


def test_look_at_somebody_who_is_no_trader_finds_nobody(support: Client, alpha: Exchange, beta: Exchange) -> None:
    for person in (alpha.owner, alpha.support, beta.trader):
        assert support.get(f"/support/traders/{person.pk}/").status_code == 404
    assert events(alpha) == []


def test_no_key_material_and_no_signed_bytes_are_shown(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = account_page(support, alpha) + support.get(FIND).content.decode()

    assert [word for word in ("sealed-agent-key", "signed-bytes", "0xa6e17", "agent_key") if word in page] == []
    assert [query for query in captured.captured_queries if '"body"' in query["sql"]] == []


def test_pages_offer_nothing_to_send_but_signing_out(support: Client, alpha: Exchange, alices: Belongings) -> None:
    for page in (account_page(support, alpha), support.get(FIND).content.decode()):
        assert page.count('method="post"') == 1
        assert ('action="/sign-out/"' in page, "hx-post" in page, "hx-get" in page) == (True, False, False)


def test_pages_are_kept_by_nobody(support: Client, alpha: Exchange, alices: Belongings) -> None:
    for path in (FIND, f"/support/traders/{alpha.trader.pk}/"):
        assert "no-store" in support.get(path).headers["Cache-Control"]


def test_what_a_venue_or_trader_wrote_is_escaped(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        make_command(alices.account, alices.position.market, nonce=9, message="<script>alert(1)</script>")

    assert "<script>alert" not in account_page(support, alpha)


def queries(client: Client, path: str) -> int:
    forget_hosts()
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_list_costs_the_same_with_one_trader_and_with_thirty(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    one = queries(support, FIND)
    with operator_scope(alpha.operator.pk):
        for number in range(29):
            make_account(make_user(f"trader{number:02d}@alpha.example"), f"0x{number:040x}")

    assert (queries(support, FIND), one <= 12) == (one, True)
    first = support.get(FIND).content.decode()
    before = re.search(r'href="\?before=(\d+)" rel="next"', first)
    assert before is not None
    assert ("trader28@alpha.example" in first, "alice@alpha.example" in first) == (True, False)
    second = support.get(FIND, {"before": before[1]}).content.decode()
    assert ("trader28@alpha.example" in second, "alice@alpha.example" in second) == (False, True)


def test_search_costs_the_same_with_one_hit_and_with_thirty(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    one = queries(support, FIND + "?q=a")
    with operator_scope(alpha.operator.pk):
        for number in range(29):
            make_account(make_user(f"a{number:02d}@alpha.example"), f"0x{number:040x}")

    assert (queries(support, FIND + "?q=a"), one <= 12) == (one, True)


def test_trader_is_found_by_the_wallet_he_signs_in_with(support: Client, alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        User(wallet="0xfeed000000000000000000000000000000000001").save()

    assert "0xfeed…0001</a>" in support.get(FIND, {"q": "0xFEED"}).content.decode()


def test_accounts_that_were_left_keep_their_history(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        left = make_account(
            alpha.trader, "0x1eft000000000000000000000000000000000009", is_current=False, equity=Decimal(7)
        )
        make_fill(left, alices.position.market, key="long ago")
    page = account_page(support, alpha)

    assert (f"/timeline/?account={left.pk}" in page, "0xa11c…0001" in page) == (True, True)
    story = support.get(f"/support/traders/{alpha.trader.pk}/timeline/", {"account": left.pk}).content.decode()
    assert ("Bought 0.002 BTC" in story, "left</span>" in story) == (True, True)


def test_liquidation_is_told_in_sentences_with_grouped_numbers(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    page = support.get(f"/support/liquidations/{alices.liquidation.pk}/").content.decode()

    for words in ("BTC long liquidated", "52,520", "24.68 USDC", "1.22 USDC", "9,975.32 USDC", "sold in the market"):
        assert words in page
    assert events(alpha) == [("sam@alpha.example", "liquidation looked at", "alice@alpha.example")]


def test_differences_and_unsettled_commands_are_listed(support: Client, alpha: Exchange, alices: Belongings) -> None:
    page = support.get("/support/open/").content.decode()

    for words in ("Add 25 margin, BTC", "Checking", "Position, BTC", "0.001", "0.002", "looked at again"):
        assert words in page


def test_money_that_adds_up_says_so(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        Position.objects.all().delete()
        VenueAccount.objects.update(opening_at=NOW - timedelta(days=1), opening_balance=Decimal("0.059619"))
    page = account_page(support, alpha)

    assert ("adds up to the last unit" in page, "+10,000.00" in page) == (True, True)


def test_account_costs_the_same_with_one_row_of_everything_and_with_thirty(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    path = f"/support/traders/{alpha.trader.pk}/"
    one = queries(support, path)
    with operator_scope(alpha.operator.pk):
        for number in range(1, 30):
            market = make_market(f"M{number}", index=number)
            make_position(alices.account, market)
            make_order(alices.account, market, venue_id=100 + number)
            make_fill(alices.account, market, key=f"fill {number}")
            make_margin_change(alices.account, market, make_command(alices.account, market, nonce=100 + number))

    assert (queries(support, path), one <= 30) == (one, True)


def test_worth_of_a_portfolio_account_is_not_known_rather_than_nothing(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    """1,000 HYPE and no USDC: the venue's sum of the collateral token is zero, and the account is worth much more."""
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.update(mode="portfolio", equity=0, cross_equity=0, withdrawable=0)

    found = support.get(FIND, {"q": "alice"}).content.decode()
    page = account_page(support, alpha)

    assert ("not known" in found, "0.00" in found) == (True, False)
    figures = re.search(r'aria-labelledby="figures".*?</section>', page, re.DOTALL)
    assert figures is not None
    shown = re.findall(r"<dt>(Equity|Free collateral|Cross usage)</dt><dd class=\"number\">([^<]*)", figures[0])
    assert [(name, value.strip()) for name, value in shown] == [
        ("Equity", "not known"),
        ("Free collateral", "not known"),
        ("Cross usage", "not known"),
    ]
