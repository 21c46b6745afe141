"""The life of a command: written down, sent once, settled by proof.

``prepare`` commits the intent and the signed bytes before the first byte leaves. ``submit`` sends them outside any
transaction. What the venue did not clearly answer stays *unknown* until ``settle`` proves what became of it: the
identical bytes may be sent again (a used nonce is refused, so they execute at most once), an order can be asked for by
its client id, and once the venue's own clock is past the expiry an order nobody knows is dead (Hyperliquid 4, 5.3).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from trading.models import Command, Market, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step
from trading.services import clocks, nonces
from trading.services.accounts import note_refusal
from trading.services.events import Heard, record, steps_of
from trading.services.lateness import overtaken, too_old
from trading.services.transitions import (
    CLAIMING,
    GIVING_UP,
    SETTLING,
    SETTLING_ALONE,
    end,
    is_used_by_itself,
    note_doubt,
    settle,
)
from trading.services.wake import settle_soon
from trading.statements import Statement
from trading.venues.base import Acknowledgement, Adapter, Batch, Outcome, Refused, SignedRequest
from trading.venues.base import Command as VenueCommand
from trading.venues.errors import AlreadyReceived, InvalidCommand, OutcomeUnknown, Rejected, Unavailable, VenueError
from trading.venues.transport import Response

# A command that is not sent this long after it was written down was left behind by a process that died; one without
# an answer this long after it was sent is asked about, which does no harm where the answer is only late.
SENDING = timedelta(seconds=0.4)
ANSWERING = timedelta(seconds=0.5)
# Long enough for a slow venue, short enough that an unknown order is proven dead while the trader still looks.
LIFETIME = timedelta(seconds=15)


class FormReused(Exception):
    """The same form was posted again with other values: it is refused, because it cannot be told which was meant."""


class StillChecking(InvalidCommand):
    """An earlier change of the same position or order is not proven yet: one effect must never prove or hide two."""

    def __init__(self) -> None:
        super().__init__("Your last change here is still being checked with the venue. Try again when it has its end.")


# What is learnt of a nonce: the venue used it for the command's own bytes, or for what we used it up with.
RECEIVED, BURNED = "received", "burned"

# Without an id of their own at the venue, these are proven by the state they leave behind: of those that leave the
# same kind of state, one at a time.
SETTING = (CommandKind.MODE, CommandKind.LEVERAGE)
PROVEN_BY_STATE = (*SETTING, CommandKind.MARGIN, CommandKind.MOVE)
ORDERING = (CommandKind.ORDER, CommandKind.ORDERS, CommandKind.MODIFY)

ACCOUNT = Statement(VenueAccount, "id = %s FOR NO KEY UPDATE")
MADE_BY_FORM = Statement(Command, "account_id = %s AND kind = %s AND form_key = %s")
OPEN_ALIKE = Statement(
    Command, "account_id = %s AND market_id = %s AND kind = ANY(%s) AND state IN ('prepared', 'unknown')"
)


class Name(Protocol):
    """Gives out the client ids of a command's orders."""

    def __call__(self, part: str = "") -> str:
        """The client id of the command's only or main order (""), or of another by its part ("take_profit")."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a trader asks for, and the form he asked it with.

    ``form`` is what was submitted and decides whether a repeat is the same request; ``fields`` is what it came to and
    goes on record. ``build`` makes the venue's command and takes the client ids of its orders from ``Name``; ``before``
    is the state that a later proof compares with.
    """

    kind: CommandKind
    form_key: UUID
    form: Mapping[str, str]
    fields: dict[str, str]
    build: Callable[[Name], VenueCommand]
    before: dict[str, str] = field(default_factory=dict)

    @property
    def adds_margin(self) -> bool:
        """Whether it takes risk away by collateral, and so waits for nothing."""
        return self.kind == CommandKind.MARGIN and Decimal(self.fields["amount"]) > 0

    @property
    def may_add(self) -> bool:
        """Whether it may open a position or add to one: an order with a size of its own that does not only reduce."""
        return self.kind in ORDERING and "size" in self.fields and self.fields.get("reduce_only") != "True"


def earlier(account: VenueAccount, kind: CommandKind, form_key: UUID, form: Mapping[str, str]) -> Command | None:
    """The command that this form made before, None for a new form. Raises ``FormReused`` for other values."""
    for found in MADE_BY_FORM.rows(account.pk, kind, form_key):
        if found.fingerprint != fingerprint(form):
            raise FormReused
        return found
    return None


