"""What the runs came to: the tables and the text for ``docs/``, and the last line."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.simulate.ages import Ages
from tests.simulate.pair import AT_RISK, Pair
from tests.simulate.picture import picture
from trading.services.schedule import Need

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT, PICTURE = DOCS / "simulation.md", DOCS / "simulation.svg"

INTRODUCTION = """# Freshness, simulated

What `make simulate` finds (`--docs` behind `python -m tests.simulate` writes this page). The platform's own
scheduler (`trading/services/schedule.py`) and budget (`trading/venues/ledger.py`, which the tests hold against its twin
in Redis) run against a simulated clock, simulated traders and a venue that counts every request at the moment it
arrives: 1200 weight in any sliding minute for an address, 2 for reading an account. Reads may fill 95 % of that
while nobody waits for them; the rest is kept for orders, which reads make room for from one turn to the next.

![How old figures near liquidation are](simulation.svg)

## The world

20 markets whose marks move by 1.2 % an hour, half of it in common; seven accounts in ten hold a position, and about
2.5 in a hundred are within 5 % of liquidation before the fall (`At risk` is what was found). Traders within 2 % act
after ten minutes on average, within 5 % after 80, the others after ten hours; every act is an order, and money and
positions are read after it. Half an hour after a liquidation, on average, somebody else opens a position. A request and
its answer take 0.14 s on average. In the middle of each run all marks fall by 10 % within a minute.

One reading in a hundred fails. Ten accounts are poisoned: they were read a month ago for the last time, so by age they
come before everybody, and every reading of them fails. Who fails rests for two seconds, doubled each time up to five
minutes, so that the poisoned starve nobody: `In vain` is the part of all readings that they took, and no age counts
theirs. One account in two thousand is looked at, and in one run a hundred are; ten of them are followed by the venue's
stream and cost no reads, and `Looked at` is the age of the others.

Turns are two seconds apart, twice as far as the platform's, which costs it 2 % of the budget here. Every run begins
with the ages that a round robin leaves. Ages are looked at every four seconds, at any moment between two turns, from
the tenth minute on; with 100,000 accounts on one address after fifty minutes. An age counts from the moment at which we
asked, and a class by the true distance at that moment.

## How old figures are

`Within 5 %` and `within 2 %` are 99th percentiles of the age of accounts that near to liquidation. The bound is the
time in which the budget could read everybody once who is within 5 % before the fall if it read nobody else.
"""
GOALS = """
What the goals are about is a day of 10,000 accounts on one address: within 5 % a 99th percentile of at most 60 s,
within 2 % of at most 20 s, nobody above 9,000 s, no breach, and a 99th percentile of 50 ms for orders' waiting.
`make simulate` fails where one of them is missed on its seed, or where the poisoned take more than a fiftieth of all
readings. Such days in the table, that with a hundred who look apart: {days}, of which {kept} kept all of this. One
takes {took:.0f} seconds of processor time.

A hundred who look share a hundredth of the budget where those near liquidation are not far from late, and their pages
say how old the figures are: looking takes nothing from anybody who is near. It does take from those who are far, who
are read when they are as good as forgotten: the oldest of that day misses the 9,000 s by minutes. Have an address for
every 5,000 accounts where so many look at once.

## Around the fall

The fall itself is harder than any scheduler: accounts come within 2 % of liquidation faster than the budget of an
address, about nine a second, can read them, most of them on the way through it. A shorter run is therefore mostly
about its fall, and its percentiles are minutes to an hour, not the day's. The time before the fall and the hour after
it are told apart for the same reason.
"""
HOPELESS = """
100,000 accounts are too many for one address: it would take more than four minutes to read once those within 5 %
alone, and longer than the 9,000 s to read everybody; orders and the readings after them take half of the budget. A
fifth of every turn goes to those who are late several times over, and up to three fifths where they are so many that a
minute's turns would not read them, so that the more hopeless it is, the nearer this comes to everybody in his turn. The
slowest within 5 % are then about as old as in a round robin, for they were far and read long ago; half of them are many
times younger. Operators see the ages beside the promises, and how many of their accounts are not kept to them.

## What the budget went to

