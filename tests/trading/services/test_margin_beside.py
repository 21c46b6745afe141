"""A change of margin whose answer was lost, and another one beside it whose answer is still on its way."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.conftest import Desk
from tests.trading.services.lost import expire, proven, unknown_margin
from tests.trading.tickets import ticket
from trading.models import Position
from trading.models.commands import CommandState
from trading.services.margin import change_margin
from trading.services.orders import place_order
from trading.services.reconcile import Look, look
from trading.venues.base import SignedRequest
from trading.venues.transport import Response


@pytest.mark.parametrize(
    ("amount", "fault", "end"),
    [
        (25, "drop_after", CommandState.ACCEPTED),
        (25, "drop_before", CommandState.DEAD),
        (-25, "drop_before", CommandState.DEAD),
    ],
)
def test_older_change_is_told_once_the_youngers_answer_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, amount: int, fault: str, end: CommandState
) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    older = unknown_margin(desk, amount, fault)
    deliver, looks = desk.adapter.deliver, list[Look]()

    def deliver_while_another_looks(signed: SignedRequest, *, repeated: bool = False) -> Response:
        response = deliver(signed, repeated=repeated)
        looks.append(look(desk.adapter, expire(older)))
        return response

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(desk.adapter, "deliver", deliver_while_another_looks)
        younger = change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4())
    assert ([found.is_settled for found in looks], younger.state) == ([False], CommandState.ACCEPTED)

    assert proven(desk, older)

    older.refresh_from_db()
    assert older.state == end
