"""The venues' own bytes, out of order, doubled and with gaps, through the streams' parsers into what a follower keeps:
it ends as it would have ended in order, and what a gap swallowed is noticed and read."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.trading.aster.conftest import alice, aster, operator, ready  # noqa: F401  # fixtures
from tests.trading.aster.people import AsterTrader, elsewhere
from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere as at_hyperliquid
from tests.trading.live import wires
from tests.trading.live.disorder import disordered
from trading.connect import account_adapter
from trading.live.board import NOTHING_KNOWN
from trading.live.followed import Followed, Outcome
from trading.live.heard import Heard
from trading.live.told import Told
from trading.margin.types import AccountMode
from trading.models import Fill, Order, Position
from trading.services.streamed import store
from trading.services.sync import sync_account
from trading.venues.aster.stream import AsterStream
from trading.venues.base import MarketState, PlaceOrder, market_order
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.streaming import Frame, GapFrame, PrivateFrame, Unreadable, Wanted, Watch

FRAMES, DISTINCT = 100_000, 76_000  # of both venues together
DELIVERIES = 2_000
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
BREAK_EVERY, BREAK = 1000, 100
# What is lost where the connection breaks is no frame: here it breaks.
CUT = b""
# What carries no time of the venue's is the last word only where it comes last.
TIMELESS = (b'{"channel":"activeAssetCtx"', b'{"channel":"openOrders"')


class Follower:
    """What one process keeps of the bytes that it hears: its memory of the markets, and one account's news."""

    def __init__(self, address: str = wires.ADDRESS) -> None:
        one = Decimal(1)
        names = [name + end for name in wires.MARKETS for end in ("", "USDT")]
        self.heard = Heard(NOTHING_KNOWN)
        self.heard.read([MarketState(name, one, one, one, one, one, one, one) for name in names], START)
        self.followed = Followed(address, adapter=None, told=Told())  # type: ignore[arg-type]
        self.unreadable: list[Unreadable] = []
        watch = Watch(address, AccountMode.STANDARD, None)  # type: ignore[arg-type]
        self.hyperliquid = HyperliquidStream("http://127.0.0.1:9", self.listen)
        self.hyperliquid.want(Wanted(accounts=(watch,)))
        self.aster = AsterStream("http://127.0.0.1:9", self.listen)
        self.aster._keys.follow((watch,))
        self.aster._keys._keys[address].text = "key"

    def listen(self, frame: Frame) -> None:
        self.heard.listen(frame, START)
        if isinstance(frame, Unreadable):
            self.unreadable.append(frame)
        if isinstance(frame, PrivateFrame | GapFrame) and frame.account == self.followed.stream:
            self.followed.take_in(frame, START)

    def hear(self, text: bytes) -> None:
        """What came on a connection, or its end."""
        if text == CUT:
            self.hyperliquid.closed("cut")
            self.hyperliquid.opened()
            for line in (self.aster._markets, self.aster._accounts):
                line.closed("cut")
                line.opened()
        elif text.startswith(b'{"channel"'):
            self.hyperliquid.heard(text)
        elif text.startswith(b'{"stream":"key"'):
            self.aster._accounts.heard(text)
        else:
            self.aster._markets.heard(text)

    @property
    def markets(self) -> tuple[object, ...]:
        return self.heard.states, self.heard.books, self.heard.trades, self.heard.candles

    @property
    def account(self) -> tuple[object, ...]:
        told = self.followed.told
        snapshot = None if told.snapshot is None else msgspec.structs.replace(told.snapshot, received_at=START)
        return snapshot, told.orders, told.reports, told.fills, told.funding


def follower_of(texts: Iterable[bytes]) -> Follower:
    follower = Follower()
    for text in texts:
        follower.hear(text)
    assert follower.unreadable == []
    return follower


def gapped(texts: list[bytes]) -> Iterator[bytes]:
    """A tenth is lost, in breaks."""
    for place in range(0, len(texts), BREAK_EVERY):
        yield from texts[place : place + BREAK_EVERY - BREAK]
        yield CUT


