"""The tables below the chart: positions, orders, fills and margin changes of all the trader's accounts."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from trading.desk import accounts_of, portfolio_of, unsettled_commands
from trading.panels.portfolio import (
    build_portfolio_fills,
    build_portfolio_margin_changes,
    build_portfolio_orders,
    build_portfolio_positions,
)


@trader_required
@require_GET
def show_positions(request: MemberRequest) -> HttpResponse:
    """Every open position."""
    desks = portfolio_of(request.user)
    panel = build_portfolio_positions(desks, unsettled_commands(accounts_of(desks)))
    return render(request, "trading/_positions.html", {"positions": panel})


@trader_required
@require_GET
def show_orders(request: MemberRequest) -> HttpResponse:
    """Orders that rest at the venue."""
    return render(request, "trading/_orders.html", {"orders": build_portfolio_orders(portfolio_of(request.user))})


@trader_required
@require_GET
def show_fills(request: MemberRequest) -> HttpResponse:
    """The newest executions."""
    fills = build_portfolio_fills(portfolio_of(request.user))
    return render(request, "trading/_fills.html", {"fills": fills})


@trader_required
@require_GET
def show_margin_changes(request: MemberRequest) -> HttpResponse:
    """Collateral moved in and out."""
    changes = build_portfolio_margin_changes(portfolio_of(request.user))
    return render(request, "trading/_margin_changes.html", {"margin_changes": changes})
