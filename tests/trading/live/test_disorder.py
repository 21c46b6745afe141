"""A hundred thousand frames out of order, doubled and with gaps end as they would have ended in order."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tenants.models import Operator, User
from tenants.scope import operator_scope
from tests.factories import make_account, make_market
from tests.trading.live.disorder import MIXED_WITHIN, disordered
from tests.trading.services.answered import state
from trading.live.board import NOTHING_KNOWN
from trading.live.followed import Followed, Outcome
from trading.live.heard import Heard
from trading.live.told import Told
from trading.margin.types import AccountMode, MarginMode
from trading.models import VenueAccount
from trading.services.apply_orders import apply_orders
from trading.services.streamed import store
from trading.venues.snapshots import (
    AccountSnapshot,
    Book,
    BookLevel,
    Candle,
    Fill,
    FundingPayment,
    LedgerEntry,
    MarketState,
    OpenOrder,
    OrderReport,
    OrderState,
    PositionSnapshot,
    TimeInForce,
    Trade,
)
from trading.venues.streaming import (
    AccountFrame,
    BookFrame,
    CandleFrame,
    ChangeFrame,
    Connected,
    Disconnected,
    FillsFrame,
    Frame,
    FundingFrame,
    GapFrame,
    LedgerFrame,
    OrderFrame,
    PrivateFrame,
    TradesFrame,
)

FRAMES = 100_000
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
MARKETS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
ZERO = Decimal(0)


def at(step: int) -> datetime:
    return START + timedelta(milliseconds=10 * step)


# Markets


@dataclass
class PublicVenue:
    """A venue's markets: what it says at each step, and what it says to whoever has just connected."""

    dice: random.Random
    last: dict[object, Frame] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MARKETS, 0))

    def step(self, number: int) -> Frame:
        market = self.dice.choice(MARKETS)
        price = Decimal(self.dice.randrange(80000, 90000))
        kind = self.dice.randrange(5)
        frame: Frame
        if kind == 0:
            frame = ChangeFrame(market, at(number), (("mark", price), ("oracle", price + 1)))
        elif kind == 1:
            frame = ChangeFrame(market, at(number), (("day_volume", price * 3),))
        elif kind == 2:
            levels = (BookLevel(price, Decimal(1), 0),)
            frame = BookFrame(Book(market, at(number), levels, levels))
        elif kind == 3:
            trade = Trade(f"{market}-{number:09d}", market, at(number), is_buy=True, price=price, size=Decimal(1))
            frame = TradesFrame(market, (trade,))
        else:
            self.counts[market] += 1
            frame = CandleFrame("5m", self._bar(market, number, price))
        self.last[market, kind] = frame
        return frame

    def _bar(self, market: str, number: int, price: Decimal) -> Candle:
        opened = at(number - number % 30_000)
        return Candle(
            market, opened, opened + timedelta(minutes=5), price, price, price, price, ZERO, self.counts[market]
        )


def heard_of(frames: Iterable[Frame]) -> Heard:
    heard = Heard(NOTHING_KNOWN)
    one = Decimal(1)
    heard.read([MarketState(name, one, one, one, one, ZERO, ZERO, ZERO) for name in MARKETS], START)
    for frame in frames:
        heard.listen(frame, START)
    return heard


def test_markets_end_in_the_same_state_whatever_the_order() -> None:
    """The last frame of each kind comes again at the end, as it does after every break."""
    venue = PublicVenue(random.Random(4))
    frames = [venue.step(number) for number in range(FRAMES)]
    snapshot = list(venue.last.values())
    trades = [TradesFrame(name, tuple(_newest_trades(frames, name))) for name in MARKETS]
    mixed = list(disordered(frames, random.Random(5)))
    broken: list[Frame] = []
    for number in range(0, len(mixed), 1000):
        broken += [*mixed[number : number + 900], Disconnected("cut"), Connected()]
    ordered, scrambled = heard_of(frames), heard_of([*broken, *snapshot, *trades])

    assert len(mixed) > FRAMES * 1.3
    assert scrambled.states == ordered.states
    assert scrambled.books == ordered.books
    assert scrambled.trades == ordered.trades
    assert scrambled.candles == ordered.candles


def _newest_trades(frames: Iterable[Frame], market: str) -> list[Trade]:
    return [
        trade for frame in frames if isinstance(frame, TradesFrame) and frame.market == market for trade in frame.trades
    ][-30:]


# Accounts

ADDRESS = "0x" + "a" * 40


