"""What support reads: how old it is stays true for as long as the page is open."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tenants.models import User
from tenants.paging import Page
from tests.browser.site import Site
from trading.panels.view_models import Freshness, FreshnessState
from trading.support.panels import LIST_STALE_AFTER_SECONDS
from trading.support.view_models import AccountView, Reading, TraderRow

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
READ = NOON - timedelta(seconds=90)
FRESH = Freshness(state=FreshnessState.LIVE, as_of=READ, text="1 min old")
ACCOUNT = AccountView(
    id=1, address="0x7a3c", venue="Hyperliquid", mode="standard", can_trade=True, figures=None, positions=(),
    reading=Reading(freshness=FRESH, venue_time=READ, synced_at=READ, attempted_at=READ, problem=""), unexplained="",
    orders=(), fills=(), margin_changes=(), commands=(), liquidations=(), money=None, accounts=(), requests=None,
)  # fmt: skip
ROW = TraderRow(
    id=1, name="trader@example.com", address="0x7a3c", equity="1,000.00", positions="0", freshness=FRESH, problem="",
    is_active=True,
)  # fmt: skip
LIST = {
    "rows": [ROW],
    "page": Page(rows=[ROW], total=1, position="", newer="", older=""),
    "query": "",
    "venues": (),
    "has_more": False,
    "estimates": None,
    "now": NOON,
    "stale_after": LIST_STALE_AFTER_SECONDS,
}


@pytest.mark.parametrize(
    ("template", "context", "soon", "late"),
    [
        (
            "trader",
            {"account": ACCOUNT, "trader": User(pk=1, email="trader@example.com"), "now": NOON, "limits": (100, 300)},
            "stale",
            "closed",
        ),
        ("find", LIST, "live", "stale"),
    ],
    ids=["account", "list"],
)
def test_age_counts_on_to_the_limits_of_its_page(
    site: Site, template: str, context: dict[str, Any], soon: str, late: str
) -> None:
    site.page.clock.install(time=NOON)
    site.show(f'{{% extends "support/{template}.html" %}}', **context)
    age = site.page.locator("time.age")
    for ahead, text, state in (("00:02:00", "3 min old", soon), ("03:00:00", "3 h old", late)):
        site.page.clock.fast_forward(ahead)
        expect(age).to_have_text(text)
        expect(age).to_have_class(f"age age-{state}")
