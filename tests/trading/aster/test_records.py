"""What happens on the second venue is on record once, and its money adds up."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from uuid import uuid4

import msgspec
import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.fates import everything
from tests.trading.aster.people import AsterTrader
from tests.trading.tickets import ticket
from trading.connect import trading_adapter
from trading.margin.types import MarginMode, Side
from trading.models import Difference, Fill, FundingPayment, LedgerEntry, Liquidation, MarginChange, Market, Position
from trading.panels.records import build_transfers
from trading.panels.story import build_story
from trading.past import story_of
from trading.services.answers import Answers, store
from trading.services.apply_history import apply_ledger
from trading.services.orders import place_order
from trading.services.readings import EVERYTHING, begin_reading
from trading.services.sync import sync_account
from trading.services.totals import money_totals
from trading.venues.aster import history
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import Fill as VenueFill
from trading.venues.base import FundingPayment as VenueFunding
from trading.venues.transport import NO_HEADERS, Response, Transport


@pytest.mark.parametrize(("price", "is_sold"), [("77700", True), ("70000", False)])
def test_liquidation_is_one_record_and_the_money_adds_up(
    ready: AsterTrader, aster: SandboxProcess, price: str, *, is_sold: bool
) -> None:
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
    (clearance,) = booked()
    assert (clearance < 0) is is_sold  # the venue's fee; beyond the margin it bears what is lost
    assert (totals.transfers, totals.liquidations) == (Decimal(0), clearance)
    assert (row.fee, row.lost) == (max(Decimal(0), -clearance), -row.closed_pnl - clearance)
    assert len(row.path) >= 2
    story = build_story(story_of(row))
    assert [fact.value for fact in story.facts if fact.label == "Fees"] == [f"{ceiling(row.fee)} USDT"]


def ceiling(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_CEILING)


def booked() -> list[Decimal]:
    """What the venue booked of liquidations beside their executions, oldest first."""
    rows = LedgerEntry.objects.filter(kind="INSURANCE_CLEAR").order_by("happened_at", "pk")
    return [amount for amount in rows.values_list("amount", flat=True) if amount is not None]


def test_fee_of_a_cross_liquidation_is_its_own(ready: AsterTrader, aster: SandboxProcess) -> None:
    """The whole account backs it, so the booking names no market."""
    everything(ready)
    wanted = ticket(size=Decimal("1.2"), mode=MarginMode.CROSS, leverage=20)
    place_order(trading_adapter(ready.account), ready.account, ready.market, wanted)
    everything(ready)
    aster.mark("BTCUSDT", "78000", venue="aster")

    totals = everything(ready)

    row = Liquidation.objects.get()
    assert (row.mode, row.fee, totals.unexplained) == ("cross", -booked()[0], Decimal(0))
    assert row.lost == row.fee - row.closed_pnl


def test_fee_of_a_whole_cross_account_is_shared_by_what_each_market_was_charged(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    """The venue books it in one sum, of what each market's executions were worth times its rate (Aster 4.9)."""
    everything(ready)
    ether = Market.objects.get(venue="aster", name="ETHUSDT")
    for market, size in ((ready.market, "0.6"), (ether, "12")):
        wanted = ticket(
            form_key=uuid4(), size=Decimal(size), mode=MarginMode.CROSS, leverage=20, mark=market.mark_price
        )
        assert place_order(trading_adapter(ready.account), ready.account, market, wanted).state == "accepted"
    Market.objects.filter(pk=ether.pk).update(spec=ether.spec | {"liquidation_fee": "0.015"})
    everything(ready)
    held = Position.objects.get(account=ready.account, market=ready.market)
    assert held.liquidation_price is not None
    aster.mark("BTCUSDT", f"{held.liquidation_price.quantize(Decimal(1)) - 5}", venue="aster")

    totals = everything(ready)

    assert totals.unexplained == 0
    first, second = Liquidation.objects.select_related("market").order_by("market__name")
    (booking,) = booked()
    worths = [row.closed_size * row.average_price * row.market.rules.liquidation_fee for row in (first, second)]
    assert [row.market.rules.liquidation_fee for row in (first, second)] == [Decimal("0.025"), Decimal("0.015")]
    assert (booking < 0, first.fee + second.fee) == (True, -booking)
    assert abs(first.fee - -booking * worths[0] / sum(worths)) < Decimal("0.000001")
    assert [row.lost for row in (first, second)] == [row.fee - row.closed_pnl for row in (first, second)]


