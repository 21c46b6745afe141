"""The terminal: one page, and the account in four numbers."""

from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, signed_in, trader_required
from tenants.models import Role
from trading.desk import (
    Desk,
    desk_of,
    listed_markets,
    market_named,
    recent_fills,
    recent_margin_changes,
    stale_limits,
    state_of,
    unsettled_commands,
)
from trading.forms import read_order
from trading.live.tickets import issue
from trading.models import Command, Market
from trading.panels.history import build_account, build_fills, build_margin_changes, build_notice, build_orders
from trading.panels.market import build_book, build_market_bar, build_market_link, freshness, price_decimals
from trading.panels.positions import account_freshness, build_positions
from trading.panels.ticket import build_ticket, default_form
from trading.panels.view_models import FreshnessState, TerminalPage, Tone, VenueBanner
from trading.quoting import quote_order
from trading.tasks import sync_account_now
from trading.venues.snapshots import Network, Venue
from trading.views.market import book_of


@signed_in
def home(request: MemberRequest) -> HttpResponse:
    """Everybody's first page: the team's own pages, or the first market."""
    if request.user.role == Role.OWNER:
        return redirect("console")
    if request.user.role == Role.SUPPORT:
        return redirect("support")
    markets = listed_markets()
    if not markets:
        return render(request, "503.html", {"reason": "The venue's markets are still being read."}, status=503)
    return redirect("terminal", markets[0].name)


@trader_required
def show_terminal(request: MemberRequest, market_name: str) -> HttpResponse:
    """The whole page for one market. Figures that aged while nobody looked are read again at once."""
    desk = desk_of(request.user)
    if desk.account and account_freshness(desk).state is FreshnessState.CLOSED:
        sync_account_now.delay(desk.account.operator_id, desk.account.pk)
    market = market_named(market_name)
    return render(request, "trading/terminal.html", {"page": terminal_page(request, desk, market)})


def terminal_page(request: HttpRequest, desk: Desk, market: Market) -> TerminalPage:
    """Everything the terminal shows on its first paint."""
    state = state_of(market, desk.board)
    fresh = freshness(desk.marked_at(market), desk.now, stale_limits())
    markets = listed_markets()
    links = [build_market_link(row, state_of(row, desk.board), market) for row in markets]
    raw = {name: request.GET.get(name, "") for name in request.GET}
    form = read_order(raw, market.rules, default_form(desk, market))
    bar = build_market_bar(market, state, links, fresh, desk.now)
    unsettled = unsettled_commands(desk.account)
    return TerminalPage(
        title=f"{bar.mark} {bar.label}",
        venue_label=f"{market.venue.title()} · {_venue_words(fresh.state)}",
        venue_state=fresh.state,
        market_bar=bar,
        account=build_account(desk),
        ticket=build_ticket(desk, market, quote_order(desk, market, form), raw, uuid4()),
        book=build_book(market, book_of(market), state, fresh),
        positions=build_positions(desk, unsettled),
        orders=build_orders(desk),
        fills=build_fills(recent_fills(desk.account)),
        margin_changes=build_margin_changes(recent_margin_changes(desk.account)),
        price_decimals=price_decimals(market.rules, state.mark) if state else 2,
        now=desk.now,
        live_url=_live_url(request, desk, market),
        notices=tuple(build_notice(command) for command in _to_tell(request, desk, unsettled)),
        banner=build_banner(desk),
        stale_after_seconds=stale_limits()[0],
        closed_after_seconds=stale_limits()[1],
    )


def _live_url(request: HttpRequest, desk: Desk, market: Market) -> str:
    account_ids = (desk.account.pk,) if desk.account else ()
    ticket = issue(
        operator_id=desk.trader.operator_id,
        user_id=desk.trader.pk,
        account_ids=account_ids,
        venue=Venue(market.venue),
        network=Network(market.network),
        market=market.name,
        host=request.get_host(),
    )
    return f"/live/?{urlencode({'ticket': ticket})}"


def _to_tell(request: HttpRequest, desk: Desk, unsettled: list[Command]) -> list[Command]:
    """What is still being checked, and the command that a form without scripts has just made."""
    try:
        wanted = UUID(request.GET.get("notice", ""))
    except ValueError:
        return unsettled
    made = Command.objects.filter(pk=wanted, account__trader=desk.trader).select_related("market").first()
    return [made, *(row for row in unsettled if row.pk != wanted)] if made else unsettled


def _venue_words(state: FreshnessState) -> str:
    return {FreshnessState.LIVE: "live", FreshnessState.STALE: "late", FreshnessState.CLOSED: "not answering"}[state]


def build_banner(desk: Desk) -> VenueBanner | None:
    """What is wrong, as far as the trader should know; reducing risk is always tried."""
    if desk.account is None or not desk.account.sync_problem:
        return None
    return VenueBanner(tone=Tone.WARN, title="The venue does not answer.", detail=desk.account.sync_problem)


@trader_required
@require_GET
def show_banner(request: MemberRequest) -> HttpResponse:
    """The banner alone, asked for again and again while the page is open."""
    return render(request, "trading/_banner.html", {"banner": build_banner(desk_of(request.user))})


@trader_required
@require_GET
def show_account(request: MemberRequest) -> HttpResponse:
    """The account panel alone."""
    return render(request, "trading/_account.html", {"account": build_account(desk_of(request.user))})
