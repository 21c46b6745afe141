"""The whole job, as a trader does it: decide, open, watch, adjust, close; and what happens when the price goes."""

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.product import Exchange, Product
from tests.browser.terminal import Terminal, number

BRANDS = pytest.mark.parametrize("brand", [0, 1], ids=["harbor", "vanta"])
# The venue's prices move all the time; nothing here depends on less than this share of one.
DRIFT = Decimal("0.004")
SitDown = Callable[..., Terminal]


def readout(terminal: Terminal, leverage: int) -> dict[str, Decimal]:
    """What the ticket says at this leverage, once it says it."""
    terminal.expect_quote(leverage)
    names = ("liquidation", "distance", "margin", "maximum_loss")
    return {name: getattr(terminal, name) for name in names}


def is_nearer(higher: dict[str, Decimal], lower: dict[str, Decimal]) -> bool:
    """More leverage: liquidation nearer to a long's price, less margin, less to lose."""
    comes_up = higher["liquidation"] > lower["liquidation"]
    return comes_up and all(higher[name] < lower[name] for name in ("distance", "margin", "maximum_loss"))


def says(terminal: Terminal, leverage: int) -> None:
    """Slider, number field and marks show the same leverage, and its estimate is spoken by the slider."""
    expect(terminal.slider).to_have_value(str(leverage))
    expect(terminal.field).to_have_value(str(leverage))
    pressed = terminal.page.locator('.marks [aria-pressed="true"]')
    for text in pressed.all_inner_texts():
        assert text == f"{leverage}x"
    expect(terminal.slider).to_have_attribute("aria-valuetext", re.compile(rf"^{leverage}x, margin .* maximum loss"))


def drag_to_the_end(terminal: Terminal) -> None:
    """Take the slider's thumb with the mouse and let go beyond the end of the track."""
    box = terminal.slider.bounding_box()
    assert box
    lowest, highest = (int(terminal.slider.get_attribute(name) or "") for name in ("min", "max"))
    thumb = box["height"]
    start = (int(terminal.slider.input_value()) - lowest) / (highest - lowest)
    track, middle = box["width"] - thumb, box["y"] + box["height"] / 2
    mouse = terminal.page.mouse
    mouse.move(box["x"] + thumb / 2 + track * start, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] + thumb, middle, steps=8)
    mouse.up()


@BRANDS
def test_slider_moves_every_readout_and_nothing_jumps(product: Product, sit_down: SitDown, brand: int) -> None:
    exchange = product.exchanges[brand]
    terminal = sit_down(exchange)
    terminal.set_price("BTC", "86000")
    if brand == 1:
        terminal.choose("mode", "cross")
        expect(terminal.page.locator("#mode-cross")).to_be_checked()
        terminal.choose("mode", "isolated")
    expect(terminal.page.locator("#mode-isolated")).to_be_checked()
    expect(terminal.button).to_be_disabled()
    expect(terminal.button).to_have_text("Enter a size")
    terminal.write_size("0.02")
    terminal.choose_leverage(2)
    expect(terminal.button).to_have_text("Buy / Long 0.02 BTC")
    place = terminal.button.bounding_box()

    terminal.slider.focus()
    readouts = [readout(terminal, 2)]
    for leverage in (3, 4):
        terminal.slider.press("ArrowRight")
        readouts.append(readout(terminal, leverage))
        says(terminal, leverage)
        expect(terminal.slider).to_be_focused()
    drag_to_the_end(terminal)
    highest = int(terminal.slider.get_attribute("max") or "")
    assert highest == (5, 40)[brand]
    readouts.append(readout(terminal, highest))
    says(terminal, highest)
    expect(terminal.slider).to_be_focused()

    assert terminal.button.bounding_box() == place
    for lower, higher in pairwise(readouts):
        assert is_nearer(higher, lower), (lower, higher)
    for shown, leverage in zip(readouts, (2, 3, 4, highest), strict=True):
        value = Decimal("0.02") * 86000
        assert abs(shown["margin"] * leverage / value - 1) < Decimal("0.01") * leverage
        assert shown["margin"] < shown["maximum_loss"] < shown["margin"] + value * Decimal("0.002")


