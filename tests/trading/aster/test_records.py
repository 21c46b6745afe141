"""What happens on the second venue is on record once, and its money adds up."""

from decimal import Decimal

import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.people import AsterTrader
from tests.trading.services.test_orders import ticket
from trading.connect import trading_adapter
from trading.models import Difference, Fill, FundingPayment, Liquidation, Position
from trading.services.orders import place_order
from trading.services.sync import EVERYTHING, sync_account
from trading.services.totals import MoneyTotals, money_totals


def everything(trader: AsterTrader) -> MoneyTotals:
    """Read all there is, twice; the account's money."""
    for _ in range(2):
        assert sync_account(trading_adapter(trader.account), trader.account, EVERYTHING)
    totals = money_totals(trader.account)
    assert totals is not None
    return totals


@pytest.mark.parametrize("price", ["77700", "70000"])
def test_liquidation_is_one_record_and_the_money_adds_up(ready: AsterTrader, aster: SandboxProcess, price: str) -> None:
    everything(ready)
    place_order(trading_adapter(ready.account), ready.account, ready.market, ticket(size=Decimal("0.02")))
    aster.post("/sandbox/funding", {"venue": "aster"})
    before = ready.position
    aster.mark("BTCUSDT", price, venue="aster")

    totals = everything(ready)

    assert totals.unexplained == 0
    assert not Difference.objects.exists()
    row = Liquidation.objects.get()
    assert (row.mode, row.size_before, row.liquidation_price) == ("isolated", before.size, before.liquidation_price)
    assert row.margin is not None
    assert row.returned is not None
    assert row.lost == row.margin - row.returned
    assert row.remained == ready.account.equity
    assert not Position.objects.exists()
    assert FundingPayment.objects.count() == 1
    assert Fill.objects.exclude(liquidation="").count() >= 1
