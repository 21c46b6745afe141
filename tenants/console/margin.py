"""The margin policy's editor: type, see what it comes to on every market, save."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from tenants.access import MemberRequest, require_form, role_required
from tenants.console.consequences import conflicts, consequence, remarks
from tenants.console.forms import PolicyForm, initial_of
from tenants.console.policies import Outdated, change_policy, hold_offers, sign_policy, version_of
from tenants.models import MarginPolicy, Role
from tenants.policy import Policy, with_markets_of
from trading.connect import configured_venues, gateway_of
from trading.markets import listed_markets, policy_in_force
from trading.models import Market
from trading.venues.snapshots import Venue

STARTS: dict[str, tuple[str, Policy]] = {
    "beginners": (
        "For beginners",
        Policy(offers_cross=False, isolated_leverage=3, cross_leverage=2, leverage_cap=5, slider_marks=(1, 2, 3, 4, 5)),
    ),
    "professionals": (
        "For professionals",
        Policy(isolated_leverage=10, cross_leverage=10, slider_marks=(1, 5, 10, 15, 20, 25, 40)),
    ),
}
CONFLICT = 409
CHANGED_MEANWHILE = (
    "Somebody changed the margin policy while you were editing. What you typed is kept below; "
    "save again to put it in place of that change."
)


@role_required(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_margin(request: MemberRequest) -> HttpResponse:
    """Show the form with the policy in force, or put in force what was typed."""
    if request.method == "POST":
        return _save(request)
    row = MarginPolicy.objects.first()
    start = STARTS.get(request.GET.get("start", ""))
    policy = start[1] if start else None
    in_force = policy_in_force()
    shown = replace(policy, venues=in_force.venues) if policy else in_force
    form = PolicyForm(_connected(), in_force, initial=initial_of(shown, version_of(row), _connected()))
    return _render_editor(request, form, policy)


def _save(request: MemberRequest) -> HttpResponse:
    try:
        with transaction.atomic():
            hold_offers(request)
            form = PolicyForm(_connected(), policy_in_force(), request.POST)
            changed = form.is_valid() and change_policy(request, form.policy, based_on=form.cleaned_data["based_on"])
    except Outdated:
        return _render_editor(request, form, form.policy, gettext(CHANGED_MEANWHILE), status=CONFLICT)
    if not form.is_valid():
        return _render_editor(request, form, None, status=422)
    said = gettext("In force now, for every order from here on.") if changed else gettext("This is in force already.")
    messages.success(request, said)
    return redirect("console_margin")


@role_required(Role.OWNER)
@require_form
def preview_margin(request: MemberRequest) -> HttpResponse:
    """What was typed and what it comes to, not saved: a fragment, or the whole page without scripts."""
    form = PolicyForm(_connected(), policy_in_force(), request.POST)
    policy = form.policy if form.is_valid() else None
    if not request.htmx:
        return _render_editor(request, form, policy)
    return render(request, "console/_margin_preview.html", _preview(request, form, policy) | {"is_fragment": True})


def _render_editor(
    request: MemberRequest, form: PolicyForm, policy: Policy | None, problem: str = "", status: int = 200
) -> HttpResponse:
    based_on = version_of(MarginPolicy.objects.first()) if status == CONFLICT else form["based_on"].value()
    page = _preview(request, form, policy) | {"problem": problem, "starts": STARTS, "based_on": based_on or ""}
    return render(request, "console/margin.html", page, status=status)


def _connected() -> tuple[Venue, ...]:
    return tuple(venue for venue, _ in configured_venues())


def _market_words(market: Market, connected: Sequence[Venue]) -> str:
    """A market by its coin, with its venue where there are several."""
    return market.rules.base if len(connected) < 2 else f"{market.rules.base} ({gateway_of(Venue(market.venue)).label})"


def _preview(request: MemberRequest, form: PolicyForm, policy: Policy | None) -> dict[str, Any]:
    """What a policy comes to; the one in force while the form makes no sense."""
    in_force = policy_in_force()
    shown = with_markets_of(policy, in_force) if policy else in_force
    markets = listed_markets(in_force)
    specs = [market.rules for market in markets]
    wanted = (request.POST or request.GET).get("market", "")
    market = wanted if wanted in {market.address for market in markets} else (markets[0].address if markets else "")
    connected = _connected()
    outcomes = [
        replace(consequence(shown, spec), market=_market_words(row, connected))
        for row, spec in zip(markets, specs, strict=True)
    ]
    return {
        "form": form,
        "markets": [(row.address, _market_words(row, connected)) for row in markets],
        "market": market,
        "frame_url": _frame_url(request, shown, market),
        "outcomes": outcomes,
        "conflicts": conflicts(outcomes),
        "remarks": remarks(shown, specs),
        "is_draft": policy is not None,
    }


def _frame_url(request: MemberRequest, policy: Policy, market: str) -> str:
    signed = sign_policy(request.operator.operator_id, policy)
    return f"{reverse('console_frame_ticket')}?{urlencode({'policy': signed, 'show': market})}"
