"""The owner's page of his team: who is in it, who is asked in."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants import audit, team
from tenants.access import MemberRequest, require_form, role_required
from tenants.models import Invitation, Role, User

CHANGES: dict[str, dict[str, Any]] = {
    "owner": {"role": Role.OWNER},
    "support": {"role": Role.SUPPORT},
    "close": {"is_active": False},
    "reopen": {"is_active": True},
}
LINK = "link"


class InvitationForm(forms.Form):
    """Who is asked in, and as what."""

    email = forms.EmailField(max_length=120, error_messages={"required": "Enter an e-mail address."})
    role = forms.ChoiceField(choices=Role.choices, initial=Role.SUPPORT)


@never_cache
@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def show_team(request: MemberRequest) -> HttpResponse:
    """The team; a form that is sent asks somebody in, and the answer shows the link this once."""
    if request.method != "POST":
        return _render(request, InvitationForm())
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=422)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        with transaction.atomic():
            secret = team.invite(request.user, email, role, timezone.now())
            audit.record(request, action="invited to the team", subject=email, after={"role": role.label})
    except team.TeamRefused as problem:
        form.add_error("email", gettext(str(problem)))
        return _render(request, form, status=422)
    return _render(request, InvitationForm(), invited=email, link=_link(request, secret))


@never_cache
@role_required(Role.OWNER)
@require_form
def change_member(request: MemberRequest, member_id: int) -> HttpResponse:
    """Another role for a member, his way in closed or opened again, or a link to a new password."""
    wanted = request.POST.get("change", "")
    try:
        if wanted == LINK:
            return _show_link(request, member_id)
        if wanted not in CHANGES:
            raise Http404
        return _change(request, member_id, CHANGES[wanted])
    except User.DoesNotExist:
        raise Http404 from None
    except team.TeamRefused as problem:
        messages.error(request, gettext(str(problem)))
        return redirect("console_team")


def _show_link(request: MemberRequest, member_id: int) -> HttpResponse:
    with transaction.atomic():
        member, secret = team.renew(request.user, member_id, timezone.now())
        audit.record(request, action="link to a new password made", subject=member.email)
    return _render(request, InvitationForm(), invited=member.email, link=_link(request, secret), is_renewal=True)


def _change(request: MemberRequest, member_id: int, change: dict[str, Any]) -> HttpResponse:
    """Carry it out; whoever is no owner any more by his own hand finds no team page, and is led to his first one."""
    with transaction.atomic():
        before, after = team.change_member(request.user.pk, member_id, **change)
        told = {"before": _words(before), "after": _words(after)}
        audit.record(request, action="team member changed", subject=str(after), **told)
    return redirect("home" if member_id == request.user.pk else "console_team")


@role_required(Role.OWNER)
@require_form
def withdraw_invitation(request: MemberRequest, invitation_id: int) -> HttpResponse:
    """End a link that was not used; one that ended meanwhile, or was never here, is no longer in the list."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
        if invitation is not None:
            invitation.delete()
            audit.record(request, action="invitation withdrawn", subject=invitation.email)
    return redirect("console_team")


def _words(member: User) -> dict[str, str]:
    return {"role": Role(member.role).label, "may come in": "yes" if member.is_active else "no"}


def _link(request: MemberRequest, secret: str) -> str:
    return request.build_absolute_uri(reverse("invitation", args=[secret]))


def _render(request: MemberRequest, form: InvitationForm, status: int = 200, **told: str | bool) -> HttpResponse:
    members = team.members()
    page = {
        "members": members,
        "viewer_id": request.user.pk,
        "emails": {member.email.lower() for member in members},
        "invitations": list(Invitation.objects.select_related("invited_by").order_by("-created_at")),
        "now": timezone.now(),
        "form": form,
        "invited": "",
        "link": "",
        "is_renewal": False,
    }
    return render(request, "console/team.html", page | told, status=status)
