"""Find a trader, look at the account. Every look is an audit row; nothing here changes anything else."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants import audit
from tenants.access import MemberRequest, role_required
from tenants.models import Role
from tenants.paging import Page, page_of
from trading.markets import stale_limits
from trading.models import VenueAccount
from trading.panels.freshness import build_freshness
from trading.panels.story import build_story
from trading.past import story_of
from trading.portfolio import desk_of
from trading.support.estimates import build_estimates
from trading.support.lookup import (
    accounts_held,
    clean_id,
    clean_query,
    differences,
    find_traders,
    liquidation_of,
    newest_traders,
    open_differences,
    recent_commands,
    trader_of,
    unproven_commands,
    unsettled_commands,
)
from trading.support.panels import (
    LIST_STALE_AFTER_SECONDS,
    build_account_link,
    build_account_view,
    build_difference,
    build_open_command,
    build_trader,
)
from trading.support.timeline import read_cursor, timeline
from trading.support.timeline_panels import build_timeline
from trading.venues.snapshots import Venue


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def find_trader(request: MemberRequest) -> HttpResponse:
    """Traders by the beginning of their e-mail, wallet or address; without a search all of them, the newest first."""
    query, now = clean_query(request.GET.get("q", "")), timezone.now()
    before = clean_id(request.GET.get("before", ""))
    found = find_traders(query) if query else newest_traders(before)
    if query:
        audit.record(request, action="traders searched", subject=query[:120], after={"found": len(found.traders)})
    older = f"?before={found.traders[-1].pk}" if found.has_more and not query else ""
    page = Page(rows=found.traders, total=len(found.traders), position="", newer="?" if before else "", older=older)
    context = {
        "query": query,
        "now": now,
        "stale_after": LIST_STALE_AFTER_SECONDS,
        "venues": build_freshness(request.operator.operator_id),
        "page": page,
        "rows": [build_trader(trader, now) for trader in found.traders],
        "has_more": bool(query) and found.has_more,
        "estimates": None if request.GET else build_estimates(),
    }
    return render(request, "support/find.html", context)


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def show_trader(request: MemberRequest, trader_id: int) -> HttpResponse:
    """One trader's account, as the venue last told it; ``?venue=`` chooses among several."""
    trader = trader_of(trader_id)
    accounts = accounts_held(trader)
    desk = desk_of(trader, _venue(request.GET.get("venue", ""), accounts))
    view = build_account_view(desk, recent_commands(desk.account), accounts)
    links = () if view else tuple(build_account_link(row, None, desk.now) for row in accounts)
    audit.record(request, action="account looked at", subject=str(trader)[:120])
    context = {"trader": trader, "account": view, "left": links, "now": desk.now, "limits": stale_limits()}
    return render(request, "support/trader.html", context)


def _venue(typed: str, accounts: list[VenueAccount]) -> Venue | None:
    """The venue of one of the trader's accounts in use."""
    return next((Venue(row.venue) for row in accounts if row.is_current and row.venue == typed), None)


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def show_timeline(request: MemberRequest, trader_id: int) -> HttpResponse:
    """All that happened to one of a trader's accounts, a page at a time."""
    trader, now = trader_of(trader_id), timezone.now()
    accounts = accounts_held(trader)
    wanted = clean_id(request.GET.get("account", "")) or (accounts[0].pk if accounts else None)
    account = next((row for row in accounts if row.pk == wanted), None)
    if account is None:
        raise Http404
    after = read_cursor(request.GET.get("after", ""))
    page = timeline(account, after)
    audit.record(request, action="timeline looked at", subject=str(trader)[:120])
    context = {
        "trader": trader,
        "account": build_account_link(account, account, now),
        "accounts": [build_account_link(row, account, now) for row in accounts],
        "rows": build_timeline(page),
        "older": page.older,
        "is_first": after is None,
    }
    return render(request, "support/timeline.html", context)


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def show_liquidation(request: MemberRequest, liquidation_id: int) -> HttpResponse:
    """The story of one liquidation, as the trader can read it too."""
    row = liquidation_of(liquidation_id)
    trader = row.account.trader
    audit.record(request, action="liquidation looked at", subject=str(trader)[:120])
    return render(request, "support/liquidation.html", {"trader": trader, "story": build_story(story_of(row))})


@role_required(Role.SUPPORT, Role.OWNER)
@require_safe
@never_cache
def show_open_matters(request: MemberRequest) -> HttpResponse:
    """Commands without a proven end, and what the venues showed that our rows did not explain."""
    now = timezone.now()
    commands, unproven, page = unsettled_commands(), unproven_commands(now), page_of(differences(), request.GET)
    audit.record(
        request,
        action="open matters looked at",
        subject="",
        after={"commands": commands.total, "unproven": unproven.total, "differences": page.total},
    )
    context = {
        "commands": [build_open_command(row, now) for row in commands.rows],
        "commands_in_all": commands.total,
        "unproven": [build_open_command(row, now) for row in unproven.rows],
        "unproven_in_all": unproven.total,
        "differences": [build_difference(row) for row in page.rows],
        "page": page,
        "open_differences": open_differences(),
    }
    return render(request, "support/open.html", context)
