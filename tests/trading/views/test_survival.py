"""The line of recent days over HTTP, against the venue's own daily candles."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.trading.conftest import Desk
from trading.candles import last_days
from trading.panels.survival import NO_HISTORY, NOTHING_YET

ADDRESS = "/trade/hyperliquid:BTC/survival/"


def line(browser: Client, distance: str) -> str:
    answer = browser.get(ADDRESS, {"distance": distance})
    assert answer.status_code == 200
    return answer.content.decode()


def told_days(desk: Desk) -> list[tuple[Decimal, Decimal, Decimal]]:
    """The venue's last thirty whole days: first, highest and lowest price."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (int(at.timestamp() * 1000) for at in (midnight - timedelta(days=30), midnight))
    asked: dict[str, Any] = {"coin": "BTC", "interval": "1d", "startTime": start, "endTime": end - 1}
    rows = desk.sandbox.info("candleSnapshot", req=asked)
    return [(Decimal(row["o"]), Decimal(row["h"]), Decimal(row["l"])) for row in rows]


def test_count_is_that_of_the_venues_own_daily_candles(desk: Desk, browser: Client) -> None:
    days = told_days(desk)
    falls = sorted((first - low) / first for first, _, low in days)
    rises = sorted((high - first) / first for first, high, _ in days)
    assert len(days) == 30

    for sign, moves in (("-", falls), ("", rises)):
        middle = moves[15]
        hit = sum(move >= middle for move in moves)
        assert f"hit on {hit} of 30 days" in line(browser, f"{sign}{middle:f}"[:12])
    assert "never hit in 30 days" in line(browser, "-0.9999")


def test_quote_carries_the_way_that_the_line_asks_for(desk: Desk, browser: Client) -> None:
    typed = {"side": "long", "kind": "market", "size": "0.01", "unit": "coin", "mode": "isolated", "leverage": "10"}
    told = r'<input type="hidden" name="distance" value="([^"]*)">'
    ways = [
        re.findall(told, browser.get("/trade/hyperliquid:BTC/quote/", typed | changed).content.decode())
        for changed in ({}, {"side": "short"}, {"size": ""})
    ]

    # Liquidation at 78,418.94 and at (860 + 85.613) / (0.01 · 1.0125) = 93,393.88, of a mark of 86,000.
    assert ways == [["-0.088"], ["0.086"], [""]]


@pytest.mark.parametrize("distance", ["", "0", "-", "abc", "1e9", "--0.1", "NaN"])
def test_what_is_no_distance_is_not_tried(desk: Desk, browser: Client, distance: str) -> None:
    assert NOTHING_YET in line(browser, distance)


def test_history_is_read_once_a_day_and_costs_no_statement(
    desk: Desk, browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = line(browser, "-0.05")
    desk.sandbox.fault("drop_before", "any", count=100)
    try:
        with django_assert_num_queries(0):
            assert line(browser, "-0.05") == first
    finally:
        desk.sandbox.clear_faults()


def test_silent_venue_is_a_sentence_and_asked_again(desk: Desk, browser: Client) -> None:
    cache.set(f"candles:{desk.market.pk}:1d:failed", 1, 60)

    assert last_days(desk.market, timezone.now()) is None
    page = line(browser, "-0.05")
    assert NO_HISTORY in page
    assert "every 10s" in page
