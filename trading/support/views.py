"""Find a trader, look at the account. Every look is an audit row; nothing here changes anything else."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants import audit
from tenants.access import MemberRequest, role_required
from tenants.models import Role
from tenants.paging import page_of
from trading.desk import desk_of
from trading.support.estimates import build_estimates
from trading.support.lookup import clean_query, find_traders, recent_commands, trader_of
from trading.support.panels import build_account_view, build_trader


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def find_trader(request: MemberRequest) -> HttpResponse:
    """Traders by the beginning of their e-mail or address."""
    query, now = clean_query(request.GET.get("q", "")), timezone.now()
    page = page_of(find_traders(query), request.GET)
    if query:
        audit.record(request, action="traders searched", subject=query[:120], after={"found": page.total})
    rows = [build_trader(trader, now) for trader in page.rows]
    estimates = None if request.GET else build_estimates()
    return render(request, "support/find.html", {"query": query, "page": page, "rows": rows, "estimates": estimates})


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def show_trader(request: MemberRequest, trader_id: int) -> HttpResponse:
    """One trader's account, as the venue last told it."""
    trader = trader_of(trader_id)
    desk = desk_of(trader)
    view = build_account_view(desk, recent_commands(desk.account))
    audit.record(request, action="account looked at", subject=str(trader)[:120])
    return render(request, "support/trader.html", {"trader": trader, "account": view})
