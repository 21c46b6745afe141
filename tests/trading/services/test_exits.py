"""Triggers, exits, changes and cancellations on the real sandbox: what rests there afterwards is what was asked for."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.settling import settle_command
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.margin.rounding import Direction
from trading.margin.types import Side
from trading.models import Command, Difference, Order, Position
from trading.models.commands import CommandKind, CommandState
from trading.panels.elements import NoticeState
from trading.panels.notices import build_notice
from trading.portfolio import desk_of
from trading.services.drafts import Closing, Exits
from trading.services.endings import ASKED_FOR
from trading.services.orders import (
    cancel_order,
    cancel_orders,
    close_position,
    modify_order,
    place_order,
    set_exits,
)
from trading.services.sync import sync_account
from trading.venues.base import TimeInForce, Trigger, TriggerKind
from trading.venues.errors import InvalidCommand

BOTH = Exits(Decimal(90000), Decimal(80000))


def resting(desk: Desk) -> list[Order]:
    return list(Order.objects.filter(account=desk.account, is_open=True).order_by("venue_id"))


def opened(desk: Desk) -> Position:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    held: Position = Position.objects.select_related("market", "account").get()
    return held


def protect(desk: Desk, exits: Exits, replaced: tuple[Order, ...] = ()) -> Command | None:
    held = Position.objects.select_related("market", "account").get()
    return set_exits(
        desk.adapter, desk.account, held, exits=exits, replaced=replaced, form_key=uuid4(), form={"exits": str(exits)}
    )


def protected(desk: Desk) -> dict[str, Order]:
    """A position with both exits: their orders by kind."""
    opened(desk)
    protect(desk, BOTH)
    return {order.trigger_kind: order for order in resting(desk)}


def test_exits_that_their_position_takes_along_are_no_difference(desk: Desk) -> None:
    protected(desk)
    held = Position.objects.select_related("market", "account").get()

    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())
    assert sync_account(desk.adapter, desk.account)

    assert resting(desk) == []
    assert set(Order.objects.exclude(trigger_kind="").values_list("end", flat=True)) == {"reduceOnlyCanceled"}
    assert not Difference.objects.exists()


@pytest.mark.parametrize(
    ("side", "kind", "price", "limit"),
    [
        (Side.LONG, TriggerKind.STOP_LOSS, 90000, None),
        (Side.LONG, TriggerKind.TAKE_PROFIT, 80000, 79000),
        (Side.SHORT, TriggerKind.STOP_LOSS, 80000, 79000),
        (Side.SHORT, TriggerKind.TAKE_PROFIT, 90000, None),
    ],
)
def test_entry_waits_for_its_trigger(desk: Desk, side: Side, kind: TriggerKind, price: int, limit: int | None) -> None:
    wanted = ticket(
        side=side,
        limit_price=None if limit is None else Decimal(limit),
        trigger=Trigger(Decimal(price), kind, limit is None),
    )

    command = place_order(desk.adapter, desk.account, desk.market, wanted)

    assert command.state == CommandState.ACCEPTED
    (order,) = resting(desk)
    assert (order.trigger_price, order.trigger_kind, order.is_buy) == (Decimal(price), kind, side is Side.LONG)
    assert (order.trigger_is_market, order.reduce_only, order.size) == (limit is None, False, Decimal("0.01"))
    assert limit is None or order.limit_price == limit
    # What waits outside the book reserves nothing yet (Hyperliquid 3.2).
    assert desk_of(desk.trader).engine.order_margin == 0
    assert desk.at_venue()["positions"] in ([], {})


def test_stop_entry_opens_the_position_once_the_mark_is_there(desk: Desk) -> None:
    wanted = ticket(trigger=Trigger(Decimal(87000), TriggerKind.STOP_LOSS))
    place_order(desk.adapter, desk.account, desk.market, wanted)

    desk.sandbox.mark("BTC", "87001")

    (held,) = desk.adapter.account(desk.account.address).positions
    assert (held.size, held.leverage) == (Decimal("0.01"), 10)


def test_trigger_on_the_wrong_side_is_refused_by_the_venue_and_told(desk: Desk) -> None:
    wanted = ticket(trigger=Trigger(Decimal(85000), TriggerKind.STOP_LOSS))

    command = place_order(desk.adapter, desk.account, desk.market, wanted)

    assert (command.state, resting(desk)) == (CommandState.REJECTED, [])


@pytest.mark.parametrize("time", [TimeInForce.POST_ONLY, TimeInForce.GOOD_TILL_CANCELLED])
def test_limit_order_rests_as_it_was_asked_to(desk: Desk, time: TimeInForce) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000), time_in_force=time))

    (order,) = resting(desk)
    assert (order.time_in_force, order.limit_price) == (time.value, Decimal(80000))


def test_time_that_the_venue_does_not_know_is_found_before_leverage_is_touched(desk: Desk) -> None:
    wanted = ticket(limit_price=Decimal(80000), time_in_force=TimeInForce.FILL_OR_KILL)

    with pytest.raises(InvalidCommand):
        place_order(desk.adapter, desk.account, desk.market, wanted)

    assert not Command.objects.exists()


def test_entry_brings_its_exits_and_they_close_what_it_opened(desk: Desk) -> None:
    command = place_order(desk.adapter, desk.account, desk.market, ticket(exits=BOTH))

    assert (command.kind, command.state) == (CommandKind.ORDERS, CommandState.ACCEPTED)
    assert [member["kind"] for member in command.evidence["members"]] == ["filled", "waiting", "waiting"]
    assert sorted(command.names) == ["", "stop_loss", "take_profit"]
    exits = {order.trigger_kind: order for order in resting(desk)}
    assert {kind: order.trigger_price for kind, order in exits.items()} == {
        "take_profit": Decimal(90000), "stop_loss": Decimal(80000)
    }  # fmt: skip
    assert all(order.reduce_only and not order.is_buy and order.parent_id is None for order in exits.values())

    desk.sandbox.mark("BTC", "79999")

    assert desk.adapter.account(desk.account.address).positions == ()
    assert desk.adapter.open_orders(desk.account.address) == ()


def test_exits_of_a_resting_entry_wait_for_it(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(85000), exits=BOTH))

    parent = Order.objects.get(trigger_price=None)
    waiting = [order for order in resting(desk) if order.trigger_price is not None]
    assert [order.parent_id for order in waiting] == [parent.venue_id] * 2

    cancel_orders(desk.adapter, desk.account, desk.market, tuple(resting(desk)), form_key=uuid4())

    assert desk.adapter.open_orders(desk.account.address) == ()


def test_exits_that_go_with_the_entry_that_we_cancel_are_no_difference(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(85000), exits=BOTH))

    cancel_order(desk.adapter, desk.account, Order.objects.get(trigger_price=None), form_key=uuid4())
    assert sync_account(desk.adapter, desk.account)

    assert list(Order.objects.values_list("is_open", "end")) == [(False, ASKED_FOR)] * 3
    assert not Difference.objects.exists()


def test_position_gets_exits_for_all_of_it(desk: Desk) -> None:
    opened(desk)

    command = protect(desk, BOTH)

    assert command is not None
    assert (command.kind, command.state) == (CommandKind.ORDERS, CommandState.ACCEPTED)
    assert [(order.covers_position, order.size) for order in resting(desk)] == [(True, Decimal(0))] * 2


def test_exit_is_replaced_by_one_of_another_price(desk: Desk) -> None:
    old = protected(desk)["stop_loss"]

    protect(desk, Exits(stop_loss=Decimal(82000)), (old,))

    assert {order.trigger_kind: order.trigger_price for order in resting(desk)} == {
        "take_profit": Decimal(90000), "stop_loss": Decimal(82000)
    }  # fmt: skip


def told(command: Command | None) -> tuple[NoticeState, str, str]:
    assert command is not None
    notice = build_notice(Command.objects.select_related("market").get(pk=command.pk))
    return notice.state, notice.title, notice.detail


def prices(desk: Desk) -> dict[str, Decimal | None]:
    sync_account(desk.adapter, desk.account)
    return {order.trigger_kind: order.trigger_price for order in resting(desk)}


def test_refused_new_stop_leaves_the_old_one_and_says_so(desk: Desk) -> None:
    old = protected(desk)

    state, title, detail = told(protect(desk, Exits(stop_loss=Decimal(87000)), tuple(old.values())))

    assert (state, title) == (NoticeState.REJECTED, "Refused: BTC long, stop-loss at 87,000")
    assert detail.endswith("Your old take-profit and stop-loss are still in place.")
    assert prices(desk) == {"take_profit": Decimal(90000), "stop_loss": Decimal(80000)}


def test_old_stop_goes_once_the_new_one_is_proven(desk: Desk) -> None:
    old = protected(desk)["stop_loss"]
    desk.sandbox.fault("drop_after", "order")
    command = protect(desk, Exits(stop_loss=Decimal(82000)), (old,))
    assert command is not None
    assert command.state == CommandState.UNKNOWN

    settle_command(desk.operator.pk, str(command.pk))

    assert told(command) == (NoticeState.ACCEPTED, "Done: BTC long, stop-loss at 82,000", "Confirmed by the venue.")
    assert prices(desk) == {"take_profit": Decimal(90000), "stop_loss": Decimal(82000)}


def test_exits_that_are_not_wanted_any_more_are_only_taken_away(desk: Desk) -> None:
    old = protected(desk)

    command = protect(desk, Exits(), tuple(old.values()))

    assert command is not None
    assert (command.kind, command.state) == (CommandKind.CANCEL_ALL, CommandState.ACCEPTED)
    assert resting(desk) == []


def test_impossible_exit_leaves_the_old_one_where_it_is(desk: Desk) -> None:
    before = list(protected(desk).values())

    with pytest.raises(InvalidCommand):
        protect(desk, Exits(stop_loss=Decimal("82000.123")), tuple(before))

    assert resting(desk) == before


@pytest.mark.parametrize(("price", "size"), [(81000, "0.01"), (80000, "0.02"), (79000, "0.005")])
def test_resting_order_takes_another_price_and_size(desk: Desk, price: int, size: str) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    (order,) = resting(desk)

    changed = modify_order(
        desk.adapter,
        desk.account,
        order,
        size=Decimal(size),
        price=Decimal(price),
        form_key=uuid4(),
        form={"modify": str(order.pk)},
    )

    assert changed.state == CommandState.ACCEPTED
    (new,) = resting(desk)
    assert (new.limit_price, new.size) == (Decimal(price), Decimal(size))


def test_trigger_of_a_stop_is_moved(desk: Desk) -> None:
    opened(desk)
    wanted = ticket(side=Side.SHORT, reduce_only=True, trigger=Trigger(Decimal(80000), TriggerKind.STOP_LOSS))
    place_order(desk.adapter, desk.account, desk.market, wanted)
    (order,) = resting(desk)

    modify_order(
        desk.adapter,
        desk.account,
        order,
        size=order.size,
        price=Decimal(83000),
        form_key=uuid4(),
        form={"modify": str(order.pk)},
    )

    (new,) = resting(desk)
    assert (new.trigger_price, new.trigger_kind, new.reduce_only) == (Decimal(83000), "stop_loss", True)


def test_all_orders_of_a_market_go_at_once_and_the_others_stay(desk: Desk) -> None:
    ether = type(desk.market).objects.get(name="ETH")
    mark = desk.adapter.market_setting(desk.account.address, ether.rules).mark
    price = ether.rules.price_rule.rounded(mark * Decimal("0.9"), Direction.DOWN)
    place_order(desk.adapter, desk.account, ether, ticket(size=Decimal(1), mark=mark, limit_price=price))
    for level in (80000, 81000, 82000):
        place_order(
            desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(level), form={"at": str(level)})
        )
    bitcoins = tuple(Order.objects.filter(market=desk.market).select_related("market"))

    command = cancel_orders(desk.adapter, desk.account, desk.market, bitcoins, form_key=uuid4())

    assert (command.kind, command.state) == (CommandKind.CANCEL_ALL, CommandState.ACCEPTED)
    assert [order.market_id for order in resting(desk)] == [ether.pk]


def test_nothing_to_cancel_is_said_and_not_sent(desk: Desk) -> None:
    with pytest.raises(InvalidCommand):
        cancel_orders(desk.adapter, desk.account, desk.market, (), form_key=uuid4())

    assert not Command.objects.exists()


def test_part_of_a_position_is_closed(desk: Desk) -> None:
    held = opened(desk)

    closing = Closing(form={"close": "part"}, size=Decimal("0.004"))
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4(), closing=closing)

    assert Position.objects.get().size == Decimal("0.006")


def test_close_at_a_limit_rests_and_only_reduces(desk: Desk) -> None:
    held = opened(desk)

    closing = Closing(form={"close": "limit"}, limit_price=Decimal(90000))
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4(), closing=closing)

    (order,) = resting(desk)
    assert (order.limit_price, order.size, order.reduce_only) == (Decimal(90000), Decimal("0.01"), True)
    assert cancel_order(desk.adapter, desk.account, order, form_key=uuid4()).state == CommandState.ACCEPTED


def test_position_is_turned_into_its_opposite_by_one_order(desk: Desk) -> None:
    held = opened(desk)

    command = close_position(
        desk.adapter,
        desk.account,
        held,
        mark=Decimal(86000),
        form_key=uuid4(),
        closing=Closing(form={"close": "flip"}, flips=True),
    )

    assert command.state == CommandState.ACCEPTED
    flipped = Position.objects.get()
    assert (flipped.size, flipped.mode, flipped.leverage) == (Decimal("-0.01"), "isolated", 10)
