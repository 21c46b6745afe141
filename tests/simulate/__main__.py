"""``python -m tests.simulate``: run everything, print it, and fail where a bound was broken.

``--seeds 1 2 3`` simulates the day of 10,000 accounts once for each; ``--docs`` keeps the results in ``docs/``.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.simulate.pair import Pair
from tests.simulate.platform import Plan
from tests.simulate.report import last_line, tables, write
from tests.simulate.run import Finding, round_robin, simulate

PROCESSES = 2
PLANS = (
    Plan(1_000, 1, hours=1),
    Plan(1_000, 10, hours=0.5),
    Plan(5_000, 1, hours=2),
    Plan(10_000, 10, hours=0.5),
    Plan(100_000, 1, hours=2, warming_up=3000),
    Plan(100_000, 10, hours=0.5),
    Plan(10_000, 1, hours=24, viewers=100),
)
HEADLINE = Plan(10_000, 1, hours=24)
# A round robin repeats itself much sooner than a day.
ROUND_ROBIN_HOURS = 2.0


def by_risk(plan: Plan) -> Finding:
    """The platform's own scheduler."""
    return simulate(plan)


def in_turn(plan: Plan) -> Finding:
    """What it is compared with."""
    return simulate(replace(plan, hours=min(plan.hours, ROUND_ROBIN_HOURS)), round_robin)


def main() -> int:
    """The exit status: 1 where a bound was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[HEADLINE.seed])
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    days = [replace(HEADLINE, seed=seed) for seed in reversed(options.seeds)]
    plans = [*PLANS, *days]
    with ProcessPoolExecutor(PROCESSES) as pool:
        ours = {plan: pool.submit(by_risk, plan) for plan in reversed(plans)}
        theirs = {plan: pool.submit(in_turn, plan) for plan in reversed(plans)}
        pairs = [Pair(ours[plan].result(), theirs[plan].result()) for plan in plans]
    if options.docs:
        write(pairs)
    sys.stdout.write(f"{tables(pairs)}\n\n")
    broken = [line for pair in pairs for line in pair.broken()]
    for line in broken:
        sys.stdout.write(f"BROKEN: {line}\n")
    day = pairs[-1]
    sys.stdout.write(f"{day.ours.plan.hours:g} hours of the last in {day.ours.took:.0f} seconds of processor time\n")
    sys.stdout.write(f"{last_line(day)}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
