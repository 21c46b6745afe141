"""A trader on either venue who has another tool with the same key."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.tickets import ticket
from trading.connect import trading_adapter
from trading.models import Difference, Market, VenueAccount
from trading.services import executions, nonces
from trading.services.looks import Came, look_at
from trading.services.orders import place_order
from trading.services.readings import EVERYTHING
from trading.services.sync import sync_account
from trading.venues.base import Adapter, Command, Network, Venue, market_order


@dataclass
class Elsewhere:
    """A trader's account at one venue, and another tool with the same key: nothing it does is in our rows."""

    sandbox: SandboxProcess
    venue: str
    account_id: int
    market_name: str

    @property
    def account(self) -> VenueAccount:
        account: VenueAccount = VenueAccount.objects.get(pk=self.account_id)
        return account

    @property
    def adapter(self) -> Adapter:
        return trading_adapter(self.account)

    @property
    def market(self) -> Market:
        return Market.objects.get(venue=self.venue, name=self.market_name)

    def do(self, command: Command) -> None:
        """Carry a command out, step by step where the venue asks for that."""
        adapter = self.adapter
        for step in adapter.steps(command):
            nonce = nonces.draw(self.account, adapter.moment(timezone.now()))
            adapter.send(adapter.sign(step, nonce=nonce))

    def trade(self, size: str) -> None:
        """Buy at the market, or sell where the size is below zero."""
        amount = Decimal(size)
        order = market_order(
            self.market.rules, is_buy=amount > 0, size=abs(amount), mark=Decimal(86000), slippage=Decimal("0.05")
        )
        self.do(order)

    def hold(self) -> None:
        """A long of ours, read."""
        place_order(self.adapter, self.account, self.market, ticket(size=Decimal("0.02")))
        self.read(2)

    def read(self, times: int = 1) -> list[tuple[str, str, str, str]]:
        """Read everything so often; the differences on record."""
        for _ in range(times):
            assert sync_account(self.adapter, self.account, EVERYTHING)
        rows = Difference.objects.filter(account=self.account_id).order_by("pk")
        return list(rows.values_list("kind", "ours", "venues", "explanation"))

    def look(self) -> tuple[Came, bool]:
        """What a cheap look makes of the account, and whether its executions are to be read from then on."""
        account = self.account
        (came,) = look_at([(self.adapter, account)])
        place = Venue(account.venue), Network(account.network)
        return came[account.pk], account.pk in executions.waiting(*place)


@pytest.fixture(params=["hyperliquid", "aster"])
def trader(db: None, request: pytest.FixtureRequest) -> Elsewhere:
    """Alice, ready to trade on one venue."""
    if request.param == "aster":
        ready = request.getfixturevalue("ready")
        return Elsewhere(ready.sandbox, "aster", ready.account.pk, "BTCUSDT")
    desk = request.getfixturevalue("desk")
    return Elsewhere(desk.sandbox, "hyperliquid", desk.account.pk, "BTC")
