"""A stranger with a wallet, in a real Chromium: he signs in, approves a trading key, and trades."""

import json
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.product import PATIENCE_SECONDS, Product

NewContext = Callable[..., BrowserContext]
STUB = Path(__file__).with_name("wallet_stub.js").read_text()
DECLINED = 4001


class Wallet:
    """The browser's wallet: it answers what the page asks, with the test's own key."""

    def __init__(self) -> None:
        self.owner: LocalAccount = Account.create()
        self.chain = "0xa4b1"
        self.declines = False
        self.asked: list[str] = []

    def answer(self, method: str, parameters: str) -> dict[str, Any]:
        self.asked.append(method)
        values = json.loads(parameters)
        if method == "eth_requestAccounts":
            return {"result": [self.owner.address]}
        if method == "eth_chainId":
            return {"result": self.chain}
        if self.declines:
            return {"error": DECLINED}
        if method == "personal_sign":
            signed = self.owner.sign_message(encode_defunct(hexstr=values[0]))
        else:
            signed = self.owner.sign_typed_data(full_message=json.loads(values[1]))
        return {"result": "0x" + bytes(signed.signature).hex()}


def fund(product: Product, address: str) -> None:
    body = json.dumps({"address": address, "amount": "5000"}).encode()
    request = urllib.request.Request(product.sandbox.url + "/sandbox/fund", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        assert response.status == 200


def open_sign_in(
    product: Product, new_context: NewContext, wallet: Wallet | None, brand: int, size: dict[str, int]
) -> Page:
    """The sign-in page of one brand; whatever goes wrong in the page fails the test."""
    page = new_context(size).new_page()
    if wallet is not None:
        page.expose_function("askWallet", wallet.answer)
        page.add_init_script(STUB)
    page.goto(f"{product.exchanges[brand].url}/sign-in/")
    return page


def snapshot(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("brand", "size"), [(0, DESK), (1, PHONE)], ids=["desk", "phone"])
def test_stranger_signs_in_connects_and_trades(
    product: Product, new_context: NewContext, brand: int, size: dict[str, int]
) -> None:
    wallet = Wallet()
    fund(product, wallet.owner.address)
    page = open_sign_in(product, new_context, wallet, brand, size)
    panel = page.locator("#connect")
    snapshot(page, f"{brand}-sign-in")

    page.get_by_role("button", name="Sign in with a wallet").click()
    expect(panel).to_have_attribute("data-panel", "not_connected")
    snapshot(page, f"{brand}-not-connected")
    page.get_by_role("button", name="Connect wallet").click()
    expect(panel).to_have_attribute("data-panel", "connected")
    snapshot(page, f"{brand}-connected")
    page.get_by_role("button", name="Create a trading key").click()
    expect(panel).to_have_attribute("data-panel", "key_waiting")
    snapshot(page, f"{brand}-key-waiting")
    page.get_by_role("button", name="Approve in wallet").dblclick()
    expect(panel).to_have_attribute("data-panel", "ready")
    snapshot(page, f"{brand}-ready")
    page.get_by_role("link", name="Start trading").click()
    page.wait_for_url("**/trade/**")
    page.locator("#size").fill("0.01")
    button = page.locator("#place_order")
    expect(button).to_contain_text("Buy / Long 0.01")
    button.click()
    expect(page.locator("#notices")).to_contain_text("Filled: buy 0.01")

    assert wallet.asked.count("personal_sign") == 1
    assert wallet.asked.count("eth_signTypedData_v4") == 1
    (agent,) = product.sandbox.account(wallet.owner.address)["agents"]
    assert agent["name"].startswith(("harbor-", "vanta-"))


def test_declining_says_so_and_changing_the_chain_asks_anew(product: Product, new_context: NewContext) -> None:
    wallet = Wallet()
    fund(product, wallet.owner.address)
    page = open_sign_in(product, new_context, wallet, 0, DESK)
    wallet.declines = True
    sign_in = page.get_by_role("button", name="Sign in with a wallet")
    sign_in.click()
    expect(page.get_by_role("alert")).to_have_text("You declined in your wallet. Nothing was signed.")
    snapshot(page, "declined")
    wallet.declines = False
    sign_in.click()
    page.get_by_role("button", name="Connect wallet").click()
    page.get_by_role("button", name="Create a trading key").click()
    form = page.locator("form[data-wallet=sign]")
    expect(form).to_have_attribute("data-chain", str(0xA4B1))

    wallet.chain = "0x1"
    page.get_by_role("button", name="Approve in wallet").click()
    expect(form).to_have_attribute("data-chain", "1")
    own, wallet.owner = wallet.owner, Account.create()
    page.get_by_role("button", name="Approve in wallet").click()
    expect(form.get_by_role("alert")).to_contain_text("Choose the account 0x")
    wallet.owner = own
    page.get_by_role("button", name="Approve in wallet").click()

    expect(page.locator("#connect")).to_have_attribute("data-panel", "ready")
    assert wallet.asked.count("eth_signTypedData_v4") == 1


def test_page_finds_a_lost_answer_by_itself(product: Product, new_context: NewContext) -> None:
    wallet = Wallet()
    fund(product, wallet.owner.address)
    page = open_sign_in(product, new_context, wallet, 1, DESK)
    page.get_by_role("button", name="Sign in with a wallet").click()
    page.get_by_role("button", name="Connect wallet").click()
    page.get_by_role("button", name="Create a trading key").click()
    snapshot(page, "key-waiting-desk")
    panel = page.locator("#connect")
    product.sandbox.fault("error_after", "approveAgent")
    try:
        page.get_by_role("button", name="Approve in wallet").click()
        expect(panel).to_have_attribute("data-panel", "checking")
    finally:
        product.sandbox.clear_faults()
    snapshot(page, "checking")

    expect(panel).to_have_attribute("data-panel", "ready")
    assert wallet.asked.count("eth_signTypedData_v4") == 1


def test_browser_without_a_wallet_is_told_what_to_do(product: Product, new_context: NewContext) -> None:
    page = open_sign_in(product, new_context, None, 0, DESK)

    page.get_by_role("button", name="Sign in with a wallet").click()

    expect(page.get_by_role("alert")).to_contain_text("No wallet was found in this browser.")
