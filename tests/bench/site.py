"""The site under measurement: the product's own addresses, and two to compare with.

``/empty/`` is a view that does nothing behind the same middleware. ``/plain/`` is the positions table as it is usually
written: the ORM, a row at a time in Django's own template language. ``/anew/`` is our own table with nothing remembered
of the trader's accounts, as after a change; the rules of the markets are.
"""

import os

import django
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.site_settings")
django.setup()

from perpsstudio.urls import urlpatterns as product  # noqa: E402
from tenants.access import MemberRequest  # noqa: E402
from tenants.recent import trader_remembered  # noqa: E402
from trading.models import Position, VenueAccount  # noqa: E402
from trading.recent import forget_desk  # noqa: E402
from trading.venues.snapshots import Venue  # noqa: E402
from trading.views.positions import show_positions  # noqa: E402

PLAIN_TABLE = Engine().from_string(
    """<table>{% for row in positions %}<tr><td>{{ row.market.name }}</td><td>{{ row.size }}</td>
    <td>{{ row.entry_price }}</td><td>{{ row.market.mark_price }}</td><td>{{ row.unrealised_pnl|floatformat:2 }}</td>
    <td>{{ row.margin|floatformat:2 }}</td><td>{{ row.leverage }}x {{ row.mode }}</td>
    <td>{{ row.liquidation_price|default:"none" }}</td></tr>{% endfor %}</table>"""
)


def empty(request: HttpRequest) -> HttpResponse:
    """Nothing but the way in and out."""
    return HttpResponse("")


def plain(request: HttpRequest) -> HttpResponse:
    """The positions of the signed-in trader, one query for each thing it needs."""
    account = VenueAccount.objects.get(trader=request.user)
    positions = Position.objects.filter(account=account).select_related("market")
    return HttpResponse(PLAIN_TABLE.render(Context({"positions": positions})))


@trader_remembered
def anew(request: MemberRequest) -> HttpResponse:
    """The product's table, as it costs after a change that was announced."""
    forget_desk(request.user, Venue.HYPERLIQUID)
    return show_positions(request)


# Before the product's own, so that nothing is looked up in vain on the way to what it is compared with.
urlpatterns = [path("empty/", empty), path("plain/", plain), path("anew/", anew), *product]
application = get_wsgi_application()
