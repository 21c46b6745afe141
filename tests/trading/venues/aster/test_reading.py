"""Lists of the venue, read whole: by market, by week and by page, without gaps or repeats."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.trading.venues.aster.figures import NOW, OWNER, market
from tests.trading.venues.aster.rows import (
    FILL,
    FLAT,
    FORCED,
    INCOME,
    ISOLATED,
    MOVE,
    ORDER,
    Row,
)
from tests.trading.venues.aster.venue import Question, Venue, milliseconds
from tests.trading.venues.misbehaving import answer
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.base import (
    OrderState,
)
from trading.venues.errors import (
    Rejected,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
BITCOIN = market()
WEEK = timedelta(days=7)


def test_orders_are_read_whole_or_by_market(adapter: AsterAdapter, venue: Venue) -> None:
    venue.answers(openOrders=lambda _: [ORDER])
    assert len(adapter.open_orders(OWNER)) == 1
    assert len(adapter.open_orders(OWNER, [BITCOIN, market("ETHUSDT")])) == 2
    assert [question for _, question in venue.asked] == [{}, {"symbol": "BTCUSDT"}, {"symbol": "ETHUSDT"}]


@pytest.mark.parametrize(("name", "key"), [(1917641, "orderId"), ("abc", "origClientOrderId")])
def test_an_order_is_asked_for_by_either_id(adapter: AsterAdapter, venue: Venue, name: int | str, key: str) -> None:
    venue.answers(order=lambda _: ORDER | {"status": "FILLED"}, allOrders=lambda _: [ORDER])
    assert adapter.order_status(OWNER, name, market=BITCOIN).state is OrderState.FILLED
    assert adapter.order_status(OWNER, name).state is OrderState.OPEN
    assert adapter.order_status(OWNER, "nobody's").state is OrderState.UNKNOWN
    assert venue.asked[0] == ("order", {"symbol": "BTCUSDT", key: str(name)})
    span = venue.asked[1][1]
    assert int(span["endTime"]) - int(span["startTime"]) <= WEEK / timedelta(milliseconds=1)


def test_an_order_the_venue_does_not_know_is_unknown_and_no_error(adapter: AsterAdapter, venue: Venue) -> None:
    venue.on("order", answer(400, b'{"code":-2013,"msg":"Order does not exist."}'))
    assert adapter.order_status(OWNER, "abc", market=BITCOIN).state is OrderState.UNKNOWN
    venue.on("order", answer(400, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'))
    with pytest.raises(Rejected, match="Connect again"):
        adapter.order_status(OWNER, "abc", market=BITCOIN)


def between(rows: list[Row], question: Question, limit: int) -> list[Row]:
    """What the venue lists: a span of at most seven days, oldest first."""
    start, end = int(question["startTime"]), int(question.get("endTime", "9" * 15))
    assert "endTime" not in question or end - start < WEEK / timedelta(milliseconds=1)
    return [row for row in rows if start <= row["time"] <= end][:limit]


def test_fills_are_read_of_every_touched_market_without_gaps_or_repeats(adapter: AsterAdapter, venue: Venue) -> None:
    """2,500 fills over 16 days, many at one moment and one told twice: pages end inside a moment and weeks end inside a
    page."""
    since = NOW - timedelta(days=16)
    first = milliseconds(since)
    hour = 3_600_000
    rows = [FILL | {"id": number, "time": first + number // 700 * 100 * hour} for number in range(2500)]
    rows.insert(500, rows[499])
    untouched, older = FLAT | {"symbol": "SOLUSDT"}, ISOLATED | {"symbol": "ETHUSDT", "updateTime": first - 1}
    venue.answers(
        positionRisk=lambda _: [ISOLATED | {"updateTime": first}, untouched, older],
        userTrades=lambda question: between(rows, question, 1000),
    )
    found = adapter.fills(OWNER, since)
    assert [fill.key for fill in found] == [f"BTCUSDT-{number}" for number in range(2500)]
    assert {question["symbol"] for name, question in venue.asked if name == "userTrades"} == {"BTCUSDT"}


def test_income_is_paged_and_parted(adapter: AsterAdapter, venue: Venue) -> None:
    first = milliseconds(START)
    rows = [INCOME | {"time": first + number // 3, "tranId": number} for number in range(1500)]
    rows.insert(500, rows[499])
    rows += [INCOME | {"incomeType": kind, "time": first + 9, "tranId": 1} for kind in ("TRANSFER", "COMMISSION")]
    rows.sort(key=lambda row: row["time"])

    def income(question: Question) -> object:
        wanted = [row for row in rows if question.get("incomeType") in {None, row["incomeType"]}]
        return between(wanted, question, 1000)

    def forced(question: Question) -> object:
        return [FORCED | {"time": first + 5}] if question["autoCloseType"] == "LIQUIDATION" else []

    venue.answers(income=income, forceOrders=forced)
    assert len(adapter.funding(OWNER, START)) == 1500
    assert [entry.kind for entry in adapter.ledger(OWNER, START)] == ["LIQUIDATION", "TRANSFER"]


def test_a_moment_fuller_than_a_page_is_told_and_does_not_hang(
    adapter: AsterAdapter, venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    moves = [MOVE | {"time": milliseconds(START), "amount": str(number + 1)} for number in range(600)]
    venue.answers(positionMargin__history=lambda question: between(moves, question, 500))
    assert len(adapter.margin_moves(OWNER, BITCOIN, START)) == 500
    assert "more rows of one moment than a page holds" in caplog.text


def test_candles_are_read_to_the_end(adapter: AsterAdapter, venue: Venue) -> None:
    minute = 60_000
    start = milliseconds(START)

    def klines(question: Question) -> object:
        opened = range(start, int(question["endTime"]) + 1, minute)
        rows = [time for time in opened if time >= int(question["startTime"])][:1500]
        return [[time, "1", "2", "0.5", "1.5", "9", time + 59_999, "13", 4, "1", "1", "0"] for time in rows]

    venue.answers(klines=klines)
    end = START + timedelta(minutes=1999)
    found = adapter.candles(BITCOIN, "1m", START, end)
    assert [milliseconds(candle.opened_at) for candle in found] == [start + number * minute for number in range(2000)]
    assert venue.asked[0][1] == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": str(start),
        "endTime": str(milliseconds(end)),
        "limit": "1500",
    }
