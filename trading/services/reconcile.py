"""Settling commands whose outcome the venue did not tell: by proof, never by policy.

A proof has two halves. First the command's bytes are brought to where they can do nothing any more: the identical
bytes are sent again (a used nonce is refused, so they act at most once), or a request that does nothing uses their
nonce up, or the venue's own clock passes their end. Then the venue is asked what it shows of them, and what it still
does not show once it has had time to settle was never carried out (Hyperliquid 4, 5.3; Aster 1.3). An effect that can
be nobody else's is believed at once, and so is a nonce used up by us where each block takes one only once.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from trading.models import Command, Market, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step
from trading.services.claims import SHORTEST
from trading.services.commands import (
    BURNED,
    LIFETIME,
    ORDERING,
    PROVEN_BY_STATE,
    RECEIVED,
    SETTING,
    as_signed,
    held,
    send_again,
)
from trading.services.effects import effect, shown_before
from trading.services.events import Heard, asked_besides, steps_of
from trading.services.lateness import overtaken, too_old
from trading.services.order_effects import Effect
from trading.services.transitions import OPEN, Transition, deliver_again, is_used_by_itself, note_doubt, settle
from trading.statements import Statement
from trading.venues.base import Adapter, SignedRequest
from trading.venues.errors import (
    AlreadyReceived,
    HeldBack,
    Malformed,
    MissingKey,
    NoLongerAccepted,
    OutcomeUnknown,
    Reason,
    Rejected,
    Unavailable,
    VenueError,
)
from trading.venues.ledger import Priority
from trading.venues.metered import reading
from trading.venues.transport import Exchange, overhearing

HIDDEN = "hidden"
KNOWN_SPENT = {RECEIVED, BURNED}
# Past its end a setting's nonce is still tried for so long: where the key is gone, it can never be used up.
BURNABLE = timedelta(minutes=1)
# A venue that refuses to tell, or says what nobody understands, is asked for so long: what passes (maintenance, an
# address of ours that it turns away) has passed by then, and a market that is listed no more will never be told of.
ASKED_IN_VAIN = timedelta(hours=1)
SELDOM = 30.0  # seconds between two such questions, a minute past the end: others' proofs need the room
MOMENT = 0.02  # seconds by which a clock may be late
RECEIVED_AND_REFUSED = "The venue received this and did not carry it out. Nothing was changed by it."
CANNOT_BE_TOLD = "The position changed since, so it cannot be told whether this was carried out. Check its margin."
NEVER_CARRIED_OUT = "The venue never carried this out. Nothing was changed."
KEY_GONE = (
    "The trading key is gone, so the venue cannot be asked whether this was carried out. Look at the venue, or connect "
    "again to see your account here."
)
NOT_TOLD = "The venue refuses to tell whether this was carried out. Look at the venue."

UNKNOWN_MARGIN = Statement(Command, "account_id = %s AND market_id = %s AND kind = 'margin' AND state = 'unknown'")
SPENDING = Transition("spent_at = %(clock)s", f"spent_at IS NULL AND {OPEN}")


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one look for proof, and when the next one is worth its requests.

    ``earliest``: for so many seconds nothing may be asked. ``latest``: after so many the outcome can be told for
    certain. ``was_held_back``: our own limit stood before the venue, so nothing was looked at.
    """

    is_settled: bool = False
    earliest: float = 0.0
    latest: float = math.inf
    was_held_back: bool = False


def prove(adapter: Adapter, command: Command) -> bool:
    """Try once to settle an unknown command; False where there is no proof yet. Safe to repeat at any time."""
    return look(adapter, command).is_settled


def look(adapter: Adapter, command: Command) -> Look:
    """``prove``, telling when to look again.

    The adapter needs no key to sign: proving asks, and sends at most what was signed when the command was written down.
    Where the venue refuses to tell, as it does once the account's key is gone, the command ends without proof. A proof
    is the end of a command: neither readings nor other commands keep it waiting, whoever looks for it
    (``Priority.PROOF``).
    """
    began = timezone.now()
    with overhearing(), reading(Priority.PROOF):
        try:
            try:
                return _looked(adapter, command, began)
            except (MissingKey, Rejected, Malformed) as refusal:
                return Look() if refusal.retryable else _told_nothing(adapter, command, refusal)
        except VenueError as error:
            return _in_vain(adapter, command, began, error)


