"""The whole job over the adapter, against the sandbox venue, which shares no code with it; a general exchange library
reads the same account beside it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import ccxt
import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.aster.libraries import connected
from trading.margin.types import AccountMode, MarginMode
from trading.venues import typed_data
from trading.venues.aster import approvals
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.doors import AsterDoor
from trading.venues.aster.signing import NONCES, AgentLogin, ApiKeyLogin, SigningKey
from trading.venues.base import (
    AccountSnapshot,
    Acknowledgement,
    AdjustMargin,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    Done,
    Filled,
    MarketSpec,
    ModifyOrder,
    Network,
    Noop,
    OrderState,
    PlaceOrder,
    PlaceOrders,
    PositionSnapshot,
    Resting,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)
from trading.venues.errors import AlreadyReceived, NoLongerAccepted, OutcomeUnknown, Reason, Rejected

START = datetime.now(UTC) - timedelta(minutes=1)
MARK = Decimal(86_320)


@dataclass
class Desk:
    """A trader whose wallet has approved an agent, and the adapter that trades with the agent's key."""

    sandbox: SandboxProcess
    adapter: AsterAdapter
    secret: bytes
    markets: dict[str, MarketSpec] = field(default_factory=dict)

    @property
    def wallet(self) -> SigningKey:
        return SigningKey(self.secret)

    @property
    def owner(self) -> str:
        return self.wallet.address

    @property
    def bitcoin(self) -> MarketSpec:
        return self.markets["BTCUSDT"]

    def do(self, command: Command) -> Acknowledgement:
        return self.adapter.send(self.adapter.sign(command, nonce=NONCES()))

    def isolate(self, leverage: int = 10) -> None:
        for step in self.adapter.steps(SetLeverage(self.bitcoin, MarginMode.ISOLATED, leverage)):
            assert self.do(step) == Done()

    def buy(self, size: str = "0.01") -> Filled:
        filled = self.do(at_market(self.bitcoin, is_buy=True, size=size))
        assert isinstance(filled, Filled)
        return filled

    def limit(self, size: str, price: str, **options: Any) -> PlaceOrder:
        return replace(PlaceOrder(self.bitcoin, is_buy=True, size=Decimal(size), limit_price=Decimal(price)), **options)

    def account(self) -> AccountSnapshot:
        return self.adapter.account(self.owner, mode=AccountMode.STANDARD)

    def position(self) -> PositionSnapshot:
        (position,) = self.account().positions
        return position

    def refused(self, command: Command) -> tuple[Reason, str]:
        with pytest.raises(Rejected) as refusal:
            self.do(command)
        return refusal.value.reason, refusal.value.text.partition(" ")[0]


def at_market(market: MarketSpec, *, is_buy: bool, size: str = "0.01", **options: Any) -> PlaceOrder:
    """An order at market around the mark of these tests, as the product sends it."""
    slippage = Decimal("0.03")
    return market_order(market, is_buy=is_buy, size=Decimal(size), mark=MARK, slippage=slippage, **options)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess("--seed", "7") as running:
        yield running


@pytest.fixture
def desk(sandbox: SandboxProcess) -> Iterator[Desk]:
    secret, agent = secrets.token_bytes(32), SigningKey.generate()
    wallet = SigningKey(secret)
    sandbox.fund(wallet.address, "10000", "aster")
    sandbox.mark("BTCUSDT", str(MARK), "aster")
    door = AsterDoor(sandbox.url)
    adapter = AsterAdapter(door, Network.TESTNET, AgentLogin(wallet.address, agent))
    approval = approvals.approve_agent(
        approvals.Wallet(wallet.address, Network.TESTNET),
        agent=agent.address,
        name="desk",
        valid_until=datetime.now(UTC) + timedelta(days=30),
        nonce=NONCES(),
    )
    signature = wallet.sign(typed_data.digest(approval.typed_data))
    assert adapter.send(approval.signed(signature, owner=wallet.address)) == Done()
    yield Desk(sandbox, adapter, secret, {market.name: market for market in adapter.markets().specs})
    door.close()


