"""The decisions of ``trading.venues.ledger`` for all processes together: three scripts in Redis, a round trip each.

Redis runs a script alone and by its own clock, so two processes never spend the same weight and their clocks do not
matter. A gate and its meters belong to one address of ours at one venue; whoever shares that address shares them.

Redis may lose all of it. Then those who still know what was used put it back before they ask for more: see ``Memory``.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from trading.venues.budget_scripts import SETTLE, STATE, TAKE
from trading.venues.ledger import FIRST_PAUSE, LONGEST_PAUSE, UNDER_WAY, Answer, Charge, Meter, Priority

# A process that has seen more meters than this forgets those whose windows are over.
MANY_METERS = 1000


class Scripts(Protocol):
    """As much of a Redis client as is needed."""

    def register_script(self, script: str | bytes) -> Any:
        """A script that is called with keys and arguments."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What is left: ``closed_for`` seconds nothing passes (``is_ordered``: because the venue said so, else only reads
    wait), and what is used of each meter that was asked about."""

    closed_for: float
    is_ordered: bool
    used: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What a meter held at its last answer, the gate's name at that time, and when all of it has dropped out."""

    born: str
    used: int
    until: float


@dataclass(slots=True)
class Memory:
    """What one process knows of one gate from the answers it got, by its own clock.

    It tells a gate that Redis lost from one that never was: only who has asked before knows another name of the gate.
    A process that has just begun knows nothing and is not held back; where all processes and Redis begin anew within
    one minute, nobody knows what was spent in it. ``silent_until``: the venue ordered silence so long.
    Threads share it.
    """

    meters: dict[str, Held] = field(default_factory=dict)
    silent_until: float = 0.0
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def told(self, meter: Meter, now: float) -> tuple[str, int, float]:
        """The gate's name, what the meter held, and the seconds until that has dropped out."""
        with self._guard:
            held = self.meters.get(meter.name)
        return ("", 0, 0.0) if held is None else (held.born, held.used, max(0.0, held.until - now))

    def keep(self, born: str, silence: float, used: dict[Meter, int], now: float) -> None:
        """What the gate answered when it was asked ``now``."""
        self.be_silent(now + silence)
        with self._guard:
            if len(self.meters) > MANY_METERS:
                self.meters = {name: held for name, held in self.meters.items() if held.until > now}
            for meter, weight in used.items():
                held = Held(born, weight, now + UNDER_WAY + meter.seconds)
                self.meters[meter.name] = _later(self.meters.get(meter.name, held), held)

    def be_silent(self, until: float) -> None:
        """The venue ordered silence until then."""
        with self._guard:
            self.silent_until = max(self.silent_until, until)


def _later(known: Held, new: Held) -> Held:
    """What is known after another answer. Where that was asked for before the known one, it takes nothing back."""
    if new.until >= known.until:
        return new
    return replace(known, used=max(known.used, new.used)) if known.born == new.born else known


class Budget:
    """One address of ours at one venue, named by ``gate``. Raises what the Redis client raises.

    ``memory`` is the process's own of this gate. ``clock`` gives seconds in tests; without it Redis's own clock counts.
    """

    def __init__(
        self,
        redis: Scripts,
        gate: str,
        *,
        memory: Memory | None = None,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311  # spreads, hides nothing
    ) -> None:
        self.gate = gate
        self._memory = Memory() if memory is None else memory
        self._clock = clock
        self._jitter = jitter
        self._take, self._settle, self._state = (redis.register_script(text) for text in (TAKE, SETTLE, STATE))

    def take(self, request: str, priority: Priority, charges: Sequence[Charge]) -> float:
        """Let a request through and count it: 0; or the seconds to wait, and nothing is counted."""
        asked = self._here()
        silence = max(0.0, self._memory.silent_until - asked)
        is_command = priority <= Priority.COMMAND
        arguments: list[object] = [self._now(), request, int(is_command), UNDER_WAY * 1000, LONGEST_PAUSE * 1000]
        arguments += [request_name(), silence * 1000]
        for charge in charges:
            meter = charge.meter
            kept = 0 if is_command else meter.kept
            arguments += [meter.ceiling(priority), meter.seconds * 1000, charge.weight, charge.above]
            born, used, drops_in = self._memory.told(meter, asked)
            arguments += [meter.ceiling(Priority.COMMAND), kept, born, used, drops_in * 1000]
        meters = [charge.meter for charge in charges]
        wait, name, silence, *counts = self._take(self._keys(meters), arguments)
        used_now = dict(zip(meters, map(int, counts), strict=True))
        self._memory.keep(name.decode(), float(silence) / 1000, used_now, asked)
        return float(wait) / 1000

    def settle(self, request: str, charges: Sequence[Charge], answer: Answer) -> None:
        """Count an answered request from its answer on, and heed what the venue said."""
        said = "ok" if not answer.slow_down else "slow" if answer.wait is None else str(answer.wait * 1000)
        if answer.slow_down and answer.wait is not None:
            self._memory.be_silent(self._here() + answer.wait)
        pauses = (FIRST_PAUSE * 1000, LONGEST_PAUSE * 1000, self._jitter(), UNDER_WAY * 1000)
        arguments: list[object] = [self._now(), request, said, *pauses]
        for place, charge in enumerate(charges):
            whole = charge.weight + (answer.extra if place == 0 else 0)
            reported = answer.reported[place] if place < len(answer.reported) else None
            told = "" if reported is None else str(reported)
            arguments += [charge.meter.seconds * 1000, charge.weight, whole, told]
        self._settle(self._keys([charge.meter for charge in charges]), arguments)

    def state(self, *meters: Meter) -> BudgetState:
        """What is left now."""
        closed_for, is_ordered, *used = self._state(self._keys(meters), [self._now()])
        return BudgetState(float(closed_for) / 1000, bool(is_ordered), tuple(int(one) for one in used))

    def _keys(self, meters: Sequence[Meter]) -> list[str]:
        names = (key for meter in meters for key in (meter.name, f"{meter.name}:used", f"{meter.name}:lost"))
        return [f"{self.gate}:gate", *names]

    def _now(self) -> str:
        return "" if self._clock is None else repr(self._clock() * 1000)

    def _here(self) -> float:
        return time.monotonic() if self._clock is None else self._clock()


def request_name() -> str:
    """A name for one request that no other has."""
    return uuid.uuid4().hex
