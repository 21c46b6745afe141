"""An account whose rows other processes and threads see, and an order to write down for it."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest

from tenants.models import MarginPolicy, Operator, User
from tenants.scope import operator_scope
from tests import factories
from trading.models import Market, VenueAccount
from trading.models.commands import CommandKind
from trading.services.commands import Intent
from trading.venues.base import market_order


@pytest.fixture
def account(transactional_db: None) -> Iterator[VenueAccount]:
    """An account whose rows other processes and threads see."""
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    with operator_scope(operator.pk):
        MarginPolicy().save()
        trader = User(email="alice@alpha.example")
        trader.set_unusable_password()
        trader.save()
        factories.make_market()
        yield factories.make_account(trader, factories.ALICES_ADDRESS)


def order(market: Market, key: UUID, size: str = "0.01") -> Intent:
    """A market order of one form."""
    form = {"size": size}
    return Intent(
        CommandKind.ORDER,
        key,
        form,
        form,
        lambda name: market_order(
            market.rules,
            is_buy=True,
            size=Decimal(size),
            mark=Decimal(86000),
            slippage=Decimal("0.01"),
            client_id=name(),
        ),
    )
