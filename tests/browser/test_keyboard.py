"""The whole job without a mouse: every stop can be seen and named, and the keyboard is never lost or caught."""

from collections.abc import Callable
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from tests.browser.product import Exchange
from tests.browser.terminal import Terminal

SitDown = Callable[..., Terminal]
STOPS_AT_MOST = 90

# Whether what has the keyboard shows it, on itself or on what stands for it (of a slider that is its thumb, of which a
# page cannot ask), and what it is called.
SHOWN = """() => {
  const has = document.activeElement;
  const box = has.closest(".field-box");
  const outlined = [has, ...(has.labels || [])].some((sign) => getComputedStyle(sign).outlineStyle !== "none");
  return outlined || has.type === "range" || Boolean(box && getComputedStyle(box).borderStyle !== "none");
}"""
NAMED = """() => {
  const has = document.activeElement;
  return Boolean(has.ariaLabel || has.labels?.length || has.textContent.trim() || has.title);
}"""


def has_keyboard(where: Locator) -> bool:
    return bool(where.evaluate("element => element === document.activeElement"))


def tab_to(page: Page, where: Locator) -> None:
    """Step forward until the keyboard is there; each stop on the way is seen and has a name."""
    for _ in range(STOPS_AT_MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate("() => document.activeElement.outerHTML.slice(0, 120)")
        assert (page.evaluate(SHOWN), page.evaluate(NAMED)) == (True, True), stop
        if has_keyboard(where):
            return
    raise AssertionError(f"the keyboard does not come to {where}")


def stays_inside(page: Page, dialog: Locator) -> None:
    """Once around: the keyboard leaves an open dialog for the browser's own controls at most."""
    for _ in range(12):
        page.keyboard.press("Tab")
        assert dialog.evaluate("e => e.contains(document.activeElement) || document.activeElement === document.body")


def test_position_is_opened_adjusted_and_closed_by_keyboard_alone(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta)
    page, keyboard = terminal.page, terminal.page.keyboard
    keyboard.press("q")
    keyboard.type("0.02")
    tab_to(page, terminal.slider)
    keyboard.press("Home")
    keyboard.press("ArrowRight")
    terminal.expect_quote(2)
    tab_to(page, terminal.button)
    keyboard.press("Enter")
    expect(terminal.notices.first).to_contain_text("Filled: buy 0.02 BTC")

    add = terminal.row("BTC").get_by_role("link", name="+ Margin", exact=True)
    expect(add).to_be_visible()
    tab_to(page, add)
    keyboard.press("Enter")
    dialog = page.locator("#margin_dialog")
    expect(dialog.locator("#amount")).to_be_focused()
    stays_inside(page, dialog)
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(add).to_be_focused()

    keyboard.press("Enter")
    expect(dialog.locator("#amount")).to_be_focused()
    keyboard.type("25")
    expect(dialog.locator("#change_margin")).to_have_text("Add 25 USDC")
    keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("body")).not_to_be_focused()

    close = terminal.row("BTC").get_by_role("link", name="Close", exact=True)
    expect(close).to_be_visible()
    tab_to(page, close)
    keyboard.press("Enter")
    expect(page.locator("#close_position")).to_be_focused()
    keyboard.press("Enter")
    expect(terminal.row("BTC")).to_have_count(0)
    expect(page.locator("body")).not_to_be_focused()
    assert terminal.ledger()["positions"] == []
    assert Decimal(terminal.ledger()["fills"][-1]["size"]) == Decimal("0.02")
