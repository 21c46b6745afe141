"""An account that several assets back: each wallet's balance follows from what is on record (Aster 3.1, 3.2)."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.fates import everything
from tests.trading.aster.people import AsterTrader, elsewhere
from trading.connect import account_adapter
from trading.models import Difference, VenueAccount
from trading.services.answers import Answers, store
from trading.services.readings import begin_reading
from trading.venues.aster import history
from trading.venues.base import Fill as VenueFill
from trading.venues.base import SpotBalance


@pytest.fixture
def multi(ready: AsterTrader) -> AsterTrader:
    """Alice, whose assets back her positions together."""
    assert elsewhere(ready, "POST", "multiAssetsMargin", "multiAssetsMargin=true")["code"] == 200
    everything(ready)
    assert ready.account.mode == "multi_asset"
    return ready


def anchor(trader: AsterTrader, subject: str) -> Decimal:
    return Decimal(trader.account.anchors[subject][0])


def test_trades_funding_and_deposits_explain_the_wallet(multi: AsterTrader, aster: SandboxProcess) -> None:
    before = anchor(multi, "balance USDT")
    assert "Filled" in multi.order(mode="cross")
    aster.pay_funding("aster")
    aster.fund(multi.address, "250", venue="aster")
    elsewhere(multi, "POST", "order", "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01&reduceOnly=true")

    everything(multi)

    assert not Difference.objects.exists()
    assert anchor(multi, "balance USDT") == Decimal(multi.at_venue()["cash"])
    assert Decimal(200) < anchor(multi, "balance USDT") - before < Decimal(250)


def test_balance_that_nothing_explains_is_kept_with_its_asset(multi: AsterTrader) -> None:
    account = multi.account
    value, *rest = account.anchors["balance USDT"]
    account.anchors["balance USDT"] = [f"{Decimal(value) + 5:f}", *rest]
    VenueAccount.objects.filter(pk=account.pk).update(anchors=account.anchors)

    everything(multi)

    (row,) = Difference.objects.all()
    assert (row.kind, row.subject, Decimal(row.ours) - Decimal(row.venues)) == ("balance", "USDT", Decimal(5))
    assert row.healed_at is not None


@pytest.mark.parametrize(
    ("usdt", "btc", "different"),
    [
        # closed profit 12, a fee of 0.0001 BTC, and 0.5 BTC exchanged for 40,000 USDT
        ("50012", "0.3999", []),
        ("50012", "0.4", ["BTC"]),
        ("50013", "0.3999", ["USDT"]),
    ],
)
def test_each_event_moves_the_wallet_of_its_own_asset(
    multi: AsterTrader, usdt: str, btc: str, different: list[str]
) -> None:
    held_before(multi, Decimal("10000"), Decimal("0.9"))
    snapshot = account_adapter(multi.account).account(multi.address)
    at = snapshot.venue_time - timedelta(microseconds=1)
    fill = VenueFill(
        "fill-1", "BTCUSDT", 1, None, is_buy=False, price=Decimal(86000), size=Decimal(0), time=at,
        closed_pnl=Decimal(12), fee=Decimal("0.0001"), builder_fee=Decimal(0), fee_token="BTC", is_taker=True,
        start_position=None, direction="SELL",
    )  # fmt: skip
    now = snapshot.venue_time
    rows = [
        {
            "symbol": "", "incomeType": "AUTO_EXCHANGE", "income": amount, "asset": asset, "tranId": asset,
            "time": int(now.timestamp() * 1000),
        }
        for asset, amount in (("USDT", "40000"), ("BTC", "-0.5"))
    ]  # fmt: skip
    booked = [history.ledger_entry(row) for row in history.income(msgspec.json.encode(rows))]
    backing = tuple(SpotBalance(asset, Decimal(total), Decimal(0)) for asset, total in (("USDT", usdt), ("BTC", btc)))
    answers = Answers(
        since=at,
        snapshot=msgspec.structs.replace(snapshot, spot=backing),
        fills=(fill,),
        funding=(),
        ledger=tuple(msgspec.structs.replace(entry, time=at) for entry in booked),
    )

    store(multi.account, begin_reading(multi.account), answers)

    assert sorted(row.subject for row in Difference.objects.all()) == different


def held_before(trader: AsterTrader, usdt: Decimal, btc: Decimal) -> None:
    """What the wallets held when they were looked at last."""
    account = trader.account
    _, *rest = account.anchors["balance USDT"]
    for asset, total in (("USDT", usdt), ("BTC", btc)):
        account.anchors[f"balance {asset}"] = [f"{total:f}", *rest]
    VenueAccount.objects.filter(pk=account.pk).update(anchors=account.anchors)
