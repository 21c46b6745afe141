"""The whole job over the adapter, against the sandbox venue, which shares no code with it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from eth_account import Account as Wallets
from hyperliquid.exchange import Exchange

from tests.sandbox_process import SandboxProcess
from trading.margin.types import AccountMode, MarginMode
from trading.venues import typed_data
from trading.venues.base import (
    AccountSnapshot,
    Acknowledgement,
    AdjustMargin,
    CancelOrder,
    Command,
    Done,
    Filled,
    MarketSpec,
    ModifyOrder,
    Network,
    OrderState,
    PlaceOrder,
    PositionSnapshot,
    Resting,
    SetLeverage,
    SignedRequest,
    TimeInForce,
    market_order,
)
from trading.venues.errors import AlreadyReceived, Reason, Rejected
from trading.venues.hyperliquid import approvals, signing
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.streaming import AccountFrame, Frame, Interest, OrdersFrame, Topic, Wanted, Watch
from trading.venues.transport import BlockingTransport

CHAIN = 0x66EEE
START = datetime.now(UTC) - timedelta(minutes=1)


@dataclass
class Desk:
    """A trader whose wallet has approved an agent, and the adapter that trades with the agent's key."""

    sandbox: SandboxProcess
    adapter: HyperliquidAdapter
    owner: str
    nonce: int
    wallet: signing.SigningKey

    def signed(self, command: Command) -> SignedRequest:
        self.nonce += 1
        return self.adapter.sign(command, nonce=self.nonce, expires_after=self.nonce + 60_000)

    def do(self, command: Command) -> Acknowledgement:
        return self.adapter.send(self.signed(command))

    def account(self) -> AccountSnapshot:
        return self.adapter.account(self.owner, mode=AccountMode.STANDARD)

    def position(self) -> PositionSnapshot:
        (position,) = self.account().positions
        return position


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def desk(sandbox: SandboxProcess) -> Iterator[Desk]:
    wallet, agent = signing.SigningKey.generate(), signing.SigningKey.generate()
    transport = BlockingTransport(sandbox.url)
    nonce = time.time_ns() // 1_000_000
    sandbox.fund(wallet.address, "10000")
    sandbox.mark("BTC", "86000")
    approval = approvals.approve_agent(
        network=Network.TESTNET, chain_id=CHAIN, agent=agent.address, nonce=nonce, name="desk"
    )
    made = wallet.sign(typed_data.digest(approval.typed_data))
    signature = f"{made['r']}{str(made['s'])[2:]}{made['v']:02x}"
    adapter = HyperliquidAdapter(transport, Network.TESTNET, agent)
    assert adapter.send(approval.signed(signature, owner=wallet.address)) == Done()
    yield Desk(sandbox, adapter, wallet.address, nonce, wallet)
    transport.close()


@pytest.fixture
def bitcoin(desk: Desk) -> MarketSpec:
    return next(spec for spec in desk.adapter.markets().specs if spec.name == "BTC")


def buy(market: MarketSpec, size: str = "0.01", mark: str = "86000", *, is_buy: bool = True) -> PlaceOrder:
    return market_order(
        market, is_buy=is_buy, size=Decimal(size), mark=Decimal(mark), slippage=Decimal("0.05"), reduce_only=not is_buy
    )


def test_an_isolated_position_is_opened_adjusted_and_closed(desk: Desk, bitcoin: MarketSpec) -> None:
    assert desk.do(SetLeverage(bitcoin, MarginMode.ISOLATED, 5)) == Done()
    setting = desk.adapter.market_setting(desk.owner, bitcoin)
    assert (setting.mode, setting.leverage) == (MarginMode.ISOLATED, 5)
    opened = desk.do(buy(bitcoin))
    assert isinstance(opened, Filled)
    assert opened.size == Decimal("0.01")
    position = desk.position()
    assert (position.mode, position.size, position.leverage) == (MarginMode.ISOLATED, Decimal("0.01"), 5)
    assert position.entry_price == opened.average_price
    assert desk.do(AdjustMargin(bitcoin, is_buy=True, amount=Decimal("100.5"))) == Done()
    added = desk.position()
    assert added.margin - position.margin == Decimal("100.5")
    assert position.liquidation_price is not None
    assert added.liquidation_price is not None
    assert added.liquidation_price < position.liquidation_price
    assert desk.do(AdjustMargin(bitcoin, is_buy=True, amount=Decimal("-50.25"))) == Done()
    assert desk.position().margin - position.margin == Decimal("50.25")
    closed = desk.do(buy(bitcoin, is_buy=False))
    assert isinstance(closed, Filled)
    account = desk.account()
    assert account.positions == ()
    fills = desk.adapter.fills(desk.owner, START)
    assert [fill.order_id for fill in fills] == [opened.order_id, closed.order_id]
    costs = sum((fill.closed_pnl - (fill.fee or 0) for fill in fills), Decimal(0))
    assert account.equity == Decimal(10000) + costs


