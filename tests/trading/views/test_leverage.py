"""Another leverage than that of what is held: the quote says no exactly where the venue does (Hyperliquid 3.8)."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from tests.trading.views.conftest import publish_prices
from tests.trading.views.forms import ORDER, QUOTE, fields
from tests.trading.wallets import reread
from trading.margin.types import MarginMode, Side
from trading.models import Command, Position
from trading.services.margin import change_margin
from trading.services.orders import place_order


def held(desk: Desk, size: str, mode: MarginMode) -> Position:
    """So many coins at 20x."""
    made = place_order(desk.adapter, desk.account, desk.market, ticket(size=Decimal(size), mode=mode, leverage=20))
    assert made.state == "accepted"
    reread(desk)
    position: Position = Position.objects.get()
    return position


def refused(desk: Desk, browser: Client, **typed: str) -> str:
    """The page that refuses the order, for which nothing was sent."""
    sent = Command.objects.count()
    publish_prices(desk)
    answer = browser.post(ORDER, fields(**typed))
    assert (answer.status_code, Command.objects.count()) == (422, sent)
    return answer.content.decode()


def at_venue(desk: Desk, size: str, mode: MarginMode, leverage: int, side: Side = Side.LONG) -> list[tuple[str, str]]:
    """What the venue says to the same order where nobody asked the quote."""
    known = set(Command.objects.values_list("pk", flat=True))
    place_order(
        desk.adapter, desk.account, desk.market, ticket(size=Decimal(size), mode=mode, leverage=leverage, side=side)
    )
    rows = Command.objects.exclude(pk__in=known).order_by("nonce")
    return list(rows.values_list("kind", "state"))


def test_isolated_leverage_goes_down_as_far_as_the_position_has_margin(desk: Desk, browser: Client) -> None:
    position = held(desk, "0.01", MarginMode.ISOLATED)
    lowest = "20x is the lowest for the position you hold."
    assert lowest in refused(desk, browser, leverage="19")
    assert at_venue(desk, "0.01", MarginMode.ISOLATED, 19) == [("leverage", "rejected")]
    # 860 at 5x ask for 172; the position has 43, less the fee of 0.387 and the cent it was bought above the mark.
    change_margin(desk.adapter, desk.account, position, amount=Decimal("129.4"), form_key=uuid4())
    reread(desk)

    assert "5x is the lowest for the position you hold." in refused(desk, browser, leverage="4")
    assert at_venue(desk, "0.01", MarginMode.ISOLATED, 4) == [("leverage", "rejected")]
    publish_prices(desk)
    taken = browser.post(ORDER, fields(leverage="5"))

    assert (taken.status_code, "Filled: buy 0.01 BTC" in taken.content.decode()) == (200, True)
    assert [(row.size, row.leverage) for row in Position.objects.all()] == [(Decimal("0.02"), 5)]


def test_order_that_would_only_reduce_is_told_the_way_that_sets_nothing(desk: Desk, browser: Client) -> None:
    held(desk, "0.01", MarginMode.ISOLATED)
    wanted = {"side": "short", "size": "0.005", "leverage": "5"}
    words = refused(desk, browser, **wanted)
    assert "20x is the lowest for the position you hold." in words
    assert "To reduce it, tick “Reduce only”." in words
    assert at_venue(desk, "0.005", MarginMode.ISOLATED, 5, Side.SHORT) == [("leverage", "rejected")]

    publish_prices(desk)
    assert browser.post(ORDER, fields(**wanted, reduce_only="on")).status_code == 200

    assert [(row.size, row.leverage) for row in Position.objects.all()] == [(Decimal("0.005"), 20)]


def test_cross_leverage_goes_down_as_far_as_the_account_has_collateral(desk: Desk, browser: Client) -> None:
    """86,000 at 20x ask for 4,300 and leave some 5,661 free: enough for 5,255 more at 9x, and not for 6,450 at 8x."""
    held(desk, "1", MarginMode.CROSS)
    assert "9x is the lowest for the position you hold." in refused(desk, browser, leverage="8", mode="cross")
    assert at_venue(desk, "0.01", MarginMode.CROSS, 8) == [("leverage", "rejected")]

    # Some 406 are left then, which are worth 0.0425 coins at 9x.
    assert "That needs more than your free collateral: 0.04" in refused(
        desk, browser, leverage="9", mode="cross", size="0.043"
    )
    publish_prices(desk)
    largest = browser.get(QUOTE, fields(leverage="9", mode="cross", percent="100", size="")).content.decode()
    assert "max 0.04" in largest
    assert at_venue(desk, "0.043", MarginMode.CROSS, 9) == [("leverage", "accepted"), ("order", "rejected")]


def test_largest_order_at_a_lower_cross_leverage_goes_out(desk: Desk, browser: Client) -> None:
    held(desk, "1", MarginMode.CROSS)
    publish_prices(desk)

    answer = browser.post(ORDER, fields(leverage="9", mode="cross", percent="100", size=""))

    assert (answer.status_code, "Filled: buy 0.04" in answer.content.decode()) == (200, True)
    position = Position.objects.get()
    assert (Decimal("1.04") < position.size < Decimal("1.043"), position.leverage) == (True, 9)


@pytest.mark.parametrize(("leverage", "size"), [("40", "2.9"), ("20", "1.3")])
def test_higher_cross_leverage_frees_what_an_order_may_then_use(
    desk: Desk, browser: Client, leverage: str, size: str
) -> None:
    """At 20x some 5,661 are free: 1.31 coins. At 40x the position gives 2,150 back, and some 3.6 may be bought."""
    held(desk, "1", MarginMode.CROSS)
    publish_prices(desk)

    assert browser.post(ORDER, fields(leverage=leverage, mode="cross", size=size)).status_code == 200

    assert Position.objects.get().size == 1 + Decimal(size)