def test_every_way_to_set_leverage_agrees(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta)
    terminal.write_size("0.02")
    page = terminal.page

    terminal.choose_leverage(1)
    says(terminal, 1)
    expect(page.get_by_role("button", name="Less leverage")).to_be_disabled()
    page.get_by_role("button", name="More leverage").click()
    terminal.expect_quote(2)
    says(terminal, 2)
    page.get_by_role("button", name="Less leverage").click()
    terminal.expect_quote(1)
    says(terminal, 1)
    mark = page.locator(".marks button").nth(-2)
    chosen = int(number(mark.inner_text()))
    mark.click()
    terminal.expect_quote(chosen)
    says(terminal, chosen)
    expect(mark).to_have_attribute("aria-pressed", "true")
    terminal.field.focus()
    terminal.field.press("ArrowDown")
    terminal.expect_quote(chosen - 1)
    says(terminal, chosen - 1)
    terminal.slider.press("Home")
    terminal.expect_quote(1)
    terminal.slider.press("PageUp")
    says(terminal, int(number(page.locator(".marks button").nth(1).inner_text())))


@BRANDS
def test_trader_opens_watches_adjusts_and_closes(product: Product, sit_down: SitDown, brand: int) -> None:
    terminal = sit_down(product.exchanges[brand])
    terminal.set_price("BTC", "86000")
    terminal.choose("mode", "isolated")
    terminal.write_size("0.05")
    terminal.choose_leverage(5)
    estimated = readout(terminal, 5)
    terminal.place()

    expect(terminal.notices.first).to_contain_text("Filled: buy 0.05 BTC at market")
    expect(terminal.row("BTC")).to_contain_text("Isolated 5x")
    held = terminal.ledger()["positions"]
    assert [(row["market"], row["size"], row["mode"], row["leverage"]) for row in held] == [
        ("BTC", "0.05", "isolated", 5)
    ]
    opened = number(terminal.cell("BTC", "liquidation").inner_text())
    assert abs(opened / estimated["liquidation"] - 1) < DRIFT
    moves_by_itself(terminal)
    add_margin(terminal, opened)
    remove_margin(terminal)
    lists_both(terminal)

    terminal.show("positions")
    terminal.close("BTC")
    assert terminal.ledger()["positions"] == []
    expect(terminal.show("fills").locator("tr[data-row]").first).to_contain_text("BTC")
    expect(terminal.page.locator("#account-isolated")).to_have_text("0.00")


def moves_by_itself(terminal: Terminal) -> None:
    """Mark, profit and age change on the page as it stands; a reload would lose what is noted on the window."""
    terminal.page.evaluate("() => { window.stays = true }")
    before = {name: terminal.cell("BTC", name).inner_text() for name in ("mark", "pnl", "value")}
    terminal.sandbox.mark("BTC", "87000")
    for name, text in before.items():
        expect(terminal.cell("BTC", name)).not_to_have_text(text)
    terminal.until(lambda: abs(number(terminal.cell("BTC", "mark").inner_text()) / 87000 - 1) < DRIFT)
    terminal.until(lambda: number(terminal.cell("BTC", "pnl").inner_text()) > 30)
    age = terminal.page.locator("#positions-age")
    told = age.inner_text()
    expect(age).not_to_have_text(told)
    assert terminal.page.evaluate("() => window.stays") is True


def add_margin(terminal: Terminal, opened: Decimal) -> None:
    dialog = terminal.open_margin_dialog("BTC", "add")
    assert dialog.locator("#change_margin").is_disabled()
    dialog.get_by_label("Amount", exact=True).fill("100")
    shown = previewed(dialog, "Add 100 USDC")
    assert shown < opened * (1 - DRIFT)
    dialog.locator("#change_margin").click()
    expect(dialog).to_have_count(0)
    row_shows(terminal, shown)
    assert terminal.ledger()["positions"][0]["market"] == "BTC"


