"""A trader with money at a real sandbox venue."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from tenants.hosts import forget_hosts
from tenants.models import Domain, MarginPolicy, Operator, User
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from trading.connect import _transport, _vault, trading_adapter
from trading.management.commands.seed_demo import give_agent_key
from trading.models import Market, VenueAccount
from trading.recent import forget_desks
from trading.services import lateness
from trading.services.sync import sync_account, sync_markets
from trading.venues.base import Adapter, Network, Venue
from trading.venues.hyperliquid.signing import SigningKey

BALANCE = "10000"
# What every test begins with, whatever another one did to the venue before.
PRICES = {"BTC": "86000", "ETH": "2736.5"}


@dataclass
class Desk:
    """One trader's account, its adapter, the venue it trades on, and the wallet that owns it."""

    sandbox: SandboxProcess
    operator: Operator
    trader: User
    account: VenueAccount
    adapter: Adapter
    wallet: SigningKey

    @property
    def market(self) -> Market:
        return Market.objects.get(venue="hyperliquid", network="testnet", name="BTC")

    def reread(self) -> VenueAccount:
        self.account.refresh_from_db()
        return self.account

    def at_venue(self) -> dict[str, object]:
        """The venue's own ledger of this account."""
        accounts: dict[str, dict[str, object]] = self.sandbox.state()["accounts"]
        return accounts[self.account.address]

    def positions_at_venue(self) -> list[dict[str, str]]:
        """What it holds by the venue's own ledger."""
        rows: list[dict[str, str]] = self.sandbox.state()["accounts"][self.account.address]["positions"]
        return rows


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess("--seed", "7") as process:
        yield process


@pytest.fixture
def venue(sandbox: SandboxProcess, settings: Settings) -> Iterator[SandboxProcess]:
    """The sandbox as this deployment's venue, calm and at known prices."""
    settings.HYPERLIQUID_URL = sandbox.url
    settings.HYPERLIQUID_NETWORK = "testnet"
    settings.AGENT_KEY_SECRETS = ["5xVYmHk6u4wgMHOYqPsp1XA0YbVN1Tj2hUPzFmq0WfM="]
    settings.VENUE_READ_TIMEOUT = 20.0  # a busy machine is no bad venue
    _vault.cache_clear()
    sandbox.clear_faults()
    for market, price in PRICES.items():
        sandbox.mark(market, price)
    yield sandbox
    sandbox.clear_faults()
    _vault.cache_clear()
    _transport.cache_clear()


def open_desk(venue: SandboxProcess, operator: Operator, email: str, balance: str = BALANCE) -> Desk:
    """A new trader of an operator, funded at the venue, with an agent key his wallet has approved."""
    trader = User(email=email)
    trader.set_password("correct horse battery")
    trader.save()
    return open_account(venue, operator, trader, balance)


def open_account(venue: SandboxProcess, operator: Operator, trader: User, balance: str = BALANCE) -> Desk:
    """A new account of a trader, which his pages show from now on."""
    VenueAccount.objects.filter(trader=trader, venue=Venue.HYPERLIQUID.value).update(is_current=False)
    wallet = SigningKey(secrets.token_bytes(32))
    account = VenueAccount(
        trader=trader, venue=Venue.HYPERLIQUID.value, network=Network.TESTNET.value, address=wallet.address
    )
    account.save()
    venue.fund(wallet.address, balance)
    give_agent_key(account, wallet, trading_adapter(account))
    account.refresh_from_db()
    adapter = trading_adapter(account)
    rates = adapter.fee_rates(wallet.address)
    VenueAccount.objects.filter(pk=account.pk).update(taker_fee=rates.taker, maker_fee=rates.maker)
    sync_markets(adapter)
    sync_account(adapter, account)
    account.refresh_from_db()
    return Desk(venue, operator, trader, account, adapter, wallet)


@pytest.fixture
def desk(db: None, venue: SandboxProcess) -> Iterator[Desk]:
    """Alice's desk at operator Alpha, inside Alpha's scope."""
    forget_hosts()
    forget_desks()
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    Domain.objects.create(host="alpha.localhost", operator=operator)
    with operator_scope(operator.pk):
        MarginPolicy(isolated_leverage=5, slider_marks=[1, 5, 10, 25, 40]).save()
        yield open_desk(venue, operator, "alice@alpha.example")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no order is late here."""
    monkeypatch.setattr(lateness, "LATEST", timedelta(minutes=1))
