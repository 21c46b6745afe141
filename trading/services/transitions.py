"""How a command's row changes: together with the steps of its history that tell of it, in one statement.

So no state is ever without its step and no step without its state, whoever dies when; and of any number of processes
that want to make the same change, the one whose statement finds the row as the change wants it makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from tenants.scope import check_owner
from trading.models import Command, CommandEvent
from trading.models.commands import CommandState
from trading.models.events import Event, Step
from trading.services.events import Heard, Told, record, steps_of
from trading.venues.base import SignedRequest
from trading.venues.transport import Exchange

# What a change can touch.
CHANGING = ("state", "message", "evidence", "next_at", "deliveries", "sent_at", "spent_at", "settled_at")
# The columns of a step, with their types as arrays: any number of steps goes in by one statement.
STEP = {
    "step": "varchar",
    "state": "varchar",
    "happened_at": "timestamptz",
    "path": "varchar",
    "request": "bytea",
    "status": "smallint",
    "answer": "bytea",
    "answer_length": "integer",
    "error": "varchar",
    "evidence": "jsonb",
}
STEP_FIELDS = {field.name: field for field in CommandEvent._meta.concrete_fields}
CHANGE = """
WITH changed AS (
    UPDATE trading_command SET {sets}
    WHERE id = %(id)s AND operator_id = %(operator_id)s AND {where}
    RETURNING id, operator_id, {changing}
), told AS (
    INSERT INTO trading_commandevent (command_id, operator_id, {names})
    SELECT changed.id, changed.operator_id, {values}
    FROM changed, unnest({arrays}) WITH ORDINALITY AS step({names}, place) ORDER BY place
)
SELECT {changing} FROM changed
"""


@dataclass(frozen=True)
class Transition:
    """One kind of change: what it ``sets``, and ``where`` it may be made, in SQL with places for values by name."""

    sets: str
    where: str

    def make(self, command: Command, steps: Sequence[Event], **values: Any) -> bool:
        """Change the row and add the steps; False where the row is not as the change wants it, and then nothing is
        written. Either way ``command`` has what its row has afterwards."""
        check_owner(command.operator_id)
        given = {**values, "id": command.pk, "operator_id": command.operator_id}
        given |= {f"step_{name}": [_prepared(step, name) for step in steps] for name in STEP}
        with connection.cursor() as cursor:
            cursor.execute(self._statement, given)
            row = cursor.fetchone()
        if row is None:
            command.refresh_from_db(fields=CHANGING)
            return False
        for name, value in zip(CHANGING, row, strict=True):
            setattr(command, name, _read(name, value))
        return True

    @cached_property
    def _statement(self) -> str:
        return CHANGE.format(
            sets=self.sets,
            where=self.where,
            changing=", ".join(CHANGING),
            names=", ".join(STEP),
            values=", ".join(f"step.{name}" for name in STEP),
            arrays=", ".join(f"%(step_{name})s::{kind}[]" for name, kind in STEP.items()),
        )


UNSENT, OPEN = "state = 'prepared' AND sent_at IS NULL", "state IN ('prepared', 'unknown')"
CLAIMING = Transition("state = 'unknown', deliveries = 1, sent_at = %(now)s, next_at = %(next_at)s", UNSENT)
# What has its end is never delivered again, and what another is about to deliver has no end because the first delivery
# failed or was refused: both are decided by the same row.
DELIVERING = Transition("deliveries = least(deliveries + 1, 32000)", OPEN)
ENDING = "state = %(state)s, evidence = %(evidence)s, message = %(message)s, settled_at = %(now)s"
GIVING_UP, SETTLING = Transition(ENDING, UNSENT), Transition(ENDING, OPEN)
SETTLING_ALONE = Transition(ENDING, f"{OPEN} AND deliveries = 1")
DOUBTING = Transition("message = %(message)s, evidence = evidence || %(evidence)s", OPEN)


def settle(
    command: Command,
    state: CommandState,
    evidence: dict[str, Any],
    message: str = "",
    *,
    heard: Heard | None = None,
    asked: Sequence[Exchange] = (),
) -> bool:
    """Give the command its one final state; False where it already had one. ``heard`` is the answer that decided, or
    ``asked`` what was asked of the venue to find it out."""
    settled = end(SETTLING, command, state, evidence, message, heard=heard, asked=asked)
    if not settled and heard is not None:
        record(command, Step.ANSWERED, state, heard=heard, evidence=evidence)
    return settled


def end(
    transition: Transition,
    command: Command,
    state: CommandState,
    evidence: dict[str, Any],
    message: str,
    *,
    heard: Heard | None = None,
    asked: Sequence[Exchange] = (),
) -> bool:
    """``settle`` by a change of one's own."""
    ending = steps_of(command, Step.SETTLED, state, heard=heard, evidence=evidence, asked=asked)
    now, told = timezone.now(), Jsonb(evidence)
    return transition.make(command, ending, state=state, evidence=told, message=message[:300], now=now)


def deliver_again(command: Command, step: Step, request: SignedRequest) -> bool:
    """Write down that a request of the command is about to leave once more; False where it has its end meanwhile, and
    then nothing may leave."""
    return DELIVERING.make(command, steps_of(command, step, CommandState.UNKNOWN, request=request))


def note_doubt(command: Command, heard: Heard, evidence: dict[str, Any] | None = None) -> None:
    """Keep the command open and say why; ``evidence`` is what was learnt all the same."""
    told: Told = {"heard": heard, "evidence": evidence}
    answered = steps_of(command, Step.ANSWERED, CommandState.UNKNOWN, **told)
    if not DOUBTING.make(command, answered, message=heard.error[:300], evidence=Jsonb(evidence or {})):
        record(command, Step.ANSWERED, command.state, **told)


def is_used_by_itself(command: Command, *, burns: int = 0) -> bool:
    """Whether a nonce that the venue has just called used was used by the command's own bytes.

    Nothing else bears it but what uses it up, and that is on record before it leaves: what is not on record by now had
    not left when the venue answered, whoever sends. ``burns``: how many of those the refused request itself is."""
    found: int = command.events.filter(step=Step.BURNED).count()
    return found == burns


def _prepared(step: Event, name: str) -> Any:
    return STEP_FIELDS[name].get_db_prep_save(getattr(step, name), connection)


def _read(name: str, value: Any) -> Any:
    field = Command._meta.get_field(name)
    return field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
