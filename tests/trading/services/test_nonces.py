"""Ten thousand nonces of one signer, drawn by many processes whose clocks step back; and a venue that judges."""

import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from tenants.scope import operator_scope
from tests.trading.conftest import Desk
from tests.trading.services.committed import account, order  # noqa: F401  # a fixture
from trading.connect import _transport, trading_adapter
from trading.models import CommandEvent, Market, SignerNonce, VenueAccount
from trading.models.events import Step
from trading.services import nonces
from trading.services.commands import as_signed, prepare

PROCESSES, EACH = 8, 1250
# The venue keeps the hundred highest nonces of a signer (Hyperliquid 5.3): more are sent than it keeps.
SENT_EACH = 13
STEP_BACK = 5.0


@contextmanager
def stepping_clock(seed: int) -> Iterator[None]:
    """A clock that steps back by up to five seconds and forth again, each time it is asked."""
    chance, now = random.Random(seed), timezone.now
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timezone, "now", lambda: now() - timedelta(seconds=chance.uniform(0, STEP_BACK)))
        yield


def in_processes(work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` returns in each of several processes that run at once."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not live on in the processes forked from here
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        return pool.map(work, range(PROCESSES), chunksize=1)


def draw_many(account_id: int, operator_id: int, seed: int) -> list[int]:
    with stepping_clock(seed), operator_scope(operator_id):
        drawing = VenueAccount.objects.get(pk=account_id)
        return [nonces.draw(drawing, int(timezone.now().timestamp() * 1000)) for _ in range(EACH)]


def test_no_nonce_is_drawn_twice_and_each_is_above_those_drawn_before_it(account: VenueAccount) -> None:  # noqa: F811
    drawn = in_processes(partial(draw_many, account.pk, account.operator_id))

    assert all(mine == sorted(mine) for mine in drawn)
    together = sorted(chain.from_iterable(drawn))
    assert (len(together), len(set(together))) == (PROCESSES * EACH, PROCESSES * EACH)
    assert SignerNonce.objects.get(signer=nonces.signer_of(account)).last == together[-1]


def test_clock_that_steps_back_advances_the_nonce_by_one(account: VenueAccount) -> None:  # noqa: F811
    assert [nonces.draw(account, moment) for moment in (90_000, 85_000, 85_000, 95_000)] == [
        90_000, 90_001, 90_002, 95_000,
    ]  # fmt: skip


def test_one_key_of_two_accounts_has_one_sequence(account: VenueAccount) -> None:  # noqa: F811
    other = VenueAccount(venue=account.venue, network=account.network, agent_address=account.agent_address)
    elsewhere = VenueAccount(venue=account.venue, network=account.network, agent_address="0x" + "07" * 20)

    drawn = [nonces.draw(one, 90_000) for one in (account, other, elsewhere, account)]

    assert drawn == [90_000, 90_001, 90_000, 90_002]


def send_many(account_id: int, operator_id: int, seed: int) -> list[str]:
    """What the venue answered to each of the commands that one process wrote down."""
    with stepping_clock(seed), operator_scope(operator_id):
        account, market = VenueAccount.objects.get(pk=account_id), Market.objects.get(name="BTC")
        adapter = trading_adapter(account)
        written = (prepare(adapter, account, market, order(market, uuid4(), "0.001"))[0] for _ in range(SENT_EACH))
        return [type(adapter.send(as_signed(command))).__name__ for command in written]


def test_venue_takes_every_nonce_of_many_processes(transactional_db: None, desk: Desk, settings: Settings) -> None:
    settings.VENUE_READ_TIMEOUT = 60.0  # a busy machine is no fault of the nonces
    _transport.cache_clear()

    answers = in_processes(partial(send_many, desk.account.pk, desk.operator.pk))

    assert list(chain.from_iterable(answers)) == ["Filled"] * PROCESSES * SENT_EACH
    # Events are written in the transaction that holds the signer's lock, so their order is that of the nonces.
    events = CommandEvent.objects.filter(step=Step.PREPARED).order_by("pk")
    written = list(events.values_list("command__nonce", flat=True))
    assert written == sorted(set(written))
