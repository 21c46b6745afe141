"""Adding and removing isolated margin on the real sandbox."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.conftest import Desk
from tests.trading.services.unstorable import unstorable
from tests.trading.tickets import ticket
from trading.models import MarginChange, Position
from trading.models.commands import CommandState
from trading.services.margin import change_margin
from trading.services.orders import place_order

__all__ = ["unstorable"]


@pytest.fixture
def held(desk: Desk) -> Position:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    position: Position = Position.objects.select_related("market", "account").get()
    return position


def test_adding_moves_the_liquidation_price_away(desk: Desk, held: Position) -> None:
    command = change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=uuid4())

    after = Position.objects.get()
    assert command.state == CommandState.ACCEPTED
    assert after.cash == held.cash + 50
    assert after.liquidation_price < held.liquidation_price
    change = MarginChange.objects.get()
    assert (change.amount, change.liquidation_before) == (Decimal(50), held.liquidation_price)
    assert change.liquidation_after == after.liquidation_price


def test_same_form_twice_adds_once(desk: Desk, held: Position) -> None:
    key = uuid4()

    change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=key)
    change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=key)

    assert Position.objects.get().cash == held.cash + 50
    assert MarginChange.objects.count() == 1


def test_removing_beyond_the_floor_is_the_venues_refusal(desk: Desk, held: Position) -> None:
    command = change_margin(desk.adapter, desk.account, held, amount=Decimal(-150), form_key=uuid4())

    assert command.state == CommandState.REJECTED
    assert "margin" in command.message.lower()
    assert Position.objects.get().cash == held.cash
    assert not MarginChange.objects.exists()


def test_removing_what_is_spare_brings_it_back(desk: Desk, held: Position) -> None:
    change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=uuid4())
    before = desk.reread().cross_equity

    command = change_margin(desk.adapter, desk.account, Position.objects.get(), amount=Decimal(-40), form_key=uuid4())

    assert command.state == CommandState.ACCEPTED
    assert Position.objects.get().cash == held.cash + 10
    assert desk.reread().cross_equity == before + 40


def test_margin_is_added_though_what_the_account_has_cannot_be_stored(
    desk: Desk, held: Position, unstorable: None
) -> None:
    command = change_margin(desk.adapter, desk.account, held, amount=Decimal(50), form_key=uuid4())

    assert command.state == CommandState.ACCEPTED
    assert Decimal(desk.positions_at_venue()[0]["cash"]) == held.cash + 50
