"""Carrying a wallet's signature to the venue, once, and finding out what became of it.

An approval has the three outcomes of a command: accepted, refused by the venue's own word, or unknown. What the venue
did not clearly answer is asked for (``prove``), and sent again as the identical bytes, which act at most once. What has
its end is never delivered again, and what another is about to deliver has no end because the first delivery failed or
was refused. It is dead when those bytes can act no more, because the venue says so itself or because its clock is past
their end, and what was asked for is still not so once the venue has had time to show it (Hyperliquid 5.3; Aster 1.3,
1.5).
"""

import logging
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from trading.connect import gateway_of
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.models.events import Step
from trading.services.accounts import forget_key, give_key, read_account, refuse_while_proving
from trading.services.approval_record import put_on_record
from trading.services.approvals import payload, wish_of
from trading.services.commands import RECEIVED
from trading.services.events import Heard, asked_besides, record
from trading.services.looks import SPOILT
from trading.venues.base import SignedRequest, Venue
from trading.venues.errors import (
    AlreadyReceived,
    MissingKey,
    NoLongerAccepted,
    OutcomeUnknown,
    Reason,
    Rejected,
    RepeatRefused,
    Unavailable,
    VenueError,
)
from trading.venues.onboarding import Onboarding
from trading.venues.transport import Exchange, Response, overhearing

logger = logging.getLogger(__name__)

NOT_CARRIED_OUT = "The venue received this and did not carry it out. Ask your wallet again."
NEVER_CARRIED_OUT = "The venue never carried this out and cannot any more. Ask your wallet again."
CANNOT_BE_TOLD = (
    "There is no trading key left to ask the venue whether it carried this out. Look at the venue, or ask your wallet "
    "again."
)
KEY_LOST = "The trading key cannot be opened here any more, so the venue cannot be asked about this. Connect a new one."


def submit(onboarding: Onboarding, approval: WalletApproval, signature: str) -> bool:
    """Post the signed approval, once; whether this call settled it.

    Raises ``InvalidCommand`` where the signature is not the owner's, and ``AccountRefused`` where it would revoke a key
    that is needed: then nothing was sent.
    """
    signed = payload(approval).signed(signature, owner=approval.account.address)
    with transaction.atomic():
        if approval.kind == ApprovalKind.NO_KEY:
            refuse_while_proving(approval.account)
        claimed = WalletApproval.objects.filter(pk=approval.pk, state=ApprovalState.ASKED, nonce=approval.nonce).update(
            state=ApprovalState.UNKNOWN, method=signed.method, path=signed.path, body=signed.body,
            dead_at=signed.dead_at, spent_at=None, sent_at=timezone.now(), deliveries=1, message="",
        )  # fmt: skip
        if claimed:
            record(approval, Step.SENT, ApprovalState.UNKNOWN, request=signed)
    settled = bool(claimed) and _deliver(onboarding, approval, signed, is_first=True)
    return _told(onboarding, approval, settled)


def prove(onboarding: Onboarding, approval: WalletApproval) -> bool:
    """Try to settle an approval the venue did not answer; whether this call did. Safe to repeat."""
    if approval.state != ApprovalState.UNKNOWN:
        return False
    try:
        with overhearing():
            settled = _proven_or_given_up(onboarding, approval)
    except VenueError:
        return False  # the venue is silent or unreadable: nothing is proven, and the next look asks again
    return _told(onboarding, approval, settled)


def end_without_key(approval: WalletApproval) -> bool:
    """End an approval that cannot be asked about because the key cannot be opened. It can do no harm if it acts after
    all: a key that cannot be opened is of no use, and a fee was agreed to."""
    settled = _settle(approval, ApprovalState.UNPROVEN, KEY_LOST)
    approval.refresh_from_db()
    return settled


def _told(onboarding: Onboarding, approval: WalletApproval, settled: bool) -> bool:
    """Bring the row up to date; and read the account for the first time, where the venue tells it only to its key."""
    approval.refresh_from_db()
    has_new_key = settled and approval.kind == ApprovalKind.KEY and approval.state == ApprovalState.ACCEPTED
    if has_new_key and not gateway_of(Venue(approval.account.venue)).reads_without_key:
        try:
            read_account(onboarding.adapter, approval.account)
        except (VenueError, RedisError, DatabaseError, *SPOILT) as error:
            # The approval has its end all the same, which is still to be put on record.
            logger.warning("Account %s was not read after it was connected: %r", approval.account_id, error)
    return settled


