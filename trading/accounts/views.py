"""The connect page. GET shows where the account stands; every POST does one thing, once, and leads back to the page."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from tenants import audit
from tenants.access import MemberRequest, trader_required
from tenants.wallet import WalletRefused, read_address, read_chain_id
from trading.accounts.panels import build_page
from trading.connect import hyperliquid
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.services import accounts, approvals
from trading.services.accounts import AccountRefused, asked_fee, current_account
from trading.services.approvals import Wanted
from trading.venues.errors import VenueError
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.keys import InvalidKey

Problem = (WalletRefused, AccountRefused, InvalidKey, VenueError)
LONGEST_KEY = 80
RESULTS = {
    ApprovalKind.KEY: "trading key approved",
    ApprovalKind.NO_KEY: "trading key revoked",
    ApprovalKind.FEE: "exchange fee approved",
    ApprovalKind.NO_FEE: "exchange fee revoked",
}


@trader_required
@never_cache
@require_GET
def show(request: MemberRequest) -> HttpResponse:
    """Where the trader's account stands, and the one next step."""
    return _render(request)


@trader_required
@never_cache
@require_POST
def connect_account(request: MemberRequest) -> HttpResponse:
    """Show an account here: one of the trader's own, or one that he only watches."""
    form = request.POST.get("form", "")
    typed = request.POST.get("address", "")
    try:
        address = read_address(typed)
        account, is_new = accounts.connect_address(hyperliquid(), request.user, address)
    except Problem as problem:
        name = form if form in ("wallet", "watch") else "watch"
        return _render(request, {name: str(problem)}, {"watch_address": typed[:60]}, 422)
    if is_new:
        audit.record(request, action="account connected", subject=account.address)
    return redirect("connect")


@trader_required
@never_cache
@sensitive_post_parameters("agent_key")
@require_POST
def connect_pasted_key(request: MemberRequest) -> HttpResponse:
    """Take a trading key its owner made at the venue, after the venue has said whose it is. It is never shown again."""
    typed = request.POST.get("address", "")
    try:
        address = read_address(typed)
        key = SigningKey.from_hex(request.POST.get("agent_key", "").strip()[:LONGEST_KEY])
        account, is_new = accounts.connect_key(hyperliquid(), request.user, address, key)
    except Problem as problem:
        return _render(request, {"key": str(problem)}, {"key_address": typed[:60]}, 422)
    if is_new:
        approvals.withdraw(account)
        audit.record(
            request, action="trading key pasted", subject=account.address, after={"key": account.agent_address}
        )
        messages.info(request, "The trading key works. It is stored encrypted and never shown again.")
    return redirect("connect")


@trader_required
@never_cache
@require_POST
def ask_approval(request: MemberRequest) -> HttpResponse:
    """Write down what the wallet is to sign next."""
    account = current_account(request.user)
    if account is None:
        return redirect("connect")
    try:
        wanted = _wanted(request, account)
        if wanted is None:
            return _forgotten(request, account, "The venue does not know this key any more. It is deleted here too.")
        approval, is_new = approvals.ask(account, wanted, read_chain_id(request.POST.get("chain_id", "")))
    except Problem as problem:
        return _render(request, {"wallet": str(problem)}, status=422)
    if is_new:
        audit.record(
            request,
            action=f"asked the wallet: {approval.get_kind_display().lower()}",
            subject=account.address,
            after=_what(approval),
        )
    return redirect("connect")


def _wanted(request: MemberRequest, account: VenueAccount) -> Wanted | None:
    """What the form asks for; None for the revocation of a key that is gone already. Raises ``AccountRefused``."""
    kind, fee = request.POST.get("kind", ""), asked_fee(account)
    if kind == ApprovalKind.KEY:
        name = approvals.agent_name(request.operator.operator_id, request.operator.slug)
        return Wanted(ApprovalKind.KEY, name=name)
    if kind == ApprovalKind.FEE and fee is not None:
        return Wanted(ApprovalKind.FEE, fee=fee)
    if kind == ApprovalKind.NO_KEY and account.agent_key:
        return approvals.wanted_revocation(hyperliquid(), account)
    if kind == ApprovalKind.NO_FEE and account.builder:
        return Wanted(ApprovalKind.NO_FEE, fee=approvals.approved_fee(account))
    raise AccountRefused("There is nothing like this to approve here. Reload the page.")


