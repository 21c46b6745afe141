"""Traders, bad days and crashes in any order, at every venue: what we believe is what the venue did, always."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tenants.models import User
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # a fixture
from tests.trading.conftest import Desk
from tests.trading.services.test_orders import ticket
from trading import connect
from trading.management.commands.seed_demo import give_agent_key
from trading.margin.types import Side
from trading.models import Command, Fill, Market, Order, Position, VenueAccount
from trading.models.commands import OPEN_STATES, CommandKind, CommandState
from trading.services import commands
from trading.services.commands import StillChecking, submit_left_behind
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, modify_order, place_order
from trading.services.reconcile import prove
from trading.services.sync import sync_account, sync_markets
from trading.services.totals import money_totals
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import Adapter, OrderState, Venue
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.keys import PrivateSigningKey

FAULTS = (
    None, "drop_before", "drop_after", "error_before", "error_after", "malformed", "truncated", "twice",
)  # fmt: skip
# Where a bad day may begin: at any request, at one that changes something, at one that asks.
DOORS = {
    Venue.HYPERLIQUID: ("any", "exchange", "info"),
    Venue.ASTER: (
        "any",
        "POST order",
        "DELETE order",
        "positionMargin",
        "leverage",
        "noop",
        "GET order",
        "positionRisk",
    ),
}
EXAMPLES, STEPS, ROUNDS = 6, 14, 60
BITCOIN = {Venue.HYPERLIQUID: "BTC", Venue.ASTER: "BTCUSDT"}
ADAPTERS = {Venue.HYPERLIQUID: HyperliquidAdapter, Venue.ASTER: AsterAdapter}


class Crash(BaseException):
    """The process ends here: nothing after this line happens."""


@dataclass
class Fuse:
    """Ends the process at the given statement, before or after it; never where it is 0."""

    left: int

    def __call__(self, execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return execute(sql, parameters, many, context)
        self._burn()
        result = execute(sql, parameters, many, context)
        self._burn()
        return result

    def _burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


@contextmanager
def mortal(point: int) -> Iterator[None]:
    """A process that may die. What it had committed stays, what was under way is undone."""
    with suppress(Crash, StillChecking, VenueError), connection.execute_wrapper(Fuse(point)):
        yield


@dataclass
class Table:
    """One trader's desk at one venue, and the venue's own ledger of him."""

    sandbox: SandboxProcess
    account: VenueAccount
    market: Market
    adapter: Adapter

    def ledger(self) -> dict[str, Any]:
        """What the venue holds of the account."""
        state = self.sandbox.state()
        found: dict[str, Any] = state["others"].get(self.account.venue, state)["accounts"][self.account.address]
        return found

    def has_carried_out(self, command: Command) -> bool:
        """Whether the venue knows the command's order, and not only as one that it refused; of a command without an
        order of its own, whether it took one of that nonce."""
        if command.kind == CommandKind.ORDER or (command.kind == CommandKind.MODIFY and self.renames):
            report = self.adapter.order_status(self.account.address, command.client_id, market=command.market.rules)
            return report.state not in (OrderState.UNKNOWN, OrderState.REJECTED)
        state = self.sandbox.state()
        done = state["others"].get(self.account.venue, state)["commands"]
        name = (self.account.address, command.nonce, "ok")
        mine = [row["kind"] for row in done if (row["address"], row["nonce"], row["outcome"]) == name]
        return bool([kind for kind in mine if "noop" not in kind])

    def is_hidden(self, command: Command) -> bool:
        """Whether nobody can tell what became of it: a margin change that has no name at the venue, whose trace a trade
        of the same position has covered (Hyperliquid 3.3)."""
        covered = Fill.objects.filter(account=self.account, market=command.market, happened_at__gte=command.prepared_at)
        is_nameless = self.account.venue == Venue.HYPERLIQUID and command.kind == CommandKind.MARGIN
        return is_nameless and covered.exists()

    @property
    def renames(self) -> bool:
        """Whether a changed order has our new client id there."""
        return bool(self.account.venue == Venue.HYPERLIQUID)


def sit_down(trader: User, sandbox: SandboxProcess, venue: Venue) -> Table:
    """A funded account at the venue with a key of its own, in the scope of the trader's operator."""
    wallet = PrivateSigningKey(secrets.token_bytes(32))
    account = VenueAccount(trader=trader, venue=venue.value, network="testnet", address=wallet.address)
    account.save()
    sandbox.fund(wallet.address, "10000", venue=venue.value)
    give_agent_key(account, wallet, connect.account_adapter(account))
    account.refresh_from_db()
    adapter = connect.trading_adapter(account)
    sync_markets(adapter)
    assert sync_account(adapter, account)
    return Table(sandbox, account, Market.objects.get(venue=venue.value, name=BITCOIN[venue]), adapter)


