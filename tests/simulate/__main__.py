"""``python -m tests.simulate``: run everything, keep the results in ``docs/``, and fail where a bound was broken."""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.simulate.report import Pair, last_line, table, write
from tests.simulate.run import Finding, Plan, round_robin, simulate

PROCESSES = 2
# The headline last: a day of 10,000 accounts on one address.
PLANS = (
    Plan(1_000, 1, hours=2),
    Plan(1_000, 10, hours=1),
    Plan(10_000, 10, hours=0.5),
    Plan(100_000, 1, hours=0.5),
    Plan(100_000, 10, hours=0.5),
    Plan(10_000, 1, hours=24),
)
# A round robin repeats itself much sooner.
ROUND_ROBIN_HOURS = 2.0


def by_risk(plan: Plan) -> Finding:
    """The platform's own scheduler."""
    return simulate(plan)


def in_turn(plan: Plan) -> Finding:
    """What it is compared with."""
    return simulate(replace(plan, hours=min(plan.hours, ROUND_ROBIN_HOURS)), round_robin)


def main() -> int:
    """The exit status: 1 where a bound was broken."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        longest_first = sorted(PLANS, key=lambda plan: -plan.hours)
        ours = {plan: pool.submit(by_risk, plan) for plan in longest_first}
        theirs = {plan: pool.submit(in_turn, plan) for plan in longest_first}
        pairs = [Pair(ours[plan].result(), theirs[plan].result()) for plan in PLANS]
    write(pairs)
    sys.stdout.write(f"{table(pairs)}\n\n")
    broken = [line for pair in pairs for line in pair.broken()]
    for line in broken:
        sys.stdout.write(f"BROKEN: {line}\n")
    sys.stdout.write(f"{last_line(pairs[-1])}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
