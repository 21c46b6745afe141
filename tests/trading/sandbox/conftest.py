"""Fixtures of the sandbox's own tests: an engine with a clock that stands, and one process for those over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.sandbox_process import SandboxProcess
from trading.sandbox.engine import Engine, fresh_state
from trading.sandbox.state import Account
from trading.sandbox.venues import ASTER

NOW = 1_790_000_000_000
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Engine:
    return Engine(fresh_state(7, clock.now, still=True), clock)


@pytest.fixture
def alice(engine: Engine) -> Account:
    return engine.fund(ALICE, Decimal(10_000))


@pytest.fixture
def bob(engine: Engine) -> Account:
    return engine.fund(BOB, Decimal(10_000))


@pytest.fixture
def aster(clock: Clock) -> Engine:
    """Aster's ledger, with an account of Alice's on it."""
    engine = Engine(fresh_state(7, clock.now, still=True).others[ASTER.name], clock, ASTER)
    engine.fund(ALICE, Decimal(10_000))
    return engine


@pytest.fixture(scope="session")
def venue() -> Iterator[SandboxProcess]:
    with SandboxProcess("--seed", "7") as sandbox:
        yield sandbox
