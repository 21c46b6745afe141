"""The end of a run as plain rows: our commands with their events, and the venue's executions and strikes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tenants.scope import every_operator
from tests.chaos.checker import Belief
from tests.chaos.venue import Execution, Strike, digest
from trading.models import Command, CommandEvent
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step

CANCELS = (CommandKind.CANCEL, CommandKind.CANCEL_ALL)


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


def _is_there_anyway(row: Command, statuses: Mapping[int, str]) -> bool:
    """A cancelled order is cancelled and a setting is set, even if another of the trader's wishes came first."""
    if row.kind in CANCELS:
        named = row.intent.get("orders") or row.intent["order"]
        return all(statuses.get(int(order)) != "open" for order in named.split(","))
    return row.kind in (CommandKind.MODE, CommandKind.LEVERAGE) and "mode" in row.evidence


def stories(commands: Iterable[str]) -> list[str]:
    """The lives of some commands, to be read by a person."""
    found = []
    with every_operator():
        for row in Command.objects.filter(pk__in=list(commands)).select_related("account"):
            events = [
                f"    {(event.happened_at - row.prepared_at).total_seconds():7.3f} {event.step} {event.error[:70]}"
                for event in row.events.all()
            ]
            head = (
                f"{row.account.venue} {row.kind} {row.state} at {row.prepared_at.timestamp():.1f} looks {row.attempts}"
            )
            found.append("\n".join([f"{head} {row.evidence}", *events]))
    return found


def executions(record: Mapping[str, Any]) -> list[Execution]:
    """All that the venue did."""
    return [Execution(**row) for row in record["executions"]]


def strikes(record: Mapping[str, Any]) -> list[Strike]:
    """All faults that struck."""
    return [Strike(**row) for row in record["strikes"]]


def open_count() -> int:
    """How many commands have no end yet."""
    with every_operator():
        return int(Command.objects.filter(state__in=(CommandState.PREPARED, CommandState.UNKNOWN)).count())


def counts() -> dict[str, int]:
    """How many commands there are at each venue."""
    with every_operator():
        venues = Command.objects.values_list("account__venue", flat=True)
        found: dict[str, int] = {}
        for venue in venues:
            found[venue] = found.get(venue, 0) + 1
        return found


def dumped(value: object) -> str:
    """JSON of anything."""
    return json.dumps(value, default=str)
