"""What a stream has told of one account and our rows do not hold yet. Pure.

Whatever order frames come in and however often, the same is left to be written: money and positions by the venue's
time, executions and bookings by their keys, orders by what can only shrink and end. What cannot be known from frames is
read: after every break, and where a frame says that something happened without saying all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from trading.venues.snapshots import (
    AccountSnapshot,
    Fill,
    FundingPayment,
    LedgerEntry,
    OpenOrder,
    OrderReport,
    OrderState,
    PositionSide,
)
from trading.venues.streaming import (
    AccountFrame,
    ConfirmedFrame,
    FillsFrame,
    FundingFrame,
    GapFrame,
    Happening,
    HappeningFrame,
    LedgerFrame,
    OrderFrame,
    OrdersFrame,
    PrivateFrame,
)

# What happened to money and positions is told by reading those alone; the rest needs the account whole.
LIGHT = frozenset({Happening.BALANCE, Happening.POSITION, Happening.COLLATERAL, Happening.MARGIN_CALL})

LIVING = frozenset({OrderState.OPEN, OrderState.TRIGGERED})

# Market and side.
Leg = tuple[str, PositionSide]


def sizes_of(snapshot: AccountSnapshot) -> dict[Leg, Decimal]:
    """What is held, signed."""
    return {(row.market, row.side): row.size for row in snapshot.positions}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the sizes that a stream has told stand to the executions that it has told.

    ``explained``: the sizes that all these executions together have made, None while some are missing. ``run`` numbers
    what was told between two breaks, and ``is_based`` says that our rows held one of its moments before: then nothing
    moved them since that it has not told, or is about to.
    """

    explained: Mapping[Leg, Decimal] | None = None
    run: int = 0
    is_based: bool = False


@dataclass
class Told:
    """News of one account. ``must_read``: the whole account has to be read; ``must_look``: its money and positions.
    ``confirmed_at``: nothing else had happened until then.

    ``has_happened``: it has to be read whole for something that is known to have happened, and not only because
    something may be missing. ``is_behind``: its executions are to be read when there is room, or the margin put in or
    taken out, which none of them tells. ``has_set``: something was set in one of its markets, or for all of it.
    ``is_forced``: the venue closed something by itself, and only its ledger may say how.

    ``standing`` is as of when the news were taken out to be written.
    """

    snapshot: AccountSnapshot | None = None
    orders: tuple[OpenOrder, ...] | None = None
    orders_at: datetime | None = None
    reports: dict[int, OrderReport] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    funding: dict[str, FundingPayment] = field(default_factory=dict)
    ledger: dict[str, LedgerEntry] = field(default_factory=dict)
    confirmed_at: datetime | None = None
    must_read: bool = False
    must_look: bool = False
    has_happened: bool = False
    is_behind: bool = False
    has_set: bool = False
    is_forced: bool = False
    standing: Standing = Standing()

    @property
    def is_news(self) -> bool:
        """Whether anything but money and positions is left to be written, or has to be read."""
        return bool(
            self.orders is not None
            or self.reports
            or self.fills
            or self.funding
            or self.ledger
            or self.must_read
            or self.must_look
        )

    @property
    def is_confirmation(self) -> bool:
        """Whether nothing has happened: what the rows hold is true, and that is all there is to say."""
        return self.snapshot is None and not self.is_news

    def take(self, frame: PrivateFrame | GapFrame, now: datetime) -> None:
        """Take in one frame that arrived ``now``."""
        match frame:
            case AccountFrame(_, snapshot):
                if self.snapshot is None or self.snapshot.venue_time <= snapshot.venue_time:
                    self.snapshot = snapshot
            case OrdersFrame(_, orders):
                self.orders, self.orders_at = orders, now
            case OrderFrame(_, report):
                self._report(report)
            case FillsFrame() | FundingFrame() | LedgerFrame():
                self._note(frame)
            case HappeningFrame(_, what):
                self.must_look |= what in LIGHT
                self.must_read |= what not in LIGHT
                self.has_happened |= what not in LIGHT
                self.has_set |= what is Happening.SETTINGS
                self.is_behind |= what is Happening.COLLATERAL
                self.is_forced |= what is Happening.LIQUIDATION
            case ConfirmedFrame():
                self.confirmed_at = now
            case GapFrame():
                self.must_read = True
                self.confirmed_at = None

    def _note(self, frame: FillsFrame | FundingFrame | LedgerFrame) -> None:
        match frame:
            case FillsFrame(_, fills):
                self.fills |= {fill.key: fill for fill in fills}
            case FundingFrame(_, payments):
                self.funding |= {payment.key: payment for payment in payments}
            case LedgerFrame(_, entries):
                self.ledger |= {entry.key: entry for entry in entries}

    def followed_by(self, newer: "Told") -> "Told":
        """Both together, the newer winning where only one can count."""
        both = replace(
            self,
            reports=dict(self.reports),
            fills=self.fills | newer.fills,
            funding=self.funding | newer.funding,
            ledger=self.ledger | newer.ledger,
            confirmed_at=newer.confirmed_at,
            must_read=self.must_read or newer.must_read,
            must_look=self.must_look or newer.must_look,
            has_happened=self.has_happened or newer.has_happened,
            is_behind=self.is_behind or newer.is_behind,
            has_set=self.has_set or newer.has_set,
            is_forced=self.is_forced or newer.is_forced,
        )
        if newer.orders is not None:
            both.orders, both.orders_at = newer.orders, newer.orders_at
        if newer.snapshot is not None and (
            self.snapshot is None or self.snapshot.venue_time <= newer.snapshot.venue_time
        ):
            both.snapshot = newer.snapshot
        for report in newer.reports.values():
            both._report(report)
        return both

    def _report(self, report: OrderReport) -> None:
        """Of several reports of one order the last one counts; of one moment, the one that leaves least of it."""
        if report.order is None:
            self.must_read = self.has_happened = True
            return
        known = self.reports.get(report.order.order_id)
        if known is None or _age(known) < _age(report):
            self.reports[report.order.order_id] = report


def _age(report: OrderReport) -> tuple[float, bool, float]:
    changed = report.changed_at.timestamp() if report.changed_at else 0.0
    left = float(report.order.size) if report.order else 0.0
    return changed, report.state not in LIVING, -left
