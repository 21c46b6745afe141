"""What the previews show in a frame: the trader's own templates in a look, or under a policy, that is not live yet.

A frame leads nowhere and asks nothing: it is rendered without htmx, and its policy lets no form be sent.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.http import Http404, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from branding.drafts import DraftGone, read_draft, sign_draft
from branding.jinja import url
from branding.publishing import Draft, live_draft, page_brand, style_sheet
from tenants.access import MemberRequest, role_required
from tenants.console import policies
from tenants.console.example import EQUITY, example_candles, example_desk, example_page, example_ticket
from tenants.models import Role
from tenants.policy import Policy, with_markets_of
from trading.connect import gateway_of
from trading.markets import board_of, listed_markets, market_named, policy_in_force, state_of
from trading.models import Market
from trading.panels.numbers import money
from trading.venues.snapshots import Venue

# Nothing else on an operator's host may be framed, not even by itself.
FRAMED: dict[str, Any] = {"form-action": ["'none'"], "frame-ancestors": ["'self'"]}


@csp_replace(FRAMED)
@xframe_options_sameorigin
@role_required(Role.OWNER)
@require_safe
@never_cache
def show_terminal(request: MemberRequest) -> HttpResponse:
    """The whole terminal of an example trader, in a draft's look."""
    draft, markets = _draft_in(request), listed_markets()
    if not markets:
        return _render_frame(request, "console/frame_empty.html", draft, {})
    desk = example_desk(request.user, policy_in_force(), markets, timezone.now())
    return _render_frame(request, "console/frame_terminal.html", draft, {"page": example_page(desk, markets)})


@csp_replace(FRAMED)
@xframe_options_sameorigin
@role_required(Role.OWNER)
@require_safe
@never_cache
def show_ticket(request: MemberRequest) -> HttpResponse:
    """The order form of one market, under a policy that is not in force yet, in the live look.

    The form's own fields may come with the address: the example is worked out for them as a trader's order would be.
    """
    draft, policy, markets = live_draft(request.operator.name), _policy_in(request), listed_markets()
    if not markets:
        return _render_frame(request, "console/frame_empty.html", draft, {})
    market = _market_in(request, markets)
    beside = [row for row in markets if row.venue == market.venue]
    newcomer = replace(example_desk(request.user, policy, beside, timezone.now()), positions=())
    content = {
        "ticket": example_ticket(newcomer, market, request.GET),
        "equity": f"{money(EQUITY)} {gateway_of(Venue(market.venue)).collateral}",
    }
    return _render_frame(request, "console/frame_ticket.html", draft, content)


@role_required(Role.OWNER)
@require_safe
def draft_theme_css(request: MemberRequest) -> HttpResponse:
    """A draft's tokens. The address holds the whole draft, so what it names never changes."""
    answer = HttpResponse(style_sheet(_draft_in(request).theme), content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


@role_required(Role.OWNER)
@require_safe
def draft_logo(request: MemberRequest) -> HttpResponse:
    """A draft's logo."""
    logo = _draft_in(request).logo
    if logo is None:
        raise Http404
    answer = HttpResponse(logo.data, content_type=logo.content_type)
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


@role_required(Role.OWNER)
@require_safe
def list_example_candles(request: MemberRequest, market_name: str) -> JsonResponse:
    """Candles for the frame's chart, drawn rather than measured."""
    market = market_named(market_name)
    state = state_of(market, board_of(Venue(market.venue)))
    if state is None:
        return JsonResponse({"error": "There is no price yet."}, status=503)
    return JsonResponse({"candles": example_candles(state.mark, timezone.now())})


def _draft_in(request: MemberRequest) -> Draft:
    try:
        return read_draft(request.operator.operator_id, request.GET.get("brand", ""))
    except DraftGone:
        raise Http404 from None


def _policy_in(request: MemberRequest) -> Policy:
    try:
        policy = policies.read_policy(request.operator.operator_id, request.GET.get("policy", ""))
    except policies.DraftGone:
        raise Http404 from None
    return with_markets_of(policy, policy_in_force())


def _market_in(request: MemberRequest, markets: list[Market]) -> Market:
    return next((market for market in markets if market.address == request.GET.get("show")), markets[0])


def _render_frame(request: MemberRequest, template: str, draft: Draft, content: dict[str, Any]) -> HttpResponse:
    """Render without the request, so that neither the live brand nor the viewer's messages find their way in."""
    signed = urlencode({"brand": sign_draft(request.operator.operator_id, draft)})
    brand = page_brand(
        draft.name,
        draft.theme,
        theme_url=f"{reverse('console_frame_theme')}?{signed}",
        logo_url=f"{reverse('console_frame_logo')}?{signed}" if draft.logo else "",
    )
    quiet = {"brand": brand, "viewer": "", "csrf_input": "", "htmx_script": lambda **options: "", "url": frame_url}
    return HttpResponse(render_to_string(template, quiet | content))


def frame_url(name: str, *positional: object, **named: object) -> str:
    """Addresses inside a frame: the chart's candles are the example's."""
    if name == "candles":
        return reverse("console_frame_candles", args=positional)
    return url(name, *positional, **named)
