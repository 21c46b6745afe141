"""Bad input, bad networks, dead processes: each is said on the page, and nothing is sent twice or lost."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.product import Exchange, Product
from tests.browser.terminal import Terminal, number

SitDown = Callable[..., Terminal]
PROVEN = re.compile("(Filled|Done): buy 0.01 BTC at market")


def fills(terminal: Terminal) -> int:
    return len(terminal.ledger()["fills"])


def ready_to_buy(terminal: Terminal, size: str = "0.01", leverage: int = 5) -> None:
    terminal.choose("mode", "isolated")
    terminal.write_size(size)
    terminal.choose_leverage(leverage)
    expect(terminal.button).to_be_enabled()


def test_double_click_sends_one_order(vanta: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(vanta)
    before = fills(terminal)
    ready_to_buy(terminal)

    terminal.button.dblclick()

    # Good news leaves by itself, so it is looked for before the row, which may take longer.
    expect(terminal.notices.filter(has_text="Filled")).to_have_count(1)
    expect(terminal.row("BTC")).to_contain_text("0.01")
    assert fills(terminal) == before + 1
    assert [row["size"] for row in terminal.ledger()["positions"]] == ["0.01"]


@pytest.mark.parametrize("fault", [{"fault": "drop_after"}, {"fault": "delay", "seconds": 4}], ids=["cut", "slow"])
def test_lost_answer_is_checked_and_settles_by_itself(
    vanta: Exchange, sit_down: SitDown, fault: dict[str, Any]
) -> None:
    terminal = sit_down(vanta)
    before = fills(terminal)
    ready_to_buy(terminal)
    terminal.sandbox.fault(request="order", **fault)

    with terminal.page.expect_response("**/order/") as answer:
        terminal.button.click()

    # A slow answer may come after the proof, and then there is nothing left to check.
    is_checking = "Checking: buy 0.01 BTC at market" in answer.value.text()
    assert is_checking or (fault["fault"] == "delay" and PROVEN.search(answer.value.text()))
    assert is_checking == ("there is no need to send it again" in answer.value.text())
    if is_checking:
        expect(terminal.notices.first).to_contain_text(PROVEN)
    expect(terminal.row("BTC")).to_contain_text("0.01")
    assert fills(terminal) == before + 1


def test_order_cut_off_before_it_arrived_is_settled_as_what_it_became(vanta: Exchange, sit_down: SitDown) -> None:
    """The identical bytes are sent again while they are valid, so it executes once or is proven dead."""
    terminal = sit_down(vanta)
    before = fills(terminal)
    ready_to_buy(terminal)
    terminal.sandbox.fault("drop_before", "order")

    with terminal.page.expect_response("**/order/") as answer:
        terminal.button.click()

    assert "Checking: buy 0.01 BTC at market" in answer.value.text()
    settled = re.compile(f"{PROVEN.pattern}|Not carried out: buy 0.01 BTC")
    expect(terminal.notices.first).to_contain_text(settled, timeout=60_000)
    executed = fills(terminal) - before
    assert executed == len(terminal.ledger()["positions"]) <= 1
    expect(terminal.row("BTC")).to_have_count(executed)


def test_limit_order_rests_is_listed_and_cancelled(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(harbor)
    terminal.set_price("BTC", "86000")
    terminal.choose("kind", "limit")
    terminal.page.get_by_label("Price", exact=True).fill("80000")
    ready_to_buy(terminal, leverage=3)
    expect(terminal.button).to_have_text("Buy / Long 0.01 BTC at 80,000")

    terminal.place()

    expect(terminal.notices.first).to_contain_text("In the book: buy 0.01 BTC at 80,000")
    orders = terminal.show("orders")
    expect(orders.locator("tr[data-row]")).to_contain_text("80,000")
    expect(terminal.page.locator('[data-counts="orders"]')).to_have_text("1")
    assert [row["size"] for row in terminal.ledger()["orders"]] == ["0.01"]
    orders.get_by_role("button", name="Cancel").click()
    expect(terminal.notices.first).to_contain_text("Done: cancel BTC order")
    expect(orders.locator("tr[data-row]")).to_have_count(0)
    assert terminal.ledger()["orders"] == []


# Field, what is typed, how the sentence beside the field begins, what is typed instead.
BAD_INPUT = [
    ("size", "one", "The size has to be a number, such as 1.5.", "0.01"),
    ("size", "NaN", "The size has to be a plain number, such as 1.5.", "0.01"),
    ("size", "-1", "The size has to be above zero.", "0.01"),
    ("size", "0.123456", "The size takes at most 5 decimals here.", "0.01"),
    ("size", "0.00001", "An order has to be worth at least 10 USDC: ", "0.01"),
    ("size", "1000", "That needs more than your free collateral: ", "0.01"),
    ("leverage", "6", "5x is the highest this exchange offers on BTC.", "3"),
    ("leverage", "2.5", "Leverage is a whole number from 1 up.", "3"),
    ("price", "80000.123", "BTC prices near this one move in steps of ", "80000"),
]


def test_bad_input_is_answered_beside_its_field_and_nothing_is_sent(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(harbor)
    posts: list[str] = []
    terminal.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    commands = terminal.sandbox.state()["commands"]
    ready_to_buy(terminal, leverage=3)
    for name, typed, sentence, instead in BAD_INPUT:
        if name == "price":
            terminal.choose("kind", "limit")
        box, beside = terminal.page.locator(f"#{name}"), terminal.page.locator(f"#error_{name}")
        box.fill(typed)
        expect(beside).to_have_text(re.compile(f"^{re.escape(sentence)}"))
        expect(terminal.button).to_be_disabled()
        expect(box).to_have_attribute("aria-invalid", "true")
        box.press("Enter")
        box.fill(instead)
        expect(beside).to_be_empty()
        expect(terminal.button).to_be_enabled()
    assert posts == []
    assert terminal.sandbox.state()["commands"] == commands


def test_margin_beyond_what_can_be_moved_is_refused_beside_the_amount(harbor: Exchange, sit_down: SitDown) -> None:
    terminal = sit_down(harbor)
    ready_to_buy(terminal, leverage=3)
    terminal.place()
    before = terminal.ledger()["positions"]
    for direction in ("add", "remove"):
        dialog = terminal.open_margin_dialog("BTC", direction)
        amount = dialog.get_by_label("Amount", exact=True)
        for typed in ("1000000", "abc", "0", "1.234"):
            amount.fill(typed)
            expect(dialog.locator("#error_amount")).to_have_text(re.compile(r"\w.*\."))
            expect(dialog.locator("#change_margin")).to_be_disabled()
        dialog.get_by_label("Close this window").click()
        expect(dialog).to_have_count(0)
    assert terminal.ledger()["positions"] == before


@pytest.fixture
def hang(product: Product) -> Iterator[Callable[..., list[psutil.Process]]]:
    """Makes processes silent, as a machine that swaps does; whatever is still so at the end is killed."""
    hung: list[psutil.Process] = []

    def suspend(*names: str) -> list[psutil.Process]:
        hung.extend(product.process(name) for name in names)
        for process in hung:
            process.suspend()
        return hung

    yield suspend
    for process in hung:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def test_silent_worker_and_stream_make_numbers_old_and_after_a_restart_they_catch_up(
    product: Product, vanta: Exchange, sit_down: SitDown, hang: Callable[..., list[psutil.Process]]
) -> None:
    terminal = sit_down(vanta)
    ready_to_buy(terminal)
    terminal.place()
    expect(terminal.row("BTC")).to_be_visible()
    names = ("worker", "stream")
    restarts = {name: product.said(f"{name} runs again.") for name in names}

    silent = hang(*names)
    age, why = terminal.page.locator("#positions-age"), terminal.page.locator("#place_order_why")
    expect(age).to_have_class(re.compile("age-stale"))
    expect(age).to_have_class(re.compile("age-closed"), timeout=60_000)
    expect(terminal.button).to_be_disabled()
    expect(why).to_contain_text("Prices are too old: nothing new is opened on them")
    expect(terminal.page.locator("#venue_state")).to_have_text("Hyperliquid · not answering")
    expect(terminal.row("BTC").get_by_role("link", name="Close", exact=True)).to_be_visible()
    terminal.sandbox.mark("BTC", "84000")

    for process in silent:
        process.kill()
    terminal.until(lambda: all(product.said(f"{name} runs again.") > told for name, told in restarts.items()))
    expect(age).to_have_class(re.compile("age-live"), timeout=60_000)
    expect(terminal.button).to_be_enabled()
    expect(terminal.page.locator("#venue_state")).to_have_text("Hyperliquid · live")
    terminal.until(lambda: number(terminal.cell("BTC", "mark").inner_text()) < 84600)
    expect(terminal.page.locator("#positions .table-reason")).to_have_count(0)