@pytest.fixture
def library(desk: Desk) -> Iterator[ccxt.aster]:
    """The same account through a library that nobody here wrote, signing with the wallet itself."""
    client = connected(desk.sandbox, "0x" + desk.secret.hex())
    yield client
    client.session.close()


def test_markets_are_understood_without_exception(desk: Desk) -> None:
    found = desk.adapter.markets()
    assert [market.name for market in found.specs] == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ASTERUSDT"]
    assert [market.max_leverage for market in found.specs] == [125, 100, 100, 75]
    assert found.states[0].mark == MARK
    assert abs(desk.adapter.venue_time() - datetime.now(UTC)) < timedelta(seconds=30)


def test_an_isolated_position_is_opened_adjusted_and_closed(desk: Desk) -> None:
    desk.isolate()
    filled = desk.buy()
    assert (filled.size, filled.average_price) == (Decimal("0.01"), Decimal("86320.1"))
    assert desk.do(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal("20.5"), client_id="first")) == Done()
    assert desk.do(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal("-0.00000001"))) == Done()
    position = desk.position()
    wallet = Decimal("86.3201") - Decimal("0.30212035") + Decimal("20.49999999")
    assert (position.size, position.mode, position.leverage) == (Decimal("0.01"), MarginMode.ISOLATED, 10)
    assert position.margin == wallet + position.unrealised_pnl
    moves = desk.adapter.margin_moves(desk.owner, desk.bitcoin, START)
    assert [(move.amount, move.by_trader, move.client_id) for move in moves] == [
        (Decimal("86.3201"), False, ""),
        (Decimal("20.5"), True, "first"),
        (Decimal("-0.00000001"), True, ""),
    ]
    closed = desk.do(at_market(desk.bitcoin, is_buy=False, reduce_only=True))
    assert isinstance(closed, Filled)
    assert desk.account().positions == ()
    fills = desk.adapter.fills(desk.owner, START)
    assert [(fill.is_buy, fill.fee) for fill in fills] == [
        (True, Decimal("0.30212035")),
        (False, Decimal("0.30211965")),
    ]
    assert desk.account().equity == 10_000 + sum((fill.closed_pnl or 0) - (fill.fee or 0) for fill in fills)


