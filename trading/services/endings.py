"""How orders ended that are no longer in the venue's list: filled, cancelled by us, or by somebody else."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils import timezone

from trading.markets import rules_of
from trading.models import Command, Difference, Fill, Order, VenueAccount
from trading.models.commands import CommandKind
from trading.models.records import DifferenceKind
from trading.venues.base import Adapter, OrderState
from trading.venues.errors import VenueError
from trading.venues.snapshots import Venue

FILLED = "filled"
ASKED_AT_ONCE = 5
NOT_TOLD = "no longer in its list"
# A venue that still calls it open was asked too early; the next list of orders has it again.
LIVING = frozenset({OrderState.OPEN, OrderState.TRIGGERED})
CANCELLING = (CommandKind.CANCEL, CommandKind.CANCEL_ALL, CommandKind.MODIFY)


def tell_endings(
    adapter: Adapter, account: VenueAccount, gone: Sequence[Order], *, are_executions_known: bool = True
) -> None:
    """Say how each of these orders ended; what neither our executions nor our commands explain is asked of the venue
    and kept as a difference.

    Where executions may be missing (not ``are_executions_known``) nothing is said of what the venue does not tell: it
    may have been filled. Each order is asked for by itself, so of many only some are, and none whose end was told.
    """
    explained = _explained(account, gone) if gone else set()
    unexplained = [row for row in gone if row.pk not in explained]
    for place, row in enumerate(unexplained):
        label = row.end or (_asked(adapter, account, row) if place < ASKED_AT_ONCE else NOT_TOLD)
        if label and (are_executions_known or label != NOT_TOLD):
            _tell(adapter, account, row, label)


def _explained(account: VenueAccount, gone: Sequence[Order]) -> set[int]:
    """The orders that were filled whole, which is put on record, or that we asked to end."""
    orders = [row.venue_id for row in gone]
    sums = Fill.objects.filter(account=account, order_id__in=orders).order_by().values("market_id", "order_id")
    filled = {(row["market_id"], row["order_id"]): row["total"] for row in sums.annotate(total=Sum("size"))}
    done = {row.pk for row in gone if _is_filled(row, filled.get((row.market_id, row.venue_id), Decimal(0)))}
    Order.objects.filter(pk__in=done).update(end=FILLED)
    return done | _cancelled_by_us(account, gone)


def _is_filled(row: Order, filled: Decimal) -> bool:
    return filled > 0 and (row.covers_position or filled >= row.original_size)


def _cancelled_by_us(account: VenueAccount, gone: Iterable[Order]) -> set[int]:
    rows = list(gone)
    if not rows:
        return set()
    # A list may go on showing what was cancelled just before.
    since = min(row.seen_at for row in rows) - rules_of(Venue(account.venue)).settling
    may_have_ended = Q(prepared_at__gte=since) | Q(settled_at__gte=since) | Q(settled_at=None)
    asked = Command.objects.filter(may_have_ended, account=account)
    commands = list(asked.filter(kind__in=CANCELLING).values_list("kind", "market_id", "intent"))
    return {row.pk for row in rows if any(_ends(row, *command) for command in commands)}


def _ends(row: Order, kind: str, market_id: int, intent: dict[str, str]) -> bool:
    if market_id != row.market_id:
        return False
    return kind == CommandKind.CANCEL_ALL or str(intent.get("order", "")) == str(row.venue_id)


def _tell(adapter: Adapter, account: VenueAccount, row: Order, label: str) -> None:
    Order.objects.filter(pk=row.pk, is_open=False).update(end=label)
    if label == FILLED or (row.reduce_only and label in adapter.taken_along):
        return
    Difference(
        operator_id=account.operator_id,
        account=account,
        market=row.market,
        kind=DifferenceKind.ORDER,
        subject=str(row.venue_id),
        ours="resting",
        venues=label[:60],
        healed_at=timezone.now(),
        explanation="Ended without a command of ours; the venue's word was taken.",
    ).save()


def _asked(adapter: Adapter, account: VenueAccount, row: Order) -> str:
    """The venue's word for how it ended; empty where it has not."""
    try:
        report = adapter.order_status(account.address, row.venue_id, market=row.market.rules)
    except VenueError:
        return NOT_TOLD
    if report.state in LIVING:
        return ""
    return FILLED if report.state is OrderState.FILLED else report.label[:40]
