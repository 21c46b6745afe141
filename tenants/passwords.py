"""A password of one's own, chosen anew by whoever knows the present one."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from tenants import audit
from tenants.access import MemberRequest, signed_in
from tenants.attempts import count_attempt, forget_attempts
from tenants.client import client_address
from tenants.models import Invitation, User
from tenants.views import FIRST_PAGES, TOO_MANY

WRONG = "This is not your present password."
CHANGED_MEANWHILE = "Your password was changed elsewhere at this moment. Enter the new one."
DONE = "Your password is changed. Wherever else you were signed in, you are signed out."


@never_cache
@signed_in
@sensitive_post_parameters("present", "password")
@require_http_methods(["GET", "HEAD", "POST"])
def choose_password(request: MemberRequest) -> HttpResponse:
    """Another password for whoever signs in with one. Here he stays signed in, everywhere else he is not any more."""
    if not request.user.email:
        raise Http404
    if request.method != "POST":
        return _render(request, {})
    if not count_attempt(request.operator.operator_id, request.user.email, client_address(request)):
        return _render(request, {"present": TOO_MANY}, status=429)
    if not request.user.check_password(request.POST.get("present", "")):
        return _render(request, {"present": WRONG}, status=422)
    forget_attempts(request.operator.operator_id, request.user.email, client_address(request))
    try:
        validate_password(request.POST.get("password", ""), request.user)
    except ValidationError as problem:
        return _render(request, {"password": problem.messages[0]}, status=422)
    if not _change(request, make_password(request.POST.get("password", ""))):
        return _render(request, {"present": CHANGED_MEANWHILE}, status=422)
    messages.success(request, gettext(DONE))
    return redirect(FIRST_PAGES.get(request.user.role, "home"))


def _change(request: MemberRequest, hashed: str) -> bool:
    """Whether the password that was checked is still the present one and this one took its place."""
    user = request.user
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=user.password).update(password=hashed):
            return False
        # Whoever knows his password needs no link to a new one, and nobody else is to hold one.
        Invitation.objects.filter(email__iexact=user.email).delete()
        audit.record(request, action="chose a new password", subject=str(user))
    user.password = hashed
    update_session_auth_hash(request, user)
    return True


def _render(request: MemberRequest, problems: dict[str, str], status: int = 200) -> HttpResponse:
    told = {name: gettext(sentence) for name, sentence in problems.items()}
    return render(request, "registration/password.html", {"problems": told}, status=status)