def _proven_or_given_up(onboarding: Onboarding, approval: WalletApproval) -> bool:
    try:
        return _proven(onboarding, approval)
    except (MissingKey, Rejected) as refusal:
        return refusal.reason is Reason.KEY_UNKNOWN and _given_up(onboarding, approval)


def _proven(onboarding: Onboarding, approval: WalletApproval) -> bool:
    if onboarding.is_in_force(wish_of(approval)):
        return _settle(approval, ApprovalState.ACCEPTED)
    is_over = approval.dead_at is not None and timezone.now() > approval.dead_at
    if approval.spent_at is None and not is_over and _sent_again(onboarding, approval):
        return True
    return _buried(onboarding, approval)


def _sent_again(onboarding: Onboarding, approval: WalletApproval) -> bool:
    """Send the identical bytes once more; whether the answer settled it."""
    signed = SignedRequest(approval.path, bytes(approval.body), approval.nonce, method=approval.method)
    return _taken_again(approval, signed) and _deliver(onboarding, approval, signed, is_first=False)


def _taken_again(approval: WalletApproval, signed: SignedRequest) -> bool:
    """Write down that its bytes are about to leave once more; False where it is not unknown any more, and then they may
    not leave."""
    with transaction.atomic():
        is_taken = bool(_unanswered(approval).update(deliveries=F("deliveries") + 1))
        if is_taken:
            record(approval, Step.SENT, ApprovalState.UNKNOWN, request=signed)
    return is_taken


def _buried(onboarding: Onboarding, approval: WalletApproval) -> bool:
    """The venue can take the bytes no more and has had time to show what they did: nothing."""
    if not _is_past_its_end(onboarding, approval):
        return False
    if onboarding.is_in_force(wish_of(approval)):
        return _settle(approval, ApprovalState.ACCEPTED)
    if approval.events.filter(evidence__has_key=RECEIVED).exists():
        return _settle(approval, ApprovalState.REFUSED, NOT_CARRIED_OUT)
    return _settle(approval, ApprovalState.DEAD, NEVER_CARRIED_OUT)


def _given_up(onboarding: Onboarding, approval: WalletApproval) -> bool:
    """End an approval that nobody may ask about any more, once the venue is done with it either way."""
    is_past = _is_past_its_end(onboarding, approval)
    return is_past and _settle(approval, ApprovalState.UNPROVEN, CANNOT_BE_TOLD)


def _is_past_its_end(onboarding: Onboarding, approval: WalletApproval) -> bool:
    ends = [end for end in (approval.dead_at, approval.spent_at) if end is not None]
    if not ends:
        return False
    return onboarding.adapter.venue_time(approval.account.address) > min(ends) + onboarding.adapter.settling


def _asked(approval: WalletApproval) -> tuple[Exchange, ...]:
    return asked_besides(bytes(approval.body))


def _deliver(onboarding: Onboarding, approval: WalletApproval, signed: SignedRequest, *, is_first: bool) -> bool:
    """Post the bytes and settle the approval if the venue's answer is one; whether it did."""
    try:
        response = onboarding.adapter.deliver(signed, repeated=not is_first)
    except OutcomeUnknown as doubt:
        _note(approval, ApprovalState.UNKNOWN, doubt)
    except Unavailable as failure:
        # Of bytes that nobody else has taken it is certain that they did not leave, so the wallet may be asked again.
        if not (is_first and _note(approval, ApprovalState.ASKED, failure, deliveries=1)):
            _note(approval, ApprovalState.UNKNOWN, failure)
    else:
        return _judge(onboarding, approval, signed, response, is_first=is_first)
    return False


def _judge(
    onboarding: Onboarding, approval: WalletApproval, signed: SignedRequest, response: Response, *, is_first: bool
) -> bool:
    """What an answer comes to; whether it settled the approval."""
    try:
        onboarding.adapter.judge(signed, response, repeated=not is_first)
    except Rejected as refusal:
        if not is_first:
            return _refused_again(onboarding, approval, refusal, response)
        # Where another process took the same bytes meanwhile, what was refused may be their second arrival.
        return _settle(
            approval, ApprovalState.REFUSED, refusal.explanation, refusal, heard=Heard(response), deliveries=1
        )
    except OutcomeUnknown as doubt:
        if isinstance(doubt, RepeatRefused) and doubt.refusal.reason is Reason.ACCOUNT_UNFUNDED:
            # The same bytes speak for the same account, and nothing was taken from one that the venue does not know.
            return _refused_again(onboarding, approval, doubt.refusal, response)
        if isinstance(doubt, NoLongerAccepted) and not is_first:
            _note_spent(onboarding, approval, doubt, response)
        else:
            _note(approval, ApprovalState.UNKNOWN, doubt, response)
        return False
    return _settle(approval, ApprovalState.ACCEPTED, heard=Heard(response))


