"""An API key does not say whose it is: whoever types another trader's address beside his own key sees himself alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.utils import timezone
from eth_account import Account
from redis import Redis

from tenants.models import MarginPolicy, Operator, User
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster, make_operator
from tests.trading.aster.people import AsterTrader, elsewhere, sit_down
from tests.trading.live.aster_wires import BUY, QUICK
from tests.trading.live.follower import eventually, running
from trading.connect import account_adapter, onboarding, public_adapter, stream_of, trading_adapter
from trading.live import follow, keys, presence, watching
from trading.live.connections import blocking
from trading.metering import budget_of
from trading.models import Fill, Market, Position, VenueAccount
from trading.services import accounts
from trading.venues.aster import listening
from trading.venues.aster.stream import AsterStream
from trading.venues.base import Adapter, market_order
from trading.venues.budget import Budget
from trading.venues.connection import beside
from trading.venues.errors import HeldBack, MissingKey
from trading.venues.ledger import Answer
from trading.venues.onboarding import Credential, KeyKind
from trading.venues.snapshots import Venue
from trading.venues.streaming import Listen

__all__ = ["aster"]

SIZE = Decimal("0.01")


@dataclass
class Stranger:
    """Mallory, a trader of Beta, who types Alice's address beside an API key of his own."""

    operator: Operator
    user: User
    typed: str
    sandbox: SandboxProcess
    address: str = field(default_factory=lambda: str(Account.create().address).lower())

    @property
    def account(self) -> VenueAccount:
        with operator_scope(self.operator.pk):
            row: VenueAccount = VenueAccount.objects.get(trader=self.user)
            return row

    def paste_key_of(self, owner: str) -> Adapter:
        """Connect with a key of this account of the venue; the adapter that trades there, even when the row is gone."""
        key = owner[2:].upper()
        self.sandbox.fund(owner, "10000", venue="aster")
        self.sandbox.post("/sandbox/api_key", {"venue": "aster", "address": owner, "key": key, "secret": key * 2})
        credential = Credential(KeyKind.API_KEY, key, key * 2)
        with operator_scope(self.operator.pk):
            asking = onboarding(Venue.ASTER, self.typed, credential)
            accounts.connect_key(asking, self.user, self.typed, credential)
            return trading_adapter(self.account)

    def forget_key(self) -> None:
        with operator_scope(self.operator.pk):
            assert accounts.delete_key(self.account)

    def fills(self) -> int:
        with operator_scope(self.operator.pk):
            count: int = Fill.objects.filter(account=self.account).count()
            return count

    def sizes(self) -> list[Decimal]:
        with operator_scope(self.operator.pk):
            return list(Position.objects.filter(account=self.account).values_list("size", flat=True))


def buy(adapter: Adapter) -> None:
    rules = Market.objects.get(venue=Venue.ASTER, name="BTCUSDT").rules
    order = market_order(rules, is_buy=True, size=SIZE, mark=Decimal(86000), slippage=Decimal("0.01"))
    adapter.send(adapter.sign(order, nonce=adapter.moment(timezone.now())))


@pytest.fixture
def alice(
    transactional_db: None, aster: SandboxProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AsterTrader]:
    """A trader of Alpha with a key that her wallet has approved."""
    monkeypatch.setattr(watching, "CHOOSE_SECONDS", 0.1)
    monkeypatch.setattr(listening, "CHECK_SECONDS", 0.5)
    operator = make_operator(Venue.ASTER)
    with operator_scope(operator.pk):
        trader = sit_down(aster)
        trader.become_ready()
        trader.sync()
        yield trader


@pytest.fixture
def mallory(alice: AsterTrader, aster: SandboxProcess) -> Stranger:
    operator = Operator.objects.create(slug="beta", name="Beta")
    with operator_scope(operator.pk):
        MarginPolicy(isolated_leverage=5, venues=[Venue.ASTER.value]).save()
        user = User(email="mallory@beta.example")
        user.save()
    return Stranger(operator, user, alice.account.address, aster)


@pytest.fixture
def streams(alice: AsterTrader, aster: SandboxProcess) -> Iterator[list[AsterStream]]:
    """The streams of a process that follows the venue, as they are made."""
    made: list[AsterStream] = []

    def open_stream(listen: Listen) -> AsterStream:
        made.append(AsterStream(beside(aster.url), listen, timings=QUICK))
        return made[-1]

    with running(follow.Follower(public_adapter(Venue.ASTER), open_stream)):
        yield made


