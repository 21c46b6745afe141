"""Asking a trader's wallet for an approval and carrying its signature to the venue, once.

The life of an approval is that of a command: written down before anything is asked, sent once, settled by proof. The
payload is built from the row alone, so what was shown, what was signed and what is posted are the same. Approvals know
no expiry at the venue (Hyperliquid 4): what it did not clearly answer is asked for (``prove``), and sent again as the
identical bytes, which act at most once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from trading.connect import seal
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import OPEN_STATES, ApprovalKind, ApprovalState
from trading.services.accounts import AccountRefused, forget_key, give_key
from trading.venues.base import Network, SignedRequest
from trading.venues.commands import BuilderFee
from trading.venues.errors import AlreadyReceived, OutcomeUnknown, Rejected, Unavailable, VenueError
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.approvals import MAX_AGENT_NAME, Approval, approve_agent, approve_builder_fee
from trading.venues.hyperliquid.roles import role
from trading.venues.hyperliquid.signing import ZERO_ADDRESS, SigningKey

KEY_LIFETIME = timedelta(days=90)
# An older request is written anew, so that its nonce and the key's end are of today.
RENEWED_AFTER = timedelta(minutes=10)
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
    """The name of this operator's key at the venue. Approving a name again replaces its key (Hyperliquid 5.3), so no
    two operators share one."""
    tail = f"-{operator_id}"
    return slug[: MAX_AGENT_NAME - len(tail)] + tail


def wanted_revocation(adapter: HyperliquidAdapter, account: VenueAccount) -> Wanted | None:
    """Taking the account's key back, by the name it has at the venue; None where the venue knows it no more."""
    names = {agent.address.lower(): agent.name for agent in adapter.agents(account.address)}
    name = names.get(account.agent_address)
    if name is None and not adapter.ask(role(account.agent_address)).trades_for(account.address):
        return None
    return Wanted(ApprovalKind.NO_KEY, agent=account.agent_address, name=name or "")


def ask(account: VenueAccount, wanted: Wanted, chain_id: int) -> tuple[WalletApproval, bool]:
    """Write down what the wallet is to sign; return it and whether anything new is asked.

    The same question again is the same row, and a trading key that was not sent yet is asked for again instead of
    making another. A different question takes the place of the old one. Raises ``AccountRefused`` while an earlier one
    is being checked.
    """
    with transaction.atomic():
        # The account's row puts double clicks in order.
        VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        pending = open_approval(account)
        if pending is not None and pending.state == ApprovalState.UNKNOWN:
            raise AccountRefused(STILL_CHECKING)
        if pending is not None and _asks(pending, wanted):
            return _renewed(pending, chain_id)
        if pending is not None:
            _withdraw(pending)
        approval = _new(account, wanted, chain_id)
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


def _renewed(pending: WalletApproval, chain_id: int) -> tuple[WalletApproval, bool]:
    now = timezone.now()
    if pending.chain_id == chain_id and now - pending.asked_at < RENEWED_AFTER:
        return pending, False
    pending.chain_id, pending.nonce, pending.asked_at = chain_id, _nonce(pending.account, now), now
    pending.valid_until = _end(now) if pending.kind == ApprovalKind.KEY else None
    pending.message = ""
    pending.save(update_fields=["chain_id", "nonce", "asked_at", "valid_until", "message"])
    return pending, True


def _withdraw(pending: WalletApproval) -> None:
    WalletApproval.objects.filter(pk=pending.pk, state__in=OPEN_STATES).update(
        state=ApprovalState.WITHDRAWN, agent_key=b"", settled_at=timezone.now()
    )


def _new(account: VenueAccount, wanted: Wanted, chain_id: int) -> WalletApproval:
    now = timezone.now()
    approval = WalletApproval(account=account, kind=wanted.kind, chain_id=chain_id, asked_at=now)
    approval.nonce = _nonce(account, now)
    approval.agent_address, approval.agent_name = wanted.agent, wanted.name
    if wanted.kind == ApprovalKind.KEY:
        agent = SigningKey.generate()
        approval.agent_address, approval.agent_key = agent.address, seal(agent.reveal().hex())
        approval.valid_until = _end(now)
    if wanted.fee is not None:
        approval.builder, approval.rate = wanted.fee.address, wanted.fee.rate
    return approval


