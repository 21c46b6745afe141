"""``python -m tests.bench [goal]``: measure all goals and keep the results, or one goal and only print them."""

import sys
from datetime import UTC, datetime

from tests.bench.goals import GOALS
from tests.bench.report import as_table, machine, write_document


def main(wanted: list[str]) -> int:
    """The exit status: 2 for a goal that does not exist."""
    unknown = [name for name in wanted if name not in GOALS]
    if unknown:
        sys.stderr.write(f"There is no goal {unknown[0]}; there are {', '.join(GOALS)}.\n")
        return 2
    lines = [line for name in wanted or GOALS for line in GOALS[name]()]
    now = datetime.now(UTC)
    sys.stdout.write(f"{as_table(lines)}\n\n{machine(now)}\n")
    if not wanted:
        write_document(lines, now)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
