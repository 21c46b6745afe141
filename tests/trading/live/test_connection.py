"""A connection that is kept up, over real sockets to a venue that behaves as badly as it can."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import ConnectionTimeoutError, InvalidUrlRedirectClientError, WSMsgType, web

from tests.trading.live.follower import PATIENCE_SECONDS
from trading.live.board import NOTHING_KNOWN
from trading.live.heard import Heard
from trading.margin.types import AccountMode
from trading.venues.connection import Connection, Pace, Timings, cause_of
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.frames import SpotPart, StatesPart
from trading.venues.hyperliquid.stream import Accounts, HyperliquidStream, subscriptions
from trading.venues.snapshots import Network, Pool
from trading.venues.streaming import (
    AccountFrame,
    Connected,
    Disconnected,
    Frame,
    HappeningFrame,
    Interest,
    SignOfLife,
    Topic,
    Unreadable,
    Wanted,
    Watch,
)

STORM = Timings(first_delay=0.01, longest_delay=0.02, probe_when_quiet=0.1, dead_when_silent=60.0)
SILENCE = Timings(first_delay=0.01, longest_delay=0.02, probe_when_quiet=0.1, dead_when_silent=0.3)
ALICE = "0x" + "a" * 40


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody() -> HyperliquidAdapter:
    return HyperliquidAdapter(transport=None, network=Network.TESTNET)  # type: ignore[arg-type]


@dataclass
class Talk:
    """A conversation that wants one subscription, and remembers what it was told."""

    url: str = ""
    probe: str = "probe"
    heard_texts: list[str | bytes] = field(default_factory=list)
    openings: int = 0
    endings: list[str] = field(default_factory=list)
    is_subscribed: bool = False

    def opened(self) -> None:
        self.openings += 1
        self.is_subscribed = False

    def outgoing(self) -> Iterator[str]:
        if not self.is_subscribed:
            self.is_subscribed = True
            yield "subscribe"

    def heard(self, text: str | bytes) -> None:
        self.heard_texts.append(text)

    def closed(self, cause: str) -> None:
        self.endings.append(cause)


@contextlib.asynccontextmanager
async def venue(answer: Callable[[web.WebSocketResponse, int], Awaitable[None]]) -> AsyncIterator[str]:
    """A websocket server whose ``answer`` serves the connection of each number."""
    numbers = iter(range(10_000))

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError):
            await answer(socket, next(numbers))
        return socket

    app = web.Application()
    app.router.add_get("/{tail:.*}", serve)
    async with serving(app) as url:
        yield url


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def kept_until(connection: Connection, is_done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    task = asyncio.create_task(connection.keep())
    try:
        async with asyncio.timeout(seconds):
            while not is_done():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_storm_of_hang_ups_is_outlived_and_everything_is_asked_for_again_each_time() -> None:
    async def answer(socket: web.WebSocketResponse, number: int) -> None:
        message = await socket.receive()
        if message.type is WSMsgType.TEXT:
            await socket.send_str(f"{message.data} {number}")
        if number < 25:
            await socket.close()
        while not socket.closed:
            await socket.receive()

    async def scenario() -> None:
        talk = Talk()
        async with venue(answer) as url:
            talk.url = url
            connection = Connection(talk, timings=STORM, jitter=random.Random(1).random)
            await kept_until(connection, lambda: talk.openings > 25)
        assert talk.heard_texts[:25] == [f"subscribe {number}" for number in range(25)]
        assert len(talk.endings) == 25

    asyncio.run(scenario())


def test_socket_that_stays_open_and_says_nothing_is_given_up() -> None:
    async def answer(socket: web.WebSocketResponse, number: int) -> None:
        while not socket.closed:
            message = await socket.receive()
            if number and message.type is WSMsgType.TEXT:
                await socket.send_str("alive")

    async def scenario() -> None:
        talk = Talk()
        async with venue(answer) as url:
            talk.url = url
            began = time.monotonic()
            await kept_until(Connection(talk, timings=SILENCE), lambda: "alive" in talk.heard_texts)
            assert time.monotonic() - began >= SILENCE.dead_when_silent
        assert "no frame for 0.3 s" in talk.endings[0]

    asyncio.run(scenario())


def test_no_more_messages_are_sent_than_the_venue_takes() -> None:
    """30 messages at 10 in any fifth of a second."""
    pace, now, sent = Pace(10, 0.2), 0.0, []
    for _ in range(30):
        while (wait := pace.wait(now)) > 0:
            now += wait
        sent.append(now)

    assert max(sum(1 for later in sent if start <= later < start + 0.2) for start in sent) == 10
    assert sent[-1] < 0.41


def test_more_wishes_than_the_venue_takes_leave_accounts_and_what_is_looked_at() -> None:
    states = [Interest(Topic.STATE, f"M{number}") for number in range(1200)]
    looked_at = [Interest(Topic.BOOK, "BTC"), Interest(Topic.CANDLES, "BTC", "5m")]
    watches = tuple(Watch(f"0x{number:040x}", AccountMode.STANDARD, _nobody()) for number in range(30))
    chosen = subscriptions(Wanted(frozenset([*states, *looked_at]), watches), ("",))
    users = {dict(one)["user"] for one in chosen if "user" in dict(one)}

    assert len(chosen) == 1000
    assert users == {f"0x{number:040x}" for number in range(10)}
    assert (("type", "l2Book"), ("coin", "BTC")) in chosen
    assert (("type", "candle"), ("coin", "BTC"), ("interval", "5m")) in chosen


def test_frames_that_make_no_sense_are_counted_and_change_nothing() -> None:
    heard = Heard(NOTHING_KNOWN)

    def listen(frame: Frame) -> None:
        heard.listen(frame, _now())

    stream = HyperliquidStream("ws://nowhere", listen)
    noise = ["{", '{"channel":5}', '{"channel":"l2Book","data":{}}', '{"channel":"userFills","data":[]}', "\x00\x01"]
    for text in [*noise, '{"channel":"brandNew","data":{"a":1}}', '{"channel":"orderUpdates","data":[{}]}']:
        stream.heard(text)

    assert heard.counted == {Unreadable.__name__: 4, SignOfLife.__name__: 3}
    assert not heard.board().is_known


def told_state(coin: str, equity: str) -> bytes:
    """One long on one book, worth 100 at a mark of 100, and what backs it there."""
    held = (
        b'{"type":"oneWay","position":{"coin":"%s","szi":"1.0","entryPx":"100.0","positionValue":"100.0",'
        b'"unrealizedPnl":"0.0","liquidationPx":null,"marginUsed":"20.0","maxLeverage":10,'
        b'"leverage":{"type":"cross","value":5}}}'
    )
    sums = b'{"accountValue":"%s","totalMarginUsed":"20.0","totalNtlPos":"100.0","totalRawUsd":"0.0"}' % equity.encode()
    return (
        b'{"assetPositions":[%s],"crossMaintenanceMarginUsed":"5.0","crossMarginSummary":%s,"marginSummary":%s,'
        b'"time":1,"withdrawable":"0.0"}' % (held % coin.encode(), sums, sums)
    )


def followed(mode: AccountMode) -> Accounts:
    accounts = Accounts(("", "xyz"))
    accounts.follow([Watch(ALICE, mode, _nobody())], {"xyz": "USDC"})
    return accounts


def test_standard_account_on_several_books_is_told_with_a_pool_for_each() -> None:
    states = (("", told_state("BTC", "80.0")), ("xyz", told_state("xyz:GOLD", "50.0")), ("flx", b"{}"))

    frame = followed(AccountMode.STANDARD).take(StatesPart(ALICE, states), _now())

    assert isinstance(frame, AccountFrame)
    told = frame.snapshot
    assert [held.market for held in told.positions] == ["BTC", "xyz:GOLD"]
    assert (told.equity, told.cross_equity, told.cross_maintenance) == (Decimal(80), Decimal(80), Decimal(5))
    assert told.pools == (Pool("xyz", Decimal(50), Decimal(30), Decimal(50), collateral="USDC"),)


def test_unified_account_on_several_books_is_told_with_its_one_balance() -> None:
    accounts = followed(AccountMode.UNIFIED)
    states = (("", told_state("BTC", "0.0")), ("xyz", told_state("xyz:GOLD", "0.0")))
    assert accounts.take(StatesPart(ALICE, states), _now()) is None

    frame = accounts.take(
        SpotPart(ALICE, b'{"balances":[{"coin":"USDC","token":0,"total":"90.0","hold":"40.0"}]}'), _now()
    )

    assert isinstance(frame, AccountFrame)
    told = frame.snapshot
    assert [held.market for held in told.positions] == ["BTC", "xyz:GOLD"]
    assert (told.equity, told.cross_equity, told.cross_maintenance) == (Decimal(90), Decimal(90), Decimal(10))
    assert (told.cross_margin_used, told.pools) == (Decimal(40), ())


def test_account_is_read_where_a_book_is_not_told() -> None:
    frame = followed(AccountMode.STANDARD).take(StatesPart(ALICE, (("", told_state("BTC", "80.0")),)), _now())

    assert isinstance(frame, HappeningFrame)


def test_account_is_made_of_all_its_books_before_any_market_is_followed() -> None:
    told: list[Frame] = []
    stream = HyperliquidStream("ws://nowhere", told.append, dexes=["xyz"])
    stream.want(Wanted(frozenset(), (Watch(ALICE, AccountMode.STANDARD, _nobody()),), {"xyz": "USDC"}))
    states = [["", json.loads(told_state("BTC", "80.0"))], ["xyz", json.loads(told_state("xyz:GOLD", "50.0"))]]
    data = {"user": ALICE, "clearinghouseStates": states}
    stream.heard(json.dumps({"channel": "allDexsClearinghouseState", "data": data}))

    assert isinstance(told[0], AccountFrame)
    assert [held.market for held in told[0].snapshot.positions] == ["BTC", "xyz:GOLD"]


def test_break_is_told_before_anything_else() -> None:
    told: list[Frame] = []
    stream = HyperliquidStream("ws://nowhere", told.append)
    stream.opened()
    stream.closed("cut")

    assert told == [Connected(), Disconnected("cut")]


def test_refused_handshake_is_told_and_logged_without_the_keys_in_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def tell() -> list[str]:
        async with serving(web.Application()) as url:
            talk = Talk(url=f"{url}/stream?streams=listen-key")
            await kept_until(Connection(talk, timings=STORM), lambda: len(talk.endings) >= 2)
        return talk.endings

    assert set(asyncio.run(tell())) == {"WSServerHandshakeError 404"}
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("trading.")]
    assert {message.partition(",")[0] for message in ours} == {"A stream is down (WSServerHandshakeError 404)"}
    assert "listen-key" not in "".join(ours)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionTimeoutError("Connection timeout to host wss://a/stream?streams=listen-key"), "wss://a/stream"),
        (InvalidUrlRedirectClientError("wss://a/stream?streams=listen-key"), "wss://a/stream"),
        (ConnectionResetError(104, "Connection reset by peer"), "[Errno 104] Connection reset by peer"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_cause_of_a_break_ends_before_the_query_of_an_address(error: Exception, cause: str) -> None:
    told = cause_of(error)

    assert told.startswith(type(error).__name__)
    assert told.endswith(cause)
