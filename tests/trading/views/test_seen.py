"""An estimate that came, went or moved since it was seen is asked about again."""

import doctest

import pytest

from trading.views import seen


def test_the_examples_hold() -> None:
    assert doctest.testmod(seen).failed == 0


@pytest.mark.parametrize(
    ("before", "now", "has_moved"),
    [
        ("100", "100", False),
        ("100", "100.5", False),
        ("100", "100.6", True),
        ("100.6", "100", True),
        ("", "100", True),
        ("100", "", True),
        ("", "", False),
        ("nonsense", "100", True),
        ("1e999999999", "100", True),
        ("0", "0", False),
    ],
)
def test_estimate_may_move_by_half_a_per_cent(before: str, now: str, has_moved: bool) -> None:
    assert seen.has_moved(before, now) is has_moved
