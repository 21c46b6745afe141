"""What a position had become when it was liquidated, by what was executed after its last reading."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading.services.unread import ON_ITS_WAY, Course, Move, course_of

READ_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Seconds after the clock of the reading, and the size.
Traded = tuple[float, str]
LATER = ON_ITS_WAY.total_seconds() + 1


def course(seen: str, found: str, *traded: Traded) -> Course:
    moves = [Move(READ_AT + timedelta(seconds=seconds), Decimal(size)) for seconds, size in traded]
    return course_of(Decimal(seen), READ_AT, moves, Decimal(found))


def sizes(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


@pytest.mark.parametrize(
    ("seen", "found", "traded", "expected"),
    [
        ("0.02", "0.02", [], sizes("0.02")),
        ("0.02", "0.05", [(LATER, "0.03")], sizes("0.02", "0.05")),
        ("-0.02", "0.05", [(LATER, "-0.03")], sizes("-0.02", "-0.05")),
        ("0.02", "0.01", [(LATER, "0.03")], sizes("0.02", "0.05")),
        ("0.02", "0.02", [(LATER, "-0.02"), (LATER + 1, "0.02")], sizes("0.02", "0", "0.02")),
        ("0.02", "0.02", [(1, "-0.01")], sizes("0.02")),
        ("0.02", "0.01", [(1, "-0.01")], sizes("0.02", "0.01")),
        ("0.02", "0.05", [(1, "0.01"), (LATER, "0.03")], sizes("0.02", "0.05")),
        ("0.02", "0.04", [(1, "0.01"), (LATER, "0.03")], sizes("0.02", "0.03", "0.06")),
        ("0.02", "0.02", [(LATER, "0.03")], sizes("0.02", "0.05")),
    ],
    ids=[
        "untouched", "grew", "short that grew", "a part closed", "anew", "read with its reading",
        "after its reading", "the first read with its reading", "a part closed by the clock", "too late to be read",
    ],
)  # fmt: skip
def test_course_follows_the_executions_that_the_reading_did_not_hold(
    seen: str, found: str, traded: list[Traded], expected: tuple[Decimal, ...]
) -> None:
    assert course(seen, found, *traded).sizes == expected


@pytest.mark.parametrize(
    ("went", "is_one"),
    [(["0.02"], True), (["0.02", "0.05", "0.01"], True), (["0.02", "0", "0.02"], False), (["-0.01", "0.02"], False)],
)
def test_position_that_went_or_turned_is_another_one(went: list[str], is_one: bool) -> None:
    found = Course(sizes(*went))

    assert (found.is_one_position, found.last) == (is_one, Decimal(went[-1]))
