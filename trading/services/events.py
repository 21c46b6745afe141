"""The history of commands: every step as a row that is only ever added, with the bytes as they left and came.

No secret is in it: a request's body is signed and holds no key, and the headers that carry a trader's own key are
neither stored nor shown.
"""

from dataclasses import dataclass
from typing import Any

from trading.models import Command, CommandEvent
from trading.models.commands import CommandState, CommandStep
from trading.venues.base import SignedRequest
from trading.venues.transport import Response

LONGEST_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for a request: an answer, or the error that stood in its place."""

    response: Response | None = None
    error: str = ""


def record(
    command: Command,
    step: CommandStep,
    state: CommandState,
    *,
    request: SignedRequest | None = None,
    heard: Heard | None = None,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Add one step, in the transaction of the change that it tells of."""
    event = CommandEvent(command=command, operator_id=command.operator_id, step=step, state=state)
    event.evidence = evidence or {}
    if request is not None:
        event.path, event.request = request.path, request.body
    if heard is not None:
        event.error = heard.error[:300]
    if heard is not None and heard.response is not None:
        event.status, event.answer = heard.response.status, heard.response.body[:LONGEST_ANSWER]
    event.save(force_insert=True)