def remove_margin(terminal: Terminal) -> None:
    before = number(terminal.cell("BTC", "liquidation").inner_text())
    dialog = terminal.open_margin_dialog("BTC", "remove")
    dialog.get_by_label("Amount", exact=True).fill("60")
    shown = previewed(dialog, "Remove 60 USDC")
    assert shown > before
    dialog.locator("#change_margin").click()
    expect(dialog).to_have_count(0)
    row_shows(terminal, shown)


def previewed(dialog: Locator, button: str) -> Decimal:
    """The new liquidation price that the dialog promises for what its button says."""
    expect(dialog.locator("#change_margin")).to_have_text(button)
    expect(dialog.locator("#change_margin")).to_be_enabled()
    return number(dialog.locator(".liquidation .after").inner_text())


def row_shows(terminal: Terminal, price: Decimal) -> None:
    """The row's liquidation price is the promised one, to one tick."""
    cell = terminal.cell("BTC", "liquidation")
    terminal.until(lambda: abs(number(cell.inner_text()) - price) <= 1)


def lists_both(terminal: Terminal) -> None:
    rows = terminal.show("margin_changes").locator("tr[data-row]")
    expect(rows.nth(0)).to_contain_text("−60.00")
    expect(rows.nth(1)).to_contain_text("+100.00")
    for row in (rows.nth(0), rows.nth(1)):
        expect(row).to_contain_text("done")


@BRANDS
def test_price_through_the_liquidation_price_takes_only_that_position(
    product: Product, sit_down: SitDown, brand: int
) -> None:
    terminal = sit_down(product.exchanges[brand], "ETH")
    terminal.set_price("ETH", "2700")
    terminal.open_position("ETH", "0.5", 2, mode=("isolated", "cross")[brand])
    terminal.open("BTC")
    terminal.set_price("BTC", "86000")
    cash = Decimal(terminal.ledger()["cash"])
    terminal.choose("mode", "isolated")
    terminal.write_size("0.02")
    terminal.choose_leverage(5)
    maximum_loss = terminal.maximum_loss
    terminal.place()
    expect(terminal.row("BTC")).to_contain_text("Isolated 5x")
    expect(terminal.row("ETH")).to_contain_text(("Isolated 2x", "Cross 2x")[brand])
    liquidation = number(terminal.cell("BTC", "liquidation").inner_text())
    ether = terminal.sandbox.positions(terminal.address)["ETH"]

    push_through(terminal, liquidation)

    account = terminal.ledger()
    assert [row for row in account["positions"] if row["market"] == "ETH"] == [ether]
    assert 0 < cash - Decimal(account["cash"]) <= maximum_loss + Decimal("0.01")
    expect(terminal.row("BTC")).to_have_count(0)
    expect(terminal.row("ETH")).to_be_visible()
    expect(terminal.show("fills").locator("tr[data-row]", has_text="BTC").first).to_contain_text(
        re.compile("liq", re.IGNORECASE)
    )


def push_through(terminal: Terminal, liquidation: Decimal) -> None:
    """One tick before the predicted price nothing happens; one tick past it the position is gone.

    Where the machine stands still between the two pushes, the venue's own clock moves the price, and may do the second.
    """
    sandbox, address = terminal.sandbox, terminal.address
    mark = sandbox.state()["marks"]["BTC"]
    # The venue's own clock has just ticked, so that it does not move the price between the two pushes.
    terminal.until(lambda: sandbox.state()["marks"]["BTC"] != mark)
    sandbox.mark("BTC", liquidation + 1)
    if "BTC" in sandbox.positions(address):
        sandbox.mark("BTC", liquidation - 1)
    assert sorted(sandbox.positions(address)) == ["ETH"]
    ended = [row["detail"] for row in sandbox.events(address) if (row["kind"], row["market"]) == ("liquidation", "BTC")]
    assert Decimal(ended[-1].rpartition(" at ")[2]) < liquidation + 1
