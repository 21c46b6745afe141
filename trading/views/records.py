"""What happened to the trader's accounts: funding, transfers, liquidations and the story of one."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, require_form, trader_required
from trading.models import VenueAccount
from trading.panels.records import (
    build_funding,
    build_liquidation_notices,
    build_liquidations,
    build_transfers,
    history_note,
)
from trading.panels.story import build_story
from trading.past import (
    liquidation_of,
    note_liquidation,
    noticed_last,
    recent_funding,
    recent_liquidations,
    recent_transfers,
    story_of,
)
from trading.services.accounts import current_accounts


def _accounts(request: MemberRequest) -> list[VenueAccount]:
    return list(current_accounts(request.user).values())


@trader_required
@require_GET
def show_funding(request: MemberRequest) -> HttpResponse:
    """The newest funding payments."""
    accounts = _accounts(request)
    context = {"funding": build_funding(recent_funding(accounts)), "read_at": history_note(accounts)}
    return render(request, "trading/_funding.html", context)


@trader_required
@require_GET
def show_transfers(request: MemberRequest) -> HttpResponse:
    """The newest deposits, withdrawals and other movements of money."""
    accounts = _accounts(request)
    context = {"transfers": build_transfers(recent_transfers(accounts)), "read_at": history_note(accounts)}
    return render(request, "trading/_transfers.html", context)


@trader_required
@require_GET
def show_liquidations(request: MemberRequest) -> HttpResponse:
    """The newest liquidations."""
    rows = build_liquidations(recent_liquidations(_accounts(request)))
    return render(request, "trading/_liquidations.html", {"liquidations": rows})


@trader_required
@require_GET
def show_liquidation_notices(request: MemberRequest) -> HttpResponse:
    """Liquidations that the trader has not put away yet."""
    return _render_notices(request)


@trader_required
@require_form
def put_liquidation_away(request: MemberRequest, liquidation_id: int) -> HttpResponse:
    """Take note of a liquidation, so that its notice is shown no more."""
    note_liquidation(liquidation_of(request.user, liquidation_id))
    return _render_notices(request) if request.htmx else redirect("home")


def _render_notices(request: MemberRequest) -> HttpResponse:
    notices = build_liquidation_notices(noticed_last(_accounts(request)))
    return render(request, "trading/_liquidation_notices.html", {"liquidation_notices": notices})


@trader_required
@require_GET
def show_liquidation(request: MemberRequest, liquidation_id: int) -> HttpResponse:
    """The story of one liquidation."""
    row = liquidation_of(request.user, liquidation_id)
    return render(request, "trading/liquidation.html", {"story": build_story(story_of(row))})
