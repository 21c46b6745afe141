"""One trader with an account on each venue: one portfolio, and never a mark too few to tell them apart."""

import json
import re
from decimal import Decimal
from html import unescape

import pytest
from django.core import signing
from django.utils import timezone

from tenants.models import MarginPolicy, Operator
from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import CHAIN, CONNECT, signature
from tests.trading.aster.people import BITCOIN, AsterTrader, sit_down
from trading.connect import public_adapter
from trading.live import board
from trading.live.tickets import SALT
from trading.models import Market, Position, VenueAccount
from trading.venues.base import Network, Venue

FIRST = "hyperliquid:BTC"
CLOSED = "This exchange has closed BTC for new positions. You can add margin, reduce and close."


class TwoVenues(AsterTrader):
    """A trader who may have an account on either venue."""

    @property
    def accounts(self) -> dict[str, VenueAccount]:
        return {row.venue: row for row in VenueAccount.objects.filter(trader=self.user, is_current=True)}

    def connect_first(self) -> None:
        """The account and its key at the first venue."""
        self.sandbox.fund(self.address, "5000")
        self.browser.post(f"{CONNECT}address/", {"form": "wallet", "address": self.wallet.address})
        self.browser.post(f"{CONNECT}ask/", {"kind": "key", "chain_id": CHAIN})
        page = self.browser.get(CONNECT).content.decode()
        payload = json.loads(unescape(re.findall(r'data-payload="([^"]*)"', page)[0]))
        number = re.findall(r'name="approval" value="(\d+)"', page)[0]
        self.browser.post(f"{CONNECT}sign/", {"approval": number, "signature": signature(payload, self.wallet)})
        states = public_adapter(Venue.HYPERLIQUID).markets().states
        board.publish(Venue.HYPERLIQUID, Network.TESTNET, states, timezone.now())

    def order_first(self) -> str:
        fields = {
            "form_key": "1f0d6b0e-7b51-4f4e-8f38-0f6a5bb3c901", "side": "short", "kind": "market", "size": "0.01",
            "unit": "coin", "mode": "isolated", "leverage": "5",
        }  # fmt: skip
        return self.send(f"/trade/{FIRST}/order/", fields)

    def open(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200
        return str(answer.content.decode())


@pytest.fixture
def trader(both: Operator, aster: SandboxProcess) -> TwoVenues:
    plain = sit_down(aster)
    return TwoVenues(plain.user, plain.browser, plain.wallet, plain.sandbox)


@pytest.fixture
def rich(trader: TwoVenues) -> TwoVenues:
    """Ready on both: 5,000 on the first venue and 10,000 on the second."""
    trader.connect_first()
    trader.become_ready()
    return trader


def test_accounts_of_two_venues_stand_side_by_side(rich: TwoVenues) -> None:
    page = rich.open(f"/trade/{BITCOIN}/")

    assert {venue: row.equity for venue, row in rich.accounts.items()} == {
        "hyperliquid": Decimal(5000),
        "aster": Decimal(10000),
    }
    for text in ("5,000.00", "10,000.00", "15,000.00", "USDC and USDT counted as one dollar each."):
        assert text in page


def test_each_venues_age_has_a_name_of_its_own(rich: TwoVenues) -> None:
    page = rich.open(f"/trade/{BITCOIN}/")

    for account in rich.accounts.values():
        assert f'data-live="positions-{account.pk}-age"' in page


def test_total_and_what_it_adds_up_change_together(rich: TwoVenues) -> None:
    VenueAccount.objects.filter(venue="hyperliquid").update(equity="5000.016", cross_equity="5000.016")
    VenueAccount.objects.filter(venue="aster").update(equity="10000.016", cross_equity="10000.016")

    (table,) = re.findall(r'<table class="balances">.*?</table>', rich.open("/account/"), re.DOTALL)

    assert re.findall(r'class="number"[^>]*>([^<]+)<', table) == ["5,000.01", "10,000.01", "15,000.02"]
    assert "data-live" not in table


def test_only_account_is_told_by_its_stream(trader: TwoVenues) -> None:
    trader.become_ready()
    (account,) = trader.accounts.values()

    (table,) = re.findall(r'<table class="balances">.*?</table>', trader.open("/account/"), re.DOTALL)

    assert re.findall(r'data-live="([^"]*)"', table) == [f"account-{account.pk}-{what}" for what in ("equity", "age")]


def test_stream_of_a_page_carries_both_accounts(rich: TwoVenues) -> None:
    page = rich.open(f"/trade/{BITCOIN}/")

    text = unescape(re.findall(r'hx-sse:connect="/live/\?ticket=([^"]*)"', page)[0]).replace("%3A", ":")
    content = signing.loads(text, salt=SALT)
    assert set(content[2]) == {row.pk for row in rich.accounts.values()}
    assert content[3:6] == ["aster", "testnet", "BTCUSDT"]


def test_positions_of_both_venues_are_listed_with_their_venue(rich: TwoVenues) -> None:
    assert "Filled: sell 0.01 BTC" in rich.order_first()
    assert "Filled: buy 0.01 BTC" in rich.order()

    page = rich.open("/positions/")

    rows = re.findall(r'<tr id="position-\d+".*?</tr>', page, re.DOTALL)
    assert [(FIRST in row, ">Hyperliquid<" in row) for row in rows] == [(True, True), (False, False)]
    assert [(BITCOIN in row, ">Aster<" in row) for row in rows] == [(False, False), (True, True)]
    assert Position.objects.count() == 2


def test_order_goes_to_the_account_of_its_markets_venue(rich: TwoVenues) -> None:
    rich.order()

    assert rich.held() == [("BTCUSDT", Decimal("0.01"))]
    assert rich.sandbox.state()["accounts"][rich.address]["positions"] == []


def test_dialogs_belong_to_the_positions_own_account(rich: TwoVenues) -> None:
    rich.order_first()
    rich.order()
    first, second = Position.objects.order_by("pk")

    dialogs = [rich.open(f"/positions/{row.pk}/margin/?direction=add") for row in (first, second)]

    assert [("USDC" in dialog, "USDT" in dialog) for dialog in dialogs] == [(True, False), (False, True)]


def test_missing_account_has_one_clear_next_step(trader: TwoVenues) -> None:
    trader.become_ready()

    page = trader.open(f"/trade/{FIRST}/")

    assert "No account is connected yet." in page
    assert f'href="{CONNECT}?venue=hyperliquid" aria-describedby="place_order_why">Connect an account to trade' in page
    assert "10,000.00" in page


def test_connecting_on_one_venue_hides_nothing_on_the_other(rich: TwoVenues) -> None:
    tabs = re.findall(r'href="/account/connect/\?venue=(\w+)"', rich.open(CONNECT))

    rich.post("leave")

    assert tabs[:2] == ["hyperliquid", "aster"]
    assert list(rich.accounts) == ["hyperliquid"]
    assert "No account is connected" not in rich.open(f"/trade/{FIRST}/")


def test_market_of_the_same_name_on_two_venues_has_two_addresses(rich: TwoVenues) -> None:
    first = Market.objects.get(venue="hyperliquid", name="BTC")
    second = Market.objects.get(venue="aster", name="BTCUSDT")
    Market.objects.filter(pk=second.pk).update(name="BTC", spec=second.spec | {"name": "BTC"})

    pages = [rich.open(f"/trade/{address}/") for address in ("BTC", "hyperliquid:BTC", "aster:BTC")]

    assert [first.max_leverage, second.max_leverage] == [40, 125]
    assert ['max="40"' in page for page in pages] == [True, True, False]
    assert ['data-live="market-hyperliquid:BTC-mark"' in page for page in pages] == [True, True, True]
    assert [f'data-market="{name}"' in page for page, name in zip(pages, (FIRST, FIRST, "aster:BTC"), strict=True)] == [
        True
    ] * 3


def test_switcher_marks_the_venue_of_every_market(rich: TwoVenues) -> None:
    page = rich.open(f"/trade/{BITCOIN}/bar/")

    links = re.findall(r'<li data-filter="([^"]*)">', page)
    assert "btc-perp hyperliquid" in links
    assert "btc-perp aster" in links


@pytest.mark.parametrize("address", [BITCOIN, "BTCUSDT", "aster:NOPE", "nowhere:BTC", "aster:"])
def test_market_of_a_venue_that_is_not_offered_does_not_exist(trader: TwoVenues, address: str) -> None:
    MarginPolicy.objects.update(venues=["hyperliquid"])

    assert trader.browser.get(f"/trade/{address}/").status_code == 404
    assert trader.browser.post(f"/trade/{address}/order/").status_code == 404


def test_venue_that_is_no_longer_offered_keeps_its_positions_closable(rich: TwoVenues) -> None:
    rich.order()
    MarginPolicy.objects.update(venues=["hyperliquid"])

    page = rich.open(f"/trade/{FIRST}/")
    words = rich.close()

    assert BITCOIN in page
    assert "Filled: sell 0.01 BTC" in words
    assert rich.held() == []


def test_position_keeps_its_page_at_a_venue_that_is_no_longer_offered(rich: TwoVenues) -> None:
    rich.order()
    MarginPolicy.objects.update(venues=["hyperliquid"])

    page = rich.open(f"/trade/{BITCOIN}/")
    fragments = [f"/trade/{BITCOIN}/{part}/" for part in ("bar", "book", "quote", "available")]
    account = rich.open("/account/?venue=aster")

    assert CLOSED in page
    assert [rich.browser.get(path).status_code for path in fragments] == [200] * 4
    assert "?venue=aster" in account
    assert CLOSED in rich.order()
    rich.close()
    assert rich.browser.get(f"/trade/{BITCOIN}/").status_code == 404


def test_first_page_is_the_positions_own_where_nothing_is_offered(rich: TwoVenues) -> None:
    rich.order()
    MarginPolicy.objects.update(venues=["hyperliquid"], offers_new_markets=False)

    assert rich.browser.get("/").headers["Location"] == f"/trade/{BITCOIN}/"


def test_connect_page_of_a_venue_that_is_not_offered_is_the_first_ones(trader: TwoVenues) -> None:
    MarginPolicy.objects.update(venues=["hyperliquid"])

    trader.connect()

    assert [row.venue for row in VenueAccount.objects.all()] == ["hyperliquid"]
    assert "venue=aster" not in trader.page()
