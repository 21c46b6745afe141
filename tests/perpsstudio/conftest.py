"""Folders and processes for tests that start real servers."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from perpsstudio.embedded import processes
from perpsstudio.embedded.processes import Child


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder for one copy's data that another account can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="perpsstudio-test-"))
    folder.chmod(0o711)
    yield folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Children that a test appends are stopped after it, however it ends."""
    started: list[Child] = []
    yield started
    processes.stop_all(started)


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Put the test runner's own handlers back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
