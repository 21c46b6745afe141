"""Two venues answer nothing for ten minutes: what every page says meanwhile, what is refused and what is tried, and how
all of it is over soon after."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import Operator, Role, User
from tests.trading import stepped_world
from tests.trading.aster.conftest import aster, both  # noqa: F401  # fixtures
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.stepped_world import (
    A_TURN,
    AWAY_SECONDS,
    BITCOIN,
    FALLEN,
    HERE,
    STEP_SECONDS,
    World,
    sandbox,
    world,
)
from tests.trading.tickets import ticket
from tests.trading.workers import eager  # noqa: F401  # tasks run at once, in this thread
from trading.connect import trading_adapter
from trading.live import board, presence
from trading.margin.types import MarginMode
from trading.models import Command, Market, Position, VenueAccount
from trading.models.commands import CommandState
from trading.recent import forget_desks
from trading.services import lateness, looks
from trading.services.margin import change_margin
from trading.services.orders import close_position, place_order
from trading.services.readings import EVERYTHING
from trading.services.storm import VenueAway
from trading.services.sync import sync_account
from trading.venues.base import SetLeverage, market_order
from trading.venues.snapshots import MarketState, Network, Venue
from trading.venues.weather import Sky

__all__ = ["sandbox", "world"]

MARKED_SECONDS, CURRENT_SECONDS = 10, 30
FRAGMENTS = ("positions", "account_panel", "orders", "fills", "margin_changes", "banner")
HEADERS = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three traders at each venue are enough for what one of them sees."""
    monkeypatch.setattr(stepped_world, "NEAREST", 1)
    monkeypatch.setattr(stepped_world, "OTHERS", 2)
    # A command's row is dated by the machine's own clock, which the world's is ahead of.
    monkeypatch.setattr(lateness, "LATEST", timedelta(hours=1))


@dataclass
class Seat:
    """A trader who looks at his position at one venue all the time, and the prices that its stream tells."""

    operator: Operator
    account: VenueAccount
    market: Market
    browser: Client
    states: tuple[MarketState, ...]

    @property
    def place(self) -> tuple[Venue, Network]:
        return Venue(self.account.venue), Network(self.account.network)

    @property
    def position(self) -> Position:
        position: Position = Position.objects.select_related("market", "account").get(account=self.account)
        return position

    def get(self, path: str) -> str:
        answer = self.browser.get(path, headers=HEADERS)
        assert answer.status_code == 200, path
        return str(answer.content.decode())

    def marks(self) -> set[str]:
        """How every risk figure on the page is marked: those of the positions, the account and the market."""
        forget_desks()
        board.forget()
        pages = [self.get(reverse(name)) for name in ("positions", "account_panel")]
        pages.append(self.get(f"/trade/{self.market.address}/bar/"))
        found = [re.findall(r'<time class="age age-([a-z]+)"', page) for page in pages]
        assert all(found)
        assert re.findall(r'<tbody[^>]*class="is-([a-z]+)', pages[0]) == found[0][:1]
        return {mark for marks in found for mark in marks}


@pytest.fixture
def seats(world: World, both: Operator) -> list[Seat]:  # noqa: F811
    """One more trader at each venue, whose position is isolated."""
    return [sit_down(world, both, venue) for venue, _ in HERE]


def sit_down(world: World, operator: Operator, venue: Venue) -> Seat:
    account = stepped_world.sit_down(world.sandbox, venue, world.clock, stepped_world.NEAREST + stepped_world.OTHERS)
    world.sandbox.fund(account.address, "1000", venue=venue.value)
    market, adapter = Market.objects.get(venue=venue, name=BITCOIN[venue]), trading_adapter(account)
    bought = market_order(market.rules, is_buy=True, size=Decimal("0.02"), mark=FALLEN, slippage=Decimal("0.001"))
    isolated = SetLeverage(market.rules, MarginMode.ISOLATED, 20)
    # The signer's reads of this moment have used the first nonces.
    for seconds, step in enumerate([*adapter.steps(isolated), bought], 1):
        adapter.send(adapter.sign(step, nonce=adapter.moment(world.clock.now() + timedelta(seconds=seconds))))
    assert sync_account(adapter, account, EVERYTHING)
    browser = Client(headers={"host": "alpha.localhost"})
    browser.force_login(account.trader)
    return Seat(operator, account, market, browser, adapter.markets().states)