What was executed costs 20 more, and 40 with the orders, where a position went by itself. While those near liquidation
are far from late it is read at once; otherwise within a twentieth of the limit, and then the longest waiting first.
Another twentieth is spent on reading whole whoever was left out longest. `Executions at once` is the share that was
read with the order's answer, and `Behind` how many accounts' were to be read still at the end. Nobody looks at these
accounts: who looks is told by the venue's stream, or read whole every five minutes.
"""
OUTLOOK = """
One address cannot read at once what 10,000 accounts execute in this world: an act every four seconds, at 23 of weight
with its order, would take a third of the limit, and the promises take the rest. Executions then come hours later where
nobody looks. Have an address for every 5,000 accounts where they are to be known at once outside of a fall.
"""

Columns = dict[str, Callable[[Pair], str]]


def _near(ages: Ages) -> str:
    return f"{ages.quantile(0.99, *AT_RISK):,} s"


def _nearer(ages: Ages) -> str:
    return f"{ages.quantile(0.99, Need.VERY_NEAR):,} s"


RUN: Columns = {
    "Accounts": lambda pair: f"{pair.ours.plan.accounts:,}",
    "Addresses": lambda pair: str(pair.ours.plan.addresses),
    "Look": lambda pair: str(pair.ours.viewers),
    "Hours": lambda pair: f"{pair.ours.plan.hours:g}",
    "Seed": lambda pair: str(pair.ours.plan.seed),
}
AGES: Columns = RUN | {
    "At risk": lambda pair: f"{pair.ours.before:.2%}",
    "Within 5 %": lambda pair: _near(pair.ours.ages),
    "Within 2 %": lambda pair: _nearer(pair.ours.ages),
    "Looked at": lambda pair: f"{pair.ours.ages.quantile(0.99, Need.LOOKED_AT):,} s",
    "Oldest": lambda pair: f"{pair.ours.oldest:,.0f} s",
    "Bound": lambda pair: f"{pair.ours.bound:.3g} s",
    "Round robin, 5 %": lambda pair: _near(pair.round_robin.ages),
}
FALL: Columns = RUN | {
    "Before, 5 %": lambda pair: _near(pair.ours.calm),
    "Before, 2 %": lambda pair: _nearer(pair.ours.calm),
    "Hour after, 5 %": lambda pair: _near(pair.ours.after_shock),
    "Hour after, 2 %": lambda pair: _nearer(pair.ours.after_shock),
    "Most at risk": lambda pair: f"{pair.ours.at_worst:.2%}",
}
BUDGET: Columns = RUN | {
    "Readings": lambda pair: f"{pair.ours.reads:,}",
    "Failed": lambda pair: f"{pair.ours.failures:,}",
    "In vain": lambda pair: f"{pair.in_vain:.2%}",
    "Executions at once": lambda pair: f"{pair.at_once:.0%}",
    "Behind": lambda pair: f"{pair.ours.behind:,}",
    "Order waits, p99": lambda pair: f"{pair.command_wait * 1000:.3g} ms",
    "Most in a minute": lambda pair: str(pair.ours.highest),
    "Breaches": lambda pair: str(pair.ours.breaches),
}


def table(columns: Columns, pairs: Sequence[Pair]) -> str:
    """A Markdown table with its columns aligned."""
    rows = [tuple(columns), *(tuple(cell(pair) for cell in columns.values()) for pair in pairs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def tables(pairs: Sequence[Pair]) -> str:
    """All that was found, for the terminal."""
    return "\n\n".join(table(columns, pairs) for columns in (AGES, FALL, BUDGET))


def last_line(pair: Pair) -> str:
    """The headline in the form that other programs read."""
    ages = pair.ours.ages
    return (
        f"simulate: accounts={pair.ours.plan.accounts} within5_p99={ages.quantile(0.99, *AT_RISK)}"
        f" within2_p99={ages.quantile(0.99, Need.VERY_NEAR)} max={pair.ours.oldest:.0f} breaches={pair.ours.breaches}"
        f" round_robin_p99={pair.round_robin.ages.quantile(0.99, *AT_RISK)}"
    )


def write(pairs: Sequence[Pair]) -> None:
    """Replace the last results in ``docs/``."""
    days = [pair for pair in pairs if pair.is_headline and not pair.is_crowded]
    kept = sum(not day.broken() for day in days)
    goals = GOALS.format(days=len(days), kept=kept, took=pairs[-1].ours.took)
    ages, fall, budget = (table(columns, pairs) for columns in (AGES, FALL, BUDGET))
    parts = (INTRODUCTION, ages, goals, fall, HOPELESS, budget, OUTLOOK)
    DOCUMENT.write_text("\n".join(part.strip("\n") + "\n" for part in parts))
    PICTURE.write_text(picture(pairs))
