"""A trader of an exchange on the second venue: his browser, the wallet in it, and the venue's own ledger of him."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import urllib3
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from eth_account import Account

from tenants.models import User
from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import Trader
from trading.connect import account_adapter, trading_adapter
from trading.live import board
from trading.models import Command, Market, Position, VenueAccount
from trading.services.sync import sync_account
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import MarketState, Network, Venue

BITCOIN = "aster:BTCUSDT"
CHAIN = "0x38"


@dataclass
class AsterTrader(Trader):
    """A trader in front of the second venue's pages. ``states`` are the prices that were heard last."""

    states: tuple[MarketState, ...] = ()

    @property
    def account(self) -> VenueAccount:
        account: VenueAccount = VenueAccount.objects.get(trader=self.user, venue=Venue.ASTER, is_current=True)
        return account

    @property
    def market(self) -> Market:
        return Market.objects.get(venue=Venue.ASTER, name="BTCUSDT")

    @property
    def position(self) -> Position:
        position: Position = Position.objects.select_related("market").get(account=self.account)
        return position

    def page(self) -> str:
        answer = self.browser.get("/account/connect/?venue=aster")
        assert answer.status_code == 200
        return answer.content.decode()

    def post(self, step: str, **fields: str) -> HttpResponse:
        return super().post(step, venue="aster", **fields)

    def ask(self, kind: str, chain: str = CHAIN) -> HttpResponse:
        return super().ask(kind, chain)

    def become_ready(self) -> None:
        super().become_ready()
        self.hear_prices()

    def hear_prices(self) -> None:
        """What the stream would have put on the board."""
        self.states = account_adapter(self.account).markets().states
        self.keep_hearing_prices()

    def keep_hearing_prices(self) -> None:
        """The same prices again: a page closes its buttons when it hears none for a while, as on a busy machine."""
        board._remembered.clear()
        board.publish(Venue.ASTER, Network.TESTNET, self.states, timezone.now())

    def sync(self) -> VenueAccount:
        account = self.account
        sync_account(account_adapter(account), account)
        account.refresh_from_db()
        return account

    def order(self, **changes: str) -> str:
        """Place an order on the ticket as htmx does; the words that come back."""
        if self.states:
            self.keep_hearing_prices()
        fields = {
            "form_key": str(uuid4()), "side": "long", "kind": "market", "size": "0.01", "unit": "coin",
            "mode": "isolated", "leverage": "10",
        }  # fmt: skip
        return self.send(f"/trade/{BITCOIN}/order/", fields | changes)

    def send(self, path: str, fields: Mapping[str, str | list[str]]) -> str:
        answer = self.browser.post(path, fields, headers={"HX-Request": "true"})
        return str(answer.content.decode())

    def move_margin(self, direction: str, amount: str) -> str:
        path = f"/positions/{self.position.pk}/margin/change/"
        return self.send(path, {"form_key": str(uuid4()), "direction": direction, "amount": amount})

    def close(self) -> str:
        position = self.position
        return self.send(f"/positions/{position.pk}/close/now/", {"form_key": str(uuid4())})

    def commands(self) -> list[tuple[str, str]]:
        """Every command and its state, oldest first."""
        rows = Command.objects.filter(account=self.account).order_by("nonce")
        return [(row.kind, row.state) for row in rows]

    def at_venue(self) -> dict[str, Any]:
        accounts: dict[str, dict[str, Any]] = self.sandbox.state()["others"]["aster"]["accounts"]
        return accounts[self.address]

    def held(self) -> list[tuple[str, Decimal]]:
        """The venue's own positions of this account."""
        return [(row["market"], Decimal(row["size"])) for row in self.at_venue()["positions"]]


def sit_down(sandbox: SandboxProcess, email: str = "alice@alpha.example", balance: str = "10000") -> AsterTrader:
    """A new trader of the operator in scope, with a wallet that has money at the venue."""
    user = User(email=email)
    user.set_password("correct horse battery staple")
    user.save()
    browser = Client(headers={"host": "alpha.localhost"})
    browser.force_login(user)
    trader = AsterTrader(user, browser, Account.create(), sandbox)
    sandbox.fund(trader.address, balance, venue="aster")
    return trader


def elsewhere(trader: AsterTrader, method: str, name: str, text: str) -> Any:
    """What the trader does at the venue with another tool, under the same key."""
    adapter = trading_adapter(trader.account)
    assert isinstance(adapter, AsterAdapter)
    body = adapter._own_login().authorise(text, adapter.moment(timezone.now()), adapter.network)
    answer = urllib3.request(
        method,
        f"{trader.sandbox.url}/fapi/v3/{name}",
        body=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    return answer.json()
