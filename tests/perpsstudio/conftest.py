"""Folders and processes for tests that start real servers."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perpsstudio.embedded import postgres, processes
from perpsstudio.embedded.processes import Child
from tests.perpsstudio import servers


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="perpsstudio-test-"))
    folder.chmod(0o711)
    yield folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder for one copy's data that another account can enter, unlike pytest's own."""
    with _folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A PostgreSQL cluster as the product makes it, to be copied by whoever does not ask how it is made."""
    with _folder() as folder:
        server = servers.find(folder)
        postgres.create(server, may_create_databases=False)
        yield server.data


@pytest.fixture
def made(state: Path, cluster: Path) -> Path:
    """A state folder with its cluster, which never ran."""
    subprocess.run(["cp", "-a", str(cluster), str(state / "postgres")], check=True)
    return state


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