# A day: what goes wrong, at which of the venue's doors, and where the process dies.
bad_days = st.tuples(st.sampled_from(FAULTS), st.integers(0, 7), st.one_of(st.just(0), st.integers(1, 60)))
Day = tuple[str | None, int, int]


class Trading(RuleBasedStateMachine):
    """One trader's account, its commands, and the venue's record of them."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        table.sandbox.clear_faults()

    def _on(self, day: Day, act: Callable[[], object]) -> None:
        fault, door, point = day
        doors = DOORS[Venue(self.table.account.venue)]
        if fault is not None:
            self.table.sandbox.fault(fault, doors[door % len(doors)], count=1, seconds=0)
        with mortal(point):
            act()

    @rule(day=bad_days, is_long=st.booleans(), limit=st.sampled_from((None, 80000, 92000)))
    def order(self, day: Day, is_long: bool, limit: int | None) -> None:
        """At market, or far enough away to rest."""
        side = Side.LONG if is_long else Side.SHORT
        price = None if limit is None else Decimal(limit)
        wanted = ticket(form_key=uuid4(), form={"one": str(uuid4())}, side=side, limit_price=price)
        self._on(day, lambda: place_order(self.table.adapter, self.table.account, self.table.market, wanted))

    @rule(day=bad_days)
    def cancel(self, day: Day) -> None:
        """The oldest order that rests."""
        order = Order.objects.filter(is_open=True).select_related("market").order_by("pk").first()
        if order is not None:
            self._on(day, lambda: cancel_order(self.table.adapter, self.table.account, order, uuid4()))

    @rule(day=bad_days, price=st.sampled_from((79_000, 79_500, 81_000)))
    def change(self, day: Day, price: int) -> None:
        """The oldest order that rests."""
        order = Order.objects.filter(is_open=True).select_related("market").order_by("pk").first()
        if order is not None:
            form = {"one": str(uuid4())}
            args = (order, order.size, Decimal(price), uuid4(), form)
            self._on(day, lambda: modify_order(self.table.adapter, self.table.account, *args))

    @rule(day=bad_days, amount=st.integers(1, 20))
    def margin(self, day: Day, amount: int) -> None:
        """Into the position."""
        held = Position.objects.select_related("market", "account").first()
        if held is not None:
            self._on(day, lambda: change_margin(self.table.adapter, self.table.account, held, Decimal(amount), uuid4()))

    @rule(day=bad_days)
    def settle(self, day: Day) -> None:
        """A worker's round."""
        self._on(day, self._round)

    def _round(self) -> None:
        for command in Command.objects.filter(state__in=OPEN_STATES).select_related("account", "market"):
            if command.sent_at is None:
                submit_left_behind(self.table.adapter, command)
            else:
                prove(self.table.adapter, command)

    def teardown(self) -> None:
        """Calm: everything comes to an end, and both records say the same."""
        self.table.sandbox.clear_faults()
        for _ in range(ROUNDS):
            self._round()
            if not Command.objects.filter(state__in=OPEN_STATES).exists():
                break
        assert not Command.objects.filter(state__in=OPEN_STATES).exists()
        assert sync_account(self.table.adapter, self.table.account)
        ledger = self.table.ledger()
        kinds = (CommandKind.ORDER, CommandKind.MODIFY, CommandKind.MARGIN)
        for command in Command.objects.filter(kind__in=kinds).select_related("market"):
            if command.state == CommandState.UNPROVEN:
                assert self.table.is_hidden(command), (command.kind, command.evidence)
                continue
            is_done = self.table.has_carried_out(command)
            assert (command.state == CommandState.ACCEPTED) == is_done, (command.kind, command.state, command.evidence)
        ours = {row.market.name: row.size for row in Position.objects.select_related("market")}
        assert ours == {row["market"]: Decimal(row["size"]) for row in ledger["positions"]}
        resting = {row["oid"]: Decimal(row["size"]) for row in ledger["orders"]}
        assert dict(Order.objects.filter(is_open=True).values_list("venue_id", "size")) == resting
        self.table.account.refresh_from_db()
        totals = money_totals(self.table.account)
        assert totals is not None
        assert totals.unexplained == 0


@pytest.mark.parametrize("venue_name", list(BITCOIN))
def test_belief_is_what_happened_whatever_happens(
    desk: Desk,
    aster: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    venue_name: Venue,
) -> None:
    # The sandbox shows at once what it did and asks for no restraint, and nobody else settles here.
    monkeypatch.setattr(ADAPTERS[venue_name], "settling", timedelta(milliseconds=20))
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(connect, "_way", lambda venue, network, address: connect._transport(venue, connect._url(venue)))
    trader = User(email="bob@alpha.example")
    trader.save()
    table = sit_down(trader, desk.sandbox, venue_name)
    run_state_machine_as_test(
        lambda: Trading(table),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            # One account lives through all examples, so a shorter one would be another story.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