def test_a_resting_order_is_found_modified_and_cancelled_by_its_client_id(desk: Desk, bitcoin: MarketSpec) -> None:
    name = "0x000000000000000000000000000000aa"
    order = PlaceOrder(
        bitcoin,
        is_buy=True,
        size=Decimal("0.01"),
        limit_price=Decimal(70000),
        time_in_force=TimeInForce.POST_ONLY,
        client_id=name,
    )
    placed = desk.do(order)
    assert isinstance(placed, Resting)
    (open_order,) = desk.adapter.open_orders(desk.owner)
    assert (open_order.order_id, open_order.client_id) == (placed.order_id, name)
    assert (open_order.limit_price, open_order.time_in_force) == (Decimal(70000), TimeInForce.POST_ONLY)
    assert desk.adapter.order_status(desk.owner, name).state is OrderState.OPEN
    moved = desk.do(ModifyOrder(placed.order_id, replace(order, limit_price=Decimal(71000))))
    assert isinstance(moved, Resting)
    assert [row.limit_price for row in desk.adapter.open_orders(desk.owner)] == [Decimal(71000)]
    assert desk.do(CancelOrder(bitcoin, name)) == Done()
    assert desk.adapter.open_orders(desk.owner) == ()
    assert desk.adapter.order_status(desk.owner, moved.order_id).state is OrderState.CANCELLED


def test_identical_bytes_execute_once(desk: Desk, bitcoin: MarketSpec) -> None:
    signed = desk.signed(buy(bitcoin))
    assert isinstance(desk.adapter.send(signed), Filled)
    with pytest.raises(AlreadyReceived):
        desk.adapter.send(signed, repeated=True)
    assert desk.position().size == Decimal("0.01")


def test_refusals_of_the_venue_are_understood(desk: Desk, bitcoin: MarketSpec) -> None:
    desk.do(SetLeverage(bitcoin, MarginMode.ISOLATED, 20))
    desk.do(buy(bitcoin))
    stranger = HyperliquidAdapter(BlockingTransport(desk.sandbox.url), Network.TESTNET, signing.SigningKey.generate())
    expected: list[tuple[Command, Reason]] = [
        (SetLeverage(bitcoin, MarginMode.CROSS, 20), Reason.MODE_LOCKED),
        (AdjustMargin(bitcoin, is_buy=True, amount=Decimal(-40)), Reason.MARGIN_NOT_REMOVABLE),
        (AdjustMargin(bitcoin, is_buy=True, amount=Decimal(10**6)), Reason.INSUFFICIENT_MARGIN),
        (SetLeverage(bitcoin, MarginMode.ISOLATED, 1), Reason.LEVERAGE_NEEDS_MARGIN),
        (buy(bitcoin, "10"), Reason.INSUFFICIENT_MARGIN),
        (CancelOrder(bitcoin, 1), Reason.ORDER_GONE),
    ]
    for command, reason in expected:
        with pytest.raises(Rejected) as caught:
            desk.do(command)
        assert (caught.value.reason, caught.value.mapped) == (reason, True), caught.value.text
    with pytest.raises(Rejected) as unknown:
        stranger.send(stranger.sign(CancelOrder(bitcoin, 1), nonce=desk.nonce))
    assert unknown.value.reason in {Reason.KEY_UNKNOWN, Reason.ACCOUNT_UNFUNDED}


def test_a_mainnet_signature_is_worth_nothing_on_a_test_network(desk: Desk, bitcoin: MarketSpec) -> None:
    key = signing.SigningKey.generate()
    desk.sandbox.fund(key.address, "1000")
    command = SetLeverage(bitcoin, MarginMode.ISOLATED, 3)
    for network, is_accepted in ((Network.MAINNET, False), (Network.TESTNET, True)):
        adapter = HyperliquidAdapter(BlockingTransport(desk.sandbox.url), network, key)
        signed = adapter.sign(command, nonce=desk.nonce)
        if is_accepted:
            assert adapter.send(signed) == Done()
        else:
            with pytest.raises(Rejected):
                adapter.send(signed)


