"""The accounts of a run: funded at the venue, with trading keys that their wallets approved."""

import random
from uuid import UUID

from django.conf import settings

from tenants.models import MarginPolicy, Operator, User
from tenants.scope import every_operator, operator_scope
from tests.chaos import wallets
from tests.chaos.actions import SET, TRADED, Desk, carry_out
from tests.chaos.venue import VenueProcess
from trading.connect import account_adapter, configured_venues, trading_adapter
from trading.management.commands.seed_demo import give_agent_key
from trading.margin.types import MarginMode
from trading.models import Market, VenueAccount
from trading.models.commands import CommandKind
from trading.services.commands import Intent
from trading.services.sync import sync_account, sync_markets
from trading.venues.base import Network, SetLeverage, SetMarginMode, Venue

BALANCE = "1000000"
START_LEVERAGE = 5


def open_operator() -> int:
    """The operator whose traders trade at every venue."""
    operator = Operator.objects.create(slug="chaos", name="Chaos")
    with operator_scope(operator.pk):
        MarginPolicy(venues=[name.value for name, _ in configured_venues()]).save()
    return int(operator.pk)


def open_accounts(operator_id: int, venue: VenueProcess, name: Venue, network: Network, count: int) -> bool:
    """``count`` accounts at a venue, in isolated margin on the market they trade."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Nothing is measured yet, and a busy machine may take longer than a trader would wait.
    settings.VENUE_READ_TIMEOUT = 20.0
    with operator_scope(operator_id):
        for number in range(count):
            _open_account(venue, name.value, network.value, number)
    return True


def _open_account(venue: VenueProcess, name: str, network: str, number: int) -> None:
    trader = User(email=f"{name}-{number}@chaos.example")
    trader.set_unusable_password()
    trader.save()
    wallet = wallets.wallet(name, number)
    account = VenueAccount(trader=trader, venue=name, network=network, address=wallet.address)
    account.save()
    venue.post("fund", venue=name, address=wallet.address, amount=BALANCE)
    give_agent_key(account, wallet, account_adapter(account))
    account.refresh_from_db()
    adapter = trading_adapter(account)
    if not Market.objects.filter(venue=name).exists():
        sync_markets(adapter)
    sync_account(adapter, account)
    desk = desk_of(account, random.Random(number))
    for step in adapter.steps(SetLeverage(desk.traded.rules, MarginMode.ISOLATED, START_LEVERAGE)):
        kind = CommandKind.MODE if isinstance(step, SetMarginMode) else CommandKind.LEVERAGE
        fields = {"market": desk.traded.name, "mode": "isolated", "leverage": str(START_LEVERAGE)}
        intent = Intent(kind, desk_key(desk), fields, fields, lambda _, step=step: step)  # type: ignore[misc]
        carry_out(desk, desk.traded, intent)


def desk_key(desk: Desk) -> UUID:
    """A form of its own."""
    return UUID(int=desk.chance.getrandbits(128))


def desk_of(account: VenueAccount, chance: random.Random) -> Desk:
    """What the account trades with."""
    markets = Market.objects.filter(venue=account.venue)
    traded, other = markets.get(name=TRADED[account.venue]), markets.get(name=SET[account.venue])
    return Desk(trading_adapter(account), account, traded, other, chance)


def accounts_of(venue: str) -> list[VenueAccount]:
    """All accounts at a venue, in a fixed order."""
    with every_operator():
        return list(VenueAccount.objects.filter(venue=venue).order_by("pk"))
