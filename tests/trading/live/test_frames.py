"""Hyperliquid's frames, recorded and in our own words, and when to connect again."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.venues.connection import Timings, beside, reconnect_delay
from trading.venues.hyperliquid.frames import parse
from trading.venues.snapshots import Book, BookLevel, Candle, Fill, MarketState, Trade
from trading.venues.streaming import (
    BookFrame,
    CandleFrame,
    Complaint,
    FillsFrame,
    SignOfLife,
    StateFrame,
    TradesFrame,
    Unreadable,
)

NOBODY = "0x0000000000000000000000000000000000000001"
STATE_TEXT = (
    '{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"0.0000125","openInterest":"38060.24832",'
    '"prevDayPx":"84083.0","dayNtlVlm":"3039013020.3949518204","premium":"-0.0002779708","oraclePx":"86340.0",'
    '"markPx":"86319.4","midPx":%s,"impactPxs":null,"dayBaseVlm":"35516.4449599999"}}}'
)
STATE = MarketState(
    name="BTC",
    mark=Decimal("86319.4"),
    oracle=Decimal("86340.0"),
    mid=Decimal("86315.5"),
    previous_day_price=Decimal("84083.0"),
    funding_rate=Decimal("0.0000125"),
    open_interest=Decimal("38060.24832"),
    day_volume=Decimal("3039013020.3949518204"),
)


def test_prices_are_exactly_what_the_venue_wrote() -> None:
    assert parse(STATE_TEXT % '"86315.5"') == StateFrame(STATE)


def test_empty_side_of_the_book_leaves_no_mid() -> None:
    frame = parse(STATE_TEXT % "null")

    assert isinstance(frame, StateFrame)
    assert frame.state.mid is None


@pytest.mark.parametrize(
    "text",
    [
        "Websocket connection established.",
        "",
        '{"channel":"pong"}',
        '{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"trades","coin":"SOL"}}}',
        '{"channel":"somethingNew","data":[1,2,3]}',
    ],
)
def test_text_without_news_is_a_sign_of_life(text: str) -> None:
    assert isinstance(parse(text), SignOfLife)


@pytest.mark.parametrize(
    "text",
    [
        STATE_TEXT % '"NaN"',
        STATE_TEXT % "null" + "}",
        (STATE_TEXT % "null")[:100],
        "{",
        (STATE_TEXT % "null").replace('"markPx":"86319.4",', ""),
        (STATE_TEXT % "null").replace('"86319.4"', '"no price"'),
        '{"channel":"l2Book","data":{"coin":"BTC","time":1790951245492,"levels":[[]]}}',
        '{"channel":5}',
        '{"data":{}}',
        "[]",
    ],
)
def test_frame_that_does_not_fit_is_unreadable_and_guesses_nothing(text: str) -> None:
    assert isinstance(parse(text), Unreadable)


RECORDED = {
    "ack": SignOfLife("subscriptionResponse"),
    "pong": SignOfLife("pong"),
    "error": Complaint("Cannot track more than 10 total users."),
    "allMids": SignOfLife("allMids"),
    "bbo": SignOfLife("bbo"),
    "trades": TradesFrame(
        "SOL",
        (
            Trade(
                key="1790951246000-118906512037719",
                market="SOL",
                time=datetime(2026, 10, 2, 14, 27, 26, tzinfo=UTC),
                is_buy=True,
                price=Decimal("122.03"),
                size=Decimal("1.2"),
            ),
        ),
    ),
    "candle": CandleFrame(
        "15m",
        Candle(
            market="BTC",
            opened_at=datetime(2023, 4, 19, 17, 0, tzinfo=UTC),
            closed_at=datetime(2023, 4, 19, 17, 14, 59, 999000, tzinfo=UTC),
            open=Decimal("29295.0"),
            high=Decimal("29309.0"),
            low=Decimal("29250.0"),
            close=Decimal("29258.0"),
            volume=Decimal("0.98639"),
            trades=189,
        ),
    ),
    "userFills_snapshot": FillsFrame(
        NOBODY,
        (
            Fill(
                key="1770458548926-HYPE-882779857052503",
                market="HYPE",
                order_id=314848230306,
                client_id=None,
                is_buy=True,
                price=Decimal("33.209"),
                size=Decimal("0.73"),
                time=datetime(2026, 2, 7, 10, 2, 28, 926000, tzinfo=UTC),
                closed_pnl=Decimal("0.0"),
                fee=Decimal("0.012896"),
                builder_fee=Decimal("0.002424"),
                fee_token="USDC",
                is_taker=True,
                start_position=Decimal("0.0"),
                direction="Open Long",
            ),
        ),
        is_snapshot=True,
    ),
    "notification": SignOfLife("notification"),
    "activeAssetCtx": StateFrame(STATE),
    "l2Book": BookFrame(
        Book(
            market="BTC",
            venue_time=datetime(2026, 10, 2, 14, 27, 25, 492000, tzinfo=UTC),
            bids=(
                BookLevel(Decimal("86326.0"), Decimal("13.74071"), 70),
                BookLevel(Decimal("86325.0"), Decimal("3.66242"), 2),
            ),
            asks=(
                BookLevel(Decimal("86327.0"), Decimal("1.02484"), 10),
                BookLevel(Decimal("86330.0"), Decimal("0.79936"), 2),
            ),
        )
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_frame_reads_as_the_table_says(venue_data: Path, name: str) -> None:
    frames = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())

    assert parse(json.dumps(frames[name])) == RECORDED[name]


def test_no_recorded_frame_is_unreadable(venue_data: Path) -> None:
    frames = json.loads((venue_data / "hyperliquid" / "ws_frames.json").read_text())
    inbound = {name: frame for name, frame in frames.items() if isinstance(frame, dict) and "channel" in frame}

    assert [name for name, frame in inbound.items() if isinstance(parse(json.dumps(frame)), Unreadable)] == []
    assert len(inbound) >= 20


@pytest.mark.parametrize(
    ("base", "stream"),
    [
        ("https://api.hyperliquid.xyz", "wss://api.hyperliquid.xyz"),
        ("http://127.0.0.1:9000/", "ws://127.0.0.1:9000"),
    ],
)
def test_stream_lies_beside_the_base_url(base: str, stream: str) -> None:
    assert beside(base) == stream


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_reconnecting_never_exceeds_thirty_connections_a_minute(jitters: list[float]) -> None:
    """Hyperliquid 6: whatever the dice say, and however fast each connection dies."""
    moments = [0.0]
    for attempt, jitter in enumerate(jitters):
        moments.append(moments[-1] + reconnect_delay(attempt, Timings(), jitter))

    assert max(sum(1 for later in moments if start <= later < start + 60) for start in moments) <= 10
    assert max(reconnect_delay(attempt, Timings(), 1.0) for attempt in range(100)) == 30.0
