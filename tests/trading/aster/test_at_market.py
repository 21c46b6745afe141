"""Orders at market on the second venue: what they need, and what they are sent as."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.aster.people import AsterTrader
from trading.models import Command
from trading.services.commands import as_signed


def sent(trader: AsterTrader) -> dict[str, str]:
    """The parameters of the order that was signed last."""
    body = as_signed(Command.objects.filter(account=trader.account).latest("nonce")).body.decode()
    return dict(pair.split("=", 1) for pair in body.split("&"))


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("leverage", ["1", "10", "100"])
def test_largest_order_at_market_is_taken_at_every_leverage(ready: AsterTrader, side: str, leverage: str) -> None:
    """One with a limit beyond the mark would need margin for that limit and for its distance (Aster 4.2)."""
    told = ready.order(side=side, size="", percent="100", leverage=leverage)

    assert "Filled" in told, told
    assert (sent(ready)["type"], "price" in sent(ready)) == ("MARKET", False)
    (held,) = ready.held()
    assert (held[1] > 0) is (side == "long")


def test_what_only_reduces_keeps_the_limit_that_the_trader_accepted(ready: AsterTrader) -> None:
    ready.order(size="0.03")

    assert "Filled" in ready.order(side="short", size="0.01", reduce_only="on")

    found = sent(ready)
    assert (found["type"], found["timeInForce"], found["price"]) == ("LIMIT", "IOC", "84624")


def test_part_of_a_position_below_the_least_order_is_closed(ready: AsterTrader) -> None:
    """What only reduces has no least worth there (Aster 2.1): 0.06 SOL are worth some 7 USDT."""
    fields = {"side": "long", "kind": "market", "size": "0.06", "unit": "coin", "mode": "isolated", "leverage": "5"}
    assert "Filled" in ready.send("/trade/aster:SOLUSDT/order/", fields | {"form_key": str(uuid4())})

    close = {"form_key": str(uuid4()), "kind": "market", "size": "0.02"}
    told = ready.send(f"/positions/{ready.position.pk}/close/now/", close)

    assert ready.held() == [("SOLUSDT", Decimal("0.04"))], told