def test_a_library_and_the_adapter_read_one_state(desk: Desk, library: ccxt.aster) -> None:
    desk.isolate()
    desk.buy("0.02")
    desk.do(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal(15)))
    library.create_order("ETH/USDT:USDT", "market", "sell", 0.5)
    resting = desk.do(desk.limit("0.01", "86000", client_id="mine"))
    library.create_order("BTC/USDT:USDT", "market", "sell", 0.02, None, {"stopLossPrice": 80000, "reduceOnly": True})
    desk.sandbox.mark("BTCUSDT", "86500", "aster")
    ours, theirs = desk.account(), {row["info"]["symbol"]: row for row in library.fetch_positions()}
    assert {row.market for row in ours.positions} == set(theirs) == {"BTCUSDT", "ETHUSDT"}
    for row in ours.positions:
        other = theirs[row.market]["info"]
        assert row.size == Decimal(other["positionAmt"])
        assert row.unrealised_pnl == Decimal(other["unRealizedProfit"])
        assert row.liquidation_price == Decimal(other["liquidationPrice"])
        assert (row.mode is MarginMode.ISOLATED) == (theirs[row.market]["marginMode"] == "isolated")
        assert row.leverage == theirs[row.market]["leverage"]
        if row.mode is MarginMode.ISOLATED:
            assert row.margin == Decimal(other["isolatedMargin"])
    balance = library.fetch_balance()["info"][0]
    wallet = Decimal(balance["balance"])
    assert ours.equity == wallet + sum(row.unrealised_pnl for row in ours.positions)
    assert ours.withdrawable == Decimal(balance["maxWithdrawAmount"])
    assert isinstance(resting, Resting)
    their_orders = {order["id"]: order for order in library.fetch_open_orders("BTC/USDT:USDT")}
    our_orders = {str(order.order_id): order for order in desk.adapter.open_orders(desk.owner)}
    assert set(our_orders) == set(their_orders)
    for name, order in our_orders.items():
        other = their_orders[name]
        assert (order.client_id, float(order.size)) == (other["clientOrderId"], other["amount"])
        assert (order.trigger and float(order.trigger.price)) == other["triggerPrice"]
    their_trades = [trade for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT") for trade in library.fetch_my_trades(symbol)]
    our_trades = {str(fill.key.partition("-")[2]): fill for fill in desk.adapter.fills(desk.owner, START)}
    assert set(our_trades) == {trade["id"] for trade in their_trades}
    assert {our_trades[trade["id"]].fee == Decimal(str(trade["fee"]["cost"])) for trade in their_trades} == {True}


def test_orders_of_every_kind_find_their_state(desk: Desk) -> None:
    placed = desk.do(desk.limit("0.01", "86000", client_id="a1"))
    assert isinstance(placed, Resting)
    report = desk.adapter.order_status(desk.owner, "a1", market=desk.bitcoin)
    assert (report.state, report.order and report.order.order_id) == (OrderState.OPEN, placed.order_id)
    assert desk.adapter.order_status(desk.owner, "a1").state is OrderState.OPEN
    desk.do(ModifyOrder("a1", desk.limit("0.02", "86100")))
    (order,) = desk.adapter.open_orders(desk.owner, [desk.bitcoin])
    assert (order.size, order.limit_price) == (Decimal("0.02"), Decimal(86_100))
    assert desk.do(CancelOrder(desk.bitcoin, "a1")) == Done()
    assert desk.adapter.order_status(desk.owner, "a1", market=desk.bitcoin).state is OrderState.CANCELLED
    assert desk.refused(CancelOrder(desk.bitcoin, "a1")) == (Reason.ORDER_GONE, "-2011")
    assert desk.adapter.order_status(desk.owner, "unknown", market=desk.bitcoin).state is OrderState.UNKNOWN
    assert desk.refused(desk.limit("0.01", "86400", time_in_force=TimeInForce.POST_ONLY))[0] is (
        Reason.POST_ONLY_WOULD_MATCH
    )
    assert desk.refused(desk.limit("0.01", "86000", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))[0] is (
        Reason.NO_MATCH
    )
    assert desk.refused(desk.limit("1", "86320.1", time_in_force=TimeInForce.FILL_OR_KILL))[0] is Reason.NO_MATCH


def test_stops_of_a_position_close_what_is_left_of_it(desk: Desk) -> None:
    desk.isolate()
    desk.buy("0.02")
    exits = [
        PlaceOrder(
            desk.bitcoin,
            is_buy=False,
            size=Decimal(0),
            limit_price=Decimal(price),
            reduce_only=True,
            client_id=name,
            trigger=Trigger(Decimal(price), kind),
        )
        for name, price, kind in (("sl", "85000", TriggerKind.STOP_LOSS), ("tp", "88000", TriggerKind.TAKE_PROFIT))
    ]
    desk.do(PlaceOrders(tuple(exits)))
    assert {order.covers_position for order in desk.adapter.open_orders(desk.owner)} == {True}
    desk.sandbox.mark("BTCUSDT", "84900", "aster")
    assert desk.account().positions == ()
    assert desk.adapter.order_status(desk.owner, "sl", market=desk.bitcoin).state is OrderState.FILLED
    desk.do(CancelOrder(desk.bitcoin, "tp"))
    assert desk.adapter.open_orders(desk.owner) == ()


def test_several_orders_go_and_are_cancelled_together(desk: Desk) -> None:
    desk.do(PlaceOrders((desk.limit("0.01", "86000", client_id="b1"), desk.limit("0.01", "86001", client_id="b2"))))
    desk.do(CancelOrders(tuple(CancelOrder(desk.bitcoin, name) for name in ("b1", "b2"))))
    assert desk.adapter.open_orders(desk.owner) == ()


def test_the_venues_refusals_are_understood(desk: Desk) -> None:
    assert desk.refused(desk.limit("50", "86000")) == (Reason.INSUFFICIENT_MARGIN, "-2019")
    assert desk.refused(desk.limit("0.01", "89000")) == (Reason.PRICE_TOO_FAR, "-4016")
    reducing = desk.limit("0.01", "86000", reduce_only=True)
    assert desk.refused(reducing) == (Reason.REDUCE_ONLY_WOULD_INCREASE, "-2022")
    desk.isolate()
    assert desk.refused(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal(5))) == (Reason.NO_POSITION, "-4054")
    desk.buy()
    assert desk.refused(SetMarginMode(desk.bitcoin, MarginMode.CROSS)) == (Reason.MODE_LOCKED, "-4048")
    assert desk.refused(SetLeverage(desk.bitcoin, MarginMode.ISOLATED, 5)) == (Reason.MODE_LOCKED, "-4161")
    assert desk.refused(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal(-50))) == (
        Reason.MARGIN_NOT_REMOVABLE,
        "-4051",
    )
    assert desk.refused(AdjustMargin(desk.bitcoin, is_buy=True, amount=Decimal(50_000))) == (
        Reason.INSUFFICIENT_MARGIN,
        "-4050",
    )