def prepare(adapter: Adapter, account: VenueAccount, market: Market, intent: Intent) -> tuple[Command, bool]:
    """Write the signed command down; return it and whether it is new.

    A repeat of the same form returns the first command. Raises ``FormReused`` where the form came with other values,
    ``InvalidCommand`` where the venue's known rules forbid it and ``StillChecking`` where an earlier change of the same
    position or order is not proven (then nothing is written).
    """
    with transaction.atomic():
        locked = held(account.pk)
        existing = earlier(locked, intent.kind, intent.form_key, intent.form)
        if existing is not None:
            return existing, False
        if _is_checking(locked, market, intent):
            raise StillChecking
        command = _signed(adapter, locked, market, intent)
        command.save(force_insert=True)
        record(command, Step.PREPARED, CommandState.PREPARED, request=as_signed(command))
    return command, True


def held(account_id: int) -> VenueAccount:
    """The account's row, held until the transaction ends: that puts its signer's commands in order, and their forms."""
    for row in ACCOUNT.rows(account_id):
        return row
    raise VenueAccount.DoesNotExist("The account is gone.")


def _is_checking(account: VenueAccount, market: Market, intent: Intent) -> bool:
    """Whether an earlier change is open whose effect could not be told from this one's: of the same collateral or
    setting, or of the same order, which may keep its name through every change (Aster 3.7).

    Margin is added all the same: a position near its liquidation cannot wait for a venue that is silent. The price is
    that nobody may be able to tell what the earlier change came to (``effects``)."""
    if intent.adds_margin:
        return False
    if intent.kind == CommandKind.MODIFY:
        rows = OPEN_ALIKE.rows(account.pk, market.pk, [intent.kind])
        return any(row.intent["order"] == intent.fields["order"] for row in rows)
    alike = SETTING if intent.kind in SETTING else (intent.kind,)
    return intent.kind in PROVEN_BY_STATE and bool(OPEN_ALIKE.rows(account.pk, market.pk, [*alike]))


def _signed(adapter: Adapter, account: VenueAccount, market: Market, intent: Intent) -> Command:
    command = Command(account=account, market=market, kind=intent.kind, form_key=intent.form_key)
    command.fingerprint = fingerprint(intent.form)
    command.intent, command.before = intent.fields, intent.before
    now = timezone.now()
    command.nonce = nonces.draw(account, adapter.moment(now))
    wanted = intent.build(_names(adapter, command))
    signed = adapter.sign(wanted, nonce=command.nonce, expires_after=adapter.moment(now + LIFETIME))
    command.method, command.path, command.body = signed.method, signed.path, signed.body
    command.dead_at, command.next_at = signed.dead_at, now + SENDING
    burn = adapter.burn(command.nonce)
    if burn is not None:
        command.burn_path, command.burn_body = burn.path, burn.body
    return command


def _names(adapter: Adapter, command: Command) -> Name:
    """Client ids that follow from the command's own id, noted with the command as they are given out."""

    def name(part: str = "") -> str:
        client_id = adapter.client_id(uuid5(command.pk, part) if part else command.pk)
        command.names[part] = client_id
        if not part:
            command.client_id = client_id
        return client_id

    return name


