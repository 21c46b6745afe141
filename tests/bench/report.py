"""The table, for the terminal and for ``docs/benchmarks.md``."""

import os
import platform
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import orderly
from tests.bench.measuring import Line

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEADINGS = ("Goal", "Work", "Ours", "At most", "Met", "Beside", "Takes", "Ratio")
INTRODUCTION = """# Benchmarks

What `make bench` measured last; `make bench ONLY=P3` measures one goal and leaves this file alone. Times are medians
of processor time, taken in turns. They move with the machine and its load, so compare the ratios, which are from one
run.

P1 is one order built, signed and encoded, nothing sent: for Hyperliquid beside its official SDK and ccxt, for Aster
beside eth-account, which its examples use, and ccxt. The bare signature is libsecp256k1 alone, over a ready digest. The
goals are 1.6 times that, and a 75th of what the official client takes as it is installed.

P2 is Hyperliquid's answer about an account of twenty positions, from bytes to typed decimals that are checked, beside
ccxt's positions, the official SDK and `json.loads`; these two check nothing and leave every number a text. The goals
are the time of `json.loads`, and a 30th of what ccxt takes.

P3 is every liquidation price of a cross account of twenty positions, as exact decimals, beside
`{package}` {version} from npm, which searches by bisection to one part in ten thousand. Each works by its own
rules: three tiers here, a maintenance rate that rises with the notional there, set so that both rise over the same
range.

P4 is 250,000 accounts in the order of how far each is from its nearest liquidation, by the marks of now, over a million
isolated positions; beside it, the bare distances of all positions, sorted, in numpy and in decimals. The last line is
all the arithmetic of one turn of the schedule: every other account is cross, and classes, due ages and who is read
first are worked out, too.

P5 is a quote of a slider's step, each step another leverage, for a signed-in trader with ten positions behind the whole
middleware, by the clock: one worker with one thread, asked over kept connections. Beside it an empty view on the same
server; the goal is 0.60 of its rate with one connection and 0.45 with eight. P6 is the positions table of the same
trader, beside the same ten rows through the ORM and Django's own templates; the goal is a sixth of their time. First as
pages ask for it: one reading of the accounts serves for a quarter of a second unless a change was announced since, so
nearly every answer of this line comes from memory. Then read and drawn anew for every answer, as after each change:
there the goal is missed.

P7 is a market's update on its way to two thousand open pages, twenty times a second: the stream's processor time for
each update that arrived. It has to stay below what one core has for each.

P8 is an account of ten positions that have all moved, one of fifty that are looked at together: from the venue's bytes
to our rows, with our own liquidation price of each and the word to open pages. The goal is two thousand a second on a
core. The usual way beside it is the official SDK in threads, and of our figures only those that it tells, through the
ORM. Both start from answers that are there already, so neither pays for the network. The time is this process's; the
database's own has a line of its own. A whole turn has leases, the budget's two questions to Valkey for each request,
and the list of hands as well. A row is written over by one statement for five hundred of them, and its time is that of
process and database together; the goal is a hundredth of `update_or_create`.

P10 is a newcomer's start by the clock: `make run` after the installation, from nothing and once more on what that left,
until an operator's sign-in page is there whole. The tables were made at installation and are copied. The trader's own
page is the terminal of one who signs in as soon as he can: it waits for his accounts at the sandbox venue, which are
made while the first page is already there.
"""


def as_table(lines: Sequence[Line]) -> str:
    """A Markdown table with its columns aligned, and what could not be measured."""
    rows = [HEADINGS, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    ruled = [texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]]
    notes = [f"{line.name}: {line.peer_name} was left out, because {line.note}." for line in lines if line.note]
    return "\n".join([*ruled, *([""] if notes else []), *notes])


def write_document(lines: Sequence[Line], now: datetime) -> None:
    """Replace the last results."""
    introduction = INTRODUCTION.format(package=orderly.PACKAGE, version=orderly.VERSION)
    DOCUMENT.write_text(f"{introduction}\n{as_table(lines)}\n\n{machine(now)}\n")


def machine(now: datetime) -> str:
    """On what, and when."""
    node = f", Node.js {orderly.node_version()}" if shutil.which("node") else ""
    cores = os.cpu_count()
    return (
        f"{_processor()}, {cores} cores, {platform.system()}, {platform.python_implementation()} "
        f"{platform.python_version()}{node}. Measured on {now.astimezone(UTC):%d %B %Y}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _cells(line: Line) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "no"}[line.is_met]
    missing = "not run" if line.peer_name else ""
    peer = missing if line.peer is None else _time(line.peer)
    ratio = "" if line.ratio is None else f"{line.ratio:.3g}x"
    goal = "" if line.goal is None else _time(line.goal)
    return (line.name, line.work, _time(line.ours), goal, met, line.peer_name, peer, ratio)


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
