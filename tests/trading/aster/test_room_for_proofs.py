"""A proof is the end of a command: whoever looks for it finds room for what it asks, above readings and commands."""

import pytest
from pytest_django.fixtures import Settings

from tests.trading.aster.people import AsterTrader
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from trading.connect import account_adapter, gateway_of
from trading.metering import budget_of, forget_limits, meter_of
from trading.models import Command
from trading.models.commands import CommandState
from trading.services import commands
from trading.services.reconcile import prove, settle_margin_first
from trading.venues.budget import request_name
from trading.venues.ledger import Charge, Priority
from trading.venues.snapshots import Network, Venue

HERE = (Venue.ASTER, Network.TESTNET)
LIMIT = 1_000_000
# Usual commands may fill 97 % of the limit, proofs 99 %.
COMMANDS_HELD_BACK, PROOFS_HELD_BACK = LIMIT * 97 // 100, LIMIT * 99 // 100


@pytest.fixture
def lost(
    ready: AsterTrader,
    redis: object,  # noqa: F811
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Margin that was put into a position, whose answer was lost; nobody else proves it."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    settings.ASTER_WEIGHT_PER_MINUTE = LIMIT
    forget_limits()
    ready.order()
    ready.sandbox.fault("drop_after", "POST positionMargin", count=1)
    ready.move_margin("in", "5")
    command: Command = Command.objects.select_related("account", "market").get(state=CommandState.UNKNOWN)
    return command


def use_up(used: int) -> None:
    """So much of the limit, by requests that are under way."""
    budget, meter = budget_of(*HERE), meter_of(gateway_of(Venue.ASTER).tariff, *HERE)
    rest = used - budget.state(meter).used[0]
    assert budget.take(request_name(), Priority.RELIEF, [Charge(meter, rest)]) == 0


def test_clock_of_a_proof_is_asked_with_the_last_of_the_limit_as_the_bytes_before_it(lost: Command) -> None:
    """They say nothing without the moment from which on they can do nothing any more."""
    use_up(PROOFS_HELD_BACK)

    assert not prove(account_adapter(lost.account), lost)

    assert Command.objects.get(pk=lost.pk).spent_at is not None


def test_proof_that_a_page_looks_for_may_use_what_is_kept_for_proofs(lost: Command) -> None:
    """A page looks for it before margin is taken out again."""
    use_up(COMMANDS_HELD_BACK)

    assert settle_margin_first(account_adapter(lost.account), lost.account, lost.market)

    assert Command.objects.get(pk=lost.pk).state == CommandState.ACCEPTED