def test_neighbours_of_one_market_share_no_booking(ready: AsterTrader, aster: SandboxProcess) -> None:
    """A long and then a short, liquidated within a minute: each has its own fee."""
    everything(ready)
    for side, price in ((Side.LONG, "77700"), (Side.SHORT, "94300")):
        aster.mark("BTCUSDT", "86000", venue="aster")
        wanted = ticket(size=Decimal("0.02"), side=side)
        assert place_order(trading_adapter(ready.account), ready.account, ready.market, wanted).state == "accepted"
        everything(ready)
        aster.mark("BTCUSDT", price, venue="aster")
        everything(ready)

    rows = list(Liquidation.objects.order_by("happened_at"))
    assert [row.size_before > 0 for row in rows] == [True, False]
    assert [-row.fee for row in rows] == booked()
    assert [row.lost for row in rows] == [row.fee - row.closed_pnl for row in rows]


class Between:
    """The way to the venue, on which something happens right before the first question of this name: at first that for
    the money."""

    def __init__(self, door: Transport, happens: Callable[[], object], name: str = "accountWithJoinMargin") -> None:
        self.door, self.name = door, name
        self.happens: list[Callable[[], object]] = [happens]

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        if self.name in path and self.happens:
            self.happens.pop()()
        return self.door.request(method, path, body, headers)


@pytest.mark.parametrize("is_isolated", [True, False])
def test_funding_between_the_clock_and_the_figures_counts_once(
    ready: AsterTrader, aster: SandboxProcess, *, is_isolated: bool
) -> None:
    everything(ready)
    mode = MarginMode.ISOLATED if is_isolated else MarginMode.CROSS
    place_order(trading_adapter(ready.account), ready.account, ready.market, ticket(size=Decimal("0.02"), mode=mode))
    everything(ready)
    adapter = trading_adapter(ready.account)
    assert isinstance(adapter, AsterAdapter)
    adapter._door = Between(adapter._door, lambda: aster.pay_funding("aster"))
    assert sync_account(adapter, ready.account, EVERYTHING)
    balance = ready.account.anchors["balance"]

    totals = everything(ready)

    assert FundingPayment.objects.count() == 1
    assert ready.account.anchors["balance"][0] == balance[0]
    assert totals.unexplained == 0
    assert (Difference.objects.count(), MarginChange.objects.count()) == (0, 0)


@pytest.mark.parametrize("name", ["accountWithJoinMargin", "openOrders", "income"])
def test_reading_after_a_command_may_cross_a_workers(ready: AsterTrader, name: str) -> None:
    """It waits for no lease: whichever is stored last, the rows are the venue's and nothing counts twice."""
    everything(ready)
    adapter = trading_adapter(ready.account)
    assert isinstance(adapter, AsterAdapter)

    def trade() -> None:
        wanted = ticket(size=Decimal("0.02"))
        assert place_order(trading_adapter(ready.account), ready.account, ready.market, wanted).state == "accepted"

    adapter._door = crossed = Between(adapter._door, trade, name)
    assert sync_account(adapter, ready.account, EVERYTHING)

    assert crossed.happens == []
    assert ready.position.size == ready.held()[0][1] == Decimal("0.02")
    assert everything(ready).unexplained == 0
    assert (Fill.objects.count(), Difference.objects.count()) == (1, 0)


def test_transfer_of_another_asset_is_shown_and_moves_no_balance(ready: AsterTrader) -> None:
    before = everything(ready)
    read_at = ready.account.venue_time
    assert read_at is not None
    time = int((read_at + timedelta(milliseconds=1)).timestamp() * 1000)
    body = msgspec.json.encode(
        [
            {
                "symbol": "", "incomeType": "TRANSFER", "income": "100", "asset": asset, "tranId": number,
                "time": time,
            }
            for number, asset in enumerate(["ASTER", "USD1"], 1)
        ]
    )  # fmt: skip
    apply_ledger(ready.account, map(history.ledger_entry, history.income(body)))

    totals = everything(ready)

    assert (totals.transfers, totals.unexplained) == (before.transfers, Decimal(0))
    assert not Difference.objects.exists()
    shown = [row.amount for row in build_transfers(LedgerEntry.objects.order_by("key"))]
    assert {"+100.00 ASTER", "+100.00 USD1"} <= set(shown)