def _in_vain(adapter: Adapter, command: Command, began: datetime, error: VenueError | None) -> Look:
    """The venue is silent or unreadable, or may not be asked now: nothing is proven.

    The next look comes no later than when the outcome can be told for certain, and from then on pauses grow anew:
    those that were earned while the venue had yet to settle say nothing of how long it stays silent. How long this look
    waited for an answer in vain is no pause, so it counts from when it ``began``.
    """
    wait = 0.0 if error is None else error.retry_after or 0.0
    latest = math.inf
    if ends := [end for end in (command.spent_at, command.dead_at) if end is not None]:
        certain, now = min(ends) + adapter.settling, timezone.now()
        pause = certain - now if certain > now else began - certain
        latest = max(SHORTEST, pause.total_seconds())
    return Look(earliest=wait, latest=latest, was_held_back=isinstance(error, HeldBack))


def _asked(command: Command) -> tuple[Exchange, ...]:
    return asked_besides(bytes(command.body), bytes(command.burn_body))


def settle_margin_first(adapter: Adapter, account: VenueAccount, market: Market) -> bool:
    """Try to settle margin changes of a market before a trade there hides what they did; whether all are settled.

    It never keeps anybody from trading: where nothing can be proven now, the caller goes on.
    """
    waiting = UNKNOWN_MARGIN.rows(account.pk, market.pk)
    for command in waiting:
        command.account, command.market = account, market
    return all(prove(adapter, command) for command in waiting)


def _looked(adapter: Adapter, command: Command, began: datetime) -> Look:
    address = command.account.address
    if command.spent_at is None and command.kind not in PROVEN_BY_STATE:
        found = effect(adapter, command)
        if found.is_own and found.is_whole:
            return Look(_settle_by(command, found))
    now = timezone.now()
    if command.spent_at is not None or (_is_over(command, now) and not _has_to_be_burned(command, now)):
        return _concluded(adapter, command, adapter.venue_time(address))
    doubt = _spend(adapter, command)
    if command.is_settled:
        return Look(is_settled=True)
    return (
        _in_vain(adapter, command, began, doubt)
        if command.spent_at is None
        else _concluded(adapter, command, command.spent_at)
    )


def _is_over(command: Command, now: datetime) -> bool:
    return command.dead_at is not None and now > command.dead_at


def _has_to_be_burned(command: Command, now: datetime) -> bool:
    """Of a setting only its nonce can prove that it was never made: what is set now may have been set since."""
    if command.kind not in SETTING or not command.burn_body or command.evidence.keys() & KNOWN_SPENT:
        return False
    return command.dead_at is None or now < command.dead_at + BURNABLE


def _spend(adapter: Adapter, command: Command) -> VenueError | None:
    """Bring the command's bytes to where they can do nothing any more: sent once more, or their nonce used up. Returns
    what leaves the outcome open."""
    if command.evidence.keys() & KNOWN_SPENT:
        doubt: VenueError | None = NoLongerAccepted("its nonce is used")
    elif _is_taken_again(command):
        doubt = send_again(adapter, command)
    elif command.burn_body and not command.is_settled:
        doubt = _burn(adapter, command)
    else:
        return None
    if isinstance(doubt, NoLongerAccepted):
        _note_spent(adapter, command)
    return doubt


def _is_taken_again(command: Command) -> bool:
    """Take note that the command's own bytes are about to leave once more, where they may: not without protection from
    acting twice, not when it is old, past its end or settled, and no order that this would bring to the venue for the
    first time when its market is another one by now. Nor once the trader has gone on, who may have closed what it would
    open anew, or changed what it would take away; collateral is moved between books all the same."""
    now = timezone.now()
    if not command.burn_body or now > command.prepared_at + LIFETIME or _is_over(command, now):
        return False
    if command.kind in ORDERING and too_old(command, now):
        return False
    if command.kind == CommandKind.MOVE:
        return deliver_again(command, Step.SENT, as_signed(command))
    with transaction.atomic():
        # Nothing newer is written down between this look and the note.
        held(command.account_id)
        return not overtaken(command) and deliver_again(command, Step.SENT, as_signed(command))


