"""Logos that are put aside for a draft: a few for each operator, and no more however many are tried."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from branding.drafts import LOGOS, keep_logo, kept_logo
from branding.logo import Logo

ALPHA, BETA = 1, 2


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def logo(number: int) -> Logo:
    return Logo(data=b"png %d" % number, content_type="image/png", digest=f"{number:016x}")


def kept(operator_id: int, count: int) -> list[int]:
    """Which of the first logos are there, whole."""
    return [number for number in range(count) if kept_logo(operator_id, logo(number).digest) == logo(number)]


def test_oldest_makes_room_and_another_operators_stay() -> None:
    keep_logo(BETA, logo(0))
    for number in range(2 * LOGOS + 1):
        keep_logo(ALPHA, logo(number))

    assert kept(ALPHA, 2 * LOGOS + 1) == [*range(LOGOS + 1, 2 * LOGOS + 1)]
    assert kept(BETA, 1) == [0]


def test_same_logo_again_takes_no_other_s_place() -> None:
    for number in range(LOGOS):
        keep_logo(ALPHA, logo(number))
    for _ in range(LOGOS):
        keep_logo(ALPHA, logo(LOGOS - 1))

    assert kept(ALPHA, LOGOS) == [*range(LOGOS)]


def test_logo_that_was_forgotten_can_be_kept_again() -> None:
    for number in [*range(LOGOS + 1), 0]:
        keep_logo(ALPHA, logo(number))

    assert kept(ALPHA, LOGOS + 1) == [0, *range(2, LOGOS + 1)]
