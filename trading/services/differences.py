"""What the venue shows that our rows do not explain: found after every whole reading, kept, counted and healed.

The venue is right: our rows take its figures at once. A figure that nothing explains is looked at twice. If the events
that arrive until then explain it, the difference was history that came late; if not, the venue's figure is the new
start. Sizes, margins and the balance are compared by ``trading.services.reckoning``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from trading.connect import gateway_of
from trading.margin.types import AccountMode, MarginMode
from trading.models import (
    Command,
    Difference,
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    Market,
    VenueAccount,
)
from trading.models.commands import OPEN_STATES, CommandKind
from trading.models.records import DifferenceKind
from trading.services.reckoning import (
    BALANCE,
    MARGIN,
    POSITION,
    ZERO,
    Anchor,
    Change,
    Comparison,
    Gap,
    compare,
    subject_of,
)
from trading.services.wallets import new_wallets, wallet_changes, wallet_figures
from trading.venues.base import AccountSnapshot, Venue

CAME_LATE = "Explained by events that arrived later."
TAKEN = "Not explained; the venue's figure was taken."
# The spot total and the open profit in it are told by two answers (Hyperliquid 3.9): of what is open, the price may
# move by so much in between.
BETWEEN_ANSWERS = Decimal("0.005")
POOLED = (AccountMode.UNIFIED, AccountMode.PORTFOLIO)
MOVED_ELSEWHERE = "Moved outside of this platform; kept as a margin change."


@dataclass(frozen=True, slots=True)
class Books:
    """The figures of one snapshot, and everything on record that may have changed them. ``slack`` is how far apart the
    balance may be for the way it is told."""

    found: Mapping[str, Decimal]
    changes: tuple[Change, ...]
    hidden: frozenset[str]
    until: datetime
    untold: str
    slack: Decimal = ZERO


def examine(account: VenueAccount, snapshot: AccountSnapshot, began_at: datetime, *, is_final: bool) -> bool:
    """Compare a snapshot that was just stored with all events on record, and keep, heal and count what differs.

    ``account`` is locked by the running transaction, and fills are known up to the snapshot at least. Unless it
    ``is_final``, nothing is written where something differs, and False says that funding and ledger have to be read.
    """
    anchors = read_anchors(account)
    books = books_of(account, snapshot, anchors)
    seen = compare(
        _with_new_figures(anchors, books), books.found, books.changes, books.until, books.hidden, books.slack
    )
    if seen.gaps and not is_final:
        return False
    if account.opening_at is None:
        VenueAccount.objects.filter(pk=account.pk).update(
            opening_balance=books.found[BALANCE] + account.equity_in_books, opening_at=snapshot.venue_time
        )
    _record(account, books, anchors, seen, began_at)
    return True


def _record(
    account: VenueAccount, books: Books, anchors: Mapping[str, Anchor], seen: Comparison, began_at: datetime
) -> None:
    """Keep what differs, heal what is explained by now, and move the anchors of all that is settled."""
    wrong = {gap.subject: gap for gap in seen.gaps}
    open_ones = {_subject(row): row for row in Difference.objects.filter(account=account, healed_at=None)}
    waiting = frozenset(
        subject
        for subject, gap in wrong.items()
        if not _is_closed(account, books, gap, open_ones.get(subject), began_at)
    )
    for subject, row in open_ones.items():
        if subject not in wrong:
            _heal(row, CAME_LATE)
    _write_anchors(account, books, anchors, seen, waiting)


def read_anchors(account: VenueAccount) -> dict[str, Anchor]:
    """The anchors as the account keeps them."""
    return {
        subject: Anchor(Decimal(value), datetime.fromisoformat(at), after)
        for subject, (value, at, after) in account.anchors.items()
    }


def _write_anchors(
    account: VenueAccount, books: Books, anchors: Mapping[str, Anchor], seen: Comparison, waiting: frozenset[str]
) -> None:
    """The figures found are the new start, but for those that wait for an explanation.

    An event between the reading of the clock and that of the figures is in them and later than their time: each starts
    as of the moment that explained it, so that no event counts twice. A size of zero needs no anchor, unless the
    balance waits: what is new counts as flat since the balance's anchor.
    """
    moves = MarginChange.objects.filter(account=account).order_by("-pk").values_list("pk", flat=True)
    after = moves.first() or 0
    fresh = {
        subject: Anchor(value, seen.moment_of(subject), after)
        for subject, value in books.found.items()
        if subject not in waiting and (value or subject == BALANCE or BALANCE in waiting)
    }
    kept = fresh | {subject: anchors[subject] for subject in waiting if subject in anchors}
    account.anchors = {
        subject: [f"{anchor.value:f}", anchor.at.isoformat(), anchor.after] for subject, anchor in kept.items()
    }
    VenueAccount.objects.filter(pk=account.pk).update(anchors=account.anchors)


def _with_new_figures(anchors: Mapping[str, Anchor], books: Books) -> dict[str, Anchor]:
    """The anchors, and a size of zero for every market that has none; nothing before the first reading."""
    if BALANCE not in anchors:
        return {}
    flat = Anchor(ZERO, anchors[BALANCE].at)
    new = (subject for subject in books.found if subject.startswith(f"{POSITION} ") and subject not in anchors)
    return dict(anchors) | dict.fromkeys(new, flat) | new_wallets(anchors, books.found)


def books_of(account: VenueAccount, snapshot: AccountSnapshot, anchors: Mapping[str, Anchor]) -> Books:
    """The figures of a snapshot and the events since the oldest anchor."""
    since = min((anchor.at for anchor in anchors.values()), default=snapshot.venue_time)
    after = min((anchor.after for anchor in anchors.values()), default=0)
    fills = list(Fill.objects.filter(account=account, happened_at__gt=since).select_related("market"))
    moves = list(MarginChange.objects.filter(account=account, pk__gt=after).select_related("market"))
    entries = list(LedgerEntry.objects.filter(account=account, happened_at__gt=since))
    payments = list(FundingPayment.objects.filter(account=account, happened_at__gt=since).select_related("market"))
    traded = {row.market for row in fills}
    apart = _settled_apart(account, snapshot, (*traded, *(row.market for row in payments)))
    changes = (
        *(change for row in fills for change in _fill_changes(row, apart)),
        *(change for row in payments for change in _funding_changes(row, apart)),
        *(Change(BALANCE, row.amount, row.happened_at) for row in entries if row.amount is not None and not row.asset),
        *_settlements(account, since, apart),
        *wallet_changes(account, snapshot, since, fills, payments, entries),
        *_margin_moves(moves, anchors, snapshot.venue_time),
    )
    dexes = any(row.market.rules.dex for row in (*fills, *payments)) or _holds_in_other_books(account, snapshot)
    return Books(
        found=_figures(snapshot, anchors, traded)
        | {BALANCE: balance_of(snapshot, apart)}
        | wallet_figures(snapshot, anchors),
        changes=changes,
        hidden=_hidden(snapshot.account_mode, traded, dexes=dexes),
        until=snapshot.venue_time,
        untold=", ".join(sorted({row.kind for row in entries if row.amount is None and row.kind != "liquidation"})),
        slack=_slack(snapshot, fills),
    )


def _slack(snapshot: AccountSnapshot, fills: Iterable[Fill]) -> Decimal:
    """Nothing where one answer tells it all, or where nothing was open since the anchor."""
    if snapshot.account_mode not in POOLED:
        return ZERO
    held = sum((abs(held.size) * held.mark_price for held in snapshot.positions), ZERO)
    return BETWEEN_ANSWERS * (held + sum((row.size * row.price for row in fills), ZERO))


def _holds_in_other_books(account: VenueAccount, snapshot: AccountSnapshot) -> bool:
    """Whether a pooled account has positions whose profit may be of another balance than the main one."""
    if snapshot.account_mode not in POOLED or not snapshot.positions:
        return False
    names = [held.market for held in snapshot.positions]
    markets = Market.objects.filter(venue=account.venue, network=account.network, name__in=names)
    return bool(markets.exclude(spec__dex="").exists())


def _hidden(mode: AccountMode, traded: Iterable[Market], *, dexes: bool) -> frozenset[str]:
    """An execution moves margin by an amount that only the venue knows. The equity of several assets moves with their
    prices (Aster 4.7), and that of one book not with the others'. Where one token backs all of an account, its total is
    compared (Hyperliquid 3.9)."""
    balance = set() if mode in (AccountMode.STANDARD, *POOLED) and not dexes else {BALANCE}
    return frozenset({subject_of(MARGIN, market.name) for market in traded} | balance)


def _figures(snapshot: AccountSnapshot, anchors: Mapping[str, Anchor], traded: Iterable[Market]) -> dict[str, Decimal]:
    names = {market.name for market in traded} | {
        subject.removeprefix(f"{POSITION} ") for subject in anchors if subject.startswith(f"{POSITION} ")
    }
    figures = {subject_of(POSITION, name): ZERO for name in names}
    for held in snapshot.positions:
        subject = subject_of(POSITION, held.market)
        figures[subject] = figures.get(subject, ZERO) + held.size
        if held.mode is MarginMode.ISOLATED and held.cash is not None:
            leg = subject_of(MARGIN, held.market)
            figures[leg] = figures.get(leg, ZERO) + held.cash
    return figures


def _settled_apart(account: VenueAccount, snapshot: AccountSnapshot, traded: Iterable[Market]) -> frozenset[str]:
    """The markets in question whose money is not in the equity: a standard account's is of one asset (Aster 3.1)."""
    names = {held.market for held in snapshot.positions} | {market.name for market in traded}
    if not names or snapshot.account_mode is not AccountMode.STANDARD:
        return frozenset()
    markets = Market.objects.filter(venue=account.venue, network=account.network, name__in=names)
    own = gateway_of(Venue(account.venue)).collateral
    return frozenset(markets.exclude(spec__collateral=own).values_list("name", flat=True))


