"""Commands under many hands at once: one form makes one order."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.scope import every_operator, operator_scope
from tests.trading.services.committed import account, order
from trading.margin.types import MarginMode
from trading.models import Command, CommandEvent, Market, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.models.events import Step
from trading.services import commands
from trading.services.commands import FormReused, Intent, prepare
from trading.services.transitions import settle
from trading.venues.base import ModifyOrder, Network, PlaceOrder, SetLeverage
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport

__all__ = ["account"]

KEY = SigningKey.from_hex("0x" + "17" * 32)
NOWHERE = BlockingTransport("http://127.0.0.1:9")
ADAPTER = HyperliquidAdapter(NOWHERE, Network.TESTNET, KEY)
POSTS, OTHER_POSTS, THREADS = 1000, 160, 8


@contextmanager
def own_connection() -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


def in_threads(work: Callable[[int], Any], posts: int) -> list[Any]:
    def run(number: int) -> Any:
        with own_connection():
            return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(posts)))


def test_a_thousand_posts_of_one_form_make_one_order(account: VenueAccount) -> None:
    market, key = Market.objects.get(), uuid4()

    def post(_: int) -> tuple[UUID, bool]:
        with operator_scope(account.operator_id):
            command, is_new = prepare(ADAPTER, account, market, order(market, key))
            return command.pk, is_new

    answers = in_threads(post, POSTS)

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

    assert all(in_threads(post, OTHER_POSTS))
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
    assert (event.step, bytes(event.request)) == (Step.PREPARED, bytes(Command.objects.get().body))


def test_the_signed_bytes_and_what_uses_up_their_nonce_are_written_together(account: VenueAccount) -> None:
    market = Market.objects.get()
    command, _ = prepare(ADAPTER, account, market, order(market, uuid4()))

    assert command.names == {"": ADAPTER.client_id(command.pk)}
    burn = ADAPTER.burn(command.nonce)
    assert burn is not None
    assert (command.burn_path, bytes(command.burn_body)) == (burn.path, burn.body)
    assert command.dead_at is not None
    # One clock is read twice and cut to milliseconds once, so either may come first.
    assert abs(command.prepared_at + commands.LIFETIME - command.dead_at) < timedelta(seconds=1)


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


def test_change_of_an_order_waits_for_the_proof_of_the_one_before_it(account: VenueAccount) -> None:
    market = Market.objects.get()

    def change(number: int) -> Intent:
        form = {"order": str(number), "size": "0.01", "price": "85000"}

        def build(name: commands.Name) -> ModifyOrder:
            size, price = Decimal("0.01"), Decimal(85_000)
            return ModifyOrder(number, PlaceOrder(market.rules, True, size, price, client_id=name()))  # noqa: FBT003

        return Intent(CommandKind.MODIFY, uuid4(), form, form, build)

    first, _ = prepare(ADAPTER, account, market, change(7))
    assert prepare(ADAPTER, account, market, change(8))[1]
    with pytest.raises(commands.StillChecking):
        prepare(ADAPTER, account, market, change(7))
    settle(first, CommandState.ACCEPTED, {"kind": "resting"})
    assert prepare(ADAPTER, account, market, change(7))[1]
