"""An exchange with traders at both venues, and one clock for all of it that a test steps.

The clock is stepped wherever one is read, in Redis and at the venue too, so nothing here depends on how fast the
machine is.
"""

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import ModuleType

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from tenants.models import Operator, User
from tests.sandbox_process import SandboxProcess
from tests.trading.clocks import Clock
from trading import connect, metering, tasks
from trading.connect import account_adapter, gateway_of, seal, trading_adapter
from trading.live import addresses, board, handing, presence, weather
from trading.live.shapes import announce_all
from trading.models import Market, VenueAccount
from trading.services import executions, looks
from trading.services.schedule import PROMISES, Need
from trading.services.sync import sync_markets
from trading.tasks import accounts
from trading.tasks.accounts import forget_rosters
from trading.venues.aster import signing as aster_signing
from trading.venues.base import market_order
from trading.venues.budget import Budget
from trading.venues.hyperliquid import adapter as hyperliquid_adapter
from trading.venues.keys import PrivateSigningKey
from trading.venues.onboarding import Credential, KeyKind
from trading.venues.snapshots import Network, Venue
from trading.venues.transport import NO_HEADERS, Response, Transport
from trading.venues.weather import Sky

Place = tuple[Venue, Network]
HERE: tuple[Place, ...] = ((Venue.HYPERLIQUID, Network.TESTNET), (Venue.ASTER, Network.TESTNET))
BITCOIN = {Venue.HYPERLIQUID: "BTC", Venue.ASTER: "BTCUSDT"}
# At 20x. The fall takes 3.2 % of what is held: whoever put in least is then within 2 % of liquidation, the others
# within 5 %. No two are alike, so that the order among them is one only.
PRICE, FALLEN = Decimal(86_000), Decimal("83250")
NEAREST, OTHERS = 8, 16
MINUTE = 60.0
# A step is short enough for what is remembered of a minute to tell of three.
AWAY_SECONDS, STEP_SECONDS = 600, 18
# What a second may spend, in looks, and one account that is read whole, as long as half of the minute lies idle: 22 and
# 120, 44 and 245.
A_TURN = {Venue.HYPERLIQUID: 142, Venue.ASTER: 289}
# What makes Redis forget what it keeps for a while, sooner by so many milliseconds.
AGE_REDIS = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""


@dataclass(frozen=True)
class Sent:
    """A request that left: when, where to, what it costs there, and whose money and positions it asks for."""

    at: float
    venue: Venue
    weight: int
    account: str


@dataclass
class Wire:
    """Everything that leaves, and how many requests were under way at once."""

    clock: Clock
    sent: list[Sent] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def looks(self, venue: Venue, since: float) -> dict[int, list[str]]:
        """Whose money and positions were asked for, by the seconds since a moment."""
        found = defaultdict(list)
        for one in self.sent:
            if one.venue is venue and one.at >= since and one.account:
                found[round(one.at - since)].append(one.account)
        return dict(found)

    def weight(self, venue: Venue, until: float, seconds: float = MINUTE) -> int:
        """What the requests of so many seconds cost."""
        return sum(one.weight for one in self.sent if one.venue is venue and until - seconds < one.at <= until)


@dataclass
class Overheard:
    """The way to a venue, with somebody who writes down what passes."""

    inner: Transport
    venue: Venue
    wire: Wire

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """As the transport inside."""
        weight = gateway_of(self.venue).tariff.cost(method, path, body).weight
        with self.wire.lock:
            self.wire.sent.append(Sent(self.wire.clock.seconds, self.venue, weight, _subject(path, body)))
            self.wire.under_way += 1
            self.wire.most = max(self.wire.most, self.wire.under_way)
        try:
            return self.inner.request(method, path, body, headers)
        finally:
            with self.wire.lock:
                self.wire.under_way -= 1


def _subject(path: str, body: bytes) -> str:
    """The address that a request for money and positions is about; nothing for any other."""
    if b'"clearinghouseState"' in body:
        return body.decode().partition('"user":"')[2][:42].lower()
    if "accountWithJoinMargin" in path:
        return path.partition("user=")[2][:42].lower()
    return ""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """A venue of its own, whose clock is set and whose count is nobody else's."""
    with SandboxProcess("--seed", "7") as process:
        yield process


