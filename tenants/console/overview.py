"""The owner's first page: what is live, who trades, and what was done lately."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from branding.publishing import live_brand
from tenants.access import MemberRequest, role_required
from tenants.console.policies import described
from tenants.models import AuditEvent, Role, User
from trading.margin.types import MarginMode
from trading.markets import policy_in_force
from trading.models import Position
from trading.panels.freshness import build_freshness
from trading.services.readings import accounts_in_use

LATEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The exchange in numbers. ``oldest`` is when the account read longest ago was read."""

    traders: int
    accounts: int
    isolated: int
    cross: int
    oldest: datetime | None


@role_required(Role.OWNER)
@require_safe
def show_overview(request: MemberRequest) -> HttpResponse:
    """What is live and what is going on."""
    page = {
        "live": live_brand(),
        "policy": described(policy_in_force()),
        "figures": _figures(),
        "venues": build_freshness(request.operator.operator_id),
        "events": list(AuditEvent.objects.select_related("actor")[:LATEST]),
    }
    return render(request, "console/overview.html", page)


@role_required(Role.OWNER)
@require_safe
def show_freshness(request: MemberRequest) -> HttpResponse:
    """How fresh the accounts are, alone; asked for again and again while the page is open."""
    venues = build_freshness(request.operator.operator_id)
    return render(request, "console/_freshness.html", {"venues": venues})


def _figures() -> Figures:
    positions = Position.objects.aggregate(
        isolated=Count("pk", filter=Q(mode=MarginMode.ISOLATED.value)),
        cross=Count("pk", filter=Q(mode=MarginMode.CROSS.value)),
    )
    accounts = accounts_in_use().aggregate(count=Count("pk"), oldest=Min("synced_at"))
    return Figures(
        traders=User.objects.filter(role="", is_active=True).count(),
        accounts=accounts["count"],
        isolated=positions["isolated"],
        cross=positions["cross"],
        oldest=accounts["oldest"],
    )
