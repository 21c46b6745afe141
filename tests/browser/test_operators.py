"""Two operators are two products: in looks, in rules, and in what can be reached."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.product import Exchange, Product
from tests.browser.terminal import Terminal, number
from tests.browser.visitor import Visitor

SitDown = Callable[..., Terminal]
Enter = Callable[..., BrowserContext]


def token(page: Page, name: str) -> str:
    """A custom property of the page's theme."""
    value = page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name)
    return str(value)


def impression(terminal: Terminal) -> dict[str, str]:
    """What somebody sees of a brand at first sight."""
    page = terminal.page
    logo = page.locator(".topbar img").first.get_attribute("src") or ""
    return {
        "name": page.locator(".topbar a").first.inner_text(),
        "logo": Visitor(terminal.exchange.host).get(logo).text[:40] if logo.endswith(".svg") else logo,
        "ground": token(page, "--bg"),
        "accent": token(page, "--accent"),
        "modes": " ".join(page.locator("#ticket_form fieldset").first.locator("label").all_inner_texts()),
        "leverage": terminal.field.input_value(),
        "marks": page.locator(".marks").inner_text(),
        "top": terminal.slider.get_attribute("max") or "",
    }


def test_two_brands_look_and_trade_like_two_products(harbor: Exchange, vanta: Exchange, sit_down: SitDown) -> None:
    beginners, professionals = (impression(sit_down(exchange, "SOL")) for exchange in (harbor, vanta))

    for name, value in beginners.items():
        assert value, name
        assert value != professionals[name], name
    assert (beginners["name"], professionals["name"]) == ("Harbor Markets", "Vanta")
    assert (beginners["leverage"], professionals["leverage"]) == ("3", "10")
    assert (beginners["top"], professionals["top"]) == ("5", "20")
    assert (beginners["modes"], professionals["modes"]) == ("Isolated", "Isolated Cross")


def test_one_operators_trader_reaches_nothing_of_another(harbor: Exchange, vanta: Exchange, sit_down: SitDown) -> None:
    stranger, owner = sit_down(harbor), sit_down(vanta)
    owner.set_price("BTC", "86000")
    owner.open_position("BTC", "0.01", 5)
    owner.choose("kind", "limit")
    owner.page.get_by_label("Price", exact=True).fill("80000")
    expect(owner.button).to_have_text("Buy / Long 0.01 BTC at 80,000")
    owner.place()
    expect(owner.notices.first).to_contain_text("In the book")
    position = (owner.row("BTC").get_attribute("id") or "").removeprefix("position-")
    order = (owner.page.locator("#orders tr[data-row]").get_attribute("id") or "").removeprefix("order-")
    command = (owner.notices.first.get_attribute("id") or "").removeprefix("notice-")
    held = owner.ledger()

    reads = (f"positions/{position}/margin", f"positions/{position}/margin/preview", f"positions/{position}/close")
    acts = (f"positions/{position}/margin/change", f"positions/{position}/close/now", f"orders/{order}/cancel")
    abroad, at_home = stranger.visitor(), owner.visitor()
    for path in (*reads, f"commands/{command}"):
        assert at_home.get(f"/{path}/").status in (200, 302), path
        assert abroad.get(f"/{path}/").status == 404, path
    for path in acts:
        refused = abroad.post(
            f"/{path}/", direction="remove", amount="1", form_key="0b7f2c0e-8f5c-4a53-9c3b-7f5c6f0f8a11"
        )
        assert refused.status == 404, path
    assert owner.address not in abroad.get("/support/").text
    assert owner.ledger() == held
    assert stranger.page.locator("#positions tr[data-row]").count() == 0

    misplaced = Visitor(vanta.host, abroad.cookies)
    assert misplaced.get("/trade/BTC/").location.startswith("/sign-in/")
    assert misplaced.get("/positions/").location.startswith("/sign-in/")


def test_stream_of_one_operator_is_refused_at_another(harbor: Exchange, vanta: Exchange, sit_down: SitDown) -> None:
    stranger = sit_down(harbor)
    live = stranger.page.locator("#live").get_attribute("hx-sse:connect") or ""
    assert parse_qs(urlsplit(live).query)["ticket"]

    told = Visitor(vanta.host, stranger.visitor().cookies).get(live)

    assert (told.status, told.text) == (403, "This ticket belongs to another exchange.")


def test_unknown_host_is_refused_and_the_platform_lists_nobody(product: Product) -> None:
    unknown = Visitor(f"nobody.localhost:{product.port}")
    for path in ("/", "/trade/BTC/", "/sign-in/", "/live/"):
        assert unknown.get(path).status in (403, 404), path
    platform = Visitor(f"localhost:{product.port}")
    landing = platform.get("/")
    assert landing.status == 200
    for exchange in product.exchanges:
        for private in (exchange.name, exchange.host, exchange.trader.email):
            assert private not in landing.text
    for path in ("/trade/BTC/", "/console/", "/support/", "/positions/"):
        assert platform.get(path).status == 404


