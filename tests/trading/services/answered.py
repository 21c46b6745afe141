"""What a venue answers about an account, and all that our rows say of it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tenants.models import Operator, User
from tenants.scope import operator_scope
from tests.factories import NOW, make_account
from trading.margin.types import AccountMode, MarginMode
from trading.models import Fill, FundingPayment, LedgerEntry, Market, Order, Position, VenueAccount
from trading.venues.base import AccountSnapshot, PositionSnapshot
from trading.venues.snapshots import PositionSide

ADDRESS = "0xa11ce00000000000000000000000000000000001"


def held(size: str, side: PositionSide = PositionSide.BOTH, market: str = "BTC", leverage: int = 5) -> PositionSnapshot:
    """A position as the venue tells it."""
    quantity = Decimal(size)
    return PositionSnapshot(
        market=market,
        size=quantity,
        entry_price=Decimal(60_000),
        mark_price=Decimal(60_000),
        notional=abs(quantity) * 60_000,
        mode=MarginMode.ISOLATED,
        leverage=leverage,
        margin=Decimal(1000),
        cash=Decimal(1000) - quantity * 60_000,
        unrealised_pnl=Decimal(0),
        liquidation_price=Decimal(50_000),
        max_leverage=40,
        side=side,
    )


def snapshot(second: int, *positions: PositionSnapshot, equity: int = 0) -> AccountSnapshot:
    """The account so many seconds after the beginning."""
    at = NOW + timedelta(seconds=second)
    amount = Decimal(equity or 10_000 + second)
    return AccountSnapshot(
        at, at, AccountMode.STANDARD, amount, amount, Decimal(0), Decimal(0), amount, positions
    )  # fmt: skip


def state(account: VenueAccount) -> tuple[object, ...]:
    """All that the answers wrote, but for the numbers of rows."""
    row = VenueAccount.objects.get(pk=account.pk)
    return (
        row.equity,
        row.venue_time,
        sorted(
            Position.objects.filter(account=account).values_list("market__name", "position_side", "size", "leverage")
        ),
        sorted(Order.objects.filter(account=account, is_open=True).values_list("venue_id", "size")),
        set(Fill.objects.filter(account=account).values_list("key", "size", "happened_at")),
        set(FundingPayment.objects.filter(account=account).values_list("key", "amount")),
        set(LedgerEntry.objects.filter(account=account).values_list("key", "amount")),
    )


@pytest.fixture
def account(market: Market) -> Iterator[VenueAccount]:
    """An account of which the venue has told nothing yet."""
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        trader = User(email="alice@alpha.example")
        trader.save()
        yield make_account(trader, ADDRESS, venue_time=None)
