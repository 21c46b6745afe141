"""The owner's page of his host names: what leads to his exchange, and what is still to be proven."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from tenants import audit
from tenants.access import MemberRequest, require_form, role_required
from tenants.domains import DomainRefused, claim_host, give_up, is_proven, put_in_force, record_name
from tenants.models import Domain, DomainClaim, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One host name. ``claim_id`` is None for a name that the platform gave, which stays."""

    host: str
    is_live: bool
    is_here: bool
    claim_id: int | None = None
    record: str = ""
    token: str = ""
    problem: str = ""
    checked_at: datetime | None = None


@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def show_domains(request: MemberRequest) -> HttpResponse:
    """The names; a form that is sent claims another one."""
    if request.method != "POST":
        return _render(request)
    typed = request.POST.get("host", "")
    try:
        with transaction.atomic():
            claim = claim_host(typed)
            audit.record(request, action="domain claimed", subject=claim.host)
    except DomainRefused as problem:
        return _render(request, typed, gettext(str(problem)), status=422)
    return redirect("console_domains")


@role_required(Role.OWNER)
@require_form
def check_domain(request: MemberRequest, claim_id: int) -> HttpResponse:
    """Look for the proof now."""
    claim = _claim(claim_id)
    try:
        if is_proven(claim, timezone.now()) and _put_in_force(request, claim):
            told = gettext("%(host)s is proven to be yours, and leads here as soon as its CNAME does.") % {
                "host": claim.host
            }
            messages.success(request, told)
    except DomainRefused as problem:
        messages.error(request, gettext(str(problem)))
    return redirect("console_domains")


@role_required(Role.OWNER)
@require_form
def remove_domain(request: MemberRequest, claim_id: int) -> HttpResponse:
    """Give a name up, whether it was proven or not; one that went meanwhile is no longer in the list."""
    claim = DomainClaim.objects.filter(pk=claim_id).first()
    if claim is None:
        return redirect("console_domains")
    try:
        with transaction.atomic():
            if give_up(claim, request.get_host()):
                audit.record(request, action="domain given up", subject=claim.host)
    except DomainRefused as problem:
        messages.error(request, gettext(str(problem)))
    return redirect("console_domains")


@transaction.atomic
def _put_in_force(request: MemberRequest, claim: DomainClaim) -> bool:
    if not put_in_force(claim, timezone.now()):
        return False
    audit.record(request, action="domain in force", subject=claim.host)
    return True


def _claim(claim_id: int) -> DomainClaim:
    found: DomainClaim = get_object_or_404(DomainClaim.objects.all(), pk=claim_id)
    return found


def _render(request: MemberRequest, typed: str = "", problem: str = "", status: int = 200) -> HttpResponse:
    here = request.get_host().partition(":")[0].lower()
    page = {"names": _names(request.operator.operator_id, here), "target": settings.PLATFORM_HOST}
    return render(request, "console/domains.html", page | {"typed": typed, "problem": problem}, status=status)


def _names(operator_id: int, here: str) -> list[Name]:
    """Those in force first, each group by its name."""
    live = set(Domain.objects.filter(operator_id=operator_id).values_list("host", flat=True))
    claims = list(DomainClaim.objects.all())
    proven = live & {claim.host for claim in claims if claim.proven_at}
    given = [Name(host=host, is_live=True, is_here=host == here) for host in live - proven]
    claimed = [
        Name(
            host=claim.host,
            is_live=claim.host in proven,
            is_here=claim.host in proven and claim.host == here,
            claim_id=claim.pk,
            record=record_name(claim),
            token=claim.token,
            problem=claim.problem,
            checked_at=claim.checked_at,
        )
        for claim in claims
    ]
    return sorted([*given, *claimed], key=lambda name: (not name.is_live, name.host))