def test_every_read_of_the_venue_parses(desk: Desk, bitcoin: MarketSpec) -> None:
    now = datetime.now(UTC)
    found = desk.adapter.markets()
    assert {spec.name for spec in found.specs} == {state.name for state in found.states} >= {"BTC", "ETH"}
    book = desk.adapter.book(bitcoin)
    assert book.bids[0].price < book.asks[0].price
    assert desk.adapter.account_mode(desk.owner) is AccountMode.STANDARD
    assert desk.adapter.fee_rates(desk.owner).taker > 0
    assert [agent.name for agent in desk.adapter.agents(desk.owner)] == ["desk"]
    assert desk.adapter.builder_fee(desk.owner, desk.owner) == 0
    assert desk.adapter.funding(desk.owner, START) == ()
    assert [entry.amount for entry in desk.adapter.ledger(desk.owner, START)] == [Decimal(10000)]
    candles = desk.adapter.candles(bitcoin, "1m", now - timedelta(hours=1), now)
    assert [bar.opened_at for bar in candles] == sorted({bar.opened_at for bar in candles})


USDC = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"


TOKENS = {"xyz": "USDC"}


def on_both_books(desk: Desk) -> HyperliquidAdapter:
    """The trader holds something on the main book and on a builder-deployed one; the adapter that reads both."""
    adapter = HyperliquidAdapter(
        desk.adapter._transport, Network.TESTNET, desk.adapter._key, dexes=["xyz"], collaterals=lambda: TOKENS
    )
    desk.sandbox.mark("xyz:NVDA", "177.06")
    wallet = Exchange(Wallets.from_key(desk.wallet.reveal()), desk.sandbox.url)
    assert wallet.send_asset(desk.owner, "", "xyz", USDC, 500)["status"] == "ok"
    wallet.session.close()
    wallet.info.session.close()
    specs = {spec.name: spec for spec in adapter.markets().specs}
    for name, size, mark in (("BTC", "0.01", "86000"), ("xyz:NVDA", "2", "177.06")):
        assert desk.do(SetLeverage(specs[name], MarginMode.ISOLATED, 5)) == Done()
        assert isinstance(desk.do(buy(specs[name], size, mark)), Filled)
    resting = PlaceOrder(specs["xyz:NVDA"], is_buy=True, size=Decimal(1), limit_price=Decimal(100))
    assert isinstance(desk.do(resting), Resting)
    return adapter


async def told_of(desk: Desk, adapter: HyperliquidAdapter) -> tuple[AccountFrame, OrdersFrame]:
    """What the stream tells of the account first."""
    found: dict[type[Frame], Frame] = {}
    whole = asyncio.Event()

    def listen(frame: Frame) -> None:
        found.setdefault(type(frame), frame)
        if found.keys() >= {AccountFrame, OrdersFrame}:
            whole.set()

    stream = HyperliquidStream(desk.sandbox.url, listen, dexes=["xyz"])
    followed = frozenset(Interest(Topic.STATE, name) for name in ("BTC", "xyz:NVDA"))
    stream.want(Wanted(followed, (Watch(desk.owner, AccountMode.STANDARD, adapter),), TOKENS))
    following = asyncio.create_task(stream.follow())
    async with asyncio.timeout(60):
        await whole.wait()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    account, orders = found[AccountFrame], found[OrdersFrame]
    assert isinstance(account, AccountFrame)
    assert isinstance(orders, OrdersFrame)
    return account, orders


def test_stream_tells_an_account_on_several_books_as_a_reading_does(desk: Desk) -> None:
    adapter = on_both_books(desk)

    account, orders = asyncio.run(told_of(desk, adapter))

    read = adapter.account(desk.owner, mode=AccountMode.STANDARD)
    assert [held.market for held in read.positions] == ["BTC", "xyz:NVDA"]
    assert read.pools is not None
    assert [pool.dex for pool in read.pools] == ["xyz"]
    same_moment = {"venue_time": read.venue_time, "received_at": read.received_at}
    assert msgspec.structs.replace(account.snapshot, **same_moment) == read
    assert orders.orders == adapter.open_orders(desk.owner)


def test_orders_of_one_book_cost_one_reading(desk: Desk) -> None:
    adapter = on_both_books(desk)
    specs = {spec.name: spec for spec in adapter.markets().specs}

    assert [order.market for order in adapter.open_orders(desk.owner)] == ["xyz:NVDA"]
    assert [order.market for order in adapter.open_orders(desk.owner, [specs["xyz:NVDA"]])] == ["xyz:NVDA"]
    assert adapter.open_orders(desk.owner, [specs["BTC"]]) == ()
