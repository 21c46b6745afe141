"""The end of a run as plain rows: our commands with their events, and the venue's executions and strikes."""

from collections.abc import Iterable, Mapping
from typing import Any

from tenants.scope import every_operator
from tests.chaos.checker import DEAD, REJECTED, Belief
from tests.chaos.venue import Execution, Strike, digest
from trading.models import ApprovalEvent, Command, CommandEvent, WalletApproval
from trading.models.approvals import ApprovalState
from trading.models.commands import OPEN_STATES, CommandKind
from trading.models.events import Step
from trading.services.followups import follower_of, is_overtaken, leads_on, next_intent

CANCELS = (CommandKind.CANCEL, CommandKind.CANCEL_ALL)
# An approval in a command's words. What was withdrawn is believed to have done nothing.
BELIEVED = {ApprovalState.REFUSED: REJECTED, ApprovalState.WITHDRAWN: DEAD}


def beliefs(state: Mapping[str, Any], places: Mapping[str, int]) -> list[Belief]:
    """Every command of the run. ``state`` is the venue's ledger at the end, ``places`` the traders of each venue."""
    statuses = {venue: _statuses(rows["orders"]) for venue, rows in ({"hyperliquid": state} | state["others"]).items()}
    with every_operator():
        sent: dict[Any, list[str]] = {}
        steps = (Step.SENT, Step.BURNED)
        for command_id, request in CommandEvent.objects.filter(step__in=steps).values_list("command_id", "request"):
            sent.setdefault(command_id, []).append(digest(bytes(request)))
        rows = Command.objects.select_related("account").order_by("prepared_at")
        order_of = _order_of(rows)
        return [
            _belief(row, tuple(sent.get(row.pk, ())), statuses[row.account.venue], places, order_of) for row in rows
        ]


def _statuses(orders: Mapping[str, Any]) -> dict[int, str]:
    """What became of each order of one venue; another's may bear the same number."""
    return {int(key): str(row["status"]) for key, row in orders.items()}


def _order_of(rows: Iterable[Command]) -> dict[int, int]:
    """An account's place among those of its venue: who trades for it follows from that."""
    found: dict[int, int] = {}
    venues: dict[str, int] = {}
    for account in sorted({row.account for row in rows}, key=lambda one: one.pk):
        found[account.pk] = venues.setdefault(account.venue, 0)
        venues[account.venue] += 1
    return found


def _belief(
    row: Command,
    sent: tuple[str, ...],
    statuses: Mapping[int, str],
    places: Mapping[str, int],
    order_of: dict[int, int],
) -> Belief:
    return Belief(
        command=str(row.pk),
        venue=row.account.venue,
        kind=row.kind,
        state=row.state,
        request=digest(bytes(row.body)),
        burn=digest(bytes(row.burn_body)),
        account=row.account.address.lower(),
        trader=f"trader {row.account.venue} {order_of[row.account_id] % places[row.account.venue]}",
        prepared=row.prepared_at.timestamp(),
        settled=None if row.settled_at is None else row.settled_at.timestamp(),
        sent=sent,
        has_evidence=bool(row.evidence),
        is_there_anyway=_is_there_anyway(row, statuses),
    )


def approvals() -> list[Belief]:
    """Every approval that was signed. How soon it had its end is nobody's promise, so none has a time."""
    with every_operator():
        sent: dict[Any, list[str]] = {}
        answered: set[Any] = set()
        for event in ApprovalEvent.objects.all():
            if event.step == Step.SENT:
                sent.setdefault(event.approval_id, []).append(digest(bytes(event.request)))
            if event.answer:
                answered.add(event.approval_id)
        rows = WalletApproval.objects.filter(pk__in=list(sent)).select_related("account")
        return [_approval(row, tuple(sent[row.pk]), has_evidence=row.pk in answered) for row in rows]


def _approval(row: WalletApproval, sent: tuple[str, ...], *, has_evidence: bool) -> Belief:
    return Belief(
        command=f"approval {row.pk}",
        venue=row.account.venue,
        kind=row.kind,
        state=BELIEVED.get(ApprovalState(row.state), row.state),
        request=sent[-1],
        burn="",
        account=row.account.address.lower(),
        trader="",
        prepared=row.asked_at.timestamp(),
        settled=None,
        sent=sent,
        has_evidence=has_evidence,
    )


def unfollowed() -> list[tuple[str, str]]:
    """Commands that another had to follow and none did, as (venue, command); unless their trader went on."""
    with every_operator():
        rows = Command.objects.filter(kind__in=(CommandKind.ORDER, CommandKind.ORDERS, CommandKind.CANCEL_ALL))
        leading = [row for row in rows.select_related("account", "market") if leads_on(row)]
        return [
            (row.account.venue, f"{row.pk} {row.kind} not followed")
            for row in leading
            if next_intent(row) is not None and follower_of(row) is None and not is_overtaken(row)
        ]


def _is_there_anyway(row: Command, statuses: Mapping[int, str]) -> bool:
    """A cancelled order is cancelled and a setting is set, even if another of the trader's wishes came first."""
    if row.kind in CANCELS:
        named = row.intent.get("orders") or row.intent["order"]
        return all(statuses.get(int(order)) != "open" for order in named.split(","))
    return row.kind in (CommandKind.MODE, CommandKind.LEVERAGE) and "mode" in row.evidence


def stories(commands: Iterable[str], done: Iterable[Execution]) -> list[str]:
    """The lives of some commands, with what the venue did with their bytes, to be read by a person."""
    found, carried_out = [], list(done)
    with every_operator():
        for row in Command.objects.filter(pk__in=list(commands)).select_related("account"):
            began, request = row.prepared_at.timestamp(), digest(bytes(row.body))
            lines = [
                (event.happened_at.timestamp() - began, f"{event.step} {event.error[:70]}")
                for event in row.events.all()
            ]
            lines += [
                (one.moment - began, f"the venue: {one.status} {one.answer[:90]}")
                for one in carried_out
                if one.request == request
            ]
            head = f"{row.account.venue} {row.kind} {row.state} at {began:.1f} looks {row.attempts} {row.evidence}"
            found.append("\n".join([head, *(f"    {second:7.3f} {text}" for second, text in sorted(lines))]))
    return found


def executions(record: Mapping[str, Any]) -> list[Execution]:
    """All that the venue did."""
    return [Execution(**row) for row in record["executions"]]


def strikes(record: Mapping[str, Any]) -> list[Strike]:
    """All faults that struck."""
    return [Strike(**row) for row in record["strikes"]]


def open_count() -> int:
    """How many commands and signed approvals have no end yet, and commands no follower that have to have one."""
    with every_operator():
        commands = Command.objects.filter(state__in=OPEN_STATES).count()
        signed = WalletApproval.objects.filter(state=ApprovalState.UNKNOWN).count()
    return int(commands + signed + len(unfollowed()))