def look(*accounts: VenueAccount) -> None:
    """Somebody looks at each of them, so that it is followed."""
    for account in accounts:
        presence.look(account.operator_id, account.pk)


def followed(streams: list[AsterStream]) -> set[str]:
    """The names under which the venue tells of accounts now."""
    carried = [(stream._accounts.subscribed, stream._keys.hearers) for stream in streams]
    return {name for keys, hearers in carried for key in keys & hearers.keys() for name in hearers[key]}


def test_same_address_under_another_key_shares_nothing(
    alice: AsterTrader, mallory: Stranger, streams: list[AsterStream]
) -> None:
    at_venue = mallory.paste_key_of(mallory.address)
    look(alice.account, mallory.account)
    both = {stream_of(alice.account), stream_of(mallory.account)}
    assert eventually(lambda: followed(streams) == both)

    buy(at_venue)
    assert eventually(lambda: (mallory.sizes(), mallory.fills()) == ([SIZE], 1))
    elsewhere(alice, "POST", "order", BUY.replace("0.01", "0.03"))
    held = Position.objects.filter(account=alice.account)
    assert eventually(lambda: list(held.values_list("size", flat=True)) == [Decimal("0.03")])

    hers = Fill.objects.filter(account=alice.account).values_list("size", flat=True)
    assert eventually(lambda: list(hers.all()) == [Decimal("0.03")])
    assert (mallory.sizes(), mallory.fills()) == ([SIZE], 1)


def test_key_that_is_forgotten_or_replaced_ends_its_stream(
    alice: AsterTrader, mallory: Stranger, streams: list[AsterStream]
) -> None:
    """Alice's stream goes on meanwhile, and makes nothing of Mallory's row look fresh."""
    at_venue = mallory.paste_key_of(mallory.address)
    look(alice.account, mallory.account)
    alices, first = stream_of(alice.account), stream_of(mallory.account)
    assert eventually(lambda: followed(streams) == {alices, first})

    mallory.forget_key()
    assert stream_of(mallory.account) == ""
    assert eventually(lambda: followed(streams) == {alices})
    # What was under way when the key went is written by then, or dropped.
    lock = keys.account_lock(mallory.operator.pk, mallory.account.pk)
    assert eventually(lambda: not blocking().exists(lock))
    before, hers = mallory.account, alice.account.synced_at
    buy(at_venue)
    elsewhere(alice, "POST", "order", BUY)
    assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)
    assert eventually(lambda: alice.account.synced_at != hers)
    after = mallory.account
    assert (after.attempted_at, after.synced_at, mallory.fills()) == (before.attempted_at, before.synced_at, 0)

    bobs = mallory.paste_key_of(str(Account.create().address).lower())
    look(mallory.account)
    assert eventually(lambda: followed(streams) == {alices, stream_of(mallory.account)})
    buy(at_venue)
    buy(bobs)
    assert eventually(lambda: (mallory.sizes(), mallory.fills()) == ([SIZE], 1))


def test_orders_and_silence_of_one_key_leave_the_others_budget(alice: AsterTrader, mallory: Stranger) -> None:
    adapter = mallory.paste_key_of(mallory.address)
    for _ in range(3):
        buy(adapter)
    gate = budget_of(Venue.ASTER, adapter.network)
    rows = [(alice.account.operator_id, alice.account.pk), (mallory.operator.pk, mallory.account.pk)]
    names = [f"{gate.gate}:{operator_id}:{account_id}" for operator_id, account_id in rows]
    counted = [int(blocking().get(f"{name}:10:used") or 0) for name in names]
    assert counted == [0, 3]

    Budget(blocking(), names[1]).settle("silenced", [], Answer(slow_down=True, wait=60.0))
    with pytest.raises(HeldBack):
        buy(adapter)
    buy(trading_adapter(alice.account))
    assert alice.held() == [("BTCUSDT", SIZE)]


def test_row_without_a_key_is_told_nothing_by_the_venue(alice: AsterTrader, mallory: Stranger) -> None:
    mallory.paste_key_of(mallory.address)
    mallory.forget_key()

    with operator_scope(mallory.operator.pk), pytest.raises(MissingKey):
        account_adapter(mallory.account).account(mallory.typed)