def _refused_again(onboarding: Onboarding, approval: WalletApproval, refusal: Rejected, response: Response) -> bool:
    """A refusal of bytes that were sent before: on record before the venue is asked, which may fail."""
    record(approval, Step.ANSWERED, ApprovalState.UNKNOWN, heard=Heard(response, str(refusal)))
    if onboarding.is_in_force(wish_of(approval)):
        return _settle(approval, ApprovalState.ACCEPTED)
    return _settle(approval, ApprovalState.REFUSED, refusal.explanation, refusal)


def _note_spent(onboarding: Onboarding, approval: WalletApproval, doubt: NoLongerAccepted, response: Response) -> None:
    """The bytes can act no more. An earlier sending of them may still be at work, or not be shown yet."""
    learnt = {RECEIVED: True} if isinstance(doubt, AlreadyReceived) else {}
    record(approval, Step.ANSWERED, ApprovalState.UNKNOWN, heard=Heard(response, str(doubt)), evidence=learnt)
    approval.spent_at = onboarding.adapter.venue_time(approval.account.address)
    with transaction.atomic():
        if _unanswered(approval).filter(spent_at=None).update(spent_at=approval.spent_at):
            record(approval, Step.ASKED, ApprovalState.UNKNOWN, asked=_asked(approval))


def _unanswered(approval: WalletApproval) -> QuerySet[WalletApproval]:
    """Its row, while its outcome is not known. What the wallet is asked for anew bears another nonce."""
    rows = WalletApproval.objects.filter(pk=approval.pk, nonce=approval.nonce, state=ApprovalState.UNKNOWN)
    found: QuerySet[WalletApproval] = rows
    return found


def _note(
    approval: WalletApproval,
    state: ApprovalState,
    doubt: VenueError,
    response: Response | None = None,
    **only_where: int,
) -> bool:
    """Keep it open and say why; False where it is not as it has to be for that."""
    with transaction.atomic():
        changed = _unanswered(approval).filter(**only_where).update(state=state, message=doubt.explanation[:300])
        if changed:
            record(approval, Step.ANSWERED, state, heard=Heard(response, str(doubt)))
    return bool(changed)


def _settle(
    approval: WalletApproval,
    state: ApprovalState,
    message: str = "",
    refusal: Rejected | None = None,
    *,
    heard: Heard | None = None,
    **only_where: int,
) -> bool:
    """Give the approval its final state, and the account what follows from it, and put that on record, together; False
    where it had one, or is not as it has to be."""
    said = {"reason": refusal.reason.value, "venue_text": refusal.text[:300]} if refusal else {}
    with transaction.atomic():
        rows = _unanswered(approval).filter(**only_where)
        settled = rows.update(state=state, message=message[:300], settled_at=timezone.now(), agent_key=b"", **said)
        if settled:
            record(approval, Step.SETTLED, state, heard=heard, evidence=said, asked=_asked(approval))
            put_on_record(approval, state, message[:300])
        elif heard is not None:
            _keep_answer(approval, state, heard, said)
        if settled and state == ApprovalState.ACCEPTED:
            _take_effect(approval)
    return bool(settled)


def _keep_answer(approval: WalletApproval, state: ApprovalState, heard: Heard, said: dict[str, str]) -> None:
    """An answer that ended nothing goes on record all the same: what it would have come to, or that it is open."""
    approval.refresh_from_db(fields=["state"])
    if approval.is_settled:
        record(approval, Step.ANSWERED, state, heard=heard, evidence=said)
    else:
        record(approval, Step.ANSWERED, approval.state, heard=heard)


def _take_effect(approval: WalletApproval) -> None:
    """What the venue allows now. Commands that an earlier key signed are proven with the new one: it reads the same
    account, their bytes need no key to be sent again, and what uses their nonce up was signed with them."""
    account = approval.account
    changes: dict[str, Any] = {}
    match approval.kind:
        case ApprovalKind.KEY:
            give_key(account, approval.agent_address, bytes(approval.agent_key), approval.valid_until)
        case ApprovalKind.NO_KEY:
            if account.agent_address == approval.agent_address:
                forget_key(account)
        case ApprovalKind.FEE:
            changes = {"builder": approval.builder, "builder_fee": approval.rate}
        case _:
            changes = {"builder": "", "builder_fee": Decimal(0)}
    if changes:
        VenueAccount.objects.filter(pk=account.pk).update(**changes)