def _nonce(account: VenueAccount, now: datetime) -> int:
    newest = WalletApproval.objects.filter(account=account).order_by("-nonce").values_list("nonce", flat=True).first()
    return max((newest or 0) + 1, int(now.timestamp() * 1000))


def _end(now: datetime) -> datetime:
    return (now + KEY_LIFETIME).replace(microsecond=0)


def payload(approval: WalletApproval) -> Approval:
    """What the wallet signs and what is posted with the signature, from the row alone."""
    network = Network(approval.account.network)
    if approval.kind in (ApprovalKind.KEY, ApprovalKind.NO_KEY):
        return approve_agent(
            network=network,
            chain_id=approval.chain_id,
            agent=approval.agent_address if approval.kind == ApprovalKind.KEY else ZERO_ADDRESS,
            nonce=approval.nonce,
            name=approval.agent_name,
            valid_until=approval.valid_until,
        )
    return approve_builder_fee(
        network=network,
        chain_id=approval.chain_id,
        builder=approval.builder,
        max_rate=approval.rate if approval.kind == ApprovalKind.FEE else Decimal(0),
        nonce=approval.nonce,
    )


def submit(adapter: HyperliquidAdapter, approval: WalletApproval, signature: str) -> bool:
    """Post the signed approval, once; whether this call settled it.

    Raises ``InvalidCommand`` where the signature is not the owner's: then nothing was sent.
    """
    signed = payload(approval).signed(signature, owner=approval.account.address)
    claimed = WalletApproval.objects.filter(pk=approval.pk, state=ApprovalState.ASKED, nonce=approval.nonce).update(
        state=ApprovalState.UNKNOWN, path=signed.path, body=signed.body, sent_at=timezone.now(), message=""
    )
    settled = bool(claimed) and _deliver(adapter, approval, signed, is_first=True)
    approval.refresh_from_db()
    return settled


def prove(adapter: HyperliquidAdapter, approval: WalletApproval) -> bool:
    """Try to settle an approval the venue did not answer; whether this call did. Safe to repeat."""
    if approval.state != ApprovalState.UNKNOWN:
        return False
    try:
        settled = _proven(adapter, approval)
    except VenueError:
        return False  # the venue is silent or unreadable: nothing is proven, and the next look asks again
    approval.refresh_from_db()
    return settled


def _proven(adapter: HyperliquidAdapter, approval: WalletApproval) -> bool:
    if _is_in_force(adapter, approval):
        return _settle(approval, ApprovalState.ACCEPTED)
    signed = SignedRequest(approval.path, bytes(approval.body), approval.nonce)
    try:
        return _deliver(adapter, approval, signed, is_first=False)
    except AlreadyReceived:
        # The bytes are spent, so what is not in force now never will be.
        if _is_in_force(adapter, approval):
            return _settle(approval, ApprovalState.ACCEPTED)
        return _settle(approval, ApprovalState.REFUSED, NOT_CARRIED_OUT)


def _is_in_force(adapter: HyperliquidAdapter, approval: WalletApproval) -> bool:
    address = approval.account.address
    match approval.kind:
        case ApprovalKind.KEY:
            return adapter.ask(role(approval.agent_address)).trades_for(address)
        case ApprovalKind.NO_KEY:
            return not adapter.ask(role(approval.agent_address)).trades_for(address)
        case ApprovalKind.FEE:
            return adapter.builder_fee(address, approval.builder) == Decimal(approval.rate)
        case _:
            return adapter.builder_fee(address, approval.builder) == Decimal(0)


def _deliver(adapter: HyperliquidAdapter, approval: WalletApproval, signed: SignedRequest, *, is_first: bool) -> bool:
    try:
        adapter.send(signed, repeated=not is_first)
    except Rejected as refusal:
        if not is_first and _is_in_force(adapter, approval):
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
