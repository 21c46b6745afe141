"""An account whose one balance backs everything: its total follows from what is on record (Hyperliquid 3.9)."""

from decimal import Decimal

import pytest

from tests.trading.conftest import Desk
from tests.trading.elsewhere import choose_mode, settled
from tests.trading.tickets import ticket
from trading.margin.types import MarginMode
from trading.models import Difference, VenueAccount
from trading.services.orders import place_order
from trading.services.totals import money_totals

MODES = {"unifiedAccount": "unified", "portfolioMargin": "portfolio"}


@pytest.fixture(params=list(MODES))
def pooled(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    """Alice, who has chosen this mode at the venue."""
    desk.sandbox.fund(desk.account.address, "5000")
    choose_mode(desk, request.param)
    assert settled(desk, times=2) == []
    assert desk.reread().mode == MODES[request.param]
    return desk


def forge(desk: Desk, value: str) -> None:
    anchors = desk.reread().anchors
    anchors["balance"][0] = value
    VenueAccount.objects.filter(pk=desk.account.pk).update(anchors=anchors)


def test_total_that_nothing_explains_is_counted(pooled: Desk) -> None:
    forge(pooled, "14990")

    assert [row[:3] for row in settled(pooled)] == [("balance", "14990", "15000")]
    settled(pooled)
    assert Difference.objects.get().healed_at is not None
    assert Decimal(pooled.reread().anchors["balance"][0]) == Decimal(15000)


def test_trades_funding_and_deposits_explain_the_total(pooled: Desk) -> None:
    wanted = ticket(mode=MarginMode.CROSS, size=Decimal("0.02"))
    assert place_order(pooled.adapter, pooled.account, pooled.market, wanted).state == "accepted"
    pooled.sandbox.pay_funding()
    pooled.sandbox.fund(pooled.account.address, "250")
    pooled.sandbox.mark("BTC", "87000")

    assert settled(pooled, times=2) == []
    totals = money_totals(pooled.reread())
    assert totals is not None
    assert totals.unexplained == 0


def test_total_of_an_account_with_positions_is_compared_too(pooled: Desk) -> None:
    """Its total and its open profit come in two answers, so it may be off by what a price moves in between."""
    place_order(pooled.adapter, pooled.account, pooled.market, ticket(size=Decimal("0.01")))
    settled(pooled)
    forge(pooled, "1")

    assert [row[0] for row in settled(pooled)] == ["balance"]