@dataclass
class Rows:
    """What our rows would hold: what the verbs of the readings keep of what they are given."""

    sizes: dict[str, Decimal] = field(default_factory=dict)
    as_of: datetime = START
    open_orders: dict[int, Decimal] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def take(self, told: Told, venue: "PrivateVenue") -> None:
        """As ``trading.services.streamed`` does: a reading first, then what was told."""
        if told.must_read:
            self.read(venue)
        self.keys |= told.fills.keys() | told.funding.keys() | told.ledger.keys()
        for number, report in told.reports.items():
            assert report.order is not None
            if report.state is not OrderState.OPEN:
                self.open_orders.pop(number, None)
            elif number in self.open_orders:
                self.open_orders[number] = min(self.open_orders[number], report.order.size)
            else:
                told.must_read = True
        if told.snapshot is not None and told.snapshot.venue_time >= self.as_of:
            self.sizes = {row.market: row.size for row in told.snapshot.positions}
            self.as_of = told.snapshot.venue_time

    def read(self, venue: "PrivateVenue") -> None:
        self.sizes, self.as_of = dict(venue.sizes), at(venue.now)
        self.open_orders = dict(venue.open_orders)
        self.keys |= venue.keys


@dataclass
class PrivateVenue:
    """One account at its venue: orders that rest, fill in parts and end, and the money that follows."""

    dice: random.Random
    sizes: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(MARKETS, ZERO))
    open_orders: dict[int, Decimal] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    now: int = 0
    orders: int = 0

    def step(self, number: int) -> list[PrivateFrame]:
        self.now = number
        kind = self.dice.randrange(4) if self.open_orders else 0
        if kind == 0:
            return self.rest(number)
        if kind == 1:
            return self._fill(self.dice.choice(list(self.open_orders)))
        if kind == 2:
            return self.cancel(self.dice.choice(list(self.open_orders)))
        return [self._booking()]

    def rest(self, number: int) -> list[PrivateFrame]:
        """A new order that rests."""
        self.now = number
        self.orders += 1
        self.open_orders[self.orders] = Decimal(10)
        return [self._report(self.orders, OrderState.OPEN)]

    def cancel(self, order: int) -> list[PrivateFrame]:
        """An order that is taken away."""
        frame = self._report(order, OrderState.CANCELLED)
        del self.open_orders[order]
        return [frame]

    def _fill(self, order: int) -> list[PrivateFrame]:
        market, key = MARKETS[order % 3], f"fill-{self.now}"
        self.sizes[market] += 1
        self.open_orders[order] -= 1
        self.keys.add(key)
        is_done = not self.open_orders[order]
        report = self._report(order, OrderState.FILLED if is_done else OrderState.OPEN)
        if is_done:
            del self.open_orders[order]
        fill = Fill(
            key=key, market=market, order_id=order, client_id=None, is_buy=True, price=Decimal(86000), size=Decimal(1),
            time=at(self.now), closed_pnl=ZERO, fee=ZERO, builder_fee=ZERO, fee_token="USDT", is_taker=True,
            start_position=None, direction="BUY",
        )  # fmt: skip
        return [FillsFrame(ADDRESS, (fill,)), report, self.snapshot()]

    def _booking(self) -> PrivateFrame:
        key = f"booking-{self.now}"
        self.keys.add(key)
        if self.dice.random() < 0.5:
            return FundingFrame(ADDRESS, (FundingPayment("BTCUSDT", at(self.now), Decimal(1), ZERO, ZERO, key),))
        return LedgerFrame(ADDRESS, (LedgerEntry(key, "TRANSFER", at(self.now), Decimal(1), "{}"),))

    def _report(self, order: int, state: OrderState) -> OrderFrame:
        size, market = self.open_orders[order], MARKETS[order % 3]
        row = OpenOrder(
            market=market, order_id=order, client_id=None, is_buy=True, limit_price=Decimal(86000), size=size,
            original_size=Decimal(10), time_in_force=TimeInForce.GOOD_TILL_CANCELLED, reduce_only=False,
            placed_at=at(self.now),
        )  # fmt: skip
        return OrderFrame(ADDRESS, OrderReport(state, state.value, row, at(self.now)))

    def snapshot(self) -> AccountFrame:
        held = tuple(
            PositionSnapshot(
                name,
                size,
                Decimal(86000),
                Decimal(86000),
                size * 86000,
                MarginMode.CROSS,
                5,
                ZERO,
                None,
                ZERO,
                None,
                40,
            )
            for name, size in self.sizes.items()
            if size
        )
        money = Decimal(10_000)
        moment = at(self.now)
        snapshot = AccountSnapshot(
            venue_time=moment, received_at=moment, account_mode=AccountMode.STANDARD, equity=money, cross_equity=money,
            cross_maintenance=ZERO, cross_margin_used=ZERO, withdrawable=money, positions=held,
        )  # fmt: skip
        return AccountFrame(ADDRESS, snapshot)


