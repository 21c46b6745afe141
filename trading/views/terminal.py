"""The terminal: one page, and the account in four numbers."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError

from tenants.access import MemberRequest, signed_in, trader_required
from tenants.models import Role, User
from tenants.recent import trader_remembered
from trading.connect import configured_venues, gateway_of
from trading.desk import Desk
from trading.forms import OrderForm, read_order
from trading.live import presence, weather
from trading.live.tickets import issue
from trading.markets import listed_markets, market_named, stale_limits, state_of, venues_offered
from trading.models import Command, Market, VenueAccount
from trading.panels.market import build_book, build_market_bar, freshness, price_decimals
from trading.panels.notices import build_notice
from trading.panels.portfolio import (
    build_portfolio,
    build_portfolio_fills,
    build_portfolio_margin_changes,
    build_portfolio_orders,
    build_portfolio_positions,
)
from trading.panels.ticket import build_ticket, default_form
from trading.panels.view_models import FreshnessState, TerminalPage, VenueBanner
from trading.panels.weather import weather_banner
from trading.portfolio import accounts_of, desk_of, portfolio_of, unsettled_commands
from trading.quoting import quote_order
from trading.recent import recent_portfolio
from trading.services.accounts import current_accounts
from trading.services.available import available_now
from trading.venues.snapshots import Network, Venue
from trading.views.market import book_of, market_links

# How many of what is being checked are told beside the page; every position says it of itself.
NOTICES = 5


@signed_in
def home(request: MemberRequest) -> HttpResponse:
    """Everybody's first page: the team's own pages, or the first market."""
    if request.user.role == Role.OWNER:
        return redirect("console")
    if request.user.role == Role.SUPPORT:
        return redirect("support")
    market = first_market(request.user, request.GET.get("venue", ""))
    if market is not None:
        return redirect("terminal", market.address)
    if not all(gateway_of(venue).reads_without_key for venue in venues_offered()):
        return redirect("connect")  # what such a venue lists is read with a trader's key
    return render(request, "503.html", {"reason": "The venue's markets are still being read."}, status=503)


def first_market(trader: User, wanted: str = "") -> Market | None:
    """Where a trader's first page opens: at the venue he comes for, or where he has an account, or anywhere."""
    markets, held = listed_markets() or _markets_held(trader), current_accounts(trader)
    by_wish = sorted(markets, key=lambda market: (market.venue != wanted, market.venue not in held))
    return by_wish[0] if by_wish else None


def _markets_held(trader: User) -> list[Market]:
    """Where nothing is offered any more, whoever is in a market finds his way out of it."""
    desks = portfolio_of(trader)
    held = [row.market for desk in desks for row in desk.positions]
    return held + [row.market for desk in desks for row in desk.orders]


@trader_required
def show_terminal(request: MemberRequest, market_name: str) -> HttpResponse:
    """The whole page for one market. Figures that aged while nobody looked are read again within a second."""
    market, desks = market_named(market_name), portfolio_of(request.user)
    desk = desk_at(Venue(market.venue), request.user, desks)
    # A part of a page that is open already, such as its stream's next ticket, still comes; orders are refused there.
    if not request.htmx and not desk.may_look_at(market):
        return _lead_away(request)
    with suppress(RedisError):
        for account in accounts_of(desks):
            # Whoever looks is read in the next turn, once however often he reloads.
            presence.look(account.operator_id, account.pk)
    return render(request, "trading/terminal.html", {"page": terminal_page(request, desk, desks, market)})


def desk_at(venue: Venue, trader: User, desks: Sequence[Desk]) -> Desk:
    """The desk of one venue: among those of all the trader's accounts, or an empty one where he has none there."""
    return next((desk for desk in desks if desk.venue is venue), None) or desk_of(trader, venue)


def _lead_away(request: MemberRequest) -> HttpResponse:
    """From a market that is closed to the trader. Whoever has just left it is told so at another one; to everybody else
    it does not exist."""
    command, market = _just_made(request, request.user), first_market(request.user)
    if command is None or market is None:
        raise Http404
    return redirect(f"{reverse('terminal', args=[market.address])}?notice={command.pk}")