def _burn(adapter: Adapter, command: Command) -> VenueError | None:
    """Use the command's nonce up. A refusal of the nonce says that it is used already: by the command itself, unless
    another attempt to use it up may have done it. Returns what leaves the outcome open."""
    shown = {} if adapter.burning_proves else shown_before(adapter, command)
    burn = SignedRequest(command.burn_path, bytes(command.burn_body), command.nonce)
    if not deliver_again(command, Step.BURNED, burn):
        return None
    heard = Heard()
    try:
        heard = Heard(adapter.deliver(burn, repeated=True))
        adapter.judge(burn, heard.response, repeated=True)  # type: ignore[arg-type]
    except (Rejected, OutcomeUnknown, Unavailable) as doubt:
        was_received = isinstance(doubt, AlreadyReceived) and is_used_by_itself(command, burns=1)
        note_doubt(command, Heard(heard.response, str(doubt)), {RECEIVED: True} if was_received else None)
        return doubt
    if adapter.burning_proves:
        proof = {**command.evidence, BURNED: True, "effect": "none"}
        settle(command, CommandState.DEAD, proof, NEVER_CARRIED_OUT, heard=heard, asked=_asked(command))
        return None
    note_doubt(command, heard, {BURNED: True} | shown)
    return NoLongerAccepted("its nonce was used up")


def _note_spent(adapter: Adapter, command: Command) -> None:
    """Remember by the venue's own clock when the command could do nothing any more at the latest. What came before may
    have used the last of our limit (``Use.RELIEF``), and without the clock it was spent in vain."""
    with reading(Priority.RELIEF):
        clock = adapter.venue_time(command.account.address)
    SPENDING.make(command, steps_of(command, Step.ASKED, CommandState.UNKNOWN, asked=_asked(command)), clock=clock)


def _concluded(adapter: Adapter, command: Command, clock: datetime) -> Look:
    """Look at the venue after its bytes can do nothing any more; bury the command once the venue has settled. ``clock``
    is the venue's, read before."""
    ends = [end for end in (command.spent_at, command.dead_at) if end is not None and end <= clock]
    if not ends:
        return Look()
    left = min(ends) + adapter.settling - clock
    is_final = left.total_seconds() < 0
    found = effect(adapter, command)
    if found.state is not None and (found.is_whole or is_final):
        return Look(_settle_by(command, found, {"venue clock": clock.isoformat()}))
    return Look(_bury(command, found, clock)) if is_final else Look(latest=left.total_seconds() + MOMENT)


def _told_nothing(adapter: Adapter, command: Command, refusal: MissingKey | Rejected | Malformed) -> Look:
    """End a command of which the venue refuses to tell, once it is done with it either way: what a key that is gone
    kept hidden stays so, and anything else may pass for a while."""
    reason = Reason.UNMAPPED if isinstance(refusal, Malformed) else refusal.reason
    is_key_gone = reason is Reason.KEY_UNKNOWN
    clock = adapter.venue_time(command.account.address)
    if command.dead_at is None or clock <= command.dead_at + (adapter.settling if is_key_gone else ASKED_IN_VAIN):
        is_late = command.dead_at is not None and clock > command.dead_at + BURNABLE
        return Look(earliest=SELDOM if is_late else 0.0)
    proof = {**command.evidence, "venue clock": clock.isoformat(), "expired": command.dead_at.isoformat()}
    proof |= {"effect": HIDDEN, "reason": reason.value}
    why = KEY_GONE if is_key_gone else NOT_TOLD
    return Look(settle(command, CommandState.UNPROVEN, proof, why, asked=_asked(command)))


def _settle_by(command: Command, found: Effect, proof: dict[str, Any] | None = None) -> bool:
    state = found.state or CommandState.UNPROVEN
    return settle(command, state, found.evidence | (proof or {}), found.message, asked=_asked(command))


def _bury(command: Command, found: Effect, clock: datetime) -> bool:
    """The venue has had time to show an effect and shows none."""
    proof = {
        **command.evidence,
        **found.evidence,
        "venue clock": clock.isoformat(),
        "effect": HIDDEN if found.is_hidden else "none",
    }
    ends = {"expired": command.dead_at, "nonce used": command.spent_at}
    proof |= {name: moment.isoformat() for name, moment in ends.items() if moment is not None and moment <= clock}
    state, why = CommandState.DEAD, NEVER_CARRIED_OUT
    if found.is_hidden:
        state, why = CommandState.UNPROVEN, CANNOT_BE_TOLD
    elif RECEIVED in command.evidence:
        state, why = CommandState.REJECTED, RECEIVED_AND_REFUSED
    return settle(command, state, proof, found.message or why, asked=_asked(command))
