"""The audit list: who did or looked at what, when, and how it was before."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.access import MemberRequest, role_required
from tenants.models import AuditEvent, Role
from tenants.paging import page_of

LONGEST_FILTER = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that changed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit as it is shown."""

    event: AuditEvent
    differences: tuple[Difference, ...]


@role_required(Role.OWNER)
@require_safe
def show_audit(request: MemberRequest) -> HttpResponse:
    """Newest first; who and what can be narrowed down, and the filter stays in the address."""
    who, what = (request.GET.get(name, "").strip()[:LONGEST_FILTER] for name in ("who", "what"))
    page = page_of(_events(who, what), request.GET)
    entries = [Entry(event, differences_of(event)) for event in page.rows]
    actions = AuditEvent.objects.order_by("action").values_list("action", flat=True).distinct()
    return render(
        request,
        "console/audit.html",
        {"page": page, "entries": entries, "who": who, "what": what, "actions": list(actions)},
    )


def _events(who: str, what: str) -> QuerySet[AuditEvent]:
    events: QuerySet[AuditEvent] = AuditEvent.objects.select_related("actor")
    if who:
        events = events.filter(actor__email__istartswith=who.replace("\x00", ""))
    return events.filter(action=what.replace("\x00", "")) if what else events


def differences_of(event: AuditEvent) -> tuple[Difference, ...]:
    """Before and after, side by side."""
    names = [*event.before, *(name for name in event.after if name not in event.before)]
    return tuple(Difference(name, str(event.before.get(name, "")), str(event.after.get(name, ""))) for name in names)
