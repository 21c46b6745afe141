"""``python -m tests.chaos [--quick] [--commands N] [--seed N]``: the last line is the verdict, the exit code too."""

import argparse
import importlib
import os
import signal
import sys
from types import FrameType

import django

from tests.chaos import servers

LONG, QUICK = 10_000, 50
FEW = 100


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Asked to end, leave nothing running."""
    raise KeyboardInterrupt


def main() -> int:
    """Run, print, and return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--quick", action="store_true", help="a few hundred commands, some points of each path")
    parser.add_argument("--commands", type=int, help="commands for each venue")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, help="die at every so-manieth point of each path; 0 for none")
    parser.add_argument("--restart", type=int, help="leave so many commands in flight, and time the worker that comes")
    parser.add_argument("--stories", action="store_true", help="tell the lives of the slowest and of the broken")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    commands = given.commands or (QUICK if given.quick else LONG)
    with servers.running(given.seed) as running:
        os.environ.update(running.environment | {"DJANGO_SETTINGS_MODULE": "perpsstudio.settings"})
        django.setup()
        # These need Django's settings, which need the servers' addresses.
        run, report = (importlib.import_module(f"tests.chaos.{name}") for name in ("run", "report"))
        running.wait()
        run.prepare(running, commands)
        if given.restart:
            sys.stdout.write(importlib.import_module("tests.chaos.restart").measure(given.restart) + "\n")
            return 0
        points = given.points if given.points is not None else FEW if given.quick else 1
        outcome = run.run(running, commands, given.seed, every_point=points)
        outcome = run.judged(running, outcome)
    if given.stories or not report.is_kept(outcome):
        sys.stdout.write("\n".join([*outcome.stories, *map(str, outcome.troubles)]) + "\n")
    sys.stdout.write(report.table(outcome) + "\n" + report.last_line(outcome) + "\n")
    return 0 if report.is_kept(outcome) else 1


if __name__ == "__main__":
    sys.exit(main())
