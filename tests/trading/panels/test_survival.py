"""What recent days say of a liquidation's distance: counted exactly, and silent where there is nothing to count."""

from decimal import Decimal

import pytest

from trading.margin.types import Side
from trading.panels.elements import Tone
from trading.panels.numbers import NARROW_SPACE
from trading.panels.survival import NO_HISTORY, NOTHING_YET, build_survival, unasked
from trading.survival import DAYS, Day, days_hit

# The furthest that each of ten days fell and rose from its first price of 200, in per cent.
FALLS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 30)
RISES = (12, 0, 0, 9, 0, 5, 0, 1, 0, 2)
MONTH = tuple(
    Day(Decimal(200), Decimal(200 + 2 * up), Decimal(200 - 2 * down)) for down, up in zip(FALLS, RISES, strict=True)
)


@pytest.mark.parametrize(
    ("distance", "longs", "shorts"),
    [("0.0001", 9, 5), ("0.05", 5, 3), ("0.0501", 4, 2), ("0.08", 2, 2), ("0.30", 1, 0), ("0.3001", 0, 0)],
)
def test_a_day_counts_from_the_very_distance_on(distance: str, longs: int, shorts: int) -> None:
    counted = tuple(days_hit(MONTH, side, Decimal(distance)) for side in (Side.LONG, Side.SHORT))

    assert counted == (longs, shorts)


def test_line_names_the_way_there_and_how_often_it_was_gone() -> None:
    long, short = (build_survival("BTC", side, Decimal("0.0812"), MONTH) for side in (Side.LONG, Side.SHORT))

    assert (long.words, long.result, long.tone) == (
        f"−8.1{NARROW_SPACE}% in a day:",
        "hit on 1 of 10 days",
        Tone.WARN,
    )
    assert (short.words, short.result) == (f"+8.1{NARROW_SPACE}% in a day:", "hit on 2 of 10 days")
    assert [bar.is_hit for bar in long.bars] == [False] * 9 + [True]
    assert [bar.height for bar in long.bars] == [1, 1, 2, 4, 5, 7, 8, 10, 11, 12]


def test_line_of_a_distance_that_no_day_went_says_never() -> None:
    line = build_survival("BTC", Side.LONG, Decimal("0.5"), MONTH * 3)

    assert (line.result, line.tone, len(line.bars)) == (f"never hit in {DAYS} days", Tone.MUTED, DAYS)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, NO_HISTORY),
        ((), "Too young a market to try: 0 days of prices."),
        (MONTH[:1], "Too young a market to try: 1 day of prices."),
        (MONTH[:6], "Too young a market to try: 6 days of prices."),
    ],
)
def test_line_says_why_it_says_nothing(days: tuple[Day, ...] | None, words: str) -> None:
    line = build_survival("BTC", Side.LONG, Decimal("0.1"), days)

    assert (line.words, line.result, line.bars, line.asks_again) == (words, "", (), days is None)


def test_line_before_there_is_a_distance_asks_for_nothing() -> None:
    assert (unasked("BTC").words, unasked("BTC").asks_again) == (NOTHING_YET, False)