@dataclass
class World:
    """The exchange, its venues, and the time of both."""

    clock: Clock
    wire: Wire
    sandbox: SandboxProcess
    redis: Redis

    def step(self, seconds: float) -> None:
        """So much time passes everywhere, and a turn is taken."""
        self.clock.seconds += seconds
        self.redis.eval(AGE_REDIS, 0, str(int(seconds * 1000)))
        ahead = int(self.clock.seconds * 1000) - int(datetime.now(UTC).timestamp() * 1000)
        self.sandbox.post("/sandbox/clock", {"venue": "aster", "ahead": ahead})
        tasks.sync_due_accounts()

    def skies(self) -> set[Sky]:
        """How the venues are doing, as our address finds them."""
        weather.forget()
        return {weather.read(*place).sky for place in HERE}

    def lateness(self, venue: Venue) -> list[float]:
        """How old the figures of each account are, in parts of what is promised to it."""
        promised = {True: PROMISES[Need.VERY_NEAR].age, False: PROMISES[Need.NEAR].age}
        rows = VenueAccount.objects.filter(venue=venue).values_list("trader__email", "synced_at")
        return [
            (self.clock.seconds - synced_at.timestamp()) / promised[email.startswith("nearest")]
            for email, synced_at in rows
        ]


@pytest.fixture
def world(
    both: Operator,
    aster: SandboxProcess,
    redis: Redis,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Twenty-four traders at each venue who hold something and are near a liquidation, each read just now."""
    # Shortly after a full minute, so that all of the return is in one: the second venue counts by the minute.
    clock = Clock((timezone.now().timestamp() // MINUTE + 1) * MINUTE + 5)
    wire = Wire(clock)
    way = connect._transport

    def overheard(venue: Venue, url: str) -> Transport:
        return Overheard(way(venue, url), venue, wire)

    monkeypatch.setattr(connect, "_transport", overheard)
    _give_everybody(clock, monkeypatch)
    made = World(clock, wire, aster, redis)
    ahead = int((clock.seconds - datetime.now(UTC).timestamp()) * 1000)
    aster.post("/sandbox/clock", {"venue": "aster", "ahead": ahead})
    for venue, network in HERE:
        rows = [sit_down(aster, venue, clock, number) for number in range(NEAREST + OTHERS)]
        sync_markets(account_adapter(rows[0]))
        market = Market.objects.get(venue=venue, name=BITCOIN[venue])
        for number, row in enumerate(rows):
            _buy(row, market, _size(number), clock)
        aster.mark(BITCOIN[venue], str(FALLEN), venue=venue.value)
        board.publish(venue, network, account_adapter(rows[0]).markets().states, clock.now())
        for _ in looks.look_at([(account_adapter(row), row) for row in rows]):
            pass
        announce_all(both.pk, [row.pk for row in rows])
        # How they came to what they hold is known.
        VenueAccount.objects.filter(venue=venue).update(behind_since=None)
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = settings.ASTER_WEIGHT_PER_MINUTE = 0  # the venues' own
    forget_rosters()
    yield made
    # What was learnt by this clock is of no use by any other.
    forget_rosters()
    weather.forget()


def _give_everybody(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks what time it is hears of this clock."""
    told: tuple[ModuleType, ...] = (accounts, addresses, handing, presence, weather)
    for module in told:
        monkeypatch.setattr(module, "time", clock)
    for module in (weather, hyperliquid_adapter, aster_signing):
        monkeypatch.setattr(module, "datetime", clock)
    for module in (metering, executions):
        monkeypatch.setattr(module, "Budget", partial(Budget, clock=clock.time))
    monkeypatch.setattr(timezone, "now", clock.now)
    monkeypatch.setattr(aster_signing.NONCES, "_last", 0)


def sit_down(sandbox: SandboxProcess, venue: Venue, clock: Clock, number: int) -> VenueAccount:
    """A trader with money, whose wallet signs for itself."""
    wallet = PrivateSigningKey(secrets.token_bytes(32))
    is_nearest = number < NEAREST
    trader = User(email=f"{'nearest' if is_nearest else 'near'}-{venue}-{number}@alpha.example")
    trader.save()
    part = Decimal("0.053") if is_nearest else Decimal("0.068") + Decimal("0.00075") * (number - NEAREST)
    sandbox.fund(wallet.address, f"{_size(number) * PRICE * part:.2f}", venue=venue.value)
    account = VenueAccount(
        trader=trader, venue=venue.value, network=Network.TESTNET.value, address=wallet.address,
        agent_address=wallet.address, synced_at=clock.now(), history_read_at=clock.now(), fees_read_at=clock.now(),
        agent_key=seal(Credential(KeyKind.AGENT, wallet.address, wallet.reveal().hex())),
    )  # fmt: skip
    account.save()
    return account


def _size(number: int) -> Decimal:
    return Decimal("0.010") + Decimal("0.001") * number


def _buy(account: VenueAccount, market: Market, size: Decimal, clock: Clock) -> None:
    adapter = trading_adapter(account)
    order = market_order(market.rules, is_buy=True, size=size, mark=PRICE, slippage=Decimal("0.001"))
    # The signer's reads of this moment have used the first nonces.
    adapter.send(adapter.sign(order, nonce=adapter.moment(clock.now() + timedelta(seconds=1))))
