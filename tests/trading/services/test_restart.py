"""Processes die with dozens of commands in flight: whoever comes next brings each of them to its end."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import chain, cycle
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk, open_desk
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from trading.margin.types import MarginMode
from trading.models import Command, Market, Order, Position
from trading.models.commands import FINAL_STATES, OPEN_STATES, CommandKind, CommandState
from trading.services import claims, commands
from trading.services.commands import Intent, Name, as_signed, prepare
from trading.services.orders import place_order
from trading.services.sync import sync_account
from trading.tasks.commands import bring_on
from trading.venues.base import AdjustMargin, CancelOrder, OrderState, PlaceOrder, SetLeverage, Venue
from trading.venues.base import Command as VenueCommand

DESKS, ORDERS = 3, 14
# What became of a command before its process died: nothing was sent, it was lost on its way, it was carried out.
UNSENT, LOST, ARRIVED = FATES = ("unsent", "lost", "arrived")
PATIENCE = 120.0  # of a busy machine; a quiet one takes seconds


@pytest.fixture
def desks(desk: Desk, venue: SandboxProcess) -> list[Desk]:
    """Traders who each hold a position and a resting order."""
    others = [open_desk(venue, desk.operator, f"{number}@alpha.example") for number in range(1, DESKS)]
    for one in (desk, *others):
        place_order(one.adapter, one.account, one.market, ticket(leverage=5))
        resting = ticket(form_key=uuid4(), form={"low": "1"}, leverage=5, limit_price=Decimal(79_000))
        place_order(one.adapter, one.account, one.market, resting)
    return [desk, *others]


def leave(desk: Desk, market: Market, kind: CommandKind, fields: dict[str, str], wish: Callable[[Name], VenueCommand],
          fate: str, before: dict[str, str] | None = None) -> Command:  # fmt: skip
    """A command as it stands when its process dies."""
    intent = Intent(kind, uuid4(), fields, fields, wish, before or {})
    command, _ = prepare(desk.adapter, desk.account, market, intent)
    if fate != UNSENT:
        assert commands._claim(command, "")
    if fate == ARRIVED:
        desk.adapter.deliver(as_signed(command))
    return command


def changes(desk: Desk, fate: str) -> Iterator[Command]:
    """One each of what is proven without an id of its own: a leverage, collateral, and a cancelled order."""
    other, market = Market.objects.get(venue="hyperliquid", name="ETH"), desk.market
    held, order = Position.objects.get(account=desk.account), Order.objects.get(account=desk.account, is_open=True)
    before = {
        "cash": f"{held.cash:f}", "size": f"{held.size.normalize():f}", "funding": f"{held.funding_since_open:f}",
        "margin": f"{held.margin:f}", "liquidation": f"{held.liquidation_price:f}", "at": held.venue_time.isoformat(),
    }  # fmt: skip
    setting = {"market": "ETH", "mode": "isolated", "leverage": "7"}
    leverage, cancel = SetLeverage(other.rules, MarginMode.ISOLATED, 7), CancelOrder(market.rules, order.venue_id)
    yield leave(desk, other, CommandKind.LEVERAGE, setting, lambda _: leverage, fate)
    more = {"market": "BTC", "amount": "5"}

    def add(name: Name) -> VenueCommand:
        return AdjustMargin(market.rules, is_buy=True, amount=Decimal(5), client_id=name())

    yield leave(desk, market, CommandKind.MARGIN, more, add, fate, before)
    named = {"market": "BTC", "order": str(order.venue_id)}
    yield leave(desk, market, CommandKind.CANCEL, named, lambda _: cancel, fate)


def purchase(desk: Desk, fate: str) -> Command:
    """A small order that rests."""
    market, size, price = desk.market, Decimal("0.001"), Decimal(80_000)
    fields = {"market": "BTC", "size": f"{size}", "price": f"{price}"}

    def buy(name: Name) -> VenueCommand:
        return PlaceOrder(market.rules, is_buy=True, size=size, limit_price=price, client_id=name())

    return leave(desk, market, CommandKind.ORDER, fields, buy, fate)


def settle_all() -> None:
    """What a worker does from its start on, until nothing is open."""
    ends = time.monotonic() + PATIENCE
    while Command.objects.filter(state__in=OPEN_STATES).exists():
        assert time.monotonic() < ends, list(Command.objects.filter(state__in=OPEN_STATES).values("kind", "message"))
        for command in claims.taken_up(timezone.now(), {Venue.HYPERLIQUID: 16}):
            bring_on(command)


@pytest.mark.usefixtures("redis")
def test_all_that_was_in_flight_is_settled_by_whoever_comes_next(desks: list[Desk]) -> None:
    in_flight: dict[str, list[Command]] = {fate: [] for fate in FATES}
    for desk, fate in zip(desks, cycle((LOST, ARRIVED, UNSENT)), strict=False):
        in_flight[fate] += changes(desk, fate)
        for _, other in zip(range(ORDERS), cycle(FATES), strict=False):
            in_flight[other].append(purchase(desk, other))
    assert Command.objects.filter(state__in=OPEN_STATES).count() == DESKS * (ORDERS + 3)
    Command.objects.filter(state__in=OPEN_STATES).update(next_at=timezone.now() - timedelta(seconds=1))

    settle_all()

    rows = {row.pk: row for row in Command.objects.select_related("account", "market")}
    assert {row.state for row in rows.values()} <= {*FINAL_STATES} - {CommandState.UNPROVEN}
    assert {rows[one.pk].state for one in in_flight[ARRIVED]} == {CommandState.ACCEPTED}
    assert all(rows[one.pk].evidence for one in chain.from_iterable(in_flight.values()))
    for desk in desks:
        assert_as_at_the_venue(desk, [row for row in rows.values() if row.account_id == desk.account.pk])


def assert_as_at_the_venue(desk: Desk, rows: list[Command]) -> None:
    """What we believe of each command is so there."""
    done = {
        kind: [row for row in rows if row.kind == kind and row.state == CommandState.ACCEPTED] for kind in CommandKind
    }
    for row in rows:
        if row.kind == CommandKind.ORDER:
            report = desk.adapter.order_status(desk.account.address, row.client_id, market=row.market.rules)
            assert (report.state is not OrderState.UNKNOWN) == (row.state == CommandState.ACCEPTED)
    old = Position.objects.get(account=desk.account)
    assert sync_account(desk.adapter, desk.account)
    assert Position.objects.get(account=desk.account).cash - old.cash == 5 * len(done[CommandKind.MARGIN])
    at_rest = len(done[CommandKind.ORDER]) - 1 - len(done[CommandKind.CANCEL])
    assert Order.objects.filter(account=desk.account, is_open=True).count() == at_rest
    setting = desk.adapter.market_setting(desk.account.address, Market.objects.get(name="ETH").rules)
    assert (setting.leverage == 7) == any(row.market.name == "ETH" for row in done[CommandKind.LEVERAGE])
