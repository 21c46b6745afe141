"""What we believe of every command beside what the venue did: pure functions over the two records."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.chaos.venue import Execution, Strike

ACCEPTED, REJECTED, DEAD = "accepted", "rejected", "dead"
FINAL = (ACCEPTED, REJECTED, DEAD)
NOTHING_TO_CHANGE = (-4046, -4059)


@dataclass(frozen=True, slots=True)
class Belief:
    """A command as our rows have it at the end. ``sent`` are the digests of all that was ever sent for it.

    ``is_there_anyway``: what was wished for is so at the venue whoever brought it about (an order is cancelled).
    """

    command: str
    venue: str
    kind: str
    state: str
    request: str
    burn: str
    account: str
    trader: str
    prepared: float
    settled: float | None
    sent: tuple[str, ...]
    has_evidence: bool
    is_there_anyway: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong from ``start`` to ``end``: for everybody, for one trader's process (``who``), or for
    the command alone that was written down in that time."""

    start: float
    end: float
    who: str = ""
    is_of_its_own: bool = False

    def touched(self, belief: Belief) -> bool:
        """Whether it happened to the command while that was open."""
        if self.is_of_its_own:
            return self.start <= belief.prepared <= self.end
        is_meant = self.who in ("", belief.trader)
        return is_meant and self.start <= (belief.settled or self.start) and self.end >= belief.prepared


@dataclass
class Verdict:
    """The commands that break each promise, by their ids, and the seconds each command took after its last fault.

    ``walked``: those of commands whose path was walked to a point that was chosen for it. The slowest paths are walked
    as often as the quick ones, and in a short run nearly as often as anybody trades: their share of all commands is
    our choice, so a hundredth of a short run is told without them.
    """

    commands: int = 0
    duplicated: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    signed_anew: list[str] = field(default_factory=list)
    without_evidence: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    struck_seconds: list[float] = field(default_factory=list)
    walked: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def worth_telling(self) -> list[str]:
        """The slowest commands, and those that broke a promise."""
        found = [*self.duplicated, *self.lost, *self.wrong, *self.unresolved, *self.without_evidence]
        named = [text.split()[0] for text in found if not text.startswith(("approval ", "request "))]
        return [*(name for _, name in self.slowest if not name.startswith("approval ")), *named]

    @property
    def all_seconds(self) -> list[float]:
        """Those of every command."""
        return [*self.seconds, *self.walked]


def within(share: float, seconds: Iterable[float]) -> float:
    """The time within which this share of the commands was settled."""
    ranked = sorted(seconds)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def is_success(execution: Execution) -> bool:
    """Whether the venue carried the request out, at least a part of it, by its own answer."""
    if execution.status != 200:
        return _code(execution.answer) in NOTHING_TO_CHANGE
    answer = json.loads(execution.answer)
    if isinstance(answer, list):
        return any("orderId" in row and _is_taken(row) for row in answer)
    if "status" in answer and "response" in answer:
        statuses = answer["response"].get("data", {}).get("statuses", []) if answer["status"] == "ok" else None
        return statuses is not None and (not statuses or any("error" not in row for row in statuses))
    return _is_taken(answer)


def _is_taken(answer: Mapping[str, object]) -> bool:
    """An order that expired without a fill did nothing (Aster 3.7)."""
    return not (answer.get("status") in ("EXPIRED", "REJECTED") and float(str(answer.get("executedQty", 0))) == 0)


def _code(answer: str) -> int:
    try:
        return int(json.loads(answer)["code"])
    except (ValueError, KeyError, TypeError):
        return 0


def judge(
    beliefs: Iterable[Belief],
    executions: Iterable[Execution],
    strikes: Iterable[Strike],
    troubles: Iterable[Trouble],
    began: float = 0.0,
) -> Verdict:
    """Compare every command with what the venue did; times are seconds since 1970 of one clock.

    What the venue carried out after ``began`` and no row of ours asks for is lost, too.
    """
    executions = list(executions)
    successes: Counter[str] = Counter(row.request for row in executions if is_success(row))
    by_request: dict[str, list[Strike]] = defaultdict(list)
    for strike in strikes:
        by_request[strike.request].append(strike)
    verdict, known, wide = Verdict(), set(), list(troubles)
    for belief in beliefs:
        known |= {belief.request, belief.burn}
        _judge_one(verdict, belief, successes)
        if belief.settled is not None:
            struck = [*by_request[belief.request], *by_request[belief.burn], *by_request[belief.account]]
            _time(verdict, belief, struck, wide)
    later = {row.request for row in executions if row.moment >= began and is_success(row)}
    verdict.lost += [f"request {name}" for name in later - known]
    return verdict


def _judge_one(verdict: Verdict, belief: Belief, successes: Counter[str]) -> None:
    done = successes[belief.request]
    verdict.commands += 1
    verdict.states[belief.state] += 1
    verdict.kinds[belief.kind] += 1
    if done > 1:
        verdict.duplicated.append(belief.command)
    if belief.state not in FINAL:
        verdict.unresolved.append(f"{belief.command} {belief.kind} {belief.state}")
    if belief.state == ACCEPTED and not done and not belief.is_there_anyway:
        verdict.lost.append(f"{belief.command} {belief.kind}")
    if belief.state in (REJECTED, DEAD) and done:
        verdict.wrong.append(f"{belief.command} {belief.kind} {belief.state}")
    if set(belief.sent) - {belief.request, belief.burn}:
        verdict.signed_anew.append(belief.command)
    if belief.state in FINAL and not belief.has_evidence:
        verdict.without_evidence.append(belief.command)


def _time(verdict: Verdict, belief: Belief, strikes: list[Strike], troubles: list[Trouble]) -> None:
    """The seconds from the end of the last fault that touched the command while it was open, until it was settled."""
    assert belief.settled is not None
    ends = [one.ended for one in strikes if belief.prepared <= one.ended <= belief.settled]
    touching = [one for one in troubles if one.touched(belief)]
    ends += [min(one.end, belief.settled) for one in touching]
    took = max(0.0, belief.settled - max([belief.prepared, *ends]))
    verdict.slowest = sorted([*verdict.slowest, (took, belief.command)])[-5:]
    if any(one.is_of_its_own for one in touching):
        verdict.walked.append(took)
        return
    verdict.seconds.append(took)
    if ends:
        verdict.struck_seconds.append(took)