def test_market_settled_in_another_asset_leaves_the_balance_alone(ready: AsterTrader) -> None:
    """The venue lists such a position beside the others, while the equity is of USDT alone (Aster 3.1)."""
    everything(ready)
    place_order(trading_adapter(ready.account), ready.account, ready.market, ticket(size=Decimal("0.02")))
    before = everything(ready)
    other = other_market(ready.market)
    snapshot = trading_adapter(ready.account).account(ready.account.address)
    at = snapshot.venue_time - timedelta(microseconds=1)
    fill = VenueFill(
        "other-1", other.name, 1, None, is_buy=True, price=Decimal(86000), size=Decimal("0.02"), time=at,
        closed_pnl=Decimal(70), fee=Decimal("0.6"), builder_fee=Decimal(0), fee_token="USD1", is_taker=True,
        start_position=None, direction="BUY",
    )  # fmt: skip
    held = msgspec.structs.replace(snapshot.positions[0], market=other.name, unrealised_pnl=Decimal(25))
    answers = Answers(
        since=at,
        snapshot=msgspec.structs.replace(snapshot, positions=(*snapshot.positions, held)),
        fills=(fill,),
        funding=(VenueFunding(other.name, at, Decimal(-3), Decimal(0), Decimal(0), "other-2"),),
        ledger=(),
    )

    assert store(ready.account, begin_reading(ready.account), answers).adds_up

    totals = money_totals(ready.account)
    assert totals is not None
    assert (totals.unexplained, totals.trading, totals.fees, totals.funding, totals.balance) == (
        Decimal(0),
        before.trading,
        before.fees,
        before.funding,
        before.balance,
    )
    assert not Difference.objects.exists()


def other_market(market: Market) -> Market:
    """The same coin, settled in USD1."""
    spec = market.spec | {"name": "BTCUSD1", "collateral": "USD1", "index": 9000}
    other = Market(
        venue=market.venue, network=market.network, name="BTCUSD1", index=9000, max_leverage=market.max_leverage,
        spec=spec, mark_price=market.mark_price,
    )  # fmt: skip
    other.save()
    return other


@pytest.mark.parametrize(
    ("maker", "commission", "fee"),
    [
        (False, "-0.34", "0.34"),  # paid, as the list prints it
        (True, "-0.08", "0.08"),
        (True, "0.05", "-0.05"),  # a maker's rebate
    ],
)
def test_what_makers_pay_and_get_back_is_in_the_money(
    ready: AsterTrader, *, maker: bool, commission: str, fee: str
) -> None:
    """The list prints what is paid below zero and a rebate above it (Aster 3.7): a taker's row shows which is which."""
    everything(ready)
    snapshot = trading_adapter(ready.account).account(ready.account.address)
    at = snapshot.venue_time - timedelta(milliseconds=1)
    row = {
        "symbol": "BTCUSDT", "orderId": 7, "side": "BUY", "price": "86000", "qty": "0", "quoteQty": "0",
        "realizedPnl": "0", "commissionAsset": "USDT", "positionSide": "BOTH", "time": int(at.timestamp() * 1000),
    }  # fmt: skip
    taker = row | {"id": 1, "maker": False, "commission": "-1"}
    rows = history.fills(msgspec.json.encode([taker, row | {"id": 2, "maker": maker, "commission": commission}]))
    before = snapshot.equity
    paid = Decimal(1) + Decimal(fee)
    answers = Answers(
        since=at,
        snapshot=msgspec.structs.replace(snapshot, equity=before - paid, cross_equity=before - paid),
        fills=rows,
        funding=(),
        ledger=(),
    )

    assert store(ready.account, begin_reading(ready.account), answers).adds_up

    ready.account.refresh_from_db()
    totals = money_totals(ready.account)
    assert totals is not None
    assert (totals.fees, totals.unexplained, Difference.objects.count()) == (paid, Decimal(0), 0)
