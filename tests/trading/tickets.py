"""What a trader asks for at the ticket, as the views hand it on."""

from decimal import Decimal
from uuid import uuid4

from trading.margin.types import MarginMode, Side
from trading.services.drafts import OrderTicket


def ticket(**changes: object) -> OrderTicket:
    """0.01 BTC long at market in isolated margin at 10x, but for the changes."""
    values: dict[str, object] = {
        "form_key": uuid4(),
        "form": {"size": "0.01"},
        "side": Side.LONG,
        "size": Decimal("0.01"),
        "mode": MarginMode.ISOLATED,
        "leverage": 10,
        "mark": Decimal(86000),
    }
    return OrderTicket(**(values | changes))  # type: ignore[arg-type]
