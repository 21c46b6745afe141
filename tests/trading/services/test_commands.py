"""Commands under many hands at once: one signer's nonces never meet, and one form makes one order."""

import multiprocessing
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tenants.models import MarginPolicy, Operator, User
from tenants.scope import every_operator, operator_scope
from tests import factories
from trading.margin.types import MarginMode
from trading.models import Command, CommandEvent, Market, VenueAccount
from trading.models.commands import CommandKind, CommandStep
from trading.services import commands
from trading.services.commands import FormReused, Intent, prepare
from trading.venues.base import Network, SetLeverage, market_order
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport

KEY = SigningKey.from_hex("0x" + "17" * 32)
NOWHERE = BlockingTransport("http://127.0.0.1:9")
ADAPTER = HyperliquidAdapter(NOWHERE, Network.TESTNET, KEY)
PROCESSES, EACH = 8, 125
POSTS, THREADS = 1000, 8


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


def write_many(account_id: int, operator_id: int, market_id: int, seed: int) -> None:
    """A process of its own that writes commands while its clock steps back and forth by up to five seconds."""
    chance, now = random.Random(seed), timezone.now

    def stepping() -> Any:
        return now() + timedelta(seconds=chance.uniform(-5, 0))

    with pytest.MonkeyPatch.context() as patched, operator_scope(operator_id):
        patched.setattr(timezone, "now", stepping)
        account, market = VenueAccount.objects.get(pk=account_id), Market.objects.get(pk=market_id)
        for _ in range(EACH):
            prepare(ADAPTER, account, market, order(market, uuid4()))


def test_nonces_of_one_signer_rise_over_all_processes_and_steps_of_the_clock(account: VenueAccount) -> None:
    market = Market.objects.get()
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not live on in the processes forked from here
    fork = multiprocessing.get_context("fork")
    given = (account.pk, account.operator_id, market.pk)
    writers = [fork.Process(target=write_many, args=(*given, seed)) for seed in range(PROCESSES)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES

    # Events are written in the transaction that holds the signer's lock, so their order is that of the nonces.
    events = CommandEvent.objects.filter(step=CommandStep.PREPARED).order_by("pk")
    nonces = list(events.values_list("command__nonce", flat=True))
    assert len(nonces) == PROCESSES * EACH
    assert nonces == sorted(set(nonces))
    assert nonces[-1] - nonces[0] >= PROCESSES * EACH - 1


@contextmanager
def own_connection() -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    def run(number: int) -> Any:
        with own_connection():
            return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(POSTS)))


def test_a_thousand_posts_of_one_form_make_one_order(account: VenueAccount) -> None:
    market, key = Market.objects.get(), uuid4()

    def post(_: int) -> tuple[UUID, bool]:
        with operator_scope(account.operator_id):
            command, is_new = prepare(ADAPTER, account, market, order(market, key))
            return command.pk, is_new

    answers = in_threads(post)

    assert len({pk for pk, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    assert (Command.objects.count(), CommandEvent.objects.count()) == (1, 1)


def test_same_form_with_other_values_is_refused_under_load(account: VenueAccount) -> None:
    market, key = Market.objects.get(), uuid4()
    prepare(ADAPTER, account, market, order(market, key))

    def post(number: int) -> bool:
        with operator_scope(account.operator_id):
            try:
                prepare(ADAPTER, account, market, order(market, key, f"0.{number + 2:04d}"))
            except FormReused:
                return True
        return False

    assert all(in_threads(post))
    assert Command.objects.count() == 1


def test_events_are_never_changed_or_deleted(account: VenueAccount) -> None:
    market = Market.objects.get()
    prepare(ADAPTER, account, market, order(market, uuid4()))
    for sql in ("UPDATE trading_commandevent SET error = 'forged'", "DELETE FROM trading_commandevent"):
        with (
            every_operator(),
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
    (event,) = CommandEvent.objects.all()
    assert (event.step, bytes(event.request)) == (CommandStep.PREPARED, bytes(Command.objects.get().body))


def test_the_signed_bytes_and_what_uses_up_their_nonce_are_written_together(account: VenueAccount) -> None:
    market = Market.objects.get()
    command, _ = prepare(ADAPTER, account, market, order(market, uuid4()))

    assert command.names == {"": ADAPTER.client_id(command.pk)}
    burn = ADAPTER.burn(command.nonce)
    assert burn is not None
    assert (command.burn_path, bytes(command.burn_body)) == (burn.path, burn.body)
    assert command.dead_at is not None
    assert timedelta(0) <= command.prepared_at + commands.LIFETIME - command.dead_at < timedelta(seconds=1)


def test_a_setting_may_be_checked_while_margin_is_and_the_other_way_round(account: VenueAccount) -> None:
    market = Market.objects.get()
    form = {"mode": "isolated", "leverage": "5"}

    def leverage() -> Intent:
        wish = SetLeverage(market.rules, MarginMode.ISOLATED, 5)
        return Intent(CommandKind.LEVERAGE, uuid4(), form, form, lambda _: wish)

    prepare(ADAPTER, account, market, leverage())
    with pytest.raises(commands.StillChecking):
        prepare(ADAPTER, account, market, leverage())
    assert prepare(ADAPTER, account, market, order(market, uuid4()))[1]