def test_a_repeated_request_acts_once_and_its_first_outcome_stays_unknown(desk: Desk) -> None:
    signed = desk.adapter.sign(desk.limit("0.01", "86000", client_id="once"), nonce=NONCES())
    assert isinstance(desk.adapter.send(signed), Resting)
    with pytest.raises(OutcomeUnknown):
        desk.adapter.send(signed, repeated=True)
    # The nonce is used up here; the same order under a new one is known by its client id.
    with pytest.raises(AlreadyReceived):
        desk.adapter.send(desk.adapter.sign(desk.limit("0.01", "86000", client_id="once"), nonce=NONCES()))
    assert len(desk.adapter.open_orders(desk.owner)) == 1


def test_a_burnt_nonce_keeps_its_order_out(desk: Desk) -> None:
    nonce = NONCES()
    signed = desk.adapter.sign(desk.limit("0.01", "86000", client_id="never"), nonce=nonce)
    assert desk.adapter.send(desk.adapter.sign(Noop(), nonce=nonce)) == Done()
    with pytest.raises(NoLongerAccepted):
        desk.adapter.send(signed)
    assert desk.adapter.order_status(desk.owner, "never", market=desk.bitcoin).state is OrderState.UNKNOWN


def test_an_operators_fee_is_charged_once_the_wallet_approved_it(desk: Desk) -> None:
    operator = SigningKey.generate()
    desk.sandbox.fund(operator.address, "500", "aster")
    fee = BuilderFee(operator.address, Decimal("0.0002"))
    order = at_market(desk.bitcoin, is_buy=True, builder=fee)
    assert desk.refused(order)[0] is Reason.BUILDER_NOT_APPROVED
    approval = approvals.approve_builder_fee(
        approvals.Wallet(desk.owner, Network.TESTNET),
        builder=operator.address,
        max_rate=Decimal("0.0005"),
        name="desk",
        nonce=NONCES(),
    )
    signature = desk.wallet.sign(typed_data.digest(approval.typed_data))
    assert desk.adapter.send(approval.signed(signature, owner=desk.owner)) == Done()
    assert desk.adapter.builder_fee(desk.owner, operator.address) == Decimal("0.0005")
    assert isinstance(desk.do(order), Filled)
    (fill,) = desk.adapter.fills(desk.owner, START)
    assert fill.fee == fill.price * fill.size * (Decimal("0.00035") + Decimal("0.0002"))


