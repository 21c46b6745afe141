"""The connect page, of one venue at a time. GET shows where the account stands; every POST does one thing, once, and
leads back to the page.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from tenants import audit
from tenants.access import MemberRequest, require_form, trader_required
from tenants.attempts import TooManyAttempts, count_account
from tenants.wallet import WalletRefused, read_address, read_chain_id
from trading.accounts.panels import Standing, build_page, venue_tabs
from trading.connect import KeyUnreadable, account_onboarding, gateway_of, onboarding, public_adapter
from trading.markets import venues_offered
from trading.models import VenueAccount, WalletApproval
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.services import accounts, approval_outcomes, approvals
from trading.services.accounts import AccountRefused, asked_fee, current_accounts
from trading.services.allowances import requests_left
from trading.services.approval_record import RESULTS, what
from trading.services.approvals import Wanted
from trading.venues.base import Venue
from trading.venues.errors import VenueError
from trading.venues.keys import InvalidKey
from trading.venues.onboarding import Credential, KeyKind, KeyRefused

Problem = (WalletRefused, AccountRefused, KeyRefused, KeyUnreadable, InvalidKey, VenueError, TooManyAttempts)
LONGEST_KEY = 160


def _venue(request: MemberRequest) -> Venue:
    """The venue that the page is about: one that the operator offers, or that an account is left at."""
    known = [*venues_offered(), *current_accounts(request.user)]
    wanted = request.POST.get("venue", "") or request.GET.get("venue", "")
    return Venue(wanted) if wanted in known else known[0]


def _account(request: MemberRequest) -> VenueAccount | None:
    return current_accounts(request.user).get(_venue(request))


def _back(request: MemberRequest) -> HttpResponse:
    """To the page of the same venue; the first one needs no name."""
    venue = _venue(request)
    is_first = venue == next(iter(venues_offered()), venue)
    return redirect(reverse("connect") if is_first else f"{reverse('connect')}?{urlencode({'venue': venue})}")


@trader_required
@never_cache
@require_GET
def show(request: MemberRequest) -> HttpResponse:
    """Where the trader's account stands, and the one next step."""
    return _render(request)


@trader_required
@never_cache
@require_form
def connect_account(request: MemberRequest) -> HttpResponse:
    """Show an account here: one of the trader's own, or one that he only watches."""
    form = request.POST.get("form", "")
    typed = request.POST.get("address", "")
    try:
        address = read_address(typed)
        count_account(request.operator.operator_id, request.user.pk)
        account, is_new = accounts.connect_address(onboarding(_venue(request)), request.user, address)
    except Problem as problem:
        name = form if form in ("wallet", "watch") else "watch"
        return _render(request, {name: str(problem)}, {"watch_address": typed[:60]}, 422)
    if is_new:
        audit.record(request, action="account connected", subject=account.address)
    return _back(request)


@trader_required
@never_cache
@sensitive_post_parameters("agent_key", "api_secret")
@require_form
def connect_pasted_key(request: MemberRequest) -> HttpResponse:
    """Take a trading key its owner made at the venue, after the venue has said whose it is. It is never shown again."""
    typed = request.POST.get("address", "")
    try:
        address, credential = read_address(typed), _pasted(request)
        count_account(request.operator.operator_id, request.user.pk)
        asking = onboarding(_venue(request), address, credential)
        account, is_new = accounts.connect_key(asking, request.user, address, credential)
    except AccountRefused as problem:
        return _render(request, {"manage": str(problem)}, status=422)
    except Problem as problem:
        kept = {"key_address": typed[:60], "api_key": request.POST.get("api_key", "")[:LONGEST_KEY]}
        return _render(request, {_key_form(request): str(problem)}, kept, 422)
    if is_new:
        approvals.withdraw(account)
        audit.record(
            request, action="trading key pasted", subject=account.address, after={"key": account.agent_address}
        )
        messages.info(request, "The trading key works. It is stored encrypted and never shown again.")
    return _back(request)


def _pasted(request: MemberRequest) -> Credential:
    """The key in the form. Raises ``InvalidKey`` or ``KeyRefused`` for what cannot be one."""
    gateway = gateway_of(_venue(request))
    if _key_form(request) == "api_key":
        public, secret = (request.POST.get(name, "").strip()[:LONGEST_KEY] for name in ("api_key", "api_secret"))
        return gateway.read_key(KeyKind.API_KEY, public, secret)
    return gateway.read_key(KeyKind.AGENT, "", request.POST.get("agent_key", "").strip()[:LONGEST_KEY])


def _key_form(request: MemberRequest) -> str:
    offered = gateway_of(_venue(request)).key_kinds
    return "api_key" if "api_key" in request.POST and KeyKind.API_KEY in offered else "key"


@trader_required
@never_cache
@require_form
def ask_approval(request: MemberRequest) -> HttpResponse:
    """Write down what the wallet is to sign next."""
    account = _account(request)
    if account is None:
        return _back(request)
    try:
        wanted = _wanted(request, account)
        if wanted is None:
            return _deleted(request, account, "The venue does not know this key any more. It is deleted here too.")
        approval, is_new = approvals.ask(
            public_adapter(Venue(account.venue)), account, wanted, read_chain_id(request.POST.get("chain_id", ""))
        )
    except Problem as problem:
        return _render(request, {"wallet": str(problem)}, status=422)
    if is_new:
        audit.record(
            request,
            action=f"asked the wallet: {approval.get_kind_display().lower()}",
            subject=account.address,
            after=what(approval),
        )
    return _back(request)


