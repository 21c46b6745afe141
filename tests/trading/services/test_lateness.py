"""What was written down and never sent: it leaves while it is young and nothing newer was decided, else never."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.factories import make_command
from tests.trading.conftest import Desk
from tests.trading.services.lost import buy_left_behind, left_behind, opened
from tests.trading.tickets import ticket
from trading.models import Command, Order
from trading.models.commands import CommandKind, CommandState
from trading.services import lateness
from trading.services.commands import submit, submit_left_behind
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, cancel_orders, close_position, modify_order, place_order
from trading.services.sync import sync_account


def aged(command: Command, age: timedelta) -> Command:
    Command.objects.filter(pk=command.pk).update(prepared_at=timezone.now() - age)
    command.refresh_from_db()
    return command


def resting(desk: Desk) -> Order:
    place_order(desk.adapter, desk.account, desk.market, ticket(form={"rests": "1"}, limit_price=Decimal(80000)))
    order: Order = Order.objects.select_related("market").get(is_open=True)
    return order


def steps(command: Command) -> list[str]:
    return [event.step for event in command.events.all()]


def test_young_order_that_was_left_behind_is_sent(desk: Desk) -> None:
    opened(desk)
    command = submit_left_behind(desk.adapter, buy_left_behind(desk))

    assert command.state == CommandState.ACCEPTED
    assert desk.adapter.account(desk.account.address).positions[0].size == Decimal("0.02")


def test_order_left_behind_never_follows_a_close(desk: Desk) -> None:
    held = opened(desk)
    command = buy_left_behind(desk)
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    given_up = submit_left_behind(desk.adapter, command)

    assert (given_up.state, given_up.message) == (CommandState.DEAD, lateness.OVERTAKEN)
    assert (set(given_up.evidence), given_up.sent_at) == ({"never sent"}, None)
    assert steps(command) == ["prepared", "settled"]
    assert desk.adapter.account(desk.account.address).positions == ()


@pytest.mark.parametrize("send", [submit, submit_left_behind])
def test_old_order_is_not_sent_by_anybody(desk: Desk, send: Callable[..., Command]) -> None:
    opened(desk)
    command = aged(buy_left_behind(desk), lateness.LATEST + timedelta(seconds=1))

    given_up = send(desk.adapter, command)

    assert (given_up.state, given_up.message) == (CommandState.DEAD, lateness.TOO_OLD)
    assert desk.adapter.account(desk.account.address).positions[0].size == Decimal("0.01")


def test_slow_sender_finds_that_its_order_was_given_up(desk: Desk) -> None:
    held = opened(desk)
    command = buy_left_behind(desk)
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())
    submit_left_behind(desk.adapter, Command.objects.select_related("account", "market").get(pk=command.pk))

    late = submit(desk.adapter, command)

    assert (late.state, late.sent_at) == (CommandState.DEAD, None)
    assert steps(command) == ["prepared", "settled"]
    assert desk.adapter.account(desk.account.address).positions == ()


def test_order_that_its_slow_sender_has_claimed_is_not_given_up(desk: Desk) -> None:
    opened(desk)
    command = buy_left_behind(desk)
    seen = Command.objects.select_related("account", "market").get(pk=command.pk)
    submit(desk.adapter, command)

    after = submit_left_behind(desk.adapter, aged(seen, timedelta(minutes=1)))

    assert (after.state, steps(command)) == (CommandState.ACCEPTED, ["prepared", "sent", "settled"])


def test_margin_left_behind_does_not_go_to_the_next_position(desk: Desk) -> None:
    held = opened(desk)
    command = left_behind(
        lambda: change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4()),
        CommandKind.MARGIN,
    )
    close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    assert submit_left_behind(desk.adapter, command).state == CommandState.DEAD


def test_leverage_left_behind_is_not_set_when_it_is_old(desk: Desk) -> None:
    wanted = ticket(leverage=3)
    command = left_behind(lambda: place_order(desk.adapter, desk.account, desk.market, wanted), CommandKind.LEVERAGE)
    aged(command, timedelta(seconds=5))

    assert submit_left_behind(desk.adapter, command).state == CommandState.DEAD
    assert desk.adapter.market_setting(desk.account.address, desk.market.rules).leverage != 3


def test_cancel_left_behind_still_takes_its_order_away(desk: Desk) -> None:
    order = resting(desk)
    command = left_behind(lambda: cancel_order(desk.adapter, desk.account, order, form_key=uuid4()), CommandKind.CANCEL)
    opened(desk)

    assert submit_left_behind(desk.adapter, aged(command, timedelta(seconds=5))).state == CommandState.ACCEPTED
    assert desk.adapter.open_orders(desk.account.address) == ()


def test_cancel_left_behind_does_not_follow_a_change_of_an_order(desk: Desk) -> None:
    order = resting(desk)
    command = left_behind(lambda: cancel_order(desk.adapter, desk.account, order, form_key=uuid4()), CommandKind.CANCEL)
    modify_order(
        desk.adapter,
        desk.account,
        order,
        size=order.size,
        price=Decimal(79000),
        form_key=uuid4(),
        form={"price": "79000"},
    )

    assert submit_left_behind(desk.adapter, command).state == CommandState.DEAD
    assert [row.limit_price for row in desk.adapter.open_orders(desk.account.address)] == [Decimal(79000)]


def test_closing_and_cancelling_ask_nothing_of_an_unknown_margin_change(desk: Desk) -> None:
    held, order = opened(desk), resting(desk)
    desk.sandbox.fault("drop_after", "updateIsolatedMargin", count=1)
    lost = change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4())
    assert lost.state == CommandState.UNKNOWN
    before = lost.events.count()

    cancelled = cancel_order(desk.adapter, desk.account, order, form_key=uuid4())
    nothing = resting(desk)
    looked_at = lost.events.count()
    many = cancel_orders(desk.adapter, desk.account, desk.market, (nothing,), form_key=uuid4())
    closed = close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    assert [row.state for row in (cancelled, many, closed)] == [CommandState.ACCEPTED] * 3
    assert looked_at > before, "an opening order settles it first"
    assert lost.events.count() == looked_at
    assert desk.adapter.account(desk.account.address).positions == ()
    assert sync_account(desk.adapter, desk.account)


def test_collateral_that_moved_between_books_since_keeps_no_order_from_leaving(desk: Desk) -> None:
    opened(desk)
    command = buy_left_behind(desk)
    later = make_command(desk.account, desk.market, kind=CommandKind.MOVE, nonce=command.nonce + 1)
    assert lateness.overtaken(command) == ""

    Command.objects.filter(pk=later.pk).update(kind=CommandKind.LEVERAGE)
    assert lateness.overtaken(command) == lateness.OVERTAKEN


CLOSE = {"size": "0.01", "price": "market", "reduce_only": "True"}
LIMIT_CLOSE, OPENING = CLOSE | {"price": "80000"}, CLOSE | {"reduce_only": "False"}
STOP, ADDED, TAKEN = CLOSE | {"trigger": "80000"}, {"amount": "25"}, {"amount": "-25"}


@pytest.mark.parametrize(
    ("kind", "asked", "harmless"),
    [
        ("order", CLOSE, {"cancel", "cancel_all", "margin", "leverage", "mode", "move"}),
        ("margin", ADDED, {"cancel", "cancel_all", "leverage", "mode", "move"}),
        ("order", LIMIT_CLOSE, {"move"}),
        ("order", STOP, {"move"}),
        ("order", OPENING, {"move"}),
        ("margin", TAKEN, {"move"}),
        ("leverage", {}, {"move"}),
    ],
)
def test_what_takes_risk_away_is_overtaken_by_another_decision_on_the_position_alone(
    desk: Desk, kind: str, asked: dict[str, str], harmless: set[str]
) -> None:
    command = make_command(desk.account, desk.market, kind=kind, intent=asked)
    later = make_command(desk.account, desk.market, kind=CommandKind.MOVE, nonce=2)
    found = set()
    for since in CommandKind.values:
        Command.objects.filter(pk=later.pk).update(kind=since)
        if not lateness.overtaken(command):
            found.add(since)

    assert found == harmless


def test_move_of_collateral_left_behind_does_not_follow_an_order(desk: Desk) -> None:
    left = make_command(desk.account, desk.market, kind=CommandKind.MOVE, nonce=1)
    assert lateness.overtaken(left) == ""

    opened(desk)
    assert lateness.overtaken(left) == lateness.OVERTAKEN
