"""Servers that the venue tests talk to."""

from collections.abc import Iterator

import pytest

from tests.trading.venues.misbehaving import MisbehavingServer, serving


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with serving() as running:
        yield running
