"""A builder-deployed market from the list to the closed position, at a sandbox that has one (Hyperliquid 1.2, 3.9)."""

from decimal import Decimal

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import fields
from tests.trading.wallets import reread, wallet_of
from trading.connect import trading_adapter
from trading.models import Command, Market, Position, VenueAccount
from trading.recent import forget_desks
from trading.services.sync import sync_markets

USDC = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"
ORDER, QUOTE = "/trade/hyperliquid:xyz:NVDA/order/", "/trade/hyperliquid:xyz:NVDA/quote/"


@pytest.fixture
def venue(venue: SandboxProcess, settings: Settings) -> SandboxProcess:
    settings.HYPERLIQUID_DEXES = ["xyz"]
    venue.mark("xyz:NVDA", "177.06")
    return venue


@pytest.fixture
def browser(desk: Desk) -> Client:
    desk.adapter = trading_adapter(desk.account)
    publish_prices(desk)
    client = Client(HTTP_HOST="alpha.localhost", headers={"HX-Request": "true"})
    client.force_login(desk.trader)
    return client


def move_to_the_book(desk: Desk, amount: float) -> None:
    wallet = wallet_of(desk)
    assert wallet.send_asset(desk.account.address, "", "xyz", USDC, amount)["status"] == "ok"
    wallet.session.close()
    wallet.info.session.close()
    reread(desk)


def test_its_markets_are_listed_with_their_own_rules(desk: Desk) -> None:
    assert sync_markets(trading_adapter(desk.account)) == 20
    rows = {row.name: row for row in Market.objects.filter(name__startswith="xyz:")}
    assert {name: (row.index, row.rules.restriction.value, row.rules.dex) for name, row in rows.items()} == {
        "xyz:TSLA": (110_000, "strict_isolated", "xyz"),
        "xyz:NVDA": (110_001, "isolated_only", "xyz"),
    }


def test_a_standard_account_trades_there_with_what_it_moved_there(desk: Desk, browser: Client) -> None:
    empty = browser.get(QUOTE, fields(size="1", leverage="5")).content.decode()
    assert "There is no free collateral for this market. Move some there" in empty
    move_to_the_book(desk, 500)
    assert desk.account.pools == {
        "xyz": {"equity": "500.0", "free": "500.0", "cross": "500.0", "withdrawable": "500.0", "collateral": "USDC"}
    }
    assert "500.00" in browser.get("/account/").content.decode()

    page = browser.post(ORDER, fields(size="2", leverage="5"))

    assert page.status_code == 200, page.content.decode()
    assert [command.state for command in Command.objects.all()] == ["accepted", "accepted"]
    held = Position.objects.get()
    assert (held.market.name, held.size, held.mode, held.leverage) == ("xyz:NVDA", Decimal(2), "isolated", 5)
    # 2 · 177.06 at 5x went into the position, 500 less that is left for others
    reread(desk)
    assert desk.account.pools["xyz"]["free"] == "429.176"
    assert held.liquidation_price == pytest.approx(held.estimated_liquidation_price, rel=Decimal("1e-6"))
    browser.post(f"/positions/{held.pk}/close/now/", {"form_key": fields()["form_key"], "percent": "100"})
    reread(desk)


@pytest.mark.parametrize(("coin", "is_offered"), [("USDC", True), ("USDH", False)])
def test_only_the_same_coin_is_offered_from_another_book(
    desk: Desk, browser: Client, coin: str, *, is_offered: bool
) -> None:
    row = dict.fromkeys(("equity", "free", "cross", "withdrawable"), "500.0") | {"collateral": coin}
    VenueAccount.objects.update(withdrawable=0, pools={"other": row})
    forget_desks()

    page = browser.get(QUOTE, fields(size="1", leverage="5")).content.decode()

    assert "There is no free collateral" in page
    assert ("Move some there" in page) is is_offered


def test_the_main_books_collateral_is_not_offered_there(desk: Desk, browser: Client) -> None:
    move_to_the_book(desk, 50)
    page = browser.get(QUOTE, fields(size="3", leverage="5")).content.decode()
    assert "more than your free collateral" in page
    assert "50.00" in page


def test_a_unified_account_trades_there_with_its_one_balance(desk: Desk, browser: Client) -> None:
    wallet = wallet_of(desk)
    assert wallet.user_set_abstraction(desk.account.address, "unifiedAccount")["status"] == "ok"
    wallet.session.close()
    wallet.info.session.close()
    type(desk.account).objects.update(history_read_at=None)
    reread(desk)
    assert (desk.account.mode, desk.account.pools) == ("unified", {})

    page = browser.post(ORDER, fields(size="2", leverage="5"))

    assert page.status_code == 200, page.content.decode()
    held = Position.objects.get()
    assert (held.market.name, held.size) == ("xyz:NVDA", Decimal(2))
    reread(desk)
    # one balance: what is in the position still counts as the account's
    assert Decimal(9999) < desk.account.equity < Decimal(10000)
    assert desk.account.cross_equity == desk.account.equity - held.margin
