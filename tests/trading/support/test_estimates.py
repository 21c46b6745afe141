"""The error of our prices on support's first page, of one operator at a time."""

import doctest
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client

from tenants.scope import operator_scope
from tests.factories import ALICES_ADDRESS, BOBS_ADDRESS, Exchange, browser_at, make_account, make_market, make_position
from trading.models import Market
from trading.support import estimates

TITLE = "Our liquidation prices beside the venue"


def hold(exchange: Exchange, address: str, *pairs: tuple[str | None, str | None]) -> None:
    """An account with a position for each pair of the venue's price and ours."""
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, address)
        for theirs, ours in pairs:
            make_position(
                account,
                make_market(f"M{Market.objects.count()}"),
                liquidation_price=None if theirs is None else Decimal(theirs),
                estimated_liquidation_price=None if ours is None else Decimal(ours),
            )


@pytest.fixture
def support(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.support)


def first_page(client: Client, query: str = "") -> str:
    return client.get("/support/" + query).content.decode()


def test_distribution_and_the_worst_position_are_shown(support: Client, alpha: Exchange) -> None:
    hold(alpha, ALICES_ADDRESS, ("50000", "50000"), ("50000", "50010"), ("100", "95"), ("100", None))
    page = first_page(support)

    for words in (
        TITLE,
        ">2.0000 bp<",
        ">500.0000 bp<",
        "33.33\u202f%",
        f'/support/traders/{alpha.trader.pk}/#positions">M2<',
    ):
        assert words in page
    assert '<dd class="number">3</dd>' in page
    assert '<dd class="number">1</dd>' in page


def test_other_operators_prices_do_not_count(support: Client, alpha: Exchange, beta: Exchange) -> None:
    hold(beta, BOBS_ADDRESS, ("100", "50"))
    assert TITLE not in first_page(support)

    hold(alpha, ALICES_ADDRESS, ("50000", "50000"))
    page = first_page(support)
    assert ('<dd class="number">1</dd>' in page, "5,000.0000 bp" in page) == (True, False)


def test_search_does_not_wait_for_it(support: Client, alpha: Exchange) -> None:
    hold(alpha, ALICES_ADDRESS, ("100", "95"))

    assert [TITLE in first_page(support, query) for query in ("", "?q=alice", "?page=1")] == [True, False, False]


def test_price_on_one_side_only_is_counted_without_a_comparison(support: Client, alpha: Exchange) -> None:
    hold(alpha, ALICES_ADDRESS, (None, "95"))
    page = first_page(support)

    assert (TITLE in page, "Median" in page) == (True, False)


def test_large_operators_figures_are_kept_for_that_operator_alone(
    alpha: Exchange, beta: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "LARGE", 2)
    hold(alpha, ALICES_ADDRESS, ("100", "95"), ("100", "100"))
    hold(beta, BOBS_ADDRESS, ("100", "99"))
    alphas, betas = browser_at(alpha, alpha.owner), browser_at(beta, beta.owner)
    try:
        assert [("500.0000 bp" in first_page(client)) for client in (alphas, betas)] == [True, False]
        hold(alpha, "0xother", ("100", "10"))
        hold(beta, "0xother", ("100", "10"))
        assert [("9,000.0000 bp" in first_page(client)) for client in (alphas, betas)] == [False, True]
    finally:
        cache.delete_many([f"support-estimates:{exchange.operator.pk}" for exchange in (alpha, beta)])


def test_module_opens_with_examples_that_hold() -> None:
    assert doctest.testmod(estimates) == (0, 1)
