"""The same pages on a phone: one view at a time, dialogs as sheets, nothing to scroll sideways."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PHONE
from tests.browser.product import Exchange, Product
from tests.browser.terminal import Terminal
from tests.browser.watch import Watch

# What each view of the bottom bar shows and hides.
VIEWS = {
    "chart": (["#chart_canvas"], ["#book", "#ticket", "#positions", "#account"]),
    "book": (["#book"], ["#chart_canvas", "#ticket", "#positions", "#account"]),
    "trade": (["#chart_canvas", "#ticket"], ["#book", "#account"]),
    "positions": (["#positions"], ["#chart_canvas", "#book", "#ticket", "#account"]),
    "account": (["#account"], ["#chart_canvas", "#book", "#ticket", "#positions"]),
}
SitDown = Callable[..., Terminal]
Enter = Callable[..., BrowserContext]


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"))


def turn_to(page: Page, view: str) -> None:
    page.locator(f'label[for="view-{view}"]').click()


@pytest.mark.parametrize("brand", [0, 1], ids=["harbor", "vanta"])
def test_trader_does_the_whole_job_on_a_phone(product: Product, sit_down: SitDown, brand: int) -> None:
    terminal = sit_down(product.exchanges[brand], viewport=PHONE, has_touch=True, is_mobile=True)
    page = terminal.page
    for view, (shown, hidden) in VIEWS.items():
        turn_to(page, view)
        for panel in shown:
            expect(page.locator(panel), f"{panel} in {view}").to_be_visible()
        for panel in hidden:
            expect(page.locator(panel), f"{panel} in {view}").to_be_hidden()
        assert fits(page), view

    turn_to(page, "trade")
    terminal.choose("mode", "isolated")
    terminal.write_size("0.01")
    terminal.choose_leverage(4)
    for control in (terminal.slider, terminal.button):
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"]
    terminal.button.tap()
    turn_to(page, "positions")
    row = terminal.row("BTC")
    expect(row).to_contain_text("Isolated 4x")
    for name in ("liquidation", "margin", "pnl"):
        expect(terminal.cell("BTC", name)).to_be_in_viewport()
    assert fits(page)

    dialog = terminal.open_margin_dialog("BTC", "add")
    sheet = dialog.bounding_box()
    assert sheet
    assert (sheet["x"], sheet["width"]) == (0, PHONE["width"])
    terminal.until(lambda: abs((box := dialog.bounding_box() or sheet)["y"] + box["height"] - PHONE["height"]) <= 1)
    dialog.get_by_label("Amount", exact=True).fill("20")
    expect(dialog.locator("#change_margin")).to_have_text("Add 20 USDC")
    dialog.locator("#change_margin").tap()
    expect(dialog).to_have_count(0)
    terminal.close("BTC")


def test_no_page_scrolls_sideways_on_a_phone(product: Product, vanta: Exchange, enter: Enter, watch: Watch) -> None:
    pages = {
        vanta.owner: ("/console/", "/console/brand/", "/console/margin/", "/console/audit/"),
        vanta.support: ("/support/",),
    }
    for person, paths in pages.items():
        page = enter(vanta, person, PHONE).new_page()
        for path in paths:
            page.goto(f"{vanta.url}{path}")
            expect(page.locator("h1").first).to_be_visible()
            assert fits(page), path
        page.goto(product.platform)
        assert fits(page)
