"""An account's requests for life at a venue that counts them: known, counted on, shown, and kept to (Hyperliquid 7)."""

import re
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from tenants.models import Role, User
from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from trading.models import Command, Order
from trading.models.commands import CommandKind, CommandState
from trading.services.allowances import allowance, is_due, requests_left
from trading.services.orders import cancel_order, place_order
from trading.venues.base import CancelOrder, CancelOrders
from trading.venues.errors import Rejected
from trading.venues.snapshots import RequestAllowance

BATCH = 200


@pytest.fixture
def venue(venue: SandboxProcess, settings: Settings) -> SandboxProcess:
    """With an address of our own and room for all that is sent."""
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 24_000
    settings.EGRESS = f"test-{uuid4().hex}"
    return venue


def use_up(desk: Desk, requests: int) -> None:
    """So many cancels of orders that never were: the venue counts each."""
    nobody = CancelOrders(tuple(CancelOrder(desk.market.rules, oid) for oid in range(1, BATCH + 1)))
    now = desk.adapter.moment(timezone.now())
    for number in range(requests // BATCH):
        with suppress(Rejected):
            desk.adapter.send(desk.adapter.sign(nobody, nonce=now + number))


def left(desk: Desk) -> int:
    known = requests_left(desk.account)
    assert known is not None
    return known.left


def test_what_the_venue_told_is_counted_on_and_shown_to_trader_and_support(desk: Desk) -> None:
    first = left(desk)
    place_order(desk.adapter, desk.account, desk.market, ticket())
    assert left(desk) == first - 2  # leverage and order

    shown = rf"{first - 2:,} of 10,000(</span>)?<span[^>]*>[^<]*\d (s|min) old\b"
    trader, support = (Client(HTTP_HOST="alpha.localhost") for _ in range(2))
    trader.force_login(desk.trader)
    assert re.search(shown, trader.get(reverse("connect")).content.decode())
    person = User(email="sam@alpha.example", role=Role.SUPPORT)
    person.save()
    support.force_login(person)
    assert re.search(shown, support.get(reverse("support_trader", args=[desk.trader.pk])).content.decode())


def test_account_without_requests_is_told_before_anything_is_sent_and_may_still_cancel(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80000)))
    use_up(desk, 10_000)
    assert left(desk) == 0
    # The one in ten seconds that passes all the same sets the leverage; the order behind it does not leave.
    command = place_order(desk.adapter, desk.account, desk.market, ticket(form_key=uuid4()))

    sent = [row.kind for row in Command.objects.filter(state=CommandState.ACCEPTED).order_by("prepared_at")]
    assert sent == [CommandKind.LEVERAGE, CommandKind.ORDER, CommandKind.LEVERAGE]
    assert (command.kind, command.state) == (CommandKind.ORDER, CommandState.DEAD)
    assert command.message.startswith("This account has used up its requests at the venue, so this was not sent.")
    resting = Order.objects.select_related("market").get()
    assert cancel_order(desk.adapter, desk.account, resting, form_key=uuid4()).state == CommandState.ACCEPTED
    assert not Order.objects.filter(is_open=True).exists()


def test_accounts_that_hardly_have_a_request_left_are_counted_for_the_platform_alone(desk: Desk) -> None:
    before = short()
    counted = allowance(desk.account)
    assert counted is not None
    counted.told(RequestAllowance(9_960, 10_000), counted.sent())

    assert short() - before == 1
    owner = User(email="olga@alpha.example", role=Role.OWNER)
    owner.save()
    client = Client(HTTP_HOST="alpha.localhost")
    client.force_login(owner)
    shown = client.get(reverse("console_freshness")).content.decode()
    assert ("Request weight in the last minute" in shown, "hardly a request left" in shown) == (True, False)


def short() -> int:
    """By the metrics."""
    answer = Client(headers={"host": "localhost"}).get("/metrics").content.decode()
    for family in text_string_to_metric_families(answer):
        if family.name == "perpsstudio_accounts_short_of_requests":
            return sum(int(sample.value) for sample in family.samples)
    raise AssertionError("nothing is measured")


def test_venue_is_asked_again_sooner_where_something_was_sent_since(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    counted = allowance(desk.account)
    assert counted is not None
    told = counted.state()
    assert told is not None

    assert not is_due(told, told.told_at + 599)
    assert is_due(told, told.told_at + 600)
    still = replace(told, is_moved=False)  # but it may have traded, or sent from elsewhere
    assert [is_due(still, told.told_at + age) for age in (3_599, 3_600)] == [False, True]
    assert is_due(replace(told, left=100), told.told_at + 60)
