"""Aster's stream events, documented and in our own words, and who hears a private one."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trading.margin.types import AccountMode
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.frames import account_frames, envelope, market_frames
from trading.venues.aster.signing import ApiKeyLogin
from trading.venues.aster.stream import AsterStream, market_streams
from trading.venues.errors import Unavailable
from trading.venues.snapshots import Book, BookLevel, Candle, Network, PositionSide, Trade
from trading.venues.streaming import (
    BookFrame,
    CandleFrame,
    ChangeFrame,
    Complaint,
    ConfirmedFrame,
    FillsFrame,
    Frame,
    GapFrame,
    Happening,
    HappeningFrame,
    Interest,
    OrderFrame,
    SignOfLife,
    Topic,
    TradesFrame,
    Unreadable,
    Wanted,
    Watch,
)
from trading.venues.transport import NO_HEADERS, Response

ALICE, BOB = "0x" + "a" * 40, "0x" + "b" * 40


def raw(event: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(event).encode())


def documented(venue_data: Path, name: str) -> list[dict[str, Any]]:
    rows = json.loads((venue_data / "aster" / f"{name}.json").read_text())
    return [row for row in rows if row["stream"] not in {"REST", "control"}]


def when(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


MARKET_EVENTS: list[tuple[str, object, tuple[Frame, ...]]] = [
    (
        "!markPrice@arr@1s",
        [{"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11185.87", "i": "11784.62", "r": "0.0003"}],
        (
            ChangeFrame(
                "BTCUSDT",
                when(2019, 7, 5, 5, 43),
                (("mark", Decimal("11185.87")), ("oracle", Decimal("11784.62"))),
            ),
        ),
    ),
    (
        "!ticker@arr",
        [{"e": "24hrTicker", "E": 1562305380000, "s": "BTCUSDT", "o": "11000", "c": "11185", "q": "99.5"}],
        (
            ChangeFrame(
                "BTCUSDT",
                when(2019, 7, 5, 5, 43),
                (("previous_day_price", Decimal(11000)), ("day_volume", Decimal("99.5"))),
            ),
        ),
    ),
    (
        "btcusdt@depth20@500ms",
        {"e": "depthUpdate", "E": 1, "T": 1562305380000, "s": "BTCUSDT", "b": [["9", "1"], ["10", "2"]],
         "a": [["12", "3"]]},
        (
            BookFrame(
                Book(
                    "BTCUSDT",
                    when(2019, 7, 5, 5, 43),
                    (BookLevel(Decimal(10), Decimal(2), 0), BookLevel(Decimal(9), Decimal(1), 0)),
                    (BookLevel(Decimal(12), Decimal(3), 0),),
                )
            ),
            ChangeFrame("BTCUSDT", when(2019, 7, 5, 5, 43), (("mid", Decimal(11)),)),
        ),
    ),
    (
        "btcusdt@aggTrade",
        {"e": "aggTrade", "E": 1, "s": "BTCUSDT", "a": 5933014, "p": "0.001", "q": "100", "T": 1562305380000,
         "m": True},
        (
            TradesFrame(
                "BTCUSDT",
                (
                    Trade(
                        key="BTCUSDT-00000000000005933014", market="BTCUSDT", time=when(2019, 7, 5, 5, 43),
                        is_buy=False, price=Decimal("0.001"), size=Decimal(100),
                    ),
                ),
            ),
        ),
    ),
    (
        "btcusdt@kline_1m",
        {
            "e": "kline", "E": 1, "s": "BTCUSDT",
            "k": {
                "t": 1562305380000, "T": 1562305439999, "s": "BTCUSDT", "i": "1m", "o": "1", "c": "2", "h": "3",
                "l": "0.5", "v": "7", "n": 100,
            },
        },
        (
            CandleFrame(
                "1m",
                Candle(
                    "BTCUSDT", when(2019, 7, 5, 5, 43), when(2019, 7, 5, 5, 43, 59, 999000), Decimal(1), Decimal(3),
                    Decimal("0.5"), Decimal(2), Decimal(7), 100,
                ),
            ),
        ),
    ),
    ("btcusdt@somethingNew", {"e": "somethingNew"}, (SignOfLife("btcusdt@somethingNew"),)),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "event", "frames"), MARKET_EVENTS, ids=[row[0] for row in MARKET_EVENTS])
def test_market_event_reads_as_the_table_says(stream: str, event: object, frames: tuple[Frame, ...]) -> None:
    assert market_frames(stream, raw(event)) == frames


@pytest.mark.parametrize("text", ['{"e":"markPriceUpdate"}', "[{}]", '[{"s":"B","E":1,"p":"NaN","i":"1"}]', "5"])
def test_event_that_does_not_fit_is_unreadable_and_guesses_nothing(text: str) -> None:
    (frame,) = market_frames("!markPrice@arr@1s", msgspec.Raw(text.encode()))

    assert isinstance(frame, Unreadable)


def test_every_documented_market_event_is_understood(venue_data: Path) -> None:
    """Streams that are not followed are signs of life; none is unreadable."""
    for row in documented(venue_data, "ws_market_events"):
        stream, payload = row["stream"], row["payload"]
        if stream.startswith("/stream"):
            stream, payload = payload["stream"], payload["data"]
        assert [frame for frame in market_frames(stream, raw(payload)) if isinstance(frame, Unreadable)] == [], stream


def test_documented_private_events_say_what_happened_and_to_whom(venue_data: Path) -> None:
    frames: list[Frame] = []
    for row in documented(venue_data, "ws_user_events"):
        frames += account_frames(ALICE, raw(row["payload"]))

    assert [frame for frame in frames if not isinstance(frame, OrderFrame)] == [
        HappeningFrame(
            ALICE,
            Happening.POSITION,
            "ORDER",
            (
                ("BTCUSDT", PositionSide.BOTH, Decimal(0)),
                ("BTCUSDT", PositionSide.LONG, Decimal(20)),
                ("BTCUSDT", PositionSide.SHORT, Decimal(-10)),
            ),
        ),
        HappeningFrame(ALICE, Happening.MARGIN_CALL),
        HappeningFrame(ALICE, Happening.SETTINGS),
        HappeningFrame(ALICE, Happening.SETTINGS),
        SignOfLife("listenKeyExpired"),
    ]


ORDER: dict[str, object] = {
    "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.010", "p": "86000", "ap": "86000",
    "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 77, "l": "0.004", "z": "0.004", "L": "85999.9", "N": "USDT",
    "n": "0.17", "T": 1562305380000, "t": 5, "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT",
    "ps": "BOTH", "cp": False, "rp": "0",
}  # fmt: skip


def order_frames(**changes: object) -> tuple[Frame, ...]:
    fields = {name: value for name, value in (ORDER | changes).items() if value is not None}
    return account_frames(ALICE, raw({"e": "ORDER_TRADE_UPDATE", "E": 1562305380001, "T": 1562305380000, "o": fields}))


def test_execution_has_the_key_of_the_list_and_leaves_the_rest_of_its_order() -> None:
    fills, order = order_frames()
    assert isinstance(fills, FillsFrame)
    assert isinstance(order, OrderFrame)
    (fill,) = fills.fills
    assert order.report.order is not None

    assert (fill.key, fill.price, fill.size, fill.fee) == (
        "BTCUSDT-5", Decimal("85999.9"), Decimal("0.004"), Decimal("0.17"),
    )  # fmt: skip
    assert (order.report.order.order_id, order.report.order.size) == (77, Decimal("0.006"))


@pytest.mark.parametrize("commission", ["0.17", "-0.02"])
def test_a_makers_rebate_is_told_from_his_fee(commission: str) -> None:
    fills, _ = order_frames(n=commission, m=True)
    assert isinstance(fills, FillsFrame)

    assert fills.fills[0].fee == Decimal(commission)


def test_execution_without_a_fee_says_none() -> None:
    fills, _ = order_frames(n=None, N=None)
    assert isinstance(fills, FillsFrame)

    assert fills.fills[0].fee == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"c": "autoclose-1562305380000"},
        {"c": "adl_autoclose"},
        {"x": "CALCULATED", "X": "FILLED"},
        {"x": "NEW", "X": "NEW_INSURANCE"},
        {"x": "NEW", "X": "NEW_ADL"},
    ],
)
def test_order_that_the_venue_took_over_is_a_liquidation(changes: dict[str, object]) -> None:
    told = [frame.what for frame in order_frames(**changes) if isinstance(frame, HappeningFrame)]

    assert told == [Happening.LIQUIDATION]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"result":null,"id":1}', SignOfLife),
        ('{"code":2,"msg":"Invalid request: too many streams"}', Complaint),
        ("{", Unreadable),
        ("[]", Unreadable),
        ('"text"', Unreadable),
    ],
)
def test_answers_and_noise_are_told_apart(text: str, kind: type) -> None:
    assert isinstance(envelope(text), kind)


def test_streams_stay_within_what_a_connection_carries() -> None:
    interests = frozenset(Interest(Topic.BOOK, f"M{number}USDT") for number in range(500))

    streams = market_streams(interests)
    assert len(streams) == 200
    assert {"!markPrice@arr@1s", "!ticker@arr"} < streams


def test_private_event_reaches_the_owner_of_its_key_and_nobody_else() -> None:
    """Alice's and Bob's streams share a connection; what comes under a key that nobody has is told to nobody."""
    heard: list[Frame] = []
    stream = AsterStream("ws://nowhere", heard.append)
    stream.want(Wanted(accounts=tuple(Watch(address, AccountMode.STANDARD, _adapter()) for address in (ALICE, BOB))))
    for address, text in ((ALICE, "key-of-alice"), (BOB, "key-of-bob")):
        stream._keys._keys[address].text = text
    for key in ("key-of-bob", "key-of-nobody"):
        message = {"stream": key, "data": {"e": "MARGIN_CALL", "E": 1, "p": []}}
        stream._accounts.heard(json.dumps(message))

    assert _accounts(heard) == {BOB}


def test_accounts_that_were_given_one_key_all_hear_it_and_each_ends_alone() -> None:
    """One trader of two exchanges has a trading key for each: the venue gives both the same stream."""
    heard: list[Frame] = []
    stream = AsterStream("ws://nowhere", heard.append)
    watches = tuple(Watch(name, AccountMode.STANDARD, _adapter()) for name in (ALICE, BOB))
    stream.want(Wanted(accounts=watches))
    for name in (ALICE, BOB):
        stream._keys._keys[name].text = "key-of-both"
    message = json.dumps({"stream": "key-of-both", "data": {"e": "MARGIN_CALL", "E": 1, "p": []}})
    stream._accounts.heard(message)
    assert _accounts(heard) == {ALICE, BOB}

    heard.clear()
    stream.want(Wanted(accounts=watches[1:]))
    stream._accounts.heard(message)
    assert (_accounts(heard), stream._accounts.wanted) == ({BOB}, frozenset({"key-of-both"}))


class RefusingDoor:
    """A venue that knows no trading key any more."""

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        return Response(401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}', {})


def test_trading_key_that_the_venue_refuses_hears_nothing_more() -> None:
    """Its stream's own key would go on for the rest of its hour."""
    heard: list[Frame] = []
    stream = AsterStream("ws://nowhere", heard.append)
    login = ApiKeyLogin(ALICE, "k" * 40, "s" * 40)
    adapter = AsterAdapter(RefusingDoor(), Network.TESTNET, login)
    stream.want(Wanted(accounts=(Watch(ALICE, AccountMode.STANDARD, adapter),)))
    key = stream._keys._keys[ALICE]
    key.text = "key-of-alice"
    asyncio.run(stream._keys._ask(key))

    assert (stream._accounts.wanted, heard) == (frozenset(), [GapFrame("another key", ALICE)])


