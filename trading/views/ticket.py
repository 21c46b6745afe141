"""The order panel: a quote for every movement of the slider, and the order itself."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl
from uuid import uuid4

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from branding.stencils import drawn
from tenants.access import MemberRequest, require_form, trader_required
from tenants.recent import trader_remembered
from trading.connect import KeyUnreadable, trading_adapter
from trading.desk import Desk
from trading.forms import Unreadable, read_form_key, read_order
from trading.markets import market_named
from trading.models import Command, Market
from trading.models.commands import CommandKind
from trading.panels.available import build_available
from trading.panels.quote import build_quote
from trading.panels.ticket import build_terms, build_ticket, default_form, still_offered
from trading.panels.view_models import Quote
from trading.portfolio import desk_of, portfolio_of
from trading.quoting import Quoted, quote_order
from trading.recent import forget_desk, forget_market, recent_desk, recent_market
from trading.services.accounts import current_accounts
from trading.services.available import Available, ask_available, available_now
from trading.services.commands import FormReused
from trading.services.drafts import Exits, OrderTicket
from trading.services.orders import place_order as send_order
from trading.services.orders import remember_choice
from trading.services.terms import TiersChanged, refuse_replaced_tiers
from trading.venues.errors import InvalidCommand
from trading.venues.snapshots import Venue
from trading.views.commands import answer_command
from trading.views.dialogs import made_before
from trading.views.seen import may_be_sent_again, refuse_if_moved
from trading.views.terminal import terminal_page

REUSED = "This form was already sent with other values. The first order counts; look at it before sending another."
FIELDS = (
    "side", "kind", "trigger", "execution", "price", "time_in_force", "size", "unit", "percent", "mode", "leverage",
    "reduce_only", "protects", "take_profit", "stop_loss",
)  # fmt: skip


@trader_remembered
@require_GET
def show_quote(request: MemberRequest, market_name: str) -> HttpResponse:
    """What the ticket would do. Nothing is stored and nothing is sent; between two readings of the account, nothing is
    asked of the database either."""
    market = recent_market(request.operator.operator_id, market_name)
    desk = recent_desk(request.user, Venue(market.venue))
    return _render_quote(request, desk, market, quote_from(request, desk, market))


@trader_required
@require_GET
def show_available(request: MemberRequest, market_name: str) -> HttpResponse:
    """What the venue says that the account may use in this market, and what is set there: the one place that asks for
    it, apart from the quotes, which never wait for a venue. The terms that follow the position come along."""
    market = market_named(market_name)
    account = current_accounts(request.user).get(Venue(market.venue))
    if account is not None:
        ask_available(account, market)
    desk = desk_of(request.user, Venue(market.venue))
    found = default_form(desk, market)
    chosen = read_order({"mode": request.GET.get("mode", "")}, market.rules, found).mode
    terms = build_terms(desk, market, still_offered(desk, market, chosen, found))
    note = build_available(desk, market, found, timezone.now())
    return render(None, "trading/_terms.html", {"available": note, "terms": terms})


@trader_required
@require_form
def place_order(request: MemberRequest, market_name: str) -> HttpResponse:
    """Recompute everything from the raw fields, then place the order once, however often the form arrives."""
    market = market_named(market_name)
    desk = desk_of(request.user, Venue(market.venue))
    quoted = quote_from(request, desk, market)
    try:
        command = _order(request, desk, market, quoted)
    except FormReused:
        return _render_quote(request, desk, market, quoted, REUSED, status=409)
    except TiersChanged as problem:
        return _requoted(request, market_name, str(problem))
    except (Unreadable, InvalidCommand, KeyUnreadable) as problem:
        return _render_quote(request, desk, market, quoted, str(problem), status=422)
    return answer_command(request, command, form_key=uuid4())


def _requoted(request: MemberRequest, market_name: str, problem: str) -> HttpResponse:
    """The same ticket under the venue's new leverage tiers, to be looked at and sent again."""
    forget_market(request.operator.operator_id, market_name)
    market = market_named(market_name)
    forget_desk(request.user, Venue(market.venue))
    desk = desk_of(request.user, Venue(market.venue))
    return _render_quote(request, desk, market, quote_from(request, desk, market), problem, status=422)


