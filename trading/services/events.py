"""The history of commands and approvals: every step as a row that is only ever added, with the bytes as they left and
came.

No secret is in it: a request's body is signed and holds no key, the headers that carry a trader's own key are neither
stored nor shown, and a question is kept without the signature that would let others ask it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from trading.models import ApprovalEvent, Command, CommandEvent, WalletApproval
from trading.models.events import Event, Step
from trading.venues.base import SignedRequest
from trading.venues.transport import Exchange, Response, take_overheard

LONGEST_ANSWER, LONGEST_PATH = 20_000, 60
SIGNATURE = re.compile(r"(?:^|&)signature=[^&]*")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for a request: an answer, or the error that stood in its place."""

    response: Response | None = None
    error: str = ""


class Told(TypedDict, total=False):
    """What is told of a step: the request that left, what was heard of it, what was learnt, and what was asked of the
    venue before."""

    request: SignedRequest | None
    heard: Heard | None
    evidence: dict[str, Any] | None
    asked: Sequence[Exchange]


def record(subject: Command | WalletApproval, step: Step, state: str, **told: Unpack[Told]) -> None:
    """Add one step, in the transaction of the change that it tells of."""
    steps = steps_of(subject, step, state, **told)
    type(steps[0]).objects.bulk_create(steps)


def steps_of(subject: Command | WalletApproval, step: Step, state: str, **told: Unpack[Told]) -> list[Event]:
    """The rows of one step, not added yet: after the questions that led to it. A step that no other answer decided
    carries the last of them itself. Pure."""
    request, heard, questions = told.get("request"), told.get("heard"), told.get("asked", ())
    event = _event(subject, step, state)
    event.evidence = told.get("evidence") or {}
    if request is not None:
        event.path, event.request = request.path, request.body
    if heard is not None:
        event.error = heard.error[:300]
    if heard is not None and heard.response is not None:
        _keep(event, heard.response)
    if questions and request is None and heard is None:
        *questions, last = questions
        _ask(event, last)
    return [*(_question(subject, exchange) for exchange in questions), event]


def asked_besides(*sent: bytes) -> tuple[Exchange, ...]:
    """What the venue was asked since this was taken last; what was ``sent`` is on record by itself."""
    return tuple(exchange for exchange in take_overheard() if not exchange.body or exchange.body not in sent)


def _question(subject: Command | WalletApproval, exchange: Exchange) -> Event:
    event = _event(subject, Step.ASKED, subject.state)
    _ask(event, exchange)
    return event


def _ask(event: Event, exchange: Exchange) -> None:
    """What was asked and answered; what stands in the address of a question is its request."""
    path, _, query = exchange.path.partition("?")
    event.path, event.request = path[:LONGEST_PATH], exchange.body or SIGNATURE.sub("", query).encode()
    _keep(event, exchange.response)


def _keep(event: Event, response: Response) -> None:
    """The answer, or the beginning of a long one, beside the length of the whole."""
    event.status, event.answer = response.status, response.body[:LONGEST_ANSWER]
    event.answer_length = len(response.body)


def _event(subject: Command | WalletApproval, step: Step, state: str) -> Event:
    if isinstance(subject, Command):
        return CommandEvent(command=subject, operator_id=subject.operator_id, step=step, state=state)
    return ApprovalEvent(approval=subject, operator_id=subject.operator_id, step=step, state=state)