def test_account_ends_in_the_venues_state_whatever_the_order() -> None:
    """A tenth of all frames is lost in breaks; every break is followed by a reading, as a new connection is."""
    dice, venue, rows = random.Random(1), PrivateVenue(random.Random(2)), Rows()
    followed = Followed(ADDRESS, adapter=None)  # type: ignore[arg-type]
    clock, delivered, waiting = 0.0, 0, list[PrivateFrame]()

    def write() -> None:
        nonlocal clock
        clock += 10.0
        followed.look_after(clock)
        if followed.is_due(clock):
            told = followed.take_out(clock)
            rows.take(told, venue)
            followed.settle(told, Outcome.WRITTEN, clock)

    number = 0
    while delivered < FRAMES // 4:
        number += 1
        waiting += [frame for frame in venue.step(number) for _ in range(2 if dice.random() < 1 / 3 else 1)]
        if len(waiting) < MIXED_WITHIN:
            continue
        dice.shuffle(waiting)
        if dice.random() < 0.1:
            waiting.clear()
            followed.take_in(GapFrame("cut", ADDRESS), START)
        for frame in waiting[MIXED_WITHIN // 2 :]:
            followed.take_in(frame, START)
            delivered += 1
        del waiting[MIXED_WITHIN // 2 :]
        write()
    for frame in [*waiting, venue.snapshot()]:
        followed.take_in(frame, START)
    for _ in range(3):
        write()

    assert rows.sizes == {name: size for name, size in venue.sizes.items() if size}
    assert rows.keys == venue.keys
    assert rows.open_orders == venue.open_orders


# What is written of it

DISTINCT, KNOWN = 900, 60
BREAK_EVERY, BREAK = 1000, 100


def test_rows_end_in_the_same_state_whatever_the_order(db: None) -> None:
    """The frames alone, each many times and in no order at all, a tenth of them lost in breaks that nobody tells of;
    the database is written once, at the end."""
    venue = PrivateVenue(random.Random(6))
    began = [frame for number in range(KNOWN) for frame in venue.rest(number)]
    told = [frame for number in range(KNOWN, DISTINCT) for frame in venue.step(number)]
    told += [frame for order in list(venue.open_orders) if order > KNOWN for frame in venue.cancel(order)]
    mixed = told * (FRAMES * 5 // 4 // len(told))
    random.Random(7).shuffle(mixed)
    deliveries = [frame for place, frame in enumerate(mixed) if place % BREAK_EVERY >= BREAK]
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        trader = User(email="alice@alpha.example")
        trader.save()
        for number, name in enumerate(MARKETS):
            make_market(name, index=number)
        ordered, scrambled = (make_account(trader, address, venue_time=None) for address in ("0xa11ce", "0xb0b"))

        write(ordered, began, told)
        write(scrambled, began, deliveries)

        assert len(deliveries) >= FRAMES
        assert state(scrambled) == state(ordered)
        assert dict(scrambled.orders.filter(is_open=True).values_list("venue_id", "size")) == venue.open_orders
        held = {name: size for name, size in venue.sizes.items() if size}
        assert dict(scrambled.positions.values_list("market__name", "size")) == held
        kept = (scrambled.fills, scrambled.funding, scrambled.ledger)
        assert {key for rows in kept for key in rows.values_list("key", flat=True)} == venue.keys


def write(account: VenueAccount, began: Iterable[PrivateFrame], frames: Iterable[PrivateFrame]) -> None:
    """Write what an account heard that was read when it ``began``."""
    orders = tuple(frame.report.order for frame in began if isinstance(frame, OrderFrame) and frame.report.order)
    apply_orders(account, orders, START)
    followed = Followed(ADDRESS, adapter=None, told=Told())  # type: ignore[arg-type]
    followed.take_in(PrivateVenue(random.Random(0)).snapshot(), START)
    for number, frame in enumerate(frames):
        followed.take_in(frame, START)
        if number % 1000 == 0:  # a worker holds the account
            followed.settle(followed.take_out(0.0), Outcome.BUSY, 0.0)
    followed.look_after(0.0)
    told = followed.take_out(0.0)
    assert store(None, account, told)  # type: ignore[arg-type]  # nothing is left that has to be asked
    assert not told.must_read
