"""What a venue shows of the orders that a command placed, changed or took away; and how any effect is told.

An order under its client id can be this command's alone, and one that has ended stays so. An order that keeps its name
through a change looks the same whoever changed it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile

from django.db.models import Q
from django.utils import timezone

from trading.markets import rules_of
from trading.models import Command, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.venues.base import Adapter, OpenOrder, OrderReport, OrderState, TimeInForce
from trading.venues.errors import Unavailable
from trading.venues.snapshots import Venue

FILLED_FIRST = "The order was filled before it could be cancelled."
GONE_FIRST = "The order was no longer open when the change arrived. Nothing was changed."
CHANGED_AGAIN = (
    "The order was changed again since, so it cannot be told whether this was carried out. Look at the order."
)
# More orders than these cost more to ask for one by one than as a list (Hyperliquid 7: 2 each, 20 for the list).
ONE_BY_ONE = 10
AT_ONCE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
ENDED = (OrderState.CANCELLED, OrderState.FILLED, OrderState.REJECTED)
# How long before its end a change was written down, at most.
ENDS_WITHIN = timedelta(days=7)
LONGEST_ORDER_ID = 19  # digits; a client id has 32
Stood = tuple[Decimal, Decimal]  # the price of an order and its size in all


@dataclass(frozen=True, slots=True)
class Effect:
    """``state`` is what the venue shows the command came to, None where it shows nothing of it.

    ``is_own``: nobody else can have caused it. ``is_whole``: every member of a batch is accounted for. ``is_hidden``:
    something else happened that makes it impossible to tell.
    """

    state: CommandState | None = None
    evidence: dict[str, str] = field(default_factory=dict)
    message: str = ""
    is_own: bool = False
    is_whole: bool = True
    is_hidden: bool = False


NOTHING = Effect()
HIDDEN = Effect(is_hidden=True)

ORDER_KINDS = {
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.OPEN: "resting",
    OrderState.TRIGGERED: "resting",
}


def of_placed(adapter: Adapter, command: Command) -> Effect:
    """What became of the orders that it placed, under the client ids that it gave them. One that never rests and is
    open all the same is about to be filled: it has no end yet."""
    reports = {part: _status(adapter, command, name) for part, name in command.names.items()}
    found, entry = _of_orders(reports), reports.get("")
    is_under_way = entry is not None and entry.state is OrderState.OPEN and _never_rests(command)
    return replace(found, is_whole=False) if is_under_way else found


def _never_rests(command: Command) -> bool:
    """Whether its entry is decided as it arrives, and not by a trigger."""
    asked = command.intent
    is_decided = asked.get("price") == "market" or asked.get("time_in_force") in AT_ONCE
    return is_decided and "trigger" not in asked


def of_changed(adapter: Adapter, command: Command) -> Effect:
    """A venue gives the changed order our new client id (Hyperliquid 4.2), or keeps the order as it was named and
    changes its price and its size in all, what was filled before counted in (Aster 3.7)."""
    if command.names and (renamed := of_placed(adapter, command)).state is not None:
        return renamed
    report = _status(adapter, command, _named(command.intent["order"]))
    if report.order is None:
        return NOTHING
    is_gone = report.state not in (OrderState.OPEN, OrderState.TRIGGERED)
    untouched = Effect(evidence={"status": report.label}, message=GONE_FIRST if is_gone else "")
    return untouched if adapter.renames_changed else _of_named_order(command, report, report.order, untouched)


def of_cancelled(adapter: Adapter, command: Command) -> Effect:
    """Done once nothing of it is open, whoever ended it; refused where all of a few orders were filled before."""
    names = names_cancelled(command)
    if len(names) > ONE_BY_ONE:
        return _of_many_cancelled(adapter, command, names)
    ended = _ended(adapter, command, names)
    if len(ended) < len(names):
        return NOTHING
    evidence = {"status": ", ".join(_told(report) for report in ended)}
    if all(report.state is OrderState.FILLED for report in ended):
        return Effect(CommandState.REJECTED, evidence, FILLED_FIRST, is_own=True)
    return Effect(CommandState.ACCEPTED, evidence, is_own=True)


def names_cancelled(command: Command) -> list[str]:
    """The orders that a cancellation is to take away, by the names in its record."""
    names: str = command.intent["order" if command.kind == CommandKind.CANCEL else "orders"]
    return names.split(",")


def _of_many_cancelled(adapter: Adapter, command: Command, names: Sequence[str]) -> Effect:
    """By one list of what is open, which is worth its price once the first has ended.

    All of them were open before the command was written down, so a list of later than that shows those that still are;
    raises ``Unavailable`` while it might be of before.
    """
    ended = _ended(adapter, command, names[:1])
    if not ended:
        return NOTHING
    shown_in = (command.prepared_at + adapter.settling - timezone.now()).total_seconds()
    if shown_in > 0:
        raise Unavailable("a list of orders may not show all of them yet", retry_after=shown_in)
    if _is_any_open(adapter, command, names):
        return NOTHING
    evidence = {"status": _told(ended[0]), "not open": str(len(names))}
    return Effect(CommandState.ACCEPTED, evidence, is_own=True)


def _ended(adapter: Adapter, command: Command, names: Sequence[str]) -> list[OrderReport]:
    """How these orders ended, up to the first that has not; each is a question."""
    reports = (_status(adapter, command, _named(name)) for name in names)
    return list(takewhile(lambda report: report.state in ENDED, reports))


def _is_any_open(adapter: Adapter, command: Command, names: Sequence[str]) -> bool:
    listed = adapter.open_orders(command.account.address, (command.market.rules,))
    every = [one for order in listed for one in (order, *order.children)]
    return not {*names}.isdisjoint({*(str(one.order_id) for one in every), *(one.client_id for one in every)})


def _named(text: str) -> int | str:
    """An order's name as the venue takes it: its own id, or the client id."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ORDER_ID else text


