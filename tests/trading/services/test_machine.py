"""Traders, bad days and crashes in any order: what we believe is what the venue did, always."""

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
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.trading.conftest import Desk
from tests.trading.services.test_orders import ticket
from trading import connect
from trading.margin.types import Side
from trading.models import Command, Order, Position
from trading.models.commands import OPEN_STATES, CommandKind, CommandState
from trading.services import commands
from trading.services.commands import StillChecking, submit_left_behind
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, place_order
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.services.totals import money_totals
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.adapter import HyperliquidAdapter

FAULTS = (
    None, "drop_before", "drop_after", "error_before", "error_after", "malformed", "truncated", "twice",
)  # fmt: skip
DOORS = ("exchange", "info")
EXAMPLES, STEPS, ROUNDS = 6, 14, 60


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


bad_days = st.tuples(st.sampled_from(FAULTS), st.sampled_from(DOORS), st.one_of(st.just(0), st.integers(1, 60)))


class Trading(RuleBasedStateMachine):
    """One trader's account, its commands, and the venue's record of them."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        desk.sandbox.clear_faults()

    def _on(self, day: tuple[str | None, str, int], act: Callable[[], object]) -> None:
        fault, door, point = day
        if fault is not None:
            self.desk.sandbox.fault(fault, door, count=1, seconds=0)
        with mortal(point):
            act()

    @rule(day=bad_days, is_long=st.booleans(), limit=st.sampled_from((None, 80000, 92000)))
    def order(self, day: tuple[str | None, str, int], is_long: bool, limit: int | None) -> None:
        """At market, or far enough away to rest."""
        side = Side.LONG if is_long else Side.SHORT
        price = None if limit is None else Decimal(limit)
        wanted = ticket(form_key=uuid4(), form={"one": str(uuid4())}, side=side, limit_price=price)
        self._on(day, lambda: place_order(self.desk.adapter, self.desk.account, self.desk.market, wanted))

    @precondition(lambda self: Order.objects.filter(is_open=True).exists())
    @rule(day=bad_days)
    def cancel(self, day: tuple[str | None, str, int]) -> None:
        """The oldest order that rests."""
        order = Order.objects.filter(is_open=True).select_related("market").order_by("pk")[0]
        self._on(day, lambda: cancel_order(self.desk.adapter, self.desk.account, order, uuid4()))

    @precondition(lambda self: Position.objects.exists())
    @rule(day=bad_days, amount=st.integers(1, 20))
    def margin(self, day: tuple[str | None, str, int], amount: int) -> None:
        """Into the position."""
        held = Position.objects.select_related("market", "account").get()
        self._on(day, lambda: change_margin(self.desk.adapter, self.desk.account, held, Decimal(amount), uuid4()))

    @rule(day=bad_days)
    def settle(self, day: tuple[str | None, str, int]) -> None:
        """A worker's round."""
        self._on(day, self._round)

    def _round(self) -> None:
        for command in Command.objects.filter(state__in=OPEN_STATES).select_related("account", "market"):
            if command.sent_at is None:
                submit_left_behind(self.desk.adapter, command)
            else:
                prove(self.desk.adapter, command)

    def teardown(self) -> None:
        """Calm: everything comes to an end, and both records say the same."""
        self.desk.sandbox.clear_faults()
        for _ in range(ROUNDS):
            self._round()
            if not Command.objects.filter(state__in=OPEN_STATES).exists():
                break
        assert not Command.objects.filter(state__in=OPEN_STATES).exists()
        for command in Command.objects.filter(kind=CommandKind.ORDER):
            report = self.desk.sandbox.info("orderStatus", user=self.desk.account.address, oid=command.client_id)
            is_there = report["status"] == "order" and not report["order"]["status"].endswith("Rejected")
            assert (command.state == CommandState.ACCEPTED) == is_there, (command.state, command.evidence, report)
        assert sync_account(self.desk.adapter, self.desk.account)
        theirs = {row["market"]: Decimal(row["size"]) for row in self.desk.at_venue()["positions"]}  # type: ignore[attr-defined]
        assert {row.market.name: row.size for row in Position.objects.select_related("market")} == theirs
        totals = money_totals(self.desk.reread())
        assert totals is not None
        assert totals.unexplained == 0


def test_belief_is_what_happened_whatever_happens(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sandbox shows at once what it did and asks for no restraint, and nobody else settles here.
    monkeypatch.setattr(HyperliquidAdapter, "settling", timedelta(milliseconds=20))
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    monkeypatch.setattr(connect, "_way", lambda venue, network, address: connect._transport(venue, connect._url(venue)))
    desk.adapter = connect.trading_adapter(desk.account)
    run_state_machine_as_test(
        lambda: Trading(desk),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
