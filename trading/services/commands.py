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
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from trading.models import Command, Market, VenueAccount
from trading.models.commands import OPEN_STATES, CommandKind, CommandState
from trading.services.accounts import note_refusal
from trading.venues.base import Acknowledgement, Adapter, SignedRequest
from trading.venues.base import Command as VenueCommand
from trading.venues.errors import AlreadyReceived, InvalidCommand, OutcomeUnknown, Rejected, Unavailable

# Long enough for a slow venue, short enough that an unknown order is proven dead while the trader still looks.
LIFETIME = timedelta(seconds=15)


class FormReused(Exception):
    """The same form was posted again with other values: it is refused, because it cannot be told which was meant."""


class StillChecking(InvalidCommand):
    """An earlier change of the same position is not proven yet: one effect must never prove two changes."""

    def __init__(self) -> None:
        super().__init__("Your last change here is still being checked. It takes seconds; then try this one again.")


# Without an id of their own at the venue, these are proven by the state they leave behind, so one at a time.
PROVEN_BY_STATE = (CommandKind.LEVERAGE, CommandKind.MARGIN)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a trader asks for, and the form he asked it with.

    ``form`` is what was submitted and decides whether a repeat is the same request; ``fields`` is what it came to and
    goes on record. ``build`` makes the venue's command from the client id it shall carry; ``before`` is the state that
    a later proof compares with.
    """

    kind: CommandKind
    form_key: UUID
    form: Mapping[str, str]
    fields: dict[str, str]
    build: Callable[[str], VenueCommand]
    before: dict[str, str] = field(default_factory=dict)


def earlier(account: VenueAccount, kind: CommandKind, form_key: UUID, form: Mapping[str, str]) -> Command | None:
    """The command that this form made before, None for a new form. Raises ``FormReused`` for other values."""
    found: Command | None = Command.objects.filter(account=account, kind=kind, form_key=form_key).first()
    if found is not None and found.fingerprint != fingerprint(form):
        raise FormReused
    return found


def prepare(adapter: Adapter, account: VenueAccount, market: Market, intent: Intent) -> tuple[Command, bool]:
    """Write the signed command down; return it and whether it is new.

    A repeat of the same form returns the first command. Raises ``FormReused`` where the form came with other values,
    ``InvalidCommand`` where the venue's known rules forbid it and ``StillChecking`` where an earlier change of the same
    position is not proven (then nothing is written).
    """
    with transaction.atomic():
        # The row lock puts the commands of one signer in order, so nonces rise strictly across processes.
        locked = VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        existing = earlier(locked, intent.kind, intent.form_key, intent.form)
        if existing is not None:
            return existing, False
        if intent.kind in PROVEN_BY_STATE and _is_checking(locked, market):
            raise StillChecking
        command = _signed(adapter, locked, market, intent)
        command.save(force_insert=True)
        VenueAccount.objects.filter(pk=locked.pk).update(last_nonce=command.nonce)
    return command, True


def _is_checking(account: VenueAccount, market: Market) -> bool:
    rows = Command.objects.filter(account=account, market=market, kind__in=PROVEN_BY_STATE, state__in=OPEN_STATES)
    return bool(rows.exists())


def _signed(adapter: Adapter, account: VenueAccount, market: Market, intent: Intent) -> Command:
    command = Command(account=account, market=market, kind=intent.kind, form_key=intent.form_key)
    command.fingerprint = fingerprint(intent.form)
    now = timezone.now()
    nonce = max(account.last_nonce + 1, int(now.timestamp() * 1000))
    expires_at = now + LIFETIME
    client_id = adapter.client_id(command.pk)
    wanted = intent.build(client_id)
    signed = adapter.sign(wanted, nonce=nonce, expires_after=int(expires_at.timestamp() * 1000))
    command.intent = intent.fields
    command.before = intent.before
    command.client_id = client_id if intent.kind is CommandKind.ORDER else ""
    command.nonce = nonce
    command.path = signed.path
    command.body = signed.body
    command.expires_at = expires_at
    return command


def fingerprint(form: Mapping[str, str]) -> str:
    """One text for what a form said, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(dict(form), sort_keys=True).encode()).hexdigest()


def submit(adapter: Adapter, command: Command) -> Command:
    """Send a prepared command, once. Whoever loses the race for it gets the row as it stands."""
    claimed = Command.objects.filter(pk=command.pk, state=CommandState.PREPARED, sent_at=None).update(
        sent_at=timezone.now(), state=CommandState.UNKNOWN, attempts=F("attempts") + 1
    )
    if claimed:
        deliver(adapter, command, is_first=True)
    command.refresh_from_db()
    return command


def deliver(adapter: Adapter, command: Command, *, is_first: bool) -> None:
    """Post the stored bytes and settle the command if the venue's answer is one.

    Of a later delivery of the same bytes, the adapter knows which refusals say nothing about an earlier one; and a
    venue that cannot be reached now says nothing about what it received before.
    """
    signed = SignedRequest(path=command.path, body=bytes(command.body), nonce=command.nonce)
    try:
        acknowledgement = adapter.send(signed, repeated=not is_first)
    except Rejected as refusal:
        settle(command, CommandState.REJECTED, {"venue": refusal.text, "reason": refusal.reason}, refusal.explanation)
        note_refusal(command, refusal.reason)
    except AlreadyReceived as doubt:
        note_doubt(command, str(doubt), {"received": timezone.now().isoformat()})
    except OutcomeUnknown as doubt:
        note_doubt(command, str(doubt))
    except Unavailable as failure:
        if is_first:
            settle(command, CommandState.DEAD, {"never sent": str(failure)}, failure.explanation)
    else:
        settle(command, CommandState.ACCEPTED, evidence_of(acknowledgement))


def settle(command: Command, state: CommandState, evidence: dict[str, Any], message: str = "") -> bool:
    """Give the command its one final state; False where it already had one."""
    settled: int = Command.objects.filter(pk=command.pk, state__in=OPEN_STATES).update(
        state=state, evidence=evidence, message=message[:300], settled_at=timezone.now()
    )
    return bool(settled)


def note_doubt(command: Command, cause: str, evidence: dict[str, Any] | None = None) -> None:
    """Keep the command open and say why; ``evidence`` is what was learnt all the same."""
    learnt = {"evidence": evidence} if evidence else {}
    Command.objects.filter(pk=command.pk, state=CommandState.UNKNOWN).update(message=cause[:300], **learnt)


def evidence_of(acknowledgement: Acknowledgement) -> dict[str, Any]:
    """The venue's acceptance as it goes on record."""
    details = asdict(acknowledgement) if is_dataclass(acknowledgement) else {}
    return {"kind": type(acknowledgement).__name__.lower()} | {name: str(value) for name, value in details.items()}


def is_past(moment: datetime | None, venue_time: datetime) -> bool:
    """Whether the venue's own clock has left ``moment`` behind."""
    return moment is not None and venue_time.astimezone(UTC) > moment