@trader_required
@never_cache
@require_POST
def sign_approval(request: MemberRequest) -> HttpResponse:
    """Carry the wallet's signature to the venue, once."""
    account = current_account(request.user)
    approval = _asked(account, request.POST.get("approval", "")) if account else None
    if account is None or approval is None:
        return redirect("connect")  # settled, withdrawn or never asked: the page tells
    try:
        settled = approvals.submit(hyperliquid(), approval, request.POST.get("signature", "").strip())
    except Problem as problem:
        return _render(request, {"wallet": str(problem)}, status=422)
    _tell(request, approval, settled)
    return redirect("connect")


def _asked(account: VenueAccount, number: str) -> WalletApproval | None:
    pending = approvals.open_approval(account)
    is_this = pending is not None and str(pending.pk) == number and pending.state == ApprovalState.ASKED
    return pending if is_this else None


@trader_required
@never_cache
@require_POST
def check_approval(request: MemberRequest) -> HttpResponse:
    """Ask the venue what became of an approval it did not answer."""
    account = current_account(request.user)
    pending = approvals.open_approval(account) if account else None
    if pending is not None:
        _tell(request, pending, approvals.prove(hyperliquid(), pending))
    return redirect("connect")


def _tell(request: MemberRequest, approval: WalletApproval, settled: bool) -> None:
    """Put the outcome on record, by whoever settled it."""
    if not settled:
        return
    result = RESULTS[ApprovalKind(approval.kind)]
    accepted = approval.state == ApprovalState.ACCEPTED
    audit.record(
        request,
        action=result if accepted else f"{result}: refused by the venue",
        subject=approval.account.address,
        after=_what(approval) | ({} if accepted else {"reason": approval.message}),
    )
    if accepted:
        messages.info(request, f"{result.capitalize()}.")


def _what(approval: WalletApproval) -> dict[str, str]:
    """What was approved, as it goes on record: addresses and dates, never a key."""
    facts = {
        "key": approval.agent_address,
        "name": approval.agent_name,
        "until": approval.valid_until.isoformat() if approval.valid_until else "",
        "builder": approval.builder,
        "rate": f"{approval.rate.normalize():f}" if approval.builder else "",
    }
    return {name: value for name, value in facts.items() if value}


@trader_required
@never_cache
@require_POST
def withdraw_approval(request: MemberRequest) -> HttpResponse:
    """Ask the wallet no more."""
    account = current_account(request.user)
    if account is not None and approvals.withdraw(account):
        audit.record(request, action="approval cancelled", subject=account.address)
    return redirect("connect")


@trader_required
@never_cache
@require_POST
def forget(request: MemberRequest) -> HttpResponse:
    """Delete the trading key here. The venue still knows it: only the wallet can revoke it there."""
    account = current_account(request.user)
    if account is None:
        return redirect("connect")
    return _forgotten(request, account, "The trading key is deleted here. Revoke it at the venue as well.")


def _forgotten(request: MemberRequest, account: VenueAccount, words: str) -> HttpResponse:
    agent = account.agent_address
    if accounts.forget_key(account):
        audit.record(request, action="trading key deleted", subject=account.address, before={"key": agent})
        messages.info(request, words)
    return redirect("connect")


@trader_required
@never_cache
@require_POST
def leave_account(request: MemberRequest) -> HttpResponse:
    """Show this account no longer, so that another can be connected. Its key is deleted here, its history stays."""
    account = current_account(request.user)
    if account is not None and accounts.leave(account):
        approvals.withdraw(account)
        audit.record(request, action="account disconnected", subject=account.address)
    return redirect("connect")


def _render(
    request: MemberRequest,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    account = current_account(request.user)
    newest = approvals.newest_approval(account) if account else None
    page = build_page(request.user, account, newest, timezone.now(), problems or {}, typed or {})
    return render(request, "accounts/connect.html", {"page": page}, status=status)