def fingerprint(form: Mapping[str, str]) -> str:
    """One text for what a form said, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(dict(form), sort_keys=True).encode()).hexdigest()


def submit(adapter: Adapter, command: Command) -> Command:
    """Send a prepared command, once, or give it up where it is too old by now. Whoever loses the race for it gets the
    row as it stands."""
    return _sent(adapter, command, _claim(command, too_old(command, timezone.now())))


def submit_left_behind(adapter: Adapter, command: Command) -> Command:
    """``submit`` for what another process wrote down and did not send: given up as well where the trader has gone on
    since, because late it could act against what he has decided."""
    if too_late := too_old(command, timezone.now()):
        return _sent(adapter, command, _claim(command, too_late))
    with transaction.atomic():
        # Nothing newer is written down between this look and the claim.
        held(command.account_id)
        is_claimed = _claim(command, overtaken(command))
    return _sent(adapter, command, is_claimed)


def _claim(command: Command, why_not: str) -> bool:
    """Take what nobody has sent, to send it or, with ``why_not``, to end it for good; whether it is to be sent now.

    Either way one conditional update decides, so only one of any number of processes gets it.
    """
    now = timezone.now()
    if why_not:
        evidence = {"never sent": f"{(now - command.prepared_at).total_seconds():.1f} s after it was written down"}
        end(GIVING_UP, command, CommandState.DEAD, evidence, why_not)
        return False
    sending = steps_of(command, Step.SENT, CommandState.UNKNOWN, request=as_signed(command))
    return CLAIMING.make(command, sending, now=now, next_at=now + ANSWERING)


def _sent(adapter: Adapter, command: Command, is_claimed: bool) -> Command:
    """The command as it stands, sent where it was claimed for that."""
    if is_claimed and _deliver(adapter, command, is_first=True) is not None:
        settle_soon(command)
    return command


def send_again(adapter: Adapter, command: Command) -> VenueError | None:
    """Send the identical bytes once more, of which ``deliver_again`` has taken note: a used nonce is refused, so they
    execute at most once in all. Returns what leaves the outcome open, None where the answer settled it or it was
    settled meanwhile."""
    return _deliver(adapter, command, is_first=False)


def as_signed(command: Command) -> SignedRequest:
    """The stored request, byte for byte."""
    return SignedRequest(
        path=command.path, body=bytes(command.body), nonce=command.nonce, method=command.method, dead_at=command.dead_at
    )


def _deliver(adapter: Adapter, command: Command, *, is_first: bool) -> VenueError | None:
    """Post the stored bytes and settle the command if the venue's answer is one; else return what leaves it open.

    Of a later delivery of the same bytes, the adapter knows which refusals say nothing about an earlier one; and a
    venue that cannot be reached now says nothing about what it received before.
    """
    try:
        response = adapter.deliver(as_signed(command), repeated=not is_first)
    except (OutcomeUnknown, Unavailable) as failure:
        return _note_failure(command, Heard(error=str(failure)), failure, is_first=is_first)
    return _judge(adapter, command, response, is_first=is_first)


def _judge(adapter: Adapter, command: Command, response: Response, *, is_first: bool) -> VenueError | None:
    try:
        acknowledgement = adapter.judge(as_signed(command), response, repeated=not is_first)
    except Rejected as refusal:
        if _is_refused(adapter, command, refusal, Heard(response), is_first=is_first):
            return None
        # Another process took the same bytes meanwhile: what was refused may be their second arrival.
        return _judge(adapter, command, response, is_first=False)
    except (OutcomeUnknown, Unavailable) as failure:
        return _note_failure(command, Heard(response, str(failure)), failure, is_first=is_first)
    settle(command, CommandState.ACCEPTED, evidence_of(acknowledgement), heard=Heard(response))
    return None


def _is_refused(adapter: Adapter, command: Command, refusal: Rejected, heard: Heard, *, is_first: bool) -> bool:
    """Give the command its end by a refusal; False where it is open still, because others sent it as well."""
    explanation, offset = clocks.explain(adapter, command.account, refusal)
    evidence = {"venue": refusal.text, "reason": refusal.reason} | offset
    ending = SETTLING_ALONE if is_first else SETTLING
    if not end(ending, command, CommandState.REJECTED, evidence, explanation, heard=heard):
        if not command.is_settled:
            return False
        record(command, Step.ANSWERED, CommandState.REJECTED, heard=heard, evidence=evidence)
    note_refusal(command, refusal.reason)
    return True


def _note_failure(
    command: Command, heard: Heard, failure: OutcomeUnknown | Unavailable, *, is_first: bool
) -> VenueError | None:
    """Keep the command open and say why; None where that nothing was sent is its end, because nobody else took its
    bytes."""
    if isinstance(failure, OutcomeUnknown):
        was_received = isinstance(failure, AlreadyReceived) and is_used_by_itself(command)
        note_doubt(command, heard, {RECEIVED: True} if was_received else {})
        return failure
    never_sent = {"never sent": str(failure)}
    if is_first and end(SETTLING_ALONE, command, CommandState.DEAD, never_sent, failure.explanation, heard=heard):
        return None
    record(command, Step.ANSWERED, command.state, heard=heard)
    return failure


def evidence_of(acknowledgement: Acknowledgement | Outcome) -> dict[str, Any]:
    """The venue's acceptance as it goes on record; that of several orders names what became of each, in their order."""
    if isinstance(acknowledgement, Batch):
        return {"kind": "batch", "members": [evidence_of(outcome) for outcome in acknowledgement.outcomes]}
    if isinstance(acknowledgement, Refused):
        refusal = acknowledgement.error
        return {
            "kind": "refused",
            "error": refusal.explanation,
            "venue": refusal.text,
            "reason": refusal.reason.value,
        }
    details = asdict(acknowledgement) if is_dataclass(acknowledgement) else {}
    return {"kind": type(acknowledgement).__name__.lower()} | {name: str(value) for name, value in details.items()}
