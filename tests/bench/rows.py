"""The rows behind the measured pages: one operator, one trader, his positions, and prices that stay fresh."""

from decimal import Decimal

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from tests.factories import ALICES_ADDRESS, browser_at, make_account, make_exchange, make_market, make_position
from trading.live import board
from trading.models import Market, VenueAccount
from trading.venues.snapshots import MarketState, Network, Venue

MARK = Decimal(100)


def make_rows(markets: int, positions: int) -> tuple[str, str]:
    """Tables and rows in an empty database; the operator's host and the signed-in trader's cookie."""
    call_command("migrate", verbosity=0)
    exchange = make_exchange("alpha", "alice", "olga", "sam")
    rows = [make_market(f"M{index}", 20, str(MARK), index=index) for index in range(markets)]
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, ALICES_ADDRESS)
        for row in rows[1 : positions + 1]:
            values = {"size": Decimal(1), "entry_price": MARK, "mark_price": MARK, "margin": Decimal(20)}
            make_position(account, row, **values, cash=Decimal(-80), liquidation_price=Decimal(82), max_leverage=20)
    refresh()
    cookies = browser_at(exchange, exchange.trader).cookies
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    return exchange.host, cookie


def refresh() -> None:
    """Prices and the account's reading as of now."""
    now = timezone.now()
    names = Market.objects.values_list("name", flat=True)
    states = [MarketState(name, MARK, MARK, MARK, MARK, Decimal("0.0000125"), Decimal(1), Decimal(1)) for name in names]
    board.publish(Venue.HYPERLIQUID, Network.TESTNET, states, now)
    with every_operator():
        VenueAccount.objects.update(synced_at=now, venue_time=now)
    connection.close()