class KeyDoor:
    """A venue that names a listen key, or does not answer."""

    def __init__(self) -> None:
        self.key: str | None = "first"

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        if self.key is None:
            raise Unavailable("away")
        return Response(200, json.dumps({"listenKey": self.key}).encode())


def test_silent_stream_is_current_as_of_the_last_time_its_key_was_named() -> None:
    """A dead key is silent like one that has nothing to say (Aster 2.4): only asking for it tells them apart."""
    heard: list[Frame] = []
    stream, door = AsterStream("ws://nowhere", heard.append), KeyDoor()
    adapter = AsterAdapter(door, Network.TESTNET, ApiKeyLogin(ALICE, "k" * 40, "s" * 40))
    stream.want(Wanted(accounts=(Watch(ALICE, AccountMode.STANDARD, adapter),)))
    key, pong = stream._keys._keys[ALICE], '{"result":["first"],"id":1}'

    def told(*, asked: bool, pongs: int = 1) -> list[type[Frame]]:
        heard.clear()
        if asked:
            asyncio.run(stream._keys._ask(key))
        for _ in range(pongs):
            stream._accounts.heard(pong)
        return [type(frame) for frame in heard if not isinstance(frame, SignOfLife)]

    assert told(asked=True) == [GapFrame]
    assert stream._accounts.url.endswith("?streams=first")
    stream._accounts.opened()
    assert told(asked=True) == [ConfirmedFrame]
    assert told(asked=False, pongs=5) == []
    assert told(asked=True, pongs=5) == [ConfirmedFrame]
    door.key = None
    assert told(asked=True) == [GapFrame]
    door.key = "second"
    assert (told(asked=True), stream._accounts.wanted) == ([GapFrame], frozenset({"second"}))
    stream._accounts.subscribed = frozenset({"second"})  # what happened before that is read once more
    assert [told(asked=True) for _ in range(3)] == [[GapFrame], [ConfirmedFrame], [ConfirmedFrame]]


