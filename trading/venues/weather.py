"""How a venue is doing, judged by what came of the newest requests and by its own words. Pure.

Evidence is recent or it is none: what is older than ``MEMORY`` seconds says nothing, so a state ends by itself when
its evidence ages or is contradicted. A read is always tried now and then (``PROBE`` seconds apart while the venue is
down), so evidence never runs out for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MEMORY = timedelta(seconds=60)
PROBE = 2.0
# So many failures in a row, over at least so long, with no answer between them, are more than bad luck.
FAILURES, FAILING = 3, timedelta(seconds=2)
SLOW_SECONDS = 1.5
SLOW_SHARE = 2  # every second one
JUDGED = 20


class Sky(StrEnum):
    """The state of a venue, the worst last."""

    FINE = "fine"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    HALTED = "halted"
    DOWN = "down"

    @property
    def takes_risk(self) -> bool:
        """Whether orders that add risk may be sent: not to a venue that would not tell what became of them."""
        return self not in (Sky.DOWN, Sky.HALTED)


class Kind(StrEnum):
    """What came of one request."""

    ANSWERED = "answered"
    SLOWED = "slowed"  # it said "slow down"
    FAILED = "failed"  # sent, and no usable answer
    UNREACHABLE = "unreachable"  # provably not sent
    HALTED = "halted"  # it said that trading is halted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request, and how many seconds that took. ``wait``: for how long the venue told us to be silent,
    where it did."""

    kind: Kind
    seconds: float
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """An outcome and when it was known."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Weather:
    """The state of a venue, since when (None while it is fine), and until when it told us to be silent."""

    sky: Sky = Sky.FINE
    since: datetime | None = None
    silent_until: datetime | None = None


def judge(evidence: Sequence[Evidence], now: datetime) -> Weather:
    """The weather by this evidence, newest first.

    Down: the newest outcomes are all failures, several and over some time; one answer ends it. Rate-limited: we were
    told to be silent and the time is not over. Slow: half of the newest answers took longer than ``SLOW_SECONDS``.
    """
    recent = [one for one in evidence if timedelta(0) <= now - one.at <= MEMORY][:JUDGED]
    failures = _leading(recent, (Kind.FAILED, Kind.UNREACHABLE))
    if len(failures) >= FAILURES and failures[0].at - failures[-1].at >= FAILING:
        return Weather(Sky.DOWN, failures[-1].at)
    halts = _leading(recent, (Kind.HALTED,))
    if halts:
        return Weather(Sky.HALTED, halts[-1].at)
    told = [one for one in recent if one.outcome.kind is Kind.SLOWED]
    ends = [one.at + timedelta(seconds=one.outcome.wait) for one in told if one.outcome.wait is not None]
    if ends and max(ends) > now:
        return Weather(Sky.RATE_LIMITED, told[-1].at, max(ends))
    if len(slowed := _leading(recent, (Kind.SLOWED,))) >= FAILURES:
        return Weather(Sky.RATE_LIMITED, slowed[-1].at)
    slow = [one for one in recent if one.outcome.kind is Kind.ANSWERED and one.outcome.seconds > SLOW_SECONDS]
    if len(slow) >= FAILURES and len(slow) * SLOW_SHARE >= len(recent):
        return Weather(Sky.SLOW, slow[-1].at)
    return Weather()


def _leading(recent: Sequence[Evidence], kinds: Sequence[Kind]) -> list[Evidence]:
    """The newest outcomes as far as all of them are of these kinds."""
    leading = []
    for one in recent:
        if one.outcome.kind not in kinds:
            break
        leading.append(one)
    return leading