def quote_from(request: MemberRequest, desk: Desk, market: Market) -> Quoted:
    """The ticket in the request, worked out."""
    form = read_order(_typed(request), market.rules, desk.once(default_form, market))
    return quote_order(desk, market, form, desk.once(_told, market))


def _told(desk: Desk, market: Market) -> Available | None:
    return available_now(desk.account, market, desk.now)


def _typed(request: MemberRequest) -> dict[str, str]:
    data = request.POST if request.method == "POST" else _query_of(request)
    return {name: data.get(name, "") for name in FIELDS}


def _query_of(request: MemberRequest) -> Mapping[str, str]:
    """The address's fields, of several with one name the last, as ``request.GET`` tells them in four times the time."""
    return dict(parse_qsl(request.META["QUERY_STRING"], keep_blank_values=True))


def _order(request: MemberRequest, desk: Desk, market: Market, quoted: Quoted) -> Command:
    """The command this form makes, or made before. Raises what stands in its way, as a sentence."""
    form_key = read_form_key(request.POST.get("form_key", ""))
    form = _typed(request) | {"market": market.name}
    made = made_before(request.user, (CommandKind.ORDER, CommandKind.ORDERS), form_key, form)
    if made is not None:
        return made
    if desk.account is None:
        raise Unreadable("Connect an account at the venue to trade.")
    _refuse_unless_placeable(request, desk, market, quoted)
    if quoted.size is None or quoted.mark is None:
        raise Unreadable("Enter a size.")
    ticket = OrderTicket(
        form_key=form_key,
        form=form,
        side=quoted.form.side,
        size=quoted.size,
        mode=quoted.form.mode,
        leverage=quoted.form.leverage,
        mark=quoted.mark,
        limit_price=quoted.form.price,
        reduce_only=quoted.form.reduce_only,
        builder=desk.access.fee,
        time_in_force=quoted.form.time_in_force,
        trigger=quoted.form.waits_for,
        exits=Exits(quoted.form.take_profit, quoted.form.stop_loss),
    )
    adapter = trading_adapter(desk.account)
    if not ticket.reduce_only:
        refuse_replaced_tiers(adapter, market)
    remember_choice(desk.account, market, ticket.mode, ticket.leverage)
    return send_order(adapter, desk.account, market, ticket)


def _refuse_unless_placeable(request: MemberRequest, desk: Desk, market: Market, quoted: Quoted) -> None:
    quote = build_quote(desk, market, quoted, is_sent=True)
    if not quote.can_submit:
        raise Unreadable(quote.blocked_because or next(iter(quote.errors.values()), "Enter a size."))
    refuse_if_moved(request, seen_liquidation=quote.seen_liquidation, seen_max_loss=quote.seen_max_loss)


def _render_quote(
    request: MemberRequest, desk: Desk, market: Market, quoted: Quoted, problem: str = "", status: int = 200
) -> HttpResponse:
    quote = build_quote(desk, market, quoted, is_sent=request.method == "POST")
    if problem and problem not in quote.errors.values():
        can_submit = quote.can_submit and may_be_sent_again(problem)
        quote = replace(quote, blocked_because=problem, can_submit=can_submit, must_start_over=problem == REUSED)
    # ``request.htmx`` asks the same, and collects every header for it.
    if request.META.get("HTTP_HX_REQUEST") != "true":
        return _render_page(request, desk, market, quoted, quote, status)
    # A fragment shows nothing of the page around it, and asks for nothing of it.
    return HttpResponse(drawn("trading/_quote.html", "quote", quote), status=status)


def _render_page(
    request: MemberRequest, desk: Desk, market: Market, quoted: Quoted, quote: Quote, status: int
) -> HttpResponse:
    """Without scripts a refused form comes back as the whole page, with everything that was typed.

    A form that counted already keeps its key, so that it cannot order again before the trader starts over.
    """
    page = terminal_page(request, desk, portfolio_of(request.user), market)
    form_key = read_form_key(request.POST["form_key"]) if quote.must_start_over else uuid4()
    ticket = build_ticket(desk, market, quoted, _typed(request), form_key)
    page = replace(page, ticket=replace(ticket, quote=quote))
    return render(request, "trading/terminal.html", {"page": page}, status=status)