def test_proof_counts_only_on_a_connection_that_stands_and_carries_the_key() -> None:
    heard: list[Frame] = []
    stream, door = AsterStream("ws://nowhere", heard.append), KeyDoor()
    adapter = AsterAdapter(door, Network.TESTNET, ApiKeyLogin(ALICE, "k" * 40, "s" * 40))
    stream.want(Wanted(accounts=(Watch(ALICE, AccountMode.STANDARD, adapter),)))
    key = stream._keys._keys[ALICE]
    for _ in range(2):
        asyncio.run(stream._keys._ask(key))
    stream._accounts.heard('{"result":null,"id":1}')
    assert ConfirmedFrame(ALICE) not in heard

    stream._accounts.subscribed = frozenset({"first"})
    stream._account_opened()
    stream._accounts.heard('{"result":null,"id":2}')
    assert ConfirmedFrame(ALICE) not in heard

    asyncio.run(stream._keys._ask(key))
    stream._accounts.heard('{"result":null,"id":3}')
    assert heard[-1] == ConfirmedFrame(ALICE)


@pytest.mark.parametrize(("accounts", "seconds"), [(1, 3.0), (50, 3.0), (100, 6.0)])
def test_keys_of_many_accounts_are_checked_within_what_may_be_asked(accounts: int, seconds: float) -> None:
    stream = AsterStream("ws://nowhere", lambda frame: None)
    names = [f"0x{number}" for number in range(accounts)]
    stream.want(Wanted(accounts=tuple(Watch(name, AccountMode.STANDARD, _adapter()) for name in names)))

    assert stream._keys._interval == seconds


def _adapter() -> AsterAdapter:
    return AsterAdapter(door=None, network=None)  # type: ignore[arg-type]


def _accounts(frames: Iterable[Frame]) -> set[str]:
    return {frame.account for frame in frames if isinstance(frame, HappeningFrame | GapFrame)}


@pytest.mark.parametrize(
    ("reason", "what"), [("MARGIN_TYPE_CHANGE", Happening.SETTINGS), ("MARGIN_TRANSFER", Happening.COLLATERAL)]
)
def test_reason_of_a_change_says_what_happened_and_its_positions_where(reason: str, what: Happening) -> None:
    change = {"m": reason, "B": [], "P": [{"s": "BTCUSDT", "pa": "0", "ps": "BOTH", "mt": "isolated"}]}
    (frame,) = account_frames(ALICE, raw({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": change}))
    assert frame == HappeningFrame(ALICE, what, reason, (("BTCUSDT", PositionSide.BOTH, Decimal(0)),))
