"""Traders, bad days and crashes in any order, at every venue: what we believe is what the venue did, always.

A short run of the same examples each time in CI. ``MACHINE_EXAMPLES=1000`` makes it a long one, of longer examples and
with the smallest failing one looked for; ``--hypothesis-seed=N`` chooses other dice.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster  # noqa: F401  # a fixture
from tests.trading.conftest import Desk
from tests.trading.services.bad_days import LATE_SECONDS, Day, MortalTransport, days, mortal
from tests.trading.services.seats import BITCOIN, Seat, sit_down
from tests.trading.tickets import ticket
from trading import connect
from trading.margin.types import MarginMode, Side
from trading.models import Command, CommandEvent
from trading.models.commands import FINAL_STATES, OPEN_STATES, CommandKind
from trading.models.events import Step
from trading.services import commands
from trading.services.commands import submit_left_behind
from trading.services.drafts import NO_EXITS, Closing, Exits
from trading.services.followups import carry_on, unfinished
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, cancel_orders, close_position, modify_order, place_order, set_exits
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import AdjustMargin, CancelOrder, PlaceOrder, SetLeverage, Venue, market_order
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.adapter import HyperliquidAdapter

LONG = int(os.environ.get("MACHINE_EXAMPLES", "0"))
EXAMPLES, STEPS = (LONG, 30) if LONG else (6, 16)
ROUNDS = 60
ADAPTERS = {Venue.HYPERLIQUID: HyperliquidAdapter, Venue.ASTER: AsterAdapter}
USUAL_MARK = Decimal(86000)
# Near enough to fill, far enough to trigger exits, and so far that whoever is on the wrong side is liquidated.
MARKS = st.sampled_from((60_000, 78_000, 83_000, 85_900, 86_000, 88_000, 93_000, 120_000))
# Nothing a trader of this exchange asks for comes to these, so whose they are can be told.
LEVERAGE_ELSEWHERE, MARGIN_ELSEWHERE = 3, Decimal("7.77")
who = st.integers(0, 1)


class Trading(RuleBasedStateMachine):
    """Two traders' accounts, their commands, and the venue's record of them."""

    def __init__(self, sandbox: SandboxProcess, venue: Venue, figures: Counter[str]) -> None:
        super().__init__()
        self.sandbox, self.venue, self.figures = sandbox, venue, figures
        sandbox.clear_faults()
        self._set_mark(USUAL_MARK)
        self.seats = [sit_down(sandbox, venue) for _ in range(2)]
        self.market = self.seats[0].market
        self.ends: dict[UUID, str] = {}

    def _set_mark(self, price: Decimal) -> None:
        self.mark = price
        self.sandbox.mark(BITCOIN[self.venue], f"{price}", venue=self.venue.value)

    def _on(self, day: Day, act: Callable[[], object]) -> None:
        self.figures[f"day {day.fault}"] += 1
        day.begin(self.sandbox, self.venue)
        with mortal(day.point):
            act()

    @initialize(sides=st.tuples(st.booleans(), st.booleans()))
    def arrive(self, sides: tuple[bool, bool]) -> None:
        """Both come with a position and an order that rests, which they made elsewhere."""
        rules = self.market.rules
        for seat, is_long in zip(self.seats, sides, strict=True):
            for step in seat.adapter.steps(SetLeverage(rules, MarginMode.ISOLATED, 10)):
                seat.act_elsewhere(CommandKind.LEVERAGE, step)
            rests = PlaceOrder(rules, is_long, Decimal("0.01"), Decimal(80_000 if is_long else 92_000))
            for order in (rests, self._at_market(is_long=is_long)):
                seat.act_elsewhere(CommandKind.ORDER, order)
            assert sync_account(seat.adapter, seat.account)

    def _at_market(self, *, is_long: bool) -> PlaceOrder:
        size, slippage = Decimal("0.013"), Decimal("0.02")
        return market_order(self.market.rules, is_buy=is_long, size=size, mark=self.mark, slippage=slippage)

    @rule(
        day=days,
        who=who,
        is_long=st.booleans(),
        limit=st.sampled_from((None, None, 80_000, 92_000)),
        size=st.sampled_from(("0.01", "0.02", "0.5")),
        mode=st.sampled_from((MarginMode.ISOLATED, MarginMode.ISOLATED, MarginMode.CROSS)),
        leverage=st.sampled_from((5, 10, 20)),
        has_exits=st.booleans(),
    )
    def order(
        self, day: Day, who: int, *, is_long: bool, limit: int | None, size: str, mode: MarginMode, leverage: int,
        has_exits: bool,
    ) -> None:  # fmt: skip
        """At market, or far enough away to rest; mode and leverage are set for it; with exits attached or without."""
        seat, side = self.seats[who], Side.LONG if is_long else Side.SHORT
        wanted = ticket(
            form_key=uuid4(), form={"one": str(uuid4())}, side=side, size=Decimal(size), mode=mode, leverage=leverage,
            mark=self.mark, limit_price=None if limit is None else Decimal(limit),
            exits=_exits(is_long=is_long) if has_exits else NO_EXITS,
        )  # fmt: skip
        self._on(day, lambda: place_order(seat.adapter, seat.account, self.market, wanted))

    @rule(day=days, who=who, is_whole=st.booleans(), flips=st.booleans())
    def close(self, day: Day, who: int, *, is_whole: bool, flips: bool) -> None:
        """The position, half of it, or over into its opposite."""
        seat = self.seats[who]
        if (held := seat.position) is None:
            return
        size = None if is_whole else self.market.rules.floor_size(abs(held.size) / 2)
        if size != 0:
            mark, key = self.mark, uuid4()
            closing = Closing(form={"one": str(uuid4())}, size=size, flips=flips and is_whole)
            self._on(
                day,
                lambda: close_position(seat.adapter, seat.account, held, mark=mark, form_key=key, closing=closing),
            )

    @rule(day=days, who=who, is_away=st.booleans())
    def exits(self, day: Day, who: int, *, is_away: bool) -> None:
        """Take-profit and stop-loss of the whole position, in place of those there are; or none any more."""
        seat = self.seats[who]
        if (held := seat.position) is None:
            return
        old = tuple(row for row in seat.resting if row.covers_position)
        new = NO_EXITS if is_away else _exits(is_long=held.size > 0)
        key, form = uuid4(), {"one": str(uuid4())}
        self._on(
            day,
            lambda: set_exits(seat.adapter, seat.account, held, exits=new, replaced=old, form_key=key, form=form),
        )

    @rule(day=days, who=who)
    def cancel(self, day: Day, who: int) -> None:
        """The oldest order that rests."""
        seat = self.seats[who]
        if (order := seat.resting.first()) is not None:
            self._on(day, lambda: cancel_order(seat.adapter, seat.account, order, form_key=uuid4()))

    @rule(day=days, who=who)
    def cancel_all(self, day: Day, who: int) -> None:
        """Every order that rests."""
        seat = self.seats[who]
        if orders := tuple(seat.resting):
            self._on(day, lambda: cancel_orders(seat.adapter, seat.account, self.market, orders, form_key=uuid4()))

    @rule(day=days, who=who, price=st.sampled_from((79_000, 79_500, 81_000)))
    def change(self, day: Day, who: int, price: int) -> None:
        """The oldest order that rests at a limit."""
        seat = self.seats[who]
        if (order := seat.resting.filter(trigger_price=None).first()) is not None:
            size, limit, key, form = order.size, Decimal(price), uuid4(), {"one": str(uuid4())}
            self._on(
                day,
                lambda: modify_order(
                    seat.adapter, seat.account, order, size=size, price=limit, form_key=key, form=form
                ),
            )

    @rule(day=days, who=who, amount=st.integers(-3, 20).filter(bool))
    def margin(self, day: Day, who: int, amount: int) -> None:
        """Into the position, or out of it."""
        seat = self.seats[who]
        if (held := seat.position) is not None:
            self._on(
                day, lambda: change_margin(seat.adapter, seat.account, held, amount=Decimal(amount), form_key=uuid4())
            )

    @rule(price=MARKS)
    def price(self, price: int) -> None:
        """The market moves: orders fill, exits trigger, positions are liquidated."""
        self._set_mark(Decimal(price))

    @rule()
    def funding(self) -> None:
        """The venue charges one interval."""
        self.sandbox.pay_funding(self.venue.value)

    @rule(who=who, what=st.sampled_from(("order", "limit", "cancel", "margin", "leverage")), is_long=st.booleans())
    def elsewhere(self, who: int, what: str, *, is_long: bool) -> None:
        """The trader uses another client."""
        self.sandbox.clear_faults()
        seat, rules = self.seats[who], self.market.rules
        try:
            held = next(iter(seat.adapter.account(seat.account.address).positions), None)
            resting = seat.adapter.open_orders(seat.account.address)
            if what == "order":
                seat.act_elsewhere(CommandKind.ORDER, self._at_market(is_long=is_long))
            elif what == "limit":
                price = Decimal(70_000 if is_long else 100_000)
                seat.act_elsewhere(CommandKind.ORDER, PlaceOrder(rules, is_long, Decimal("0.013"), price))
            elif what == "cancel" and resting:
                seat.act_elsewhere(CommandKind.CANCEL, CancelOrder(rules, resting[0].order_id))
            elif what == "margin" and held is not None and held.mode is MarginMode.ISOLATED:
                seat.act_elsewhere(CommandKind.MARGIN, AdjustMargin(rules, held.size > 0, MARGIN_ELSEWHERE))
            elif what == "leverage":
                mode = seat.adapter.market_setting(seat.account.address, rules).mode
                seat.act_elsewhere(CommandKind.LEVERAGE, SetLeverage(rules, mode, LEVERAGE_ELSEWHERE))
        except VenueError:
            self.figures["refused elsewhere"] += 1

    @rule(day=days, who=who)
    def settle(self, day: Day, who: int) -> None:
        """A worker's round."""
        self._on(day, lambda: _round(self.seats[who]))

    @rule(who=who)
    def look(self, who: int) -> None:
        """A calm moment: whatever is still checked, our rows are the venue's."""
        self.sandbox.clear_faults()
        _assert_same(self.seats[who])

    @invariant()
    def ends_stay(self) -> None:
        """A command has one end, once."""
        rows = Command.objects.filter(account__in=[seat.account.pk for seat in self.seats], state__in=FINAL_STATES)
        ended = dict(rows.values_list("pk", "state"))
        assert self.ends.items() <= ended.items()
        self.ends = ended

    def teardown(self) -> None:
        """Calm: everything comes to an end, and both records say the same."""
        self.sandbox.clear_faults()
        time.sleep(LATE_SECONDS * 2)
        for seat in self.seats:
            for _ in range(ROUNDS):
                _round(seat)
                if not seat.commands.filter(state__in=OPEN_STATES).exists():
                    break
            assert not seat.commands.filter(state__in=OPEN_STATES).exists()
            _assert_same(seat)
            assert seat.wrong_beliefs() == []
            settled = CommandEvent.objects.filter(command__account=seat.account, step=Step.SETTLED)
            assert settled.count() == seat.commands.count()
            self.figures.update(f"{kind} {state}" for kind, state in seat.commands.values_list("kind", "state"))
            self.figures["liquidations"] += seat.account.liquidations.count()


def _exits(*, is_long: bool) -> Exits:
    near, far = Decimal(96_000), Decimal(75_000)
    return Exits(near, far) if is_long else Exits(far, near)


def _round(seat: Seat) -> None:
    for command in seat.commands.filter(state__in=OPEN_STATES):
        if command.sent_at is None:
            submit_left_behind(seat.adapter, command)
        else:
            prove(seat.adapter, command)
    for command in unfinished(seat.account):
        carry_on(seat.adapter, command)


def _assert_same(seat: Seat) -> None:
    """A late request may be carried out between the two readings, so the second look counts."""
    found = seat.differences()
    if found:
        time.sleep(LATE_SECONDS * 2)
        found = seat.differences()
    assert found == []


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
    monkeypatch.setattr(
        connect,
        "_way",
        lambda venue, network, address: MortalTransport(connect._transport(venue, connect._url(venue))),
    )
    figures: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Trading(desk.sandbox, venue_name, figures),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{venue_name}: {dict(sorted(figures.items()))}")  # with -s, or beside a failure
