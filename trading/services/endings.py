"""How orders ended that are no longer in the venue's list: filled, cancelled by us, or by somebody else.

An order's row keeps its end empty until somebody has said it, so whoever dies before leaves it to the next reading.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone

from trading.markets import rules_of
from trading.models import Command, Difference, Fill, Order, VenueAccount
from trading.models.commands import CommandKind
from trading.models.records import DifferenceKind
from trading.venues.base import Adapter, OrderState
from trading.venues.errors import Rejected, VenueError
from trading.venues.snapshots import Venue

FILLED = "filled"
# Whether it was cancelled as we asked or filled before, its executions tell.
ASKED_FOR = "asked for by us"
NOT_TOLD = "no longer in its list"
ASKED_AT_ONCE = 5
# A venue that does not answer, or still calls it open, is asked again with every reading until then.
ASKED_IN_VAIN = timedelta(hours=1)
# A venue that still calls it open was asked too early; the next list of orders has it again.
LIVING = frozenset({OrderState.OPEN, OrderState.TRIGGERED})
CANCELLING = (CommandKind.CANCEL, CommandKind.CANCEL_ALL, CommandKind.MODIFY)


def tell_endings(adapter: Adapter, account: VenueAccount, untold: Sequence[Order]) -> None:
    """Say how orders ended that are gone; what our executions do not explain is asked of the venue and kept as a
    difference. Each order is asked for by itself, so of many only some are, the oldest first, and the others with the
    next readings; so are all others once the venue is silent."""
    filled = _filled(account, untold)
    Order.objects.filter(pk__in=filled, is_open=False, end="").update(end=FILLED)
    waiting = sorted((row for row in untold if row.pk not in filled), key=lambda row: row.seen_at)
    for row in waiting[:ASKED_AT_ONCE]:
        told = _asked(adapter, account, row)
        label = told or _given_up(row)
        with transaction.atomic():
            if label and Order.objects.filter(pk=row.pk, is_open=False, end="").update(end=label):
                _count(adapter, account, row, label)
        if told is None:
            return


def _given_up(row: Order) -> str:
    """What is said of an order that was asked for in vain long enough; empty before. One that has gone just now is here
    as it rested, and was last seen when anybody last looked."""
    is_old = not row.is_open and row.seen_at < timezone.now() - ASKED_IN_VAIN
    return NOT_TOLD if is_old else ""


def count_ends(adapter: Adapter, account: VenueAccount, ended: Sequence[Order]) -> None:
    """Keep as differences the ends, told already, that neither our executions nor our commands explain. The rows are as
    they rested. No venue is asked."""
    filled = _filled(account, ended)
    Order.objects.filter(pk__in=filled, is_open=False).update(end=FILLED)
    explained = filled | cancelled_by_us(account, ended)
    for row in ended:
        if row.pk not in explained:
            _count(adapter, account, row, row.end)


def _filled(account: VenueAccount, gone: Sequence[Order]) -> set[int]:
    """The orders that were filled whole, by the executions on record."""
    if not gone:
        return set()
    orders = [row.venue_id for row in gone]
    sums = Fill.objects.filter(account=account, order_id__in=orders).order_by().values("market_id", "order_id")
    filled = {(row["market_id"], row["order_id"]): row["total"] for row in sums.annotate(total=Sum("size"))}
    return {row.pk for row in gone if _is_filled(row, filled.get((row.market_id, row.venue_id), Decimal(0)))}


def _is_filled(row: Order, filled: Decimal) -> bool:
    return filled > 0 and (row.covers_position or filled >= row.original_size)


def cancelled_by_us(account: VenueAccount, gone: Sequence[Order]) -> set[int]:
    """The orders that we asked to end, of rows as they rested."""
    if not gone:
        return set()
    # A list may go on showing what was cancelled just before.
    since = min(row.seen_at for row in gone) - rules_of(Venue(account.venue)).settling
    may_have_ended = Q(prepared_at__gte=since) | Q(settled_at__gte=since) | Q(settled_at=None)
    asked = Command.objects.filter(may_have_ended, account=account)
    commands = list(asked.filter(kind__in=CANCELLING).values_list("kind", "market_id", "intent"))
    return {row.pk for row in gone if any(_ends(row, *command) for command in commands)}


def _ends(row: Order, kind: str, market_id: int, intent: dict[str, str]) -> bool:
    """An order that is cancelled takes those along that wait for it to be filled (Hyperliquid 4.1)."""
    if market_id != row.market_id:
        return False
    named = str(intent.get("order", ""))
    goes_along = kind == CommandKind.CANCEL and named == str(row.parent_id)
    return kind == CommandKind.CANCEL_ALL or named == str(row.venue_id) or goes_along


def _count(adapter: Adapter, account: VenueAccount, row: Order, label: str) -> None:
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


def _asked(adapter: Adapter, account: VenueAccount, row: Order) -> str | None:
    """The venue's word for how it ended; empty where it has not, or refuses to tell, and None where it is silent."""
    try:
        report = adapter.order_status(account.address, row.venue_id, market=row.market.rules)
    except Rejected:
        return ""
    except VenueError:
        return None
    if report.state in LIVING:
        return ""
    return FILLED if report.state is OrderState.FILLED else report.label[:40]
