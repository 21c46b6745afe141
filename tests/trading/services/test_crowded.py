"""The venues' real limits, kept by venues that enforce them: who trades much takes nothing from those in need."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster, both  # noqa: F401  # fixtures
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.services.seats import Seat, sit_down
from tests.trading.tickets import ticket
from trading.connect import gateway_of
from trading.metering import budget_of, forget_limits, meter_of
from trading.models.commands import CommandState
from trading.services import commands, nonces
from trading.services.margin import change_margin
from trading.services.orders import cancel_order, close_position, place_order
from trading.venues.base import Venue, market_order
from trading.venues.budget import request_name
from trading.venues.errors import HeldBack
from trading.venues.ledger import Charge, Priority
from trading.venues.snapshots import Network

LIMITS = {Venue.HYPERLIQUID: 1200, Venue.ASTER: 2400}
# Of each limit, 36 and 72 are for what takes risk away.
ORDERS, FOR_RELIEF = 150, 24
MARK, SIZE, SLIPPAGE = Decimal(86_000), Decimal("0.001"), Decimal("0.01")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """Venues of its own that hold each caller to their limits."""
    with SandboxProcess("--seed", "7", "--metered") as process:
        yield process


def use_up(venue: Venue) -> None:
    """Everything that usual commands may use and a little more, by requests that are under way."""
    budget, meter = budget_of(venue, Network.TESTNET), meter_of(gateway_of(venue).tariff, venue, Network.TESTNET)
    left = meter.limit - FOR_RELIEF - budget.state(meter).used[0]
    assert budget.take(request_name(), Priority.RELIEF, [Charge(meter, left)]) == 0


def trade(seat: Seat, number: int) -> None:
    """An order at market and the reading after it where there is room, as the product asks for them."""
    order = market_order(seat.market.rules, is_buy=number % 2 == 0, size=SIZE, mark=MARK, slippage=SLIPPAGE)
    seat.adapter.send(seat.adapter.sign(order, nonce=nonces.draw(seat.account, seat.adapter.moment(timezone.now()))))
    address = seat.account.address
    with suppress(HeldBack):
        seat.adapter.account(address)
        seat.adapter.open_orders(address, (seat.market.rules,))
        seat.adapter.fills(address, timezone.now() - timedelta(minutes=1))


@pytest.mark.usefixtures("both", "redis")
@pytest.mark.parametrize("place", LIMITS)
def test_closing_cancelling_adding_margin_and_their_proofs_find_room_whatever_others_do(
    place: Venue, sandbox: SandboxProcess, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    busy, other = sit_down(sandbox, place), sit_down(sandbox, place)
    more = {"form_key": uuid4(), "form": {"low": "1"}, "limit_price": Decimal(80_000)}
    place_order(other.adapter, other.account, other.market, ticket())
    place_order(other.adapter, other.account, other.market, ticket(**more))
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = settings.ASTER_WEIGHT_PER_MINUTE = 0
    forget_limits()
    assert meter_of(gateway_of(place).tariff, place, Network.TESTNET).limit == LIMITS[place]

    for number in range(ORDERS):
        trade(busy, number)
    use_up(place)
    refused = place_order(busy.adapter, busy.account, busy.market, ticket(form_key=uuid4(), form={"one": "more"}))
    assert refused.state == CommandState.DEAD
    assert refused.message.startswith("The venue's limit is nearly used up, so this was not sent. Try again in ")

    held, resting = other.position, other.resting.get()
    assert held is not None
    relieving = [
        change_margin(other.adapter, other.account, held, amount=Decimal(5), form_key=uuid4()),
        cancel_order(other.adapter, other.account, resting, form_key=uuid4()),
        close_position(other.adapter, other.account, held, mark=MARK, form_key=uuid4()),
    ]
    assert [command.state for command in relieving] == [CommandState.ACCEPTED] * 3
    use_up_a_nonce(other)


def use_up_a_nonce(seat: Seat) -> None:
    """As the proof does of a close whose answer was lost."""
    burn = seat.adapter.burn(nonces.draw(seat.account, seat.adapter.moment(timezone.now())))
    assert burn is not None
    assert seat.adapter.deliver(burn, repeated=True).status == 200
