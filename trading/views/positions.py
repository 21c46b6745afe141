"""The tables below the chart: positions, orders, fills and margin changes of all the trader's accounts."""

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from tenants.recent import trader_remembered
from trading.panels.portfolio import (
    build_portfolio_fills,
    build_portfolio_margin_changes,
    build_portfolio_orders,
    build_portfolio_positions,
)
from trading.portfolio import portfolio_of
from trading.recent import recent_portfolio


@trader_remembered
@require_GET
def show_positions(request: MemberRequest) -> HttpResponse:
    """Every open position. Several pages of one trader that ask at once get one reading, drawn once."""
    portfolio = recent_portfolio(request.user)
    table = portfolio.drawn.get("positions")
    if table is None:
        panel = build_portfolio_positions(portfolio.desks, portfolio.unsettled)
        table = portfolio.drawn["positions"] = render_to_string("trading/_positions.html", {"positions": panel})
    return HttpResponse(table)


@trader_remembered
@require_GET
def show_orders(request: MemberRequest) -> HttpResponse:
    """Orders that rest at the venue, each with the key of a form of its own: they are drawn anew for every page."""
    orders = build_portfolio_orders(recent_portfolio(request.user).desks)
    return render(request, "trading/_orders.html", {"orders": orders})


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