def _status(adapter: Adapter, command: Command, order: int | str) -> OrderReport:
    return adapter.order_status(command.account.address, order, market=command.market.rules)


def _of_orders(reports: Mapping[str, OrderReport]) -> Effect:
    """What became of the orders of one request, by part. One that is known proves that the request arrived."""
    if not reports:
        return HIDDEN
    known = {part: report for part, report in reports.items() if report.state is not OrderState.UNKNOWN}
    if not known:
        return NOTHING
    taken = [part for part, report in known.items() if report.state is not OrderState.REJECTED]
    part = (taken or list(known))[0]
    found = _of_order(known[part])
    others = {other: _told(one) for other, one in reports.items() if other != part}
    absent = [name for name in reports if name not in taken]
    if taken and absent:
        others["refused"] = ",".join(absent)
    return replace(found, evidence=found.evidence | others, is_whole=len(known) == len(reports))


def _told(report: OrderReport) -> str:
    order = "" if report.order is None else f" (order {report.order.order_id})"
    return f"{report.label}{order}"


def _of_order(report: OrderReport) -> Effect:
    if report.state is OrderState.REJECTED:
        message = f"The venue said: {report.label}."
        return Effect(CommandState.REJECTED, {"status": report.label}, message, is_own=True)
    found = {"kind": ORDER_KINDS[report.state], "status": report.label}
    if report.order is not None:
        filled = report.order.original_size - report.order.size
        found |= {"order": str(report.order.order_id), "filled": f"{filled:f}"}
    return Effect(CommandState.ACCEPTED, found, is_own=True)


def stood_before(account: VenueAccount, shown: Mapping[str, str], order: str, nonce: int | None = None) -> set[Stood]:
    """Price and size in all that an order may have had before the change of that nonce, the next one if None: as it was
    last ``shown`` to us, or as our own changes left it since. One follows the other, as each waits for the end of the
    one before; one that nobody could prove leaves both possible.

    A venue may go on showing an order as it was before a change, so those that were settled just before it was seen
    count too, unless what is shown is of none of them: then somebody else has changed it since."""
    stood = {_stood(shown)}
    if "seen" not in shown:
        return stood
    seen = datetime.fromisoformat(shown["seen"])
    settled_since = seen - rules_of(Venue(account.venue)).settling
    ended = Q(state__in=(CommandState.ACCEPTED, CommandState.UNPROVEN), settled_at__gte=settled_since)
    before = Q() if nonce is None else Q(nonce__lt=nonce)
    # Only the newest are looked through: an account's changes are many, and an order's name is found by no index.
    newest = Command.objects.filter(account=account, prepared_at__gte=seen - ENDS_WITHIN)
    changes = newest.filter(ended, before, kind=CommandKind.MODIFY, intent__order=order).order_by("nonce")
    just_before = [row for row in changes if row.settled_at is not None and row.settled_at < seen]
    is_ours = any(stood <= {_stood(row.before), asked_for(row.intent)} for row in just_before)
    for change in changes:
        if change in just_before and not is_ours:
            continue
        kept = set() if change.state == CommandState.ACCEPTED else stood
        stood = kept | {asked_for(change.intent)}
    return stood


def _stood(shown: Mapping[str, str]) -> Stood:
    return Decimal(shown["price"]), Decimal(shown["size"])


def asked_for(intent: Mapping[str, str]) -> Stood:
    """The price and the size in all that a change asks for: what was filled before counts (Aster 3.7)."""
    return Decimal(intent["price"]), Decimal(intent["size"]) + Decimal(intent.get("filled", 0))


def _of_named_order(command: Command, report: OrderReport, order: OpenOrder, untouched: Effect) -> Effect:
    """Of an order that keeps its name: it stands as it was asked for, or as it was before, or somebody changed it once
    more, which hides what this change did."""
    asked = asked_for(command.intent)
    before = stood_before(command.account, command.before, command.intent["order"], command.nonce)
    stands = order.limit_price, order.original_size
    if asked not in before and stands == asked:
        return replace(_of_order(report), is_own=False)
    if asked not in before and stands in before:
        return untouched
    return replace(untouched, is_hidden=True, message=CHANGED_AGAIN)
