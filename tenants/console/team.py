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
from django.views.decorators.http import require_http_methods, require_POST

from tenants import audit, team
from tenants.access import MemberRequest, role_required
from tenants.models import Invitation, Role, User

CHANGES: dict[str, dict[str, Any]] = {
    "owner": {"role": Role.OWNER},
    "support": {"role": Role.SUPPORT},
    "close": {"is_active": False},
    "reopen": {"is_active": True},
}


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
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    return _render(request, InvitationForm(), invited=email, link=link)


@role_required(Role.OWNER)
@require_POST
def change_member(request: MemberRequest, member_id: int) -> HttpResponse:
    """Another role for a member, or his way in closed or opened again."""
    change = CHANGES.get(request.POST.get("change", ""))
    if change is None:
        raise Http404
    try:
        with transaction.atomic():
            before, after = team.change_member(request.user.pk, member_id, **change)
            told = {"before": _words(before), "after": _words(after)}
            audit.record(request, action="team member changed", subject=str(after), **told)
    except User.DoesNotExist:
        raise Http404 from None
    except team.TeamRefused as problem:
        messages.error(request, gettext(str(problem)))
        return redirect("console_team")
    return redirect("console_team")


@role_required(Role.OWNER)
@require_POST
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


def _render(request: MemberRequest, form: InvitationForm, status: int = 200, **told: str) -> HttpResponse:
    page = {
        "members": team.members(),
        "invitations": list(Invitation.objects.select_related("invited_by").order_by("-created_at")),
        "now": timezone.now(),
        "form": form,
        "invited": "",
        "link": "",
    }
    return render(request, "console/team.html", page | told, status=status)
