"""The page that leads to trading, with every answer from the test: it draws itself anew while the venue is asked."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from trading.accounts.view_models import ConnectPage, Panel, VenueTab

CHECKING = ConnectPage(
    venue="aster",
    venue_label="Aster",
    venues=tuple(
        VenueTab(venue=name.lower(), label=name, state="not connected", is_current=name == "Aster")
        for name in ("Hyperliquid", "Aster")
    ),
    now=datetime(2026, 11, 22, 12, tzinfo=UTC),
    panel=Panel.CHECKING,
    title="One moment",
    text="The venue is asked whether it has taken your approval.",
    steps=(),
    can_start_over=True,
)


@pytest.mark.parametrize("name", ["check_approval", "withdraw_approval", "connect-hyperliquid"])
def test_keyboard_stays_where_it_is_while_the_venue_is_asked(site: Site, name: str) -> None:
    site.page.clock.install()
    site.show('{% extends "accounts/connect.html" %}', page=CHECKING)
    site.answers["/account/connect/check/"] = site.answers["/"]
    site.page.locator(f"#{name}").focus()
    site.page.locator("#connect").evaluate("place => { place.dataset.seen = 'yes' }")
    site.page.clock.run_for(2500)

    expect(site.page.locator("#connect[data-seen]")).to_have_count(0)
    expect(site.page.locator(f"#{name}")).to_be_focused()