def pass_time(world: World, seats: list[Seat], seconds: float = 1, *, is_heard: bool) -> None:
    """Everybody goes on looking; streams tell their prices while the venues are there."""
    for seat in seats:
        presence.look(seat.operator.pk, seat.account.pk)
    world.step(seconds)
    for seat in seats:
        if is_heard:
            board.publish(*seat.place, seat.states, world.clock.now())


def every_page(seat: Seat, owner: Client, support: Client) -> list[int]:
    """What trader, owner and support are answered."""
    trader = reverse("support_trader", args=[seat.account.trader_id])
    visited = [
        *((seat.browser, reverse(name)) for name in FRAGMENTS),
        (seat.browser, f"/trade/{seat.market.address}/"),
        *((owner, reverse(name)) for name in ("console", "console_freshness", "console_markets")),
        *((support, path) for path in (reverse("support"), reverse("support_open"), trader)),
    ]
    return [browser.get(path).status_code for browser, path in visited]


def member(role: Role) -> Client:
    """The browser of one of the operator's team."""
    person = User(email=f"{role.value}@alpha.example", role=role.value)
    person.save()
    browser = Client(headers={"host": "alpha.localhost"})
    browser.force_login(person)
    return browser


def test_ten_minutes_without_the_venues(world: World, seats: list[Seat]) -> None:
    owner, support = member(Role.OWNER), member(Role.SUPPORT)
    for _ in range(5):
        pass_time(world, seats, is_heard=True)
    assert [seat.marks() for seat in seats] == [{"live"}] * 2

    world.sandbox.fault("error_before", "any", probability=1.0)
    for _ in range(MARKED_SECONDS):
        pass_time(world, seats, is_heard=False)
    assert world.skies() == {Sky.DOWN}
    assert ["live" in seat.marks() for seat in seats] == [False, False]

    for seat in seats:
        refuses_risk_and_tries_relief(world, seat)
    for _ in range((AWAY_SECONDS - MARKED_SECONDS) // STEP_SECONDS):
        pass_time(world, seats, STEP_SECONDS, is_heard=False)
    assert [seat.marks() for seat in seats] == [{"closed"}] * 2
    for seat in seats:
        assert set(every_page(seat, owner, support)) == {200}

    world.sandbox.clear_faults()
    back = world.clock.seconds
    for second in range(1, CURRENT_SECONDS + 1):
        pass_time(world, seats, is_heard=True)
        for venue, _ in HERE:
            assert world.wire.weight(venue, back + second, 1) <= A_TURN[venue]
    assert world.wire.most <= looks.QUESTIONS_AT_ONCE
    assert Sky.DOWN not in world.skies()
    assert [max(world.lateness(venue)) <= 1 for venue, _ in HERE] == [True, True]
    assert [seat.marks() for seat in seats] == [{"live"}] * 2


def refuses_risk_and_tries_relief(world: World, seat: Seat) -> None:
    """An order that opens is never sent and says why; closing and adding margin are, though nothing answers."""
    adapter, name, sent = trading_adapter(seat.account), seat.place[0].value.title(), len(world.wire.sent)
    with pytest.raises(VenueAway, match="not answering: nothing that adds risk is sent"):
        place_order(adapter, seat.account, seat.market, ticket(mark=FALLEN))
    fields = {"form_key": str(uuid4()), "side": "long", "kind": "market", "size": "0.01", "unit": "coin",
              "mode": "isolated", "leverage": "5"}  # fmt: skip
    refused = seat.browser.post(f"/trade/{seat.market.address}/order/", fields, headers=HEADERS).content.decode()
    assert "The venue is not answering: nothing that adds risk is sent." in refused
    assert f"{name} is not answering." in seat.get(reverse("banner"))
    assert (Command.objects.filter(account=seat.account).count(), len(world.wire.sent)) == (0, sent)

    added = change_margin(adapter, seat.account, seat.position, amount=Decimal(5), form_key=uuid4())
    assert (added.state, len(world.wire.sent) > sent) == (CommandState.UNKNOWN, True)
    sent = len(world.wire.sent)
    closed = close_position(adapter, seat.account, seat.position, mark=FALLEN, form_key=uuid4())
    assert (closed.state, len(world.wire.sent) > sent) == (CommandState.UNKNOWN, True)
