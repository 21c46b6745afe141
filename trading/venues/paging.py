"""Lists that come page by page, read whole: by the venue's own clock, without gaps or repeats.

Time ranges are inclusive on both sides, so a page repeats the last moment of the one before it (Hyperliquid 2.2,
Aster 3.7), and a venue may tell one row twice. Whether a page is the last one says the number of rows the venue told,
never the number that was left after repeats were dropped.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from trading.venues.decoding import MILLISECOND, Decoder

logger = logging.getLogger(__name__)

T = TypeVar("T")

_rows = Decoder(list[msgspec.Raw], "page")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What one page holds; ``told`` is the number of rows the venue wrote, repeats and what we drop included."""

    rows: tuple[T, ...]
    told: int


def paged(parse: Callable[[bytes], tuple[T, ...]]) -> Callable[[bytes], Page[T]]:
    """The parser of a list as the parser of a page of it."""
    return lambda body: Page(parse(body), len(_rows(body)))


def pages(
    fetch: Callable[[datetime], Page[T]],
    since: datetime,
    size: int,
    *,
    key: Callable[[T], object],
    time: Callable[[T], datetime],
) -> tuple[T, ...]:
    """Every row from ``since`` (inclusive) on, oldest first, each once. ``size`` is what the venue puts on a page at
    most, and ``fetch`` asks for the page that starts at a moment."""
    found: dict[object, T] = {}
    start = since
    while True:
        page = fetch(start)
        known = len(found)
        found.update((key(row), row) for row in page.rows)
        if page.told < size:
            break
        start = max((start, *(time(row) for row in page.rows)))
        if len(found) == known:
            logger.warning("A list has more rows of one moment than a page holds: %s", start)
            start += MILLISECOND
    return tuple(sorted(found.values(), key=time))