@pytest.fixture
def owner_page(harbor: Exchange, enter: Enter) -> Iterator[Page]:
    """The owner's console; afterwards brand and margin policy are as they were."""
    page = enter(harbor, harbor.owner).new_page()
    page.goto(f"{harbor.url}/console/brand/")
    before = {name: page.locator(f"#{name}").input_value() for name in ("name", "accent")}
    page.goto(f"{harbor.url}/console/margin/")
    policy = {name: page.locator(f"#{name}").input_value() for name in ("isolated_leverage", "slider_marks")}
    yield page
    publish(page, harbor, "margin", "Put in force", policy)
    publish(page, harbor, "brand", "Publish", before)


def publish(page: Page, exchange: Exchange, form: str, button: str, values: dict[str, str]) -> None:
    page.goto(f"{exchange.url}/console/{form}/")
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)
    page.get_by_role("button", name=button).click()
    expect(page.locator("#notices .toast")).to_be_visible()


def test_owner_changes_what_a_trader_sees_but_not_what_he_chose(
    harbor: Exchange, sit_down: SitDown, owner_page: Page
) -> None:
    terminal = sit_down(harbor, "BNB")
    expect(terminal.field).to_have_value("3")
    terminal.open_position("AVAX", "10", 5)
    accent, page = token(terminal.page, "--accent"), owner_page

    page.goto(f"{harbor.url}/console/margin/")
    page.locator("#isolated_leverage").fill("4")
    page.locator("#slider_marks").fill("1, 4, 5")
    preview = page.locator("#margin_policy_preview")
    expect(preview).to_contain_text("Not saved")
    ticket = preview.frame_locator("iframe")
    expect(ticket.locator("#leverage")).to_have_value("4")
    expect(ticket.locator(".marks")).to_have_text(re.compile(r"1x\s*4x\s*5x"))
    terminal.open("BNB")
    expect(terminal.field).to_have_value("3")
    page.get_by_role("button", name="Put in force").click()
    expect(page.locator("#notices .toast")).to_contain_text("In force now")

    page.goto(f"{harbor.url}/console/brand/")
    page.locator("#name").fill("Harbor Lights")
    page.locator("#accent").fill("#7a3db8")
    expect(page.locator("#brand_preview")).to_contain_text("Not saved")
    frame = page.locator("#brand_preview").frame_locator("iframe")
    expect(frame.locator(".topbar a").first).to_contain_text("Harbor Lights")
    terminal.open("BNB")
    assert token(terminal.page, "--accent") == accent
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#notices .toast")).to_contain_text("Live now")

    terminal.open("BNB")
    assert token(terminal.page, "--accent") != accent
    expect(terminal.page.locator(".topbar a").first).to_contain_text("Harbor Lights")
    expect(terminal.field).to_have_value("4")
    assert terminal.page.locator(".marks button").all_inner_texts() == ["1x", "4x", "5x"]
    terminal.open("AVAX")
    expect(terminal.field).to_have_value("5")


def test_support_finds_a_trader_reads_the_reason_and_changes_nothing(
    vanta: Exchange, sit_down: SitDown, enter: Enter
) -> None:
    terminal = sit_down(vanta)
    terminal.open_position("BTC", "0.01", 5)
    liquidation = number(terminal.cell("BTC", "liquidation").inner_text())
    address, held = terminal.address, terminal.ledger()["positions"]
    context = enter(vanta, vanta.support)
    page = context.new_page()
    for query in (vanta.trader.email[:9], address[:12]):
        page.goto(f"{vanta.url}/support/")
        page.get_by_label("E-mail, wallet or address begins with").fill(query)
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("link", name=vanta.trader.email)).to_be_visible()
    page.get_by_role("link", name=vanta.trader.email).click()

    expect(page.locator("#positions")).to_contain_text("BTC")
    page.get_by_text("How the liquidation price comes about").click()
    step = page.locator("details[open] tr", has_text="Liquidation price").last
    assert abs(number(step.locator("td").last.inner_text()) - liquidation) <= 1
    position = (terminal.row("BTC").get_attribute("id") or "").removeprefix("position-")
    cookies = {row["name"]: row["value"] for row in context.cookies(vanta.url)}
    support = Visitor(vanta.host, cookies)
    for path in (
        f"/positions/{position}/close/now/",
        f"/positions/{position}/margin/change/",
        "/trade/BTC/order/",
        "/console/margin/",
        "/console/brand/",
        urlsplit(page.url).path,
    ):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert support.ask(method, path, {"csrfmiddlewaretoken": cookies["csrf"]}).status == 403, (method, path)
    assert support.get("/console/").status == 404
    assert support.get("/trade/BTC/").status == 404
    assert terminal.ledger()["positions"] == held
