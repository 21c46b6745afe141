"""Asking a trader's wallet for an approval and carrying its signature to the venue, once.

The life of an approval is that of a command: written down before anything is asked, sent once, settled by proof. The
payload is built from the row alone, so what was shown, what was signed and what is posted are the same. What the venue
did not clearly answer is asked for (``prove``), and sent again as the identical bytes, which act at most once.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from trading.connect import gateway_of, seal
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import OPEN_STATES, ApprovalKind, ApprovalState
from trading.services.accounts import AccountRefused, forget_key, give_key, read_account
from trading.venues.base import Adapter, Network, SignedRequest, Venue
from trading.venues.commands import BuilderFee
from trading.venues.errors import AlreadyReceived, OutcomeUnknown, Rejected, Unavailable, VenueError
from trading.venues.onboarding import Onboarding, WalletPayload, WalletWish, Wish

logger = logging.getLogger(__name__)

KEY_LIFETIME = timedelta(days=90)
# What the venues take as the name of a key.
LONGEST_NAME = 16
GIVEN_UP_AFTER = timedelta(minutes=1)
STILL_CHECKING = "Your last approval is still being checked with the venue. Wait for its result."

NOT_CARRIED_OUT = "The venue received this and did not carry it out. Ask your wallet again."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the wallet shall approve. ``agent`` and ``name`` say which trading key, ``fee`` whose fee and how much."""

    kind: ApprovalKind
    agent: str = ""
    name: str = ""
    fee: BuilderFee | None = None


def agent_name(operator_id: int, slug: str) -> str:
    """The name of this operator's key at a venue. Approving a name again replaces its key (Hyperliquid 5.3), so no two
    operators share one."""
    tail = f"-{operator_id}"
    return slug[: LONGEST_NAME - len(tail)] + tail


def wanted_revocation(onboarding: Onboarding, account: VenueAccount) -> Wanted | None:
    """Taking the account's key back, by the name it has at the venue; None where the venue knows it no more."""
    name = onboarding.key_name(account.address, account.agent_address)
    return None if name is None else Wanted(ApprovalKind.NO_KEY, agent=account.agent_address, name=name)


def wanted_fee(account: VenueAccount, fee: BuilderFee, name: str) -> Wanted:
    """Approving a fee under a name; one that is approved already at another rate keeps the name it has."""
    return Wanted(ApprovalKind.FEE, fee=fee, name="" if account.builder == fee.address else name)


def ask(adapter: Adapter, account: VenueAccount, wanted: Wanted, chain_id: int) -> tuple[WalletApproval, bool]:
    """Write down what the wallet is to sign; return it and whether anything new is asked.

    The same question again is the same row, and a trading key that was not sent yet is asked for again instead of
    making another. A different question takes the place of the old one. ``chain_id`` is the wallet's, which the venue
    may overrule. Raises ``AccountRefused`` while an earlier one is being checked.
    """
    chain = gateway_of(Venue(account.venue)).wallet_chain or chain_id
    now = timezone.now()
    with transaction.atomic():
        # The account's row puts double clicks in order.
        VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        pending = open_approval(account)
        if pending is not None and pending.state == ApprovalState.UNKNOWN:
            raise AccountRefused(STILL_CHECKING)
        nonce = max(_newest_nonce(account) + 1, adapter.moment(now))
        if pending is not None and _asks(pending, wanted):
            return _renewed(pending, chain, nonce, now)
        if pending is not None:
            _withdraw(pending)
        approval = _new(account, wanted, chain, nonce, now)
        approval.save()
        return approval, True


def open_approval(account: VenueAccount) -> WalletApproval | None:
    """What the wallet is being asked for now, or the venue about."""
    found: WalletApproval | None = WalletApproval.objects.filter(account=account, state__in=OPEN_STATES).first()
    return found


def newest_approval(account: VenueAccount) -> WalletApproval | None:
    """The last thing the wallet was asked for, whatever became of it."""
    found: WalletApproval | None = WalletApproval.objects.filter(account=account).select_related("account").first()
    return found


