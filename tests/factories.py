"""Two exchanges with their people, and the rows a trader of theirs may have. Plain functions.

At Alpha: alice trades, olga owns, sam supports. At Beta: bob trades, oscar owns, sue supports. Nobody of one
exchange may ever see or reach anything of the other.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from django.test import Client
from django.utils import timezone

from branding.models import Brand
from tenants.models import (
    AuditEvent,
    Domain,
    DomainClaim,
    Invitation,
    MarginPolicy,
    MarketChoice,
    Operator,
    Role,
    User,
)
from tenants.scope import operator_scope
from tests.records import make_records
from trading.margin.rounding import PriceRule
from trading.margin.types import MarginRestriction, TierTable
from trading.models import (
    BuilderFee,
    Command,
    Fill,
    Liquidation,
    MarginChange,
    Market,
    Order,
    Position,
    Preference,
    VenueAccount,
    WalletApproval,
)
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step
from trading.services.events import record
from trading.venues.snapshots import MarketSpec, MarketState, Network, Venue
from trading.venues.table import GATEWAYS

PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALICES_ADDRESS = "0xa11ce00000000000000000000000000000000001"
BOBS_ADDRESS = "0xb0b0000000000000000000000000000000000002"


@dataclass(frozen=True)
class Exchange:
    """One operator with its people."""

    operator: Operator
    host: str
    trader: User
    owner: User
    support: User

    def person(self, role: str) -> User | None:
        """The person of a role; None for nobody."""
        people = {"trader": self.trader, Role.OWNER.value: self.owner, Role.SUPPORT.value: self.support}
        return people.get(role)


@dataclass(frozen=True)
class Belongings:
    """One row of every kind a trader can have."""

    account: VenueAccount
    position: Position
    order: Order
    fill: Fill
    command: Command
    margin_change: MarginChange
    preference: Preference
    liquidation: Liquidation
    claim: DomainClaim
    invitation: Invitation


def make_exchange(slug: str, trader: str, owner: str, support: str) -> Exchange:
    """An operator at ``<slug>.localhost`` with a brand, a policy and three people."""
    operator = Operator.objects.create(slug=slug, name=slug.title())
    host = f"{slug}.localhost"
    Domain.objects.create(host=host, operator=operator)
    with operator_scope(operator.pk):
        Brand(name=slug.title(), accent="#2f6fed").save()
        MarginPolicy(isolated_leverage=3, slider_marks=[1, 3, 5, 10], margin_presets=[Decimal(25)]).save()
        return Exchange(
            operator=operator,
            host=host,
            trader=make_user(f"{trader}@{slug}.example"),
            owner=make_user(f"{owner}@{slug}.example", Role.OWNER),
            support=make_user(f"{support}@{slug}.example", Role.SUPPORT),
        )


def make_user(email: str, role: str = "") -> User:
    """A person of the operator in scope who signs in with ``PASSWORD``."""
    user = User(email=email, role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


def make_spec(
    name: str,
    max_leverage: int,
    restriction: MarginRestriction = MarginRestriction.NONE,
    index: int = 0,
    venue: Venue = Venue.HYPERLIQUID,
) -> MarketSpec:
    """The rules of a market with one tier, settled in its venue's main collateral."""
    return MarketSpec(
        venue=venue,
        name=name,
        base=name,
        index=index,
        size_decimals=5,
        price_rule=PriceRule.significant(5),
        tiers=TierTable.single(max_leverage),
        restriction=restriction,
        max_leverage=max_leverage,
        min_notional=Decimal(10),
        delisted=False,
        collateral=GATEWAYS[venue].collateral,
    )


def make_market(
    name: str = "BTC",
    max_leverage: int = 40,
    mark: str = "64794",
    restriction: MarginRestriction = MarginRestriction.NONE,
    index: int = 0,
    venue: str = Venue.HYPERLIQUID.value,
    dex: str = "",
) -> Market:
    """A market as the market sync would write it, of the first venue unless told."""
    price = Decimal(mark)
    state = MarketState(name, price, price, price, price, Decimal("0.0000125"), Decimal(100), Decimal(1_000_000))
    spec = msgspec.structs.replace(make_spec(name, max_leverage, restriction, index, Venue(venue)), dex=dex)
    market = Market.described(spec, state, Network.TESTNET, timezone.now())
    market.save()
    return market


def make_account(trader: User, address: str, **changes: Any) -> VenueAccount:
    """An account that was just read: 10 000 of equity, and a trading key whose bytes must never be seen."""
    values: dict[str, Any] = {
        "trader": trader,
        "venue": Venue.HYPERLIQUID.value,
        "network": Network.TESTNET.value,
        "address": address,
        "agent_address": "0xa6e17000000000000000000000000000000000aa",
        "agent_key": b"sealed-agent-key",
        "equity": Decimal(10_000),
        "cross_equity": Decimal(10_000),
        "withdrawable": Decimal(9_000),
        "taker_fee": Decimal("0.00045"),
        "maker_fee": Decimal("0.00015"),
        "venue_time": NOW,
        "synced_at": timezone.now(),
    }
    account = VenueAccount(**(values | changes))
    account.save()
    return account