def balance_of(snapshot: AccountSnapshot, apart: frozenset[str]) -> Decimal:
    """The equity without open profit and loss; the positions ``apart`` are not in it."""
    return snapshot.equity - sum((held.unrealised_pnl for held in snapshot.positions if held.market not in apart), ZERO)


def _fill_changes(row: Fill, apart: frozenset[str]) -> list[Change]:
    fee = ZERO if row.fee is None or row.fee_token else row.fee
    signed = row.size if row.is_buy else -row.size
    size = Change(subject_of(POSITION, row.market.name), signed, row.happened_at)
    money = Change(BALANCE, row.closed_pnl - fee, row.happened_at)
    return [size] if row.market.name in apart else [money, size]


def _funding_changes(row: FundingPayment, apart: frozenset[str]) -> list[Change]:
    leg = Change(subject_of(MARGIN, row.market.name), row.amount, row.happened_at)
    money = Change(BALANCE, row.amount, row.happened_at)
    return [leg] if row.market.name in apart else [money, leg]


def _settlements(account: VenueAccount, since: datetime, apart: frozenset[str]) -> list[Change]:
    rows = Liquidation.objects.filter(account=account, happened_at__gt=since).exclude(settled=0)
    rows = rows.exclude(market__name__in=apart)
    return [Change(BALANCE, settled, at) for settled, at in rows.values_list("settled", "happened_at")]