def approved_fee(account: VenueAccount) -> BuilderFee:
    """Whose fee the wallet has approved, and up to which rate."""
    return BuilderFee(account.builder, account.builder_fee)


def withdraw(account: VenueAccount) -> bool:
    """Ask the wallet no more, or give up waiting for the venue; False where there is nothing to give up (yet).

    An approval that is given up can do no harm if it acts after all: its key is destroyed, and a fee was agreed to.
    """
    with transaction.atomic():
        pending = WalletApproval.objects.select_for_update().filter(account=account, state__in=OPEN_STATES).first()
        if pending is None or not may_be_given_up(pending, timezone.now()):
            return False
        _withdraw(pending)
    return True


def may_be_given_up(pending: WalletApproval, now: datetime) -> bool:
    """Whether the trader may start over: at once before it is sent, a minute later while the venue does not answer."""
    return pending.state == ApprovalState.ASKED or pending.sent_at is None or now - pending.sent_at >= GIVEN_UP_AFTER


def _asks(pending: WalletApproval, wanted: Wanted) -> bool:
    fee = (wanted.fee.address, wanted.fee.rate) if wanted.fee else ("", Decimal(0))
    is_same_key = wanted.kind == ApprovalKind.KEY or pending.agent_address == wanted.agent
    return pending.kind == wanted.kind and is_same_key and (pending.builder, pending.rate) == fee


def _renewed(pending: WalletApproval, chain_id: int, nonce: int, now: datetime) -> tuple[WalletApproval, bool]:
    if pending.chain_id == chain_id and now < signable_until(pending):
        return pending, False
    pending.chain_id, pending.nonce, pending.asked_at = chain_id, nonce, now
    pending.valid_until = _end(now) if pending.kind == ApprovalKind.KEY else None
    pending.message = ""
    pending.save(update_fields=["chain_id", "nonce", "asked_at", "valid_until", "message"])
    return pending, True


def signable_until(pending: WalletApproval) -> datetime:
    """When the payload has to be written anew, because the venue takes no older one or because its dates have aged."""
    return pending.asked_at + gateway_of(Venue(pending.account.venue)).payload_lifetime


def _withdraw(pending: WalletApproval) -> None:
    WalletApproval.objects.filter(pk=pending.pk, state__in=OPEN_STATES).update(
        state=ApprovalState.WITHDRAWN, agent_key=b"", settled_at=timezone.now()
    )


def _new(account: VenueAccount, wanted: Wanted, chain_id: int, nonce: int, now: datetime) -> WalletApproval:
    approval = WalletApproval(account=account, kind=wanted.kind, chain_id=chain_id, nonce=nonce, asked_at=now)
    approval.agent_address, approval.agent_name = wanted.agent, wanted.name
    if wanted.kind == ApprovalKind.KEY:
        credential = gateway_of(Venue(account.venue)).new_key()
        approval.agent_address, approval.agent_key = credential.public, seal(credential)
        approval.valid_until = _end(now)
    if wanted.fee is not None:
        approval.builder, approval.rate = wanted.fee.address, wanted.fee.rate
    return approval


def _newest_nonce(account: VenueAccount) -> int:
    newest = WalletApproval.objects.filter(account=account).order_by("-nonce").values_list("nonce", flat=True).first()
    return newest or 0


def _end(now: datetime) -> datetime:
    return (now + KEY_LIFETIME).replace(microsecond=0)


def _wish(approval: WalletApproval) -> WalletWish:
    account = approval.account
    return WalletWish(
        wish=Wish(approval.kind),
        owner=account.address,
        network=Network(account.network),
        chain_id=approval.chain_id,
        nonce=approval.nonce,
        agent=approval.agent_address,
        name=approval.agent_name,
        valid_until=approval.valid_until,
        builder=approval.builder,
        rate=Decimal(approval.rate),
    )


def payload(approval: WalletApproval) -> WalletPayload:
    """What the wallet signs and what is posted with the signature, from the row alone."""
    return gateway_of(Venue(approval.account.venue)).payload(_wish(approval))