def make_position(account: VenueAccount, market: Market, **changes: Any) -> Position:
    """The recorded isolated long of 0.002 BTC: the venue said 52522.4977 for its liquidation price."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "size": Decimal("0.002"),
        "entry_price": Decimal(64815),
        "mark_price": Decimal(64794),
        "mode": "isolated",
        "leverage": 5,
        "margin": Decimal("25.856067"),
        "cash": Decimal("-103.731933"),
        "unrealised_pnl": Decimal("-0.042"),
        "liquidation_price": Decimal("52522.4977215"),
        "max_leverage": 40,
        "venue_time": NOW,
    }
    position = Position(**(values | changes))
    position.save()
    return position


def make_order(account: VenueAccount, market: Market, venue_id: int = 1) -> Order:
    """A limit order in the book."""
    order = Order(
        account=account, market=market, venue_id=venue_id, is_buy=True, kind="Limit", limit_price=Decimal(60_000),
        size=Decimal("0.001"), original_size=Decimal("0.001"), placed_at=NOW,
    )  # fmt: skip
    order.save()
    return order


def make_fill(account: VenueAccount, market: Market, key: str = "1") -> Fill:
    """An execution that opened a long."""
    fill = Fill(
        account=account, market=market, key=key, order_id=1, happened_at=NOW, is_buy=True, price=Decimal(64815),
        size=Decimal("0.002"), direction="Open Long", closed_pnl=Decimal(0), fee=Decimal("0.058"),
    )  # fmt: skip
    fill.save()
    return fill


def make_command(account: VenueAccount, market: Market, nonce: int = 1, **changes: Any) -> Command:
    """A margin change whose outcome the venue has not told yet."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "kind": CommandKind.MARGIN,
        "form_key": uuid4(),
        "fingerprint": "0" * 64,
        "intent": {"amount": "25"},
        "nonce": nonce,
        "path": "/exchange",
        "body": b"signed-bytes",
        "state": CommandState.UNKNOWN,
        "message": "The venue did not answer in time.",
    }
    command = Command(**(values | changes))
    command.save()
    return command


def make_approval(account: VenueAccount) -> WalletApproval:
    """A trading key that the venue has accepted, at an operator whose fee was given up."""
    fee = BuilderFee(venue=Venue.ASTER, network=Network.TESTNET, address="0xfee", rate=Decimal("0.0005"))
    fee.save()
    approval = WalletApproval(account=account, kind="key", state="accepted", chain_id=1, nonce=1)
    approval.save()
    record(approval, Step.SETTLED, approval.state)
    return approval


def make_margin_change(account: VenueAccount, market: Market, command: Command) -> MarginChange:
    """25 of collateral added."""
    change = MarginChange(
        account=account, market=market, command=command, amount=Decimal(25), margin_before=Decimal("0.85"),
        liquidation_before=Decimal(64_000), liquidation_after=Decimal("52522.4977"), happened_at=NOW,
    )  # fmt: skip
    change.save()
    return change


def make_belongings(exchange: Exchange, market: Market, address: str) -> Belongings:
    """One row of every kind for an exchange's trader, and one of its audit."""
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, address)
        command = make_command(account, market)
        record(command, Step.PREPARED, CommandState.PREPARED)
        preference = Preference(trader=exchange.trader, market=market, mode="isolated", leverage=7)
        preference.save()
        AuditEvent(actor=exchange.owner, action="brand published", subject="version 1").save()
        MarketChoice(venue=market.venue, name=market.name, is_offered=True, place=1).save()
        make_approval(account)
        return Belongings(
            account=account,
            position=make_position(account, market),
            order=make_order(account, market),
            fill=make_fill(account, market),
            command=command,
            margin_change=make_margin_change(account, market, command),
            preference=preference,
            liquidation=make_records(account, market),
            claim=make_claim(f"trade.{exchange.operator.slug}.example"),
            invitation=make_invitation(exchange),
        )


def make_claim(host: str) -> DomainClaim:
    """A host name that the operator in scope has yet to prove."""
    claim = DomainClaim(host=host, token="0123456789abcdef" * 2)
    claim.save()
    return claim


def secret_of(exchange: Exchange) -> str:
    """The secret of the link that the exchange's newcomer was sent."""
    return f"welcome-to-{exchange.operator.slug}"


def make_invitation(exchange: Exchange) -> Invitation:
    """Somebody who was asked into the team and has not come yet."""
    invitation = Invitation(
        email=f"newcomer@{exchange.operator.slug}.example",
        role=Role.SUPPORT,
        digest=hashlib.sha256(secret_of(exchange).encode()).hexdigest(),
        invited_by=exchange.owner,
        expires_at=timezone.now() + timedelta(days=7),
    )
    invitation.save()
    return invitation


def browser_at(exchange: Exchange, person: User | None = None, *, htmx: bool = False) -> Client:
    """A browser on an exchange's host, signed in as a person of it or as nobody."""
    headers = {"host": exchange.host} | ({"HX-Request": "true"} if htmx else {})
    client = Client(headers=headers)
    if person is not None:
        with operator_scope(person.operator_id):
            client.force_login(person)
    return client
