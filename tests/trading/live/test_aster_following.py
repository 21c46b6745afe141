"""The second venue followed on the real sandbox: its markets, and accounts whose key may die in silence."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from redis import Redis

from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.aster.conftest import aster, make_operator
from tests.trading.aster.people import AsterTrader, elsewhere, sit_down
from tests.trading.live.aster_wires import BUY, QUICK
from tests.trading.live.follower import PATIENCE_SECONDS, eventually, running
from trading.connect import public_adapter
from trading.live import board, follow, presence, watching
from trading.models import Fill, Order, Position
from trading.venues.aster import listening
from trading.venues.aster.stream import AsterStream
from trading.venues.connection import beside
from trading.venues.snapshots import Network, Venue

__all__ = ["aster"]


@pytest.fixture
def alice(
    transactional_db: None, aster: SandboxProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AsterTrader]:
    """A trader with a key, looked at, and the process that follows."""
    monkeypatch.setattr(watching, "CHOOSE_SECONDS", 0.1)
    monkeypatch.setattr(listening, "CHECK_SECONDS", 0.5)
    operator = make_operator(Venue.ASTER)
    follower = follow.Follower(
        public_adapter(Venue.ASTER), lambda listen: AsterStream(beside(aster.url), listen, timings=QUICK)
    )
    with operator_scope(operator.pk):
        trader = sit_down(aster)
        trader.become_ready()
        trader.sync()
        presence.look(operator.pk, trader.account.pk)
        with running(follower):
            assert is_told(trader)
            yield trader


def is_told(trader: AsterTrader) -> bool:
    """Whether the account's stream speaks: its figures are of now although nobody reads them."""
    before = trader.account.synced_at
    return eventually(lambda: trader.account.synced_at != before and trader.account.sync_problem == "")


def shows(trader: AsterTrader, size: str, seconds: float = PATIENCE_SECONDS) -> bool:
    sizes = Position.objects.filter(account=trader.account)
    return eventually(lambda: list(sizes.values_list("size", flat=True)) == [Decimal(size)], seconds)


def test_market_prices_and_account_are_followed(alice: AsterTrader, aster: SandboxProcess) -> None:
    aster.mark("BTCUSDT", "86123", venue="aster")

    def mark() -> Decimal | None:
        board.forget()
        return board.read(Venue.ASTER, Network.TESTNET).mark("BTCUSDT")

    assert eventually(lambda: mark() == Decimal(86123))

    elsewhere(alice, "POST", "order", BUY)
    assert shows(alice, "0.01")
    assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)

    limit = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=80000"
    resting = elsewhere(alice, "POST", "order", limit)
    open_orders = Order.objects.filter(account=alice.account, is_open=True)
    assert eventually(lambda: list(open_orders.values_list("venue_id", flat=True)) == [resting["orderId"]])
    elsewhere(alice, "DELETE", "order", f"symbol=BTCUSDT&orderId={resting['orderId']}")
    assert eventually(lambda: not open_orders.exists())


@pytest.mark.parametrize("silently", [True, False])
def test_key_that_ends_is_found_out_and_what_was_missed_is_read(alice: AsterTrader, silently: bool) -> None:
    alice.sandbox.post("/sandbox/listen_key", {"address": alice.address, "silently": silently})
    elsewhere(alice, "POST", "order", BUY)

    assert shows(alice, "0.01")
    assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)

    elsewhere(alice, "POST", "order", BUY)
    assert shows(alice, "0.02")


def test_break_of_the_private_stream_is_healed(alice: AsterTrader, aster: SandboxProcess) -> None:
    aster.fault("disconnect")
    elsewhere(alice, "POST", "order", BUY)

    assert shows(alice, "0.01")
