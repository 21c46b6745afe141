"""The table of a run and its last line."""

from collections.abc import Mapping
from decimal import Decimal

from tests.chaos.checker import Verdict, within
from tests.chaos.run import Outcome

P99 = 1.0
# So many commands of one venue have a hundredth that is more than chance; fewer are judged together with the other's.
ENOUGH = 1000
COMMON_RULES = ("failure on exception", "retry with a new nonce")
LONGEST = {"hyperliquid": 5.0, "aster": 20.0}


def last_line(outcome: Outcome) -> str:
    """The figures of both venues together, in the form that others read: p99 of the traders' commands, max of all."""
    verdicts = outcome.verdicts.values()
    longest = max((max(verdict.all_seconds, default=0.0) for verdict in verdicts), default=0.0)
    sums = {
        "commands": sum(verdict.commands for verdict in verdicts),
        "duplicated": sum(len(verdict.duplicated) for verdict in verdicts),
        "lost": sum(len(verdict.lost) for verdict in verdicts),
        "wrong": sum(len(verdict.wrong) for verdict in verdicts),
        "unresolved": sum(len(verdict.unresolved) for verdict in verdicts),
    }
    counted = " ".join(f"{name}={count}" for name, count in sums.items())
    return f"chaos: {counted} p99={_p99(outcome):.3f} max={longest:.3f}"


def _p99(outcome: Outcome) -> float:
    return within(0.99, (second for verdict in outcome.verdicts.values() for second in verdict.seconds))


def is_kept(outcome: Outcome) -> bool:
    """Whether every promise was kept."""
    return not broken(outcome)


def broken(outcome: Outcome) -> list[str]:
    """The promises that were not kept, in words."""
    found = [f"99 of 100 took up to {_p99(outcome):.2f} s"] if _p99(outcome) > P99 else []
    for venue, verdict in outcome.verdicts.items():
        for name in ("duplicated", "lost", "wrong", "unresolved", "signed_anew", "without_evidence"):
            rows = getattr(verdict, name)
            found += [f"{venue} {name}: {', '.join(rows[:5])} ({len(rows)})"] if rows else []
        # Of so many those who were walked are few, and one in a hundred has room for them.
        if len(verdict.seconds) >= ENOUGH and within(0.99, verdict.all_seconds) > P99:
            found.append(f"{venue}: 99 of 100 took up to {within(0.99, verdict.all_seconds):.2f} s")
        if max(verdict.all_seconds, default=0.0) > LONGEST[venue]:
            found.append(f"{venue}: the last one took {max(verdict.all_seconds):.2f} s")
    for when, accounts in (("", outcome.standing), (" after late frames", outcome.late)):
        found += [
            f"{name}: its rows stood otherwise{when}: {'; '.join(rows)}" for name, rows in accounts.items() if rows
        ]
    found += [f"turned back by older news: {row}" for row in outcome.turned_back[:5]]
    found += [f"nobody came to die: {name}" for name in outcome.deaths.unwalked]
    found += [f"{name}: money {row[0]} unexplained" for name, row in outcome.unexplained.items() if row[0] != "0"]
    found += [f"{name}: positions {row[1]}" for name, row in outcome.unexplained.items() if row[1]]
    found += [
        f"{venue}: the venue's own money {row}"
        for venue, row in outcome.totals.items()
        if Decimal(row[0]) != Decimal(row[1])
    ]
    return found


def table(outcome: Outcome) -> str:
    """Every venue beside the two common rules, and what happened to them."""
    lines = [f"{'':34}{'hyperliquid':>14}{'aster':>14}"]
    for label, read in ROWS:
        lines.append(f"{label:34}" + "".join(f"{read(verdict):>14}" for verdict in outcome.verdicts.values()))
    for rule in COMMON_RULES:
        told = [_told(outcome.rules.get(venue, {}).get(rule)) for venue in outcome.verdicts]
        lines.append(f"{rule + ': twice, wrong, of':34}" + "".join(f"{text:>14}" for text in told))
    deaths = outcome.deaths
    points = ", ".join(f"{name} {count}" for name, count in deaths.points.items())
    struck = ", ".join(f"{name} {count}" for name, count in sorted(outcome.strikes.items()))
    lines += [
        f"faults: {struck}",
        f"killed: {outcome.kills} at random, and {deaths.points.total()} at points of {points}",
    ]
    stopped = ", ".join(f"{name} {count}" for name, count in sorted(outcome.stopped.items()))
    lines += [f"walks that ended before their point: {deaths.survived}; stopped by themselves: {stopped or 'nobody'}"]
    frames = ", ".join(f"{venue} {_frames(counts)}" for venue, counts in outcome.frames.items())
    standing = sum(1 for rows in outcome.standing.values() if not rows)
    lines += [f"frames: {frames}; rows that turned back: {len(outcome.turned_back)}"]
    lines += [
        f"accounts whose rows were the venue's: {standing} of {len(outcome.standing)}, all checked within "
        f"{outcome.standing_seconds:.1f} s"
    ]
    lines += [f"accounts whose money and positions add up: {_adding_up(outcome)} of {len(outcome.unexplained)}"]
    lines += [f"took {outcome.seconds:.0f} s"]
    return "\n".join([*lines, *(f"BROKEN {line}" for line in broken(outcome))])


def _told(figures: dict[str, int] | None) -> str:
    return "" if figures is None else f"{figures['twice']}, {figures['wrong']}, {figures['orders']}"


def _frames(counts: Mapping[str, int]) -> str:
    return " / ".join(f"{kind} {count}" for kind, count in counts.items())


def _adding_up(outcome: Outcome) -> int:
    return sum(1 for row in outcome.unexplained.values() if row[0] == "0" and not row[1])


def _share(verdict: Verdict, *names: str) -> str:
    return " / ".join(str(verdict.states[name]) for name in names)


ROWS = (
    ("commands", lambda v: v.commands),
    ("struck by a fault or a kill", lambda v: len(v.struck_seconds)),
    ("walked to a point of a path", lambda v: len(v.walked)),
    ("accepted / rejected / dead", lambda v: _share(v, "accepted", "rejected", "dead")),
    ("executed twice", lambda v: len(v.duplicated)),
    ("lost", lambda v: len(v.lost)),
    ("believed wrongly", lambda v: len(v.wrong)),
    ("without an end", lambda v: len(v.unresolved)),
    ("signed anew", lambda v: len(v.signed_anew)),
    ("final without evidence", lambda v: len(v.without_evidence)),
    ("settled, 99 of 100 (s)", lambda v: f"{within(0.99, v.seconds):.3f}"),
    ("of those struck, 99 of 100 (s)", lambda v: f"{within(0.99, v.struck_seconds):.3f}"),
    ("of those walked, 99 of 100 (s)", lambda v: f"{within(0.99, v.walked):.3f}"),
    ("of all, 99 of 100 (s)", lambda v: f"{within(0.99, v.all_seconds):.3f}"),
    ("of all, the last (s)", lambda v: f"{max(v.all_seconds, default=0.0):.3f}"),
)
