"""Asking a trader's wallet for an approval.

The life of an approval is that of a command: written down before anything is asked, sent once, settled by proof
(``trading.services.approval_outcomes``). The payload is built from the row alone, so what was shown, what was signed
and what is posted are the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from trading.connect import gateway_of, seal
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import OPEN_STATES, ApprovalKind, ApprovalState
from trading.models.events import Step
from trading.services.accounts import AccountRefused, refuse_while_proving
from trading.services.events import record
from trading.venues.base import Adapter, Network, SignedRequest, Venue
from trading.venues.commands import BuilderFee
from trading.venues.onboarding import Onboarding, WalletPayload, WalletWish, Wish

KEY_LIFETIME = timedelta(days=90)
# What the venues take as the name of a key.
LONGEST_NAME = 16
GIVEN_UP_AFTER = timedelta(minutes=1)
STILL_CHECKING = "Your last approval is still being checked with the venue. Wait for its result."


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
    may overrule. Raises ``AccountRefused`` while an earlier one is being checked, and for the revocation of a key while
    that key is needed.
    """
    chain = gateway_of(Venue(account.venue)).wallet_chain or chain_id
    now = timezone.now()
    with transaction.atomic():
        # The account's row puts double clicks in order.
        VenueAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        pending = open_approval(account)
        if pending is not None and pending.state == ApprovalState.UNKNOWN:
            raise AccountRefused(STILL_CHECKING)
        if wanted.kind == ApprovalKind.NO_KEY:
            refuse_while_proving(account)
        nonce = max(_newest_nonce(account) + 1, adapter.moment(now))
        if pending is not None and _asks(pending, wanted):
            return _renewed(pending, chain, nonce, now)
        if pending is not None:
            _withdraw(pending)
        approval = _new(account, wanted, chain, nonce, now)
        approval.save()
        _put_on_record(approval)
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
    changes = {
        "chain_id": chain_id,
        "nonce": nonce,
        "asked_at": now,
        "valid_until": _end(now) if pending.kind == ApprovalKind.KEY else None,
        "message": "",
    }
    _change(pending, changes)
    _put_on_record(pending)
    return pending, True


def _put_on_record(approval: WalletApproval) -> None:
    """What the wallet is shown, word for word."""
    shown = SignedRequest("", msgspec.json.encode(payload(approval).typed_data), approval.nonce)
    record(approval, Step.PREPARED, ApprovalState.ASKED, request=shown)


def signable_until(pending: WalletApproval) -> datetime:
    """When the payload has to be written anew, because the venue takes no older one or because its dates have aged."""
    return pending.asked_at + gateway_of(Venue(pending.account.venue)).payload_lifetime


def _withdraw(pending: WalletApproval) -> None:
    _change(pending, {"state": ApprovalState.WITHDRAWN, "agent_key": b"", "settled_at": timezone.now()})
    record(pending, Step.SETTLED, ApprovalState.WITHDRAWN)


def _change(pending: WalletApproval, changes: dict[str, Any]) -> None:
    """Change an open approval as it was read. Raises ``AccountRefused`` where it is another by now: what the wallet has
    signed may be on its way to the venue."""
    as_read = WalletApproval.objects.filter(pk=pending.pk, state=pending.state, nonce=pending.nonce)
    if not as_read.update(**changes):
        raise AccountRefused(STILL_CHECKING)
    for name, value in changes.items():
        setattr(pending, name, value)


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


def wish_of(approval: WalletApproval) -> WalletWish:
    """What the wallet is asked for, as the venues' folders take it."""
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
    return gateway_of(Venue(approval.account.venue)).payload(wish_of(approval))