def test_a_liquidation_and_what_it_took_are_found(desk: Desk) -> None:
    desk.isolate(50)
    desk.buy("0.1")
    before, margin = desk.account(), desk.position()
    desk.sandbox.mark("BTCUSDT", "80000", "aster")
    after = desk.account()
    assert after.positions == ()
    assert after.equity == before.equity - margin.margin
    entries = desk.adapter.ledger(desk.owner, START)
    assert {entry.kind for entry in entries} == {"TRANSFER", "INSURANCE_CLEAR", "LIQUIDATION"}


def test_funding_is_found(desk: Desk) -> None:
    desk.buy("0.1")
    desk.sandbox.pay_funding("aster")
    (payment,) = desk.adapter.funding(desk.owner, START)
    assert payment.market == "BTCUSDT"
    assert payment.amount != 0


def test_price_history_has_no_gaps_over_pages(desk: Desk) -> None:
    end = datetime.now(UTC)
    candles = desk.adapter.candles(desk.bitcoin, "1m", end - timedelta(minutes=1600), end)
    opened = [candle.opened_at for candle in candles]
    assert len(opened) == 1600
    assert {later - earlier for earlier, later in pairwise(opened)} == {timedelta(minutes=1)}


def test_a_hedged_account_is_recognised(desk: Desk, library: ccxt.aster) -> None:
    library.load_markets()
    library.set_position_mode(True)
    library.create_order("BTC/USDT:USDT", "market", "buy", 0.02, None, {"positionSide": "LONG"})
    library.create_order("BTC/USDT:USDT", "market", "sell", 0.01, None, {"positionSide": "SHORT"})
    account = desk.account()
    assert account.hedge_mode
    assert sorted(position.size for position in account.positions) == [Decimal("-0.01"), Decimal("0.02")]
    assert desk.refused(desk.limit("0.01", "86000"))[1] == "-4061"


def test_a_multi_asset_account_is_recognised(desk: Desk, library: ccxt.aster) -> None:
    library.load_markets()
    library.request("v3/multiAssetsMargin", ["fapiPrivate"], "POST", {"multiAssetsMargin": "true"})
    assert desk.adapter.account_mode(desk.owner) is AccountMode.MULTI_ASSET
    assert desk.refused(SetMarginMode(desk.bitcoin, MarginMode.ISOLATED)) == (Reason.MODE_LOCKED, "-4168")


def test_a_market_that_closes_is_seen_and_its_position_stays(desk: Desk) -> None:
    desk.buy()
    desk.sandbox.change_market("BTCUSDT", status="closing")
    try:
        closing = {market.name: market for market in desk.adapter.markets().specs}["BTCUSDT"]
        assert closing.delisted
        assert desk.position().size == Decimal("0.01")
        assert desk.refused(desk.limit("0.01", "86000"))[1] == "-4140"
        sold = desk.do(at_market(closing, is_buy=False, reduce_only=True))
        assert isinstance(sold, Filled)
    finally:
        desk.sandbox.change_market("BTCUSDT", status="trading")


def test_a_key_of_the_older_login_reads_and_trades(desk: Desk) -> None:
    request = {"venue": "aster", "address": desk.owner, "key": "key", "secret": "secret"}
    desk.sandbox.post("/sandbox/api_key", request)
    door = AsterDoor(desk.sandbox.url)
    keyed = AsterAdapter(door, Network.TESTNET, ApiKeyLogin(desk.owner, "key", "secret"))
    command = at_market(desk.bitcoin, is_buy=True)
    assert isinstance(keyed.send(keyed.sign(command, nonce=NONCES())), Filled)
    assert keyed.account(desk.owner).positions == desk.account().positions
    assert [fill.size for fill in keyed.fills(desk.owner, START)] == [Decimal("0.01")]
    door.close()
