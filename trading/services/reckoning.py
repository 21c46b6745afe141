"""Whether what an account holds follows from what happened to it: sums over events, without a database.

An *anchor* is a figure of the venue that our rows explained, with its time. Every event after it changes a figure, and
at any later moment the figure has to be the anchor and the changes since:

* the balance: equity without open profit. It changes by closed profit less fees, funding, deposits and withdrawals, and
  by what a venue takes or bears in a liquidation (Hyperliquid 2.3, 2.5, 3.10; Aster 3.7, 4.9);
* the size held in a market, both sides of a hedge together: it changes by executions;
* the cash leg of an isolated position: funding and moved margin change it by their amounts (Hyperliquid 3.3, 3.6), and
  an execution by an amount that only the venue knows.

The venue rounds every amount to its own smallest unit, so a figure may be off by one such unit for each event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

BALANCE = "balance"
POSITION = "position"
MARGIN = "margin"

# A millionth of the collateral (Hyperliquid 2.3); Aster's is smaller.
UNIT = Decimal("0.000001")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A figure that was explained when it was read. ``after`` is the newest margin change that is in it."""

    value: Decimal
    at: datetime
    after: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One event's effect on one figure; ``subject`` is a figure's name, such as ``balance`` or ``position BTC``."""

    subject: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A figure that does not follow from its anchor: ``expected`` of our rows, ``found`` at the venue."""

    subject: str
    expected: Decimal
    found: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures found against what our rows make of their anchors.

    ``as_of`` is the moment up to which each figure that follows has its events in it: what happened later is still to
    come. ``until`` is that moment where nothing tells.
    """

    gaps: tuple[Gap, ...]
    as_of: Mapping[str, datetime]
    until: datetime

    def moment_of(self, subject: str) -> datetime:
        """Up to when events are in a figure. One that was not compared is of the same answer as the balance."""
        return self.as_of.get(subject) or self.as_of.get(BALANCE, self.until)


def subject_of(kind: str, market: str) -> str:
    """The name of a market's figure."""
    return f"{kind} {market}"


def expected(anchor: Anchor, changes: Iterable[Change], until: datetime) -> Decimal:
    """The anchor and every change after it, up to ``until`` (inclusive)."""
    return anchor.value + sum((change.amount for change in changes if anchor.at < change.at <= until), ZERO)


def compare(
    anchors: Mapping[str, Anchor],
    found: Mapping[str, Decimal],
    changes: Iterable[Change],
    until: datetime,
    hidden: frozenset[str] = frozenset(),
    slack: Decimal = ZERO,
) -> Comparison:
    """Every figure that its anchor and the changes since do not explain, and as of when the others are explained.

    ``until`` is the time of the figures found. An answer may be a little newer than its time says (Aster's clock is
    read first), so a figure that the events after ``until`` explain is no gap. ``hidden`` figures are not compared,
    and the balance may be off by ``slack``.
    """
    by_subject: dict[str, list[Change]] = {}
    for change in changes:
        by_subject.setdefault(change.subject, []).append(change)
    wrong, as_of = [], {}
    for subject, anchor in anchors.items():
        if subject in hidden or subject not in found:
            continue
        own = by_subject.get(subject, [])
        moment = _follows_at(anchor, own, found[subject], until, slack if subject == BALANCE else ZERO)
        if moment is None:
            wrong.append(Gap(subject, expected(anchor, own, until), found[subject]))
        else:
            as_of[subject] = moment
    return Comparison(tuple(wrong), as_of, until)


def _follows_at(
    anchor: Anchor, changes: list[Change], found: Decimal, until: datetime, slack: Decimal
) -> datetime | None:
    """Up to when the changes make the anchor the figure found; None where they never do."""
    latest = sorted((change.at for change in changes if change.at > until), reverse=True)
    allowed = UNIT * (1 + len(changes)) + slack
    explaining = (at for at in (until, *latest) if abs(expected(anchor, changes, at) - found) <= allowed)
    return next(explaining, None)
