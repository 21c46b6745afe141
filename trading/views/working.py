"""How a position's liquidation price and maximum loss come about."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from trading.margin.errors import MarginInputError
from trading.ownership import position_of
from trading.panels.working import build_working
from trading.portfolio import desk_of
from trading.venues.snapshots import Venue

TEMPLATE = "trading/_working_dialog.html"
UNREADABLE = "These figures cannot be read right now. The venue's own are in the table."


@trader_required
@require_GET
def show_working(request: MemberRequest, position_id: int) -> HttpResponse:
    """The steps, with the trader's own numbers in them."""
    row = position_of(request.user, position_id)
    desk = desk_of(request.user, Venue(row.account.venue))
    try:
        content = {"dialog_view": build_working(desk, row), "problem": ""}
    except MarginInputError:
        content = {"dialog_view": None, "problem": UNREADABLE}
    if request.htmx:
        return render(request, TEMPLATE, content)
    return render(request, "trading/dialog_page.html", {**content, "fragment": TEMPLATE})
