"""Signing in and out, and the pages for what went wrong."""

from typing import cast

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from tenants import audit, team, wallet
from tenants.access import MemberRequest, OperatorRequest, require_form
from tenants.attempts import count_attempt, forget_attempts
from tenants.client import client_address
from tenants.forms import SignInForm
from tenants.models import Invitation, Role, User

FIRST_PAGES = {Role.OWNER.value: "console", Role.SUPPORT.value: "support"}
# Where a session keeps the digest of the invitation that its visitor came by.
INVITATION = "invitation"
WRONG_PAIR = "This e-mail and password do not belong together here."
TOO_MANY = "Too many attempts. Wait five minutes, then try again."
CLOSED = "This account is closed. Ask the exchange's support."


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: OperatorRequest) -> HttpResponse:
    """Admit a person of this operator, and lead on to where they wanted to go."""
    if request.method == "POST":
        return _try(request)
    if request.user.is_authenticated:
        return redirect(FIRST_PAGES.get(request.user.role, "home"))
    return _render_sign_in(request, {}, request.GET.get("next", ""))


def _try(request: OperatorRequest) -> HttpResponse:
    form = SignInForm(request.POST)
    wanted = request.POST.get("next", "")
    if not form.is_valid():
        errors = {name: str(sentences[0]) for name, sentences in form.errors.items()}
        return _render_sign_in(request, errors, wanted, status=422)
    email, address = form.cleaned_data["email"], client_address(request)
    if not count_attempt(request.operator.operator_id, email, address):
        return _render_sign_in(request, {"form": TOO_MANY}, wanted, status=429)
    user = authenticate(request, email=email, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        return _render_sign_in(request, {"form": WRONG_PAIR}, wanted, status=422)
    forget_attempts(request.operator.operator_id, email, address)
    login(request, user)
    return redirect(_safe(request, wanted) or FIRST_PAGES.get(user.role, "home"))


@never_cache
@require_form
def ask_wallet(request: OperatorRequest) -> JsonResponse:
    """The message that a wallet is to sign, as JSON; a sentence where there can be none."""
    try:
        address = wallet.read_address(request.POST.get("address", ""))
        chain_id = wallet.read_chain_id(request.POST.get("chain_id", ""))
    except wallet.WalletRefused as refusal:
        return JsonResponse({"problem": str(refusal)}, status=422)
    if not count_attempt(request.operator.operator_id, address, client_address(request)):
        return JsonResponse({"problem": TOO_MANY}, status=429)
    uri = request.build_absolute_uri(reverse("sign_in"))
    message = wallet.ask(domain=request.get_host(), uri=uri, address=address, chain_id=chain_id)
    return JsonResponse({"message": message.text})


@never_cache
@require_form
def sign_in_with_wallet(request: OperatorRequest) -> HttpResponse:
    """Admit the owner of a wallet; on the first time he becomes a trader of this operator."""
    wanted = request.POST.get("next", "")
    try:
        address = wallet.verify(
            request.POST.get("message", ""), request.POST.get("signature", ""), domain=request.get_host()
        )
    except wallet.WalletRefused as refusal:
        return _render_sign_in(request, {"wallet": str(refusal)}, wanted, status=422)
    user, is_new = wallet.user_of(address)
    if not user.is_active:
        return _render_sign_in(request, {"wallet": CLOSED}, wanted, status=422)
    forget_attempts(request.operator.operator_id, address, client_address(request))
    login(request, user)
    audit.record(
        cast(MemberRequest, request), action="signed in with a wallet", subject=address, after={"first time": is_new}
    )
    return redirect("connect" if is_new else _safe(request, wanted) or FIRST_PAGES.get(user.role, "home"))


def _safe(request: HttpRequest, wanted: str) -> str:
    """The wanted address if it is a path of this host; nothing otherwise, and a bare word is no path."""
    stays = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if stays and wanted.startswith("/") else ""


def _render_sign_in(request: HttpRequest, errors: dict[str, str], wanted: str, status: int = 200) -> HttpResponse:
    page = {"errors": errors, "next": _safe(request, wanted), "email": request.POST.get("email", "")}
    return render(request, "registration/sign_in.html", page, status=status)


@never_cache
@require_safe
def follow_invitation(request: OperatorRequest, secret: str) -> HttpResponse:
    """Lead whoever has the link of an invitation to a page whose address tells nobody anything."""
    digest = team.digest_of(secret)
    try:
        team.invitation_of(digest, timezone.now())
    except team.TeamRefused as problem:
        return _render_join(request, None, gettext(str(problem)), status=404)
    request.session[INVITATION] = digest
    answer = redirect("join")
    # Here only: a form on a page of this policy is sent without its origin, and refused for that.
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: OperatorRequest) -> HttpResponse:
    """Whoever came by a link chooses a password, and is a member of the team from then on, if he was none before."""
    digest = request.session.get(INVITATION, "")
    try:
        invitation = team.invitation_of(digest, timezone.now())
        if request.method != "POST":
            return _render_join(request, invitation)
        password = request.POST.get("password", "")
        validate_password(password, User(email=invitation.email))
        with transaction.atomic():
            user, is_new = team.join(digest, password, timezone.now())
            action = "joined the team" if is_new else "chose a new password"
            address = client_address(request)
            after = {"role": user.role, "link made by": str(invitation.invited_by)}
            audit.record_by(user, action=action, subject=user.email, after=after, address=address)
    except team.TeamRefused as problem:
        return _render_join(request, None, gettext(str(problem)), status=404)
    except ValidationError as problem:
        return _render_join(request, invitation, problem.messages[0], status=422)
    del request.session[INVITATION]
    login(request, user)
    return redirect(FIRST_PAGES[user.role])


def _render_join(
    request: HttpRequest, invitation: Invitation | None, problem: str = "", status: int = 200
) -> HttpResponse:
    is_member = invitation is not None and team.member_of(invitation) is not None
    page = {"invitation": invitation, "is_member": is_member, "problem": problem}
    return render(request, "registration/join.html", page, status=status)


@require_form
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("sign_in")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The request makes no sense."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """Not allowed, or a form without a valid token (Django calls it with a ``reason`` then)."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """No such page at this operator, which also answers for pages of others."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Our mistake. The page stands alone, since whatever failed may fail again."""
    return HttpResponse(render_to_string("500.html"), status=500)