DAYS: tuple[Callable[[random.Random], wires.Day], ...] = (wires.HyperliquidDay, wires.AsterDay)


@pytest.mark.parametrize("day_of", DAYS)
def test_100_000_frames_of_both_venues_end_in_the_same_state(day_of: Callable[[random.Random], wires.Day]) -> None:
    """Half of them here, of one venue. Where nothing is lost nothing is asked; where a tenth is, the account is to be
    read, and the markets are as they are told to whoever connects: the last word on each, and the last trades."""
    day = day_of(random.Random(1))
    began = day.state() if isinstance(day, wires.HyperliquidDay) else []
    texts: list[bytes] = []
    while len(texts) < DISTINCT // 2:
        texts += day.step()
    last = list(day.last.values())
    ordered = follower_of([*began, *texts])
    mixed = list(disordered(texts, random.Random(2)))
    doubled = follower_of([*began, *mixed, *(text for text in last if text.startswith(TIMELESS))])
    broken = follower_of(
        [*began, *gapped(mixed[FRAMES * 3 // 8 :]), *last, *(text for text in texts[-2000:] if b"rade" in text[:60])]
    )

    assert len(mixed) >= FRAMES // 2
    assert doubled.markets == ordered.markets == broken.markets
    assert doubled.account == ordered.account
    assert len(ordered.followed.told.fills) > 3000
    asked = [follower.followed.told.must_read for follower in (ordered, doubled, broken)]
    assert asked == [False, False, True]


def test_execution_that_is_lost_on_a_standing_connection_has_the_account_read() -> None:
    day = wires.HyperliquidDay(random.Random(3))
    began = day.state()
    texts = [text for _ in range(2000) for text in day.step()]
    fills = [place for place, text in enumerate(texts) if b"userFills" in text]
    texts.pop(fills[len(fills) // 2])
    follower = follower_of([*began, *texts])

    follower.followed.is_told = True
    follower.followed.look_after(1.0)
    assert not follower.followed.told.must_read
    follower.followed.look_after(9.0)
    assert follower.followed.told.must_read


def fields_of(row: object) -> object:
    """Which fields a row has, at every depth."""
    if isinstance(row, dict):
        return {name: fields_of(value) for name, value in row.items()}
    return [fields_of(value) for value in row[:1]] if isinstance(row, list) else None


def test_bytes_have_the_recorded_form(venue_data: Path) -> None:
    frames = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())
    state = frames["allDexsClearinghouseState"]["data"]["clearinghouseStates"][0][1]
    recorded: list[tuple[Any, Any]] = [
        (wires.CONTEXT, frames["activeAssetCtx"]["data"]),
        (wires.BOOK, frames["l2Book"]["data"]),
        (wires.TRADE, frames["trades"]["data"][0]),
        (wires.CANDLE, frames["candle"]["data"]),
        (wires.STATE | {"assetPositions": [wires.POSITION]}, state),
        (wires.ORDER, frames["openOrders"]["data"]["orders"][0]),
        (wires.FILL, frames["user_fills"]["data"]["fills"][0]),
        (wires.FUNDING, frames["user_funding"]["data"]["funding"]),
    ]
    rows = [row for name in ("market", "user") for row in json.loads(
        (venue_data / "aster" / f"ws_{name}_events.json").read_text())]  # fmt: skip
    events = {row["payload"]["e"]: row["payload"] for row in reversed(rows) if "e" in row["payload"]}
    trailing = ("AP", "cr")  # only an order that trails has these
    events["ORDER_TRADE_UPDATE"]["o"] = {
        name: value for name, value in events["ORDER_TRADE_UPDATE"]["o"].items() if name not in trailing
    }
    mark = next(row["payload"][0] for row in rows if row["stream"] == "!markPrice@arr@1s")
    recorded += [(wires.ASTER_MARK, mark)]
    ours = (wires.ASTER_DEPTH, wires.ASTER_TRADE, wires.ASTER_KLINE, wires.ASTER_ORDER, wires.ASTER_ACCOUNT)
    recorded += [(row, events[row["e"]]) for row in (*ours, wires.EXPIRED)]

    for written, said in recorded:
        assert fields_of(written) == fields_of(said)


# With the database


def frames_of(desk: Desk) -> list[bytes]:
    """What the venue would write now on the account's stream, from its own answers."""
    address = desk.account.address
    state = desk.sandbox.info("clearinghouseState", user=address)
    fills = desk.sandbox.info("userFills", user=address)[:1]
    orders = desk.sandbox.info("frontendOpenOrders", user=address)
    told = (
        ("userFills", {"user": address, "fills": fills}),
        ("allDexsClearinghouseState", {"user": address, "clearinghouseStates": [["", state]]}),
        ("openOrders", {"dex": "", "user": address, "orders": orders}),
    )
    return [msgspec.json.encode({"channel": channel, "data": data}) for channel, data in told]


def test_2_000_frames_are_written_and_a_gap_is_healed_by_a_reading(desk: Desk) -> None:
    """The venue's bytes of what another client did, through parser, follower and writer to the rows. The last trades
    fall into a break: nothing tells of them but the break itself."""
    rules, texts = desk.market.rules, list[bytes]()
    follower = Follower(desk.account.address)
    follower.followed.told.must_read = False
    for number in range(10):
        is_buy = number % 3 != 2
        size = Decimal(number + 1) / 1000
        at_hyperliquid(desk, market_order(rules, is_buy=is_buy, size=size, mark=Decimal(86000),
                                          slippage=Decimal("0.01")))  # fmt: skip
        at_hyperliquid(desk, PlaceOrder(rules, True, Decimal("0.001"), Decimal(70_000 + number)))  # noqa: FBT003
        texts += frames_of(desk)
    lost, heard = desk.sandbox.info("userFills", user=desk.account.address)[0]["tid"], texts[:-3]
    told = heard * (DELIVERIES // len(heard) + 1)
    random.Random(4).shuffle(told)
    for place, text in enumerate([*told, *heard[-3:]]):
        follower.hear(text)
        if place % 400 == 399:
            write(desk, follower)
    write(desk, follower)
    assert len(told) >= DELIVERIES
    assert Fill.objects.count() == 9
    before = Position.objects.get().size

    follower.hear(CUT)
    follower.followed.take_in(GapFrame("cut", follower.followed.stream), START)
    write(desk, follower)

    theirs = desk.at_venue()
    assert Fill.objects.count() == 10
    assert Fill.objects.filter(key__contains=str(lost)).count() == 1
    assert Position.objects.get().size == before + Decimal("0.010") == Decimal(str(theirs["positions"][0]["size"]))  # type: ignore[index]
    assert set(Order.objects.filter(is_open=True).values_list("venue_id", flat=True)) == {
        row["oid"]
        for row in theirs["orders"]  # type: ignore[attr-defined]
    }


def write(desk: Desk, follower: Follower) -> None:
    """As the follower's writer does, until nothing is left to be read."""
    for _ in range(3):
        told = follower.followed.take_out(0.0)
        assert store(desk.adapter, desk.reread(), told)
        follower.followed.settle(told, Outcome.WRITTEN, 0.0)
        if not follower.followed.told.must_read:
            return


def test_key_of_a_stream_that_ran_out_has_an_aster_account_read(ready: AsterTrader) -> None:  # noqa: F811
    account = ready.account
    adapter = account_adapter(account)
    assert sync_account(adapter, account)
    order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.010"
    elsewhere(ready, "POST", "order", order)
    follower = Follower()
    follower.hear(msgspec.json.encode({"stream": "key", "data": wires.EXPIRED}))
    told = follower.followed.take_out(0.0)

    assert told.must_read
    assert store(adapter, account, told)
    assert [(row.market.name, row.size) for row in Position.objects.select_related("market")] == ready.held()
    assert ready.held() == [("BTCUSDT", Decimal("0.010"))]
    assert Fill.objects.count() == 1