def terminal_page(request: HttpRequest, desk: Desk, desks: Sequence[Desk], market: Market) -> TerminalPage:
    """Everything the terminal shows on its first paint: ``desk`` is that of the market's venue, ``desks`` are those of
    all the trader's accounts."""
    state = state_of(market, desk.board)
    fresh = freshness(desk.marked_at(market), desk.now, stale_limits())
    accounts = accounts_of(desks)
    found = default_form(desk, market)
    raw = _first_fields(request, found)
    form = read_order(raw, market.rules, found)
    quoted = quote_order(desk, market, form, available_now(desk.account, market, desk.now))
    bar = build_market_bar(market, state, market_links(market, desk.policy), fresh, desk.now, desk.policy)
    unsettled = unsettled_commands(accounts)
    return TerminalPage(
        title=f"{bar.mark} {bar.label}",
        venue_label=f"{gateway_of(Venue(market.venue)).label} · {_venue_words(fresh.state)}",
        venue_state=fresh.state,
        market_bar=bar,
        account=build_portfolio(desk, desks, venues_offered(desk.policy)),
        ticket=build_ticket(desk, market, quoted, raw, uuid4()),
        book=build_book(market, book_of(market), state, fresh),
        positions=build_portfolio_positions(desks, unsettled),
        orders=build_portfolio_orders(desks),
        fills=build_portfolio_fills(desks),
        margin_changes=build_portfolio_margin_changes(desks),
        price_decimals=price_decimals(market.rules, state.mark) if state else 2,
        now=desk.now,
        live_url=_live_url(request, desk, accounts, market),
        notices=tuple(build_notice(command) for command in _to_tell(request, desk, unsettled)),
        banner=build_banner(desks),
        stale_after_seconds=stale_limits()[0],
        closed_after_seconds=stale_limits()[1],
    )


def _first_fields(request: HttpRequest, found: OrderForm) -> dict[str, str]:
    """What the ticket's fields hold at first: those of the address, and a tick, which no field left out can tell."""
    fields = {name: request.GET.get(name, "") for name in request.GET}
    return fields | {"reduce_only": "on"} if found.reduce_only and "side" not in fields else fields


def _live_url(request: HttpRequest, desk: Desk, accounts: Iterable[VenueAccount], market: Market) -> str:
    ticket = issue(
        operator_id=desk.trader.operator_id,
        user_id=desk.trader.pk,
        account_ids=tuple(account.pk for account in accounts),
        venue=Venue(market.venue),
        network=Network(market.network),
        market=market.name,
        host=request.get_host(),
    )
    return f"/live/?{urlencode({'ticket': ticket})}"


def _to_tell(request: HttpRequest, desk: Desk, unsettled: list[Command]) -> list[Command]:
    """The newest of what is still being checked, and the command that a form without scripts has just made."""
    made, newest = _just_made(request, desk.trader), unsettled[:NOTICES]
    return [made, *(row for row in newest if row.pk != made.pk)] if made else newest


def _just_made(request: HttpRequest, trader: User) -> Command | None:
    """The trader's command that the address names."""
    try:
        wanted = UUID(request.GET.get("notice", ""))
    except ValueError:
        return None
    made: Command | None = Command.objects.filter(pk=wanted, account__trader=trader).select_related("market").first()
    return made


def _venue_words(state: FreshnessState) -> str:
    return {FreshnessState.LIVE: "live", FreshnessState.STALE: "late", FreshnessState.CLOSED: "not answering"}[state]


def build_banner(desks: Sequence[Desk]) -> VenueBanner | None:
    """What is wrong at the first venue where something is, as far as the trader should know; reducing risk is always
    tried."""
    shown = {desk.venue for desk in desks}
    for venue, network in configured_venues():
        banner = weather_banner(gateway_of(venue).label, weather.read(venue, network)) if venue in shown else None
        if banner is not None:
            return banner
    account = next((one for one in accounts_of(desks) if one.sync_problem), None)
    if account is None:
        return None
    who = "The venue" if len(desks) == 1 else gateway_of(Venue(account.venue)).label
    return VenueBanner(title=f"{who} does not answer.", detail=account.sync_problem)


@trader_remembered
@require_GET
def show_banner(request: MemberRequest) -> HttpResponse:
    """The banner alone, asked for again and again while the page is open."""
    return render(request, "trading/_banner.html", {"banner": build_banner(recent_portfolio(request.user).desks)})


@trader_required
@require_GET
def show_account(request: MemberRequest) -> HttpResponse:
    """The account panel alone, of the venue whose market is open."""
    offered, desks = venues_offered(), portfolio_of(request.user)
    wanted, known = request.GET.get("venue", ""), {*offered, *(desk.venue for desk in desks)}
    desk = desk_at(Venue(wanted), request.user, desks) if wanted in known else desks[0]
    account = build_portfolio(desk, desks, offered)
    return render(request, "trading/_account.html", {"account": account})