def _margin_moves(moves: Iterable[MarginChange], anchors: Mapping[str, Anchor], until: datetime) -> list[Change]:
    """Our clock tells when a change of ours was settled, so whether it is in a figure goes by its number."""
    changes = []
    for row in moves:
        subject = subject_of(MARGIN, row.market.name)
        anchor = anchors.get(subject)
        if anchor is not None and row.pk > anchor.after:
            changes.append(Change(subject, row.amount, until))
    return changes


def _is_closed(account: VenueAccount, books: Books, gap: Gap, known: Difference | None, began_at: datetime) -> bool:
    """Keep a gap, or close the one that was kept before; whether the venue's figure is the new start."""
    kind, _, name = gap.subject.partition(" ")
    if known is not None:
        _heal(known, TAKEN)
        return True
    if kind == MARGIN:
        return _keep_margin_move(account, books, gap, name, began_at)
    row = _row(account, gap, kind, name)
    if kind == BALANCE and books.untold:
        row.healed_at, row.explanation = timezone.now(), f"The venue does not tell the amount of: {books.untold}."[:120]
    row.save()
    return row.healed_at is not None


def _keep_margin_move(account: VenueAccount, books: Books, gap: Gap, name: str, began_at: datetime) -> bool:
    """Margin that moved without a command of ours. While one of ours is on its way, it may be that one."""
    market = _market(account, name)
    if market is None:
        return True
    commands = Command.objects.filter(
        account=account, market=market, kind__in=[CommandKind.MARGIN, CommandKind.LEVERAGE]
    )
    if commands.filter(state__in=OPEN_STATES).exists() or commands.filter(settled_at__gte=began_at).exists():
        return False
    change = MarginChange(
        operator_id=account.operator_id,
        account=account,
        market=market,
        key=f"{books.until.isoformat()} {name}",
        amount=gap.found - gap.expected,
        happened_at=books.until,
    )
    change.save()
    row = _row(account, gap, MARGIN, name)
    row.healed_at, row.explanation = timezone.now(), MOVED_ELSEWHERE
    row.save()
    return True


def _row(account: VenueAccount, gap: Gap, kind: str, name: str) -> Difference:
    return Difference(
        operator_id=account.operator_id,
        account=account,
        market=_market(account, name) if name else None,
        kind=DifferenceKind(kind),
        subject=name,
        ours=f"{gap.expected.normalize():f}",
        venues=f"{gap.found.normalize():f}",
    )


def _market(account: VenueAccount, name: str) -> Market | None:
    return Market.objects.filter(venue=account.venue, network=account.network, name=name).first()


def _subject(row: Difference) -> str:
    return f"{row.kind} {row.subject}".strip()


def _heal(row: Difference, explanation: str) -> None:
    Difference.objects.filter(pk=row.pk, healed_at=None).update(healed_at=timezone.now(), explanation=explanation)