def _wanted(request: MemberRequest, account: VenueAccount) -> Wanted | None:
    """What the form asks for; None for the revocation of a key that is gone already. Raises ``AccountRefused``."""
    kind, fee = request.POST.get("kind", ""), asked_fee(account)
    name = approvals.agent_name(request.operator.operator_id, request.operator.slug)
    if kind == ApprovalKind.KEY:
        return Wanted(ApprovalKind.KEY, name=name)
    if kind == ApprovalKind.FEE and fee is not None:
        return approvals.wanted_fee(account, fee, name)
    if kind == ApprovalKind.NO_KEY and account.agent_key and account.key_kind == KeyKind.AGENT:
        return approvals.wanted_revocation(account_onboarding(account), account)
    if kind == ApprovalKind.NO_FEE and account.builder:
        return Wanted(ApprovalKind.NO_FEE, fee=approvals.approved_fee(account))
    raise AccountRefused("There is nothing like this to approve here. Reload the page.")


@trader_required
@never_cache
@require_form
def sign_approval(request: MemberRequest) -> HttpResponse:
    """Carry the wallet's signature to the venue, once."""
    account = _account(request)
    approval = _asked(account, request.POST.get("approval", "")) if account else None
    if account is None or approval is None:
        return _back(request)  # settled, withdrawn or never asked: the page tells
    try:
        carrier = account_onboarding(account, approval)
        with audit.begun_by(request):
            settled = approval_outcomes.submit(carrier, approval, request.POST.get("signature", "").strip())
    except Problem as problem:
        return _render(request, {"wallet": str(problem)}, status=422)
    _tell(request, approval, settled)
    return _back(request)


def _asked(account: VenueAccount, number: str) -> WalletApproval | None:
    pending = approvals.open_approval(account)
    is_this = pending is not None and str(pending.pk) == number and pending.state == ApprovalState.ASKED
    return pending if is_this else None


@trader_required
@never_cache
@require_form
def check_approval(request: MemberRequest) -> HttpResponse:
    """Ask the venue what became of an approval it did not answer."""
    account = _account(request)
    pending = approvals.open_approval(account) if account else None
    if account is not None and pending is not None:
        asking = account_onboarding(account, pending)
        with audit.begun_by(request):
            settled = approval_outcomes.prove(asking, pending)
        _tell(request, pending, settled)
    return _back(request)


def _tell(request: MemberRequest, approval: WalletApproval, settled: bool) -> None:
    """What has just been settled is said on the page, where it is good news."""
    if settled and approval.state == ApprovalState.ACCEPTED:
        messages.info(request, f"{RESULTS[ApprovalKind(approval.kind)].capitalize()}.")


@trader_required
@never_cache
@require_form
def withdraw_approval(request: MemberRequest) -> HttpResponse:
    """Ask the wallet no more."""
    account = _account(request)
    if account is not None and approvals.withdraw(account):
        audit.record(request, action="approval cancelled", subject=account.address)
    return _back(request)


@trader_required
@never_cache
@require_form
def forget(request: MemberRequest) -> HttpResponse:
    """Delete the trading key here. The venue still knows it: only the wallet can revoke it there."""
    account = _account(request)
    if account is None:
        return _back(request)
    try:
        return _deleted(request, account, "The trading key is deleted here. Revoke it at the venue as well.")
    except AccountRefused as problem:
        return _render(request, {"manage": str(problem)}, status=422)


def _deleted(request: MemberRequest, account: VenueAccount, words: str) -> HttpResponse:
    agent = account.agent_address
    if accounts.delete_key(account):
        audit.record(request, action="trading key deleted", subject=account.address, before={"key": agent})
        messages.info(request, words)
    return _back(request)


@trader_required
@never_cache
@require_form
def leave_account(request: MemberRequest) -> HttpResponse:
    """Show this account no longer, so that another can be connected. Its key is deleted here, its history stays."""
    account = _account(request)
    try:
        is_left = account is not None and accounts.leave(account)
    except AccountRefused as problem:
        return _render(request, {"manage": str(problem)}, status=422)
    if account is not None and is_left:
        approvals.withdraw(account)
        audit.record(request, action="account disconnected", subject=account.address)
    return _back(request)


def _render(
    request: MemberRequest,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    venue, held = _venue(request), current_accounts(request.user)
    newest = approvals.newest_approval(held[venue]) if venue in held else None
    account = held.get(venue)
    requests = requests_left(account) if account is not None else None
    standing = Standing(gateway_of(venue), account, newest, timezone.now(), requests)
    tabs = venue_tabs(venue, [*venues_offered(), *held], held, standing.now)
    page = build_page(request.user, standing, tabs, problems or {}, typed or {})
    return render(request, "accounts/connect.html", {"page": page}, status=status)
