"""What the wallets of a run approve: a trading key, the exchange's fee, and what takes them back."""

import hashlib
import time
from decimal import Decimal

from tests.chaos.rare import NothingToDo
from trading.connect import account_onboarding, public_adapter
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.services import approval_outcomes, approvals
from trading.services.accounts import AccountRefused
from trading.services.approvals import Wanted
from trading.venues import typed_data
from trading.venues.base import Venue
from trading.venues.commands import BuilderFee
from trading.venues.keys import PrivateSigningKey

CHAIN = 421_614
# Fees are told in tenths of a basis point; each approval of an account asks for another one. They are paid to the first
# account of the venue, because a builder has to have money there (Hyperliquid 8).
RATE_STEP, RATES = Decimal("0.00001"), 99
KEY_NAME = "chaos-1"
PATIENCE, PAUSE = 15.0, 0.1


def wallet(venue: str, number: int) -> PrivateSigningKey:
    """The wallet of a venue's so-manieth account."""
    return PrivateSigningKey(hashlib.sha256(f"{venue} {number}".encode()).digest())


def asked(account: VenueAccount, kind: str) -> WalletApproval:
    """What the wallet is to sign next, after the page has asked about the last one until that had its end."""
    see_through(account)
    wanted = _wanted(account, ApprovalKind(kind))
    try:
        approval, _ = approvals.ask(public_adapter(Venue(account.venue)), account, wanted, CHAIN)
    except AccountRefused:
        raise NothingToDo from None
    return approval


def send(approval: WalletApproval, number: int) -> None:
    """Sign it and carry the signature to the venue, once."""
    account = approval.account
    digest = typed_data.digest(approvals.payload(approval).typed_data)
    raw = wallet(account.venue, number).sign_raw(digest)
    signature = f"0x{raw[:64].hex()}{raw[64] + 27:02x}"
    approval_outcomes.submit(account_onboarding(account, approval), approval, signature)


def ask_the_venue(approval: WalletApproval) -> bool:
    """Look once what became of it; whether it has its end now."""
    return approval_outcomes.prove(account_onboarding(approval.account, approval), approval)


def see_through(account: VenueAccount) -> None:
    """Ask about what the venue did not answer, as an open page does. Raises ``NothingToDo`` where that takes long."""
    ends = time.monotonic() + PATIENCE
    while (pending := approvals.open_approval(account)) is not None and pending.state == ApprovalState.UNKNOWN:
        if time.monotonic() > ends:
            raise NothingToDo
        if not ask_the_venue(pending):
            time.sleep(PAUSE)
    account.refresh_from_db()


def keep_a_key(account: VenueAccount, number: int) -> None:
    """Give the account a key again where it has lost it, or is about to."""
    pending = approvals.open_approval(account)
    if pending is not None and pending.kind == ApprovalKind.NO_KEY:
        see_through(account)
    if not account.agent_key:
        send(asked(account, ApprovalKind.KEY), number)


def _wanted(account: VenueAccount, kind: ApprovalKind) -> Wanted:
    """What the page would ask for: a key where there is none, a fee where there is none to take back."""
    count = WalletApproval.objects.filter(account=account).count()
    if kind == ApprovalKind.NO_KEY and account.agent_key:
        revoked = approvals.wanted_revocation(account_onboarding(account), account)
        if revoked is not None:
            return revoked
    if kind == ApprovalKind.NO_FEE and account.builder:
        return Wanted(ApprovalKind.NO_FEE, fee=approvals.approved_fee(account))
    if kind in (ApprovalKind.KEY, ApprovalKind.NO_KEY):
        return Wanted(ApprovalKind.KEY, name=KEY_NAME)
    fee = BuilderFee(wallet(account.venue, 0).address, RATE_STEP * (count % RATES + 1))
    return approvals.wanted_fee(account, fee, KEY_NAME)
