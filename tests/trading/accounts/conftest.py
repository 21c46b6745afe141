"""A trader with a wallet of his own in front of the connect page, at a real sandbox venue."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any, cast

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tenants.hosts import forget_hosts
from tenants.models import AuditEvent, Domain, Operator, User
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from trading.connect import public_adapter
from trading.models import BuilderFee, VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind
from trading.services import approvals
from trading.services.sync import sync_markets
from trading.venues.base import Venue

CONNECT = "/account/connect/"
CHAIN = "0xa4b1"
BUILDER = "0xb111de50000000000000000000000000000000fe"


@dataclass
class Trader:
    """A signed-in trader, his browser, and the wallet in it."""

    user: User
    browser: Client
    wallet: LocalAccount
    sandbox: SandboxProcess

    @property
    def address(self) -> str:
        return str(self.wallet.address).lower()

    @property
    def account(self) -> VenueAccount:
        account: VenueAccount = VenueAccount.objects.get(trader=self.user, is_current=True)
        return account

    def page(self) -> str:
        answer = self.browser.get(CONNECT)
        assert answer.status_code == 200
        return answer.content.decode()

    def panel(self) -> str:
        """Which panel stands open."""
        return str(re.findall(r'data-panel="(\w+)"', self.page())[0])

    def post(self, step: str, **fields: str) -> HttpResponse:
        return cast(HttpResponse, self.browser.post(f"{CONNECT}{step}/", fields))

    def connect(self) -> HttpResponse:
        return self.post("address", form="wallet", address=self.wallet.address)

    def ask(self, kind: str, chain: str = CHAIN) -> HttpResponse:
        return self.post("ask", kind=kind, chain_id=chain)

    def payload(self) -> dict[str, Any]:
        """What the page wants signed."""
        text = re.findall(r'data-payload="([^"]*)"', self.page())[0]
        found: dict[str, Any] = json.loads(unescape(text))
        return found

    def request_id(self) -> str:
        return str(re.findall(r'name="approval" value="(\d+)"', self.page())[0])

    def sign(self, wallet: LocalAccount | None = None) -> HttpResponse:
        """Press the button and approve in the wallet."""
        return self.post("sign", approval=self.request_id(), signature=signature(self.payload(), wallet or self.wallet))

    def approve(self, kind: str) -> None:
        assert self.ask(kind).status_code == 302
        assert self.sign().status_code == 302

    def become_ready(self) -> None:
        self.connect()
        self.approve("key")

    def audit(self) -> list[str]:
        """What is on record, oldest first."""
        rows = AuditEvent.objects.filter(actor=self.user).order_by("id")
        return [f"{event.action}: {event.subject}" for event in rows]

    def at_venue(self) -> dict[str, Any]:
        accounts: dict[str, dict[str, Any]] = self.sandbox.state()["accounts"]
        return accounts[self.address]


def signature(payload: dict[str, Any], wallet: LocalAccount) -> str:
    """What a browser's wallet answers to ``eth_signTypedData_v4``."""
    return "0x" + bytes(wallet.sign_typed_data(full_message=payload).signature).hex()


def let_the_venue_have_its_time() -> None:
    """As if the nonce of each open approval had been known to be used for a while."""
    spent = WalletApproval.objects.filter(state="unknown", spent_at__isnull=False)
    assert spent.update(spent_at=timezone.now() - timedelta(minutes=1)) == 1


def revoke_elsewhere(trader: Trader) -> None:
    """The trader takes the key back with another tool."""
    name = trader.at_venue()["agents"][0]["name"]
    wanted = approvals.Wanted(ApprovalKind.NO_KEY, agent=trader.account.agent_address, name=name)
    approval, _ = approvals.ask(public_adapter(Venue.HYPERLIQUID), trader.account, wanted, 1)
    signed = approvals.payload(approval).signed(
        signature(approvals.payload(approval).typed_data, trader.wallet), owner=trader.address
    )
    public_adapter(Venue.HYPERLIQUID).send(signed)
    approvals.withdraw(trader.account)


@pytest.fixture
def operator(db: None, venue: SandboxProcess) -> Iterator[Operator]:
    """Alpha, in its scope, with the venue's markets."""
    cache.clear()
    forget_hosts()
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    Domain.objects.create(host="alpha.localhost", operator=operator)
    with operator_scope(operator.pk):
        sync_markets(public_adapter(Venue.HYPERLIQUID))
        yield operator


def sit_down(sandbox: SandboxProcess, email: str = "alice@alpha.example", balance: str = "1000") -> Trader:
    """A new trader of the operator in scope, with a funded wallet that no exchange has seen."""
    user = User(email=email)
    user.set_password("correct horse battery staple")
    user.save()
    browser = Client(headers={"host": "alpha.localhost"})
    browser.force_login(user)
    trader = Trader(user, browser, Account.create(), sandbox)
    sandbox.fund(trader.address, balance)
    return trader


@pytest.fixture
def alice(operator: Operator, venue: SandboxProcess) -> Trader:
    return sit_down(venue)


@pytest.fixture
def fee(operator: Operator, venue: SandboxProcess) -> BuilderFee:
    """Alpha charges 0.05 % on every order, to a builder the venue accepts."""
    venue.fund(BUILDER, "200")
    row = BuilderFee(venue="hyperliquid", network="testnet", address=BUILDER, rate="0.0005")
    row.save()
    row.refresh_from_db()
    return row
