"""Orders on the real sandbox: what our rows say afterwards is what the venue holds."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.margin.types import MarginMode, Side
from trading.models import Command, Fill, Order, Position, Preference
from trading.models.commands import CommandKind, CommandState
from trading.services.commands import FormReused
from trading.services.orders import cancel_order, close_position, place_order, remember_choice
from trading.venues.errors import InvalidCommand


def test_market_order_opens_the_position_that_the_venue_holds(desk: Desk) -> None:
    command = place_order(desk.adapter, desk.account, desk.market, ticket())

    assert command.state == CommandState.ACCEPTED
    assert command.evidence["kind"] == "filled"
    held = Position.objects.get(account=desk.account)
    theirs = desk.adapter.account(desk.account.address).positions[0]
    assert (held.size, held.cash, held.margin) == (theirs.size, theirs.cash, theirs.margin)
    assert (held.mode, held.leverage, held.liquidation_price) == ("isolated", 10, theirs.liquidation_price)
    assert abs(held.estimated_liquidation_price / held.liquidation_price - 1) < Decimal("1e-6")
    assert Fill.objects.get(account=desk.account).size == Decimal("0.01")


def test_order_is_sent_only_after_mode_and_leverage_were_accepted(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())

    refused = place_order(desk.adapter, desk.account, desk.market, ticket(mode=MarginMode.CROSS))

    assert (refused.kind, refused.state) == (CommandKind.LEVERAGE, CommandState.REJECTED)
    assert refused.evidence["reason"] == "mode_locked"
    assert Command.objects.filter(kind=CommandKind.ORDER).count() == 1
    assert Position.objects.get().size == Decimal("0.01")


def test_same_form_twice_makes_one_order(desk: Desk) -> None:
    once = ticket()

    first = place_order(desk.adapter, desk.account, desk.market, once)
    second = place_order(desk.adapter, desk.account, desk.market, once)

    assert first == second
    assert Position.objects.get().size == Decimal("0.01")
    assert Fill.objects.count() == 1


def test_same_form_with_other_values_is_refused(desk: Desk) -> None:
    once = ticket()
    place_order(desk.adapter, desk.account, desk.market, once)

    with pytest.raises(FormReused):
        place_order(
            desk.adapter, desk.account, desk.market, ticket(form_key=once.form_key, form={"size": "5"}, size=Decimal(5))
        )

    assert Position.objects.get().size == Decimal("0.01")


def test_impossible_price_is_refused_before_anything_is_written(desk: Desk) -> None:
    with pytest.raises(InvalidCommand):
        place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal("86000.123"), reduce_only=True))

    assert not Command.objects.exists()


def test_limit_order_rests_and_can_be_cancelled(desk: Desk) -> None:
    placed = place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))

    assert placed.evidence["kind"] == "resting"
    resting = Order.objects.get(account=desk.account, is_open=True)
    assert (resting.limit_price, resting.size, resting.is_buy) == (Decimal(80000), Decimal("0.01"), True)

    cancelled = cancel_order(desk.adapter, desk.account, resting, form_key=uuid4())

    assert cancelled.state == CommandState.ACCEPTED
    assert not Order.objects.filter(is_open=True).exists()
    assert desk.adapter.open_orders(desk.account.address) == ()


def test_close_ends_the_position_and_never_opens_another(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    held = Position.objects.get()

    closed = close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())

    assert closed.state == CommandState.ACCEPTED
    assert not Position.objects.exists()
    assert desk.adapter.account(desk.account.address).positions == ()
    again = close_position(desk.adapter, desk.account, held, mark=Decimal(86000), form_key=uuid4())
    assert again.state == CommandState.REJECTED
    assert desk.adapter.account(desk.account.address).positions == ()


def test_isolated_and_cross_live_side_by_side(desk: Desk) -> None:
    ether = type(desk.market).objects.get(name="ETH")
    mark = desk.adapter.market_setting(desk.account.address, ether.rules).mark

    place_order(desk.adapter, desk.account, desk.market, ticket())
    place_order(
        desk.adapter,
        desk.account,
        ether,
        ticket(mode=MarginMode.CROSS, leverage=5, side=Side.SHORT, size=Decimal("0.2"), mark=mark),
    )

    modes = dict(Position.objects.values_list("market__name", "mode"))
    assert modes == {"BTC": "isolated", "ETH": "cross"}


def test_traders_choice_is_kept_per_market(desk: Desk) -> None:
    remember_choice(desk.account, desk.market, MarginMode.CROSS, 7)
    remember_choice(desk.account, desk.market, MarginMode.ISOLATED, 4)

    assert list(Preference.objects.values_list("mode", "leverage")) == [("isolated", 4)]
