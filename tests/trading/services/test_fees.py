"""Fee rates follow the venue: read at connecting, once a day, and when an execution says that they are others."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.factories import make_market
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.models import BuilderFee, Fill, VenueAccount
from trading.services.fees import fees_are_due, keep_fees_current, read_fees
from trading.services.orders import place_order
from trading.tasks.readings import sync_account_now

TAKER, MAKER = Decimal("0.00045"), Decimal("0.00015")
BUILDER = "0xb111de50000000000000000000000000000000fe"


def charged(desk: Desk, fee: str | None, **changes: object) -> None:
    """An execution of 1000 dollars a minute ago."""
    values: dict[str, object] = {
        "account": desk.account, "market": desk.market, "key": uuid4().hex, "order_id": 1, "is_buy": True,
        "price": Decimal(50000), "size": Decimal("0.02"), "happened_at": timezone.now() - timedelta(minutes=1),
        "direction": "Open Long", "closed_pnl": Decimal(0), "fee": None if fee is None else Decimal(fee),
    }  # fmt: skip
    row = Fill(**(values | changes))
    row.save()


def known_since(desk: Desk, age: timedelta, taker: Decimal = TAKER) -> VenueAccount:
    """The rates as they were read so long ago."""
    VenueAccount.objects.filter(pk=desk.account.pk).update(
        taker_fee=taker, maker_fee=MAKER, fees_read_at=timezone.now() - age
    )
    return desk.reread()


@pytest.mark.parametrize(
    ("fee", "changes", "is_due"),
    [
        ("0.45", {}, False),  # as taker
        ("0.15", {}, False),  # as maker
        ("0.450001", {}, False),  # rounded
        ("0.4275", {}, True),  # five per cent off
        ("0.40", {}, True),  # a better tier
        ("-0.03", {}, True),  # a maker's rebate
        ("0.95", {}, False),  # with the exchange's 0.05 %
        ("0.95", {"builder_fee": Decimal("0.5")}, False),
        ("0.90", {"builder_fee": Decimal("0.5")}, True),
        (None, {}, False),  # the venue told none
        ("0.001", {"fee_token": "HYPE"}, False),  # in another coin
        ("5", {"liquidation": "market"}, False),
    ],
)
def test_execution_at_another_rate_contradicts(
    desk: Desk, fee: str | None, changes: dict[str, object], *, is_due: bool
) -> None:
    BuilderFee(venue="hyperliquid", network="testnet", address=BUILDER, rate=Decimal("0.0005")).save()
    account = known_since(desk, timedelta(hours=2))
    charged(desk, fee, **changes)

    assert fees_are_due(account, timezone.now()) is is_due


@pytest.mark.parametrize(
    ("age", "is_due"),
    [(timedelta(minutes=59), False), (timedelta(hours=2), True), (timedelta(hours=25), True)],
)
def test_contradiction_is_asked_about_once_an_hour_and_the_rest_once_a_day(
    desk: Desk, age: timedelta, *, is_due: bool
) -> None:
    account = known_since(desk, age)
    charged(desk, "0.3")

    assert fees_are_due(account, timezone.now()) is is_due


@pytest.mark.parametrize(("dex", "is_due"), [("", True), ("xyz", False)])
def test_fee_of_a_books_own_contradicts_nothing(desk: Desk, dex: str, *, is_due: bool) -> None:
    """A builder-deployed book has a share of its own in every fee (Hyperliquid 3.11)."""
    account = known_since(desk, timedelta(hours=2))
    charged(desk, "0.90", market=make_market("xyz:GOLD", dex=dex, index=110_000))

    assert fees_are_due(account, timezone.now()) is is_due


def test_rates_that_were_never_read_are_due(desk: Desk) -> None:
    VenueAccount.objects.update(fees_read_at=None)

    assert fees_are_due(desk.reread(), timezone.now())


def test_order_that_is_charged_otherwise_brings_the_venues_rates(desk: Desk) -> None:
    read_fees(desk.adapter, desk.account)
    true = (desk.reread().taker_fee, desk.account.maker_fee)
    known_since(desk, timedelta(hours=2), taker=Decimal("0.0002"))
    place_order(desk.adapter, desk.account, desk.market, ticket(size=Decimal("0.01")))

    sync_account_now(desk.account.operator_id, desk.account.pk)

    account = desk.reread()
    assert (account.taker_fee, account.maker_fee) == true
    assert not fees_are_due(account, timezone.now())


def test_silent_venue_leaves_the_rates_as_they_were(desk: Desk) -> None:
    account = known_since(desk, timedelta(days=2))
    desk.sandbox.fault("error_before", "info", count=1)

    assert keep_fees_current(desk.adapter, account) is False

    assert (desk.reread().taker_fee, fees_are_due(desk.account, timezone.now())) == (TAKER, True)