def submit(onboarding: Onboarding, approval: WalletApproval, signature: str) -> bool:
    """Post the signed approval, once; whether this call settled it.

    Raises ``InvalidCommand`` where the signature is not the owner's: then nothing was sent.
    """
    signed = payload(approval).signed(signature, owner=approval.account.address)
    claimed = WalletApproval.objects.filter(pk=approval.pk, state=ApprovalState.ASKED, nonce=approval.nonce).update(
        state=ApprovalState.UNKNOWN, method=signed.method, path=signed.path, body=signed.body,
        sent_at=timezone.now(), message="",
    )  # fmt: skip
    settled = bool(claimed) and _deliver(onboarding, approval, signed, is_first=True)
    return _told(onboarding, approval, settled)


def prove(onboarding: Onboarding, approval: WalletApproval) -> bool:
    """Try to settle an approval the venue did not answer; whether this call did. Safe to repeat."""
    if approval.state != ApprovalState.UNKNOWN:
        return False
    try:
        settled = _proven(onboarding, approval)
    except VenueError:
        return False  # the venue is silent or unreadable: nothing is proven, and the next look asks again
    return _told(onboarding, approval, settled)


def _told(onboarding: Onboarding, approval: WalletApproval, settled: bool) -> bool:
    """Bring the row up to date; and read the account for the first time, where the venue tells it only to its key."""
    approval.refresh_from_db()
    has_new_key = settled and approval.kind == ApprovalKind.KEY and approval.state == ApprovalState.ACCEPTED
    if has_new_key and not gateway_of(Venue(approval.account.venue)).reads_without_key:
        try:
            read_account(onboarding.adapter, approval.account)
        except VenueError as error:
            logger.warning("Account %s was not read after it was connected: %s", approval.account_id, error)
    return settled


def _proven(onboarding: Onboarding, approval: WalletApproval) -> bool:
    if onboarding.is_in_force(_wish(approval)):
        return _settle(approval, ApprovalState.ACCEPTED)
    signed = SignedRequest(approval.path, bytes(approval.body), approval.nonce, method=approval.method)
    try:
        return _deliver(onboarding, approval, signed, is_first=False)
    except AlreadyReceived:
        # The bytes are spent, so what is not in force now never will be.
        if onboarding.is_in_force(_wish(approval)):
            return _settle(approval, ApprovalState.ACCEPTED)
        return _settle(approval, ApprovalState.REFUSED, NOT_CARRIED_OUT)


def _deliver(onboarding: Onboarding, approval: WalletApproval, signed: SignedRequest, *, is_first: bool) -> bool:
    try:
        onboarding.adapter.send(signed, repeated=not is_first)
    except Rejected as refusal:
        if not is_first and onboarding.is_in_force(_wish(approval)):
            return _settle(approval, ApprovalState.ACCEPTED)
        return _settle(approval, ApprovalState.REFUSED, refusal.explanation)
    except AlreadyReceived as doubt:
        if not is_first:
            raise
        _note(approval, ApprovalState.UNKNOWN, doubt.explanation)
    except OutcomeUnknown as doubt:
        _note(approval, ApprovalState.UNKNOWN, doubt.explanation)
    except Unavailable as failure:
        # Of a first sending it is certain that nothing left, so the wallet may be asked again.
        _note(approval, ApprovalState.ASKED if is_first else ApprovalState.UNKNOWN, failure.explanation)
    else:
        return _settle(approval, ApprovalState.ACCEPTED)
    return False


def _note(approval: WalletApproval, state: ApprovalState, message: str) -> None:
    WalletApproval.objects.filter(pk=approval.pk, state=ApprovalState.UNKNOWN).update(
        state=state, message=message[:300]
    )


def _settle(approval: WalletApproval, state: ApprovalState, message: str = "") -> bool:
    """Give the approval its final state, and the account what follows from it, together; False where it had one."""
    with transaction.atomic():
        settled = WalletApproval.objects.filter(pk=approval.pk, state__in=OPEN_STATES).update(
            state=state, message=message[:300], settled_at=timezone.now(), agent_key=b""
        )
        if settled and state == ApprovalState.ACCEPTED:
            _take_effect(approval)
    return bool(settled)


def _take_effect(approval: WalletApproval) -> None:
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
