"""The operator's markets: which are offered, which are shown first, and how far leverage goes in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from tenants.access import MemberRequest, require_form, role_required
from tenants.console.market_consequences import decisions, findings
from tenants.console.market_facts import MarketFacts, known_markets
from tenants.console.market_form import MarketsForm, ceiling_of, form_in_force, read_markets
from tenants.console.offers import change_markets, version_in_force
from tenants.console.policies import Outdated
from tenants.models import Role
from tenants.policy import Policy, offer_of
from trading.markets import policy_in_force

CONFLICT = 409
CHANGED_MEANWHILE = (
    "Somebody changed the markets while you were choosing. What you chose is kept below; "
    "save again to put it in place of that change."
)


@dataclass(frozen=True, slots=True)
class MarketRow:
    """One line of the page: the market, and what its fields hold."""

    market: MarketFacts
    is_offered: bool
    cap: str
    place: str
    ceiling: int


@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_markets(request: MemberRequest) -> HttpResponse:
    """Show every market with what holds for it, or put in force what was chosen."""
    if request.method == "POST":
        return _save(request)
    policy = policy_in_force()
    markets = known_markets(policy)
    return _render_page(request, policy, markets, form_in_force(policy, markets, version_in_force()))


def _save(request: MemberRequest) -> HttpResponse:
    policy, markets, form = _sent(request)
    if form.errors:
        return _render_page(request, policy, markets, form, status=422)
    try:
        changed = change_markets(request, policy, markets, form)
    except Outdated:
        return _render_page(request, *_sent(request), gettext(CHANGED_MEANWHILE), CONFLICT)
    said = gettext("In force now, for every order from here on.") if changed else gettext("This is in force already.")
    messages.success(request, said)
    return redirect("console_markets")


def _sent(request: MemberRequest) -> tuple[Policy, Sequence[MarketFacts], MarketsForm]:
    """The form as it was sent, with the policy in force and its markets that it was read under."""
    policy = policy_in_force()
    markets = known_markets(policy)
    return policy, markets, read_markets(request.POST, policy, markets)


@role_required(Role.OWNER)
@require_form
def preview_markets(request: MemberRequest) -> HttpResponse:
    """What the choice would change, not saved: a fragment, or the whole page without scripts."""
    policy, markets, form = _sent(request)
    if not request.htmx:
        return _render_page(request, policy, markets, form)
    return render(request, "console/_markets_preview.html", _preview(policy, markets, form))


def _render_page(
    request: MemberRequest,
    policy: Policy,
    markets: Sequence[MarketFacts],
    form: MarketsForm,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    page = _preview(policy, markets, form) | {
        "rows": [_row(policy, market, form) for market in markets],
        "problem": problem,
        "based_on": version_in_force() if status == CONFLICT else form.based_on,
    }
    return render(request, "console/markets.html", page, status=status)


def _row(policy: Policy, market: MarketFacts, form: MarketsForm) -> MarketRow:
    offer = form.offers.get(market.key) or offer_of(policy, *market.key)
    return MarketRow(
        market=market,
        is_offered=offer.is_offered and not market.is_delisted,
        cap=form.caps[market.address],
        place=form.places[market.address],
        ceiling=ceiling_of(policy, market),
    )


def _preview(policy: Policy, markets: Sequence[MarketFacts], form: MarketsForm) -> dict[str, Any]:
    """What the choice comes to: how much is offered, what changes for whom, and what is wrong, market by market."""
    open_markets = [market for market in markets if not market.is_delisted]
    offered = [market for market in open_markets if _row(policy, market, form).is_offered]
    words = {market.address: market.words for market in markets}
    return {
        "form": form,
        "offered": len(offered),
        "known": len(open_markets),
        "findings": findings(policy, decisions(policy, markets, form), offers_new=form.offers_new),
        "problems": [(words.get(name.partition(":")[2], ""), said) for name, said in form.errors.items()],
    }
