"""Background work on the real sandbox: it may run twice, late, or beside itself, and the rows equal the venue's."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis
from redis.exceptions import RedisError

from perpsstudio.celery import app
from tenants.models import MarginPolicy, Operator
from tenants.scope import OutsideScope, current_scope, operator_scope
from tests.trading.conftest import Desk, open_desk
from tests.trading.elsewhere import trade_elsewhere
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from tests.trading.workers import eager  # noqa: F401  # tasks run at once, in this thread
from trading import tasks
from trading.live import board, handing, keys, presence
from trading.live.connections import blocking
from trading.live.publish import Fragment
from trading.models import Fill, Market, Position, VenueAccount
from trading.services import executions
from trading.services.answers import Answers, store
from trading.services.apply_account import apply_snapshot
from trading.services.looks import sync_positions
from trading.services.orders import place_order
from trading.services.readings import Explained, ReadingKind, begin_reading
from trading.services.sync import sync_account
from trading.tasks import readings
from trading.tasks.readings import look_at_accounts, sync_account_in_turn
from trading.venues.snapshots import Network, Venue

HERE = (Venue.HYPERLIQUID, Network.TESTNET)


def test_what_happened_elsewhere_is_in_the_rows_after_a_turn(desk: Desk) -> None:
    trade_elsewhere(desk)
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=3))

    assert tasks.sync_due_accounts() == 1

    theirs = desk.adapter.account(desk.account.address)
    held = Position.objects.get(account=desk.account)
    assert (held.size, held.margin, held.entry_price) == (
        theirs.positions[0].size,
        theirs.positions[0].margin,
        theirs.positions[0].entry_price,
    )
    assert desk.reread().equity == theirs.equity
    assert Fill.objects.get().size == Decimal("0.01")


def test_reading_an_account_twice_changes_nothing_more(desk: Desk) -> None:
    trade_elsewhere(desk)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    first = (list(Position.objects.values()), list(Fill.objects.values()))
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    for _ in range(2):
        sync_account_in_turn(desk.operator.pk, desk.account.pk)
    again = (list(Position.objects.values()), list(Fill.objects.values()))

    assert [row["size"] for row in again[0]] == [row["size"] for row in first[0]]
    assert again[1] == first[1]


def test_account_in_another_workers_hands_is_left_to_it(desk: Desk, redis: Redis) -> None:  # noqa: F811
    before = desk.reread().synced_at
    assert before is not None
    redis.set(keys.account_lock(desk.operator.pk, desk.account.pk), "another worker", px=60_000)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    assert desk.reread().synced_at == before

    redis.delete(keys.account_lock(desk.operator.pk, desk.account.pk))
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    assert (desk.reread().synced_at or before) > before


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("sync_due_accounts", tasks.sync_due_accounts),
        ("sync_markets", tasks.sync_markets),
    ],
)
def test_two_turns_of_a_periodic_task_never_run_at_once(desk: Desk, redis: Redis, name: str, turn: object) -> None:  # noqa: F811
    VenueAccount.objects.update(attempted_at=None)
    redis.set(keys.task_lock(name), "another turn", px=60_000)

    assert not turn()  # type: ignore[operator]

    assert VenueAccount.objects.get().attempted_at is None
    assert not board.read(*HERE).is_known


def test_task_of_one_operator_never_touches_another_operators_account(desk: Desk) -> None:
    beta = Operator.objects.create(slug="beta", name="Beta")
    with operator_scope(beta.pk):
        MarginPolicy().save()
        bob = open_desk(desk.sandbox, beta, "bob@beta.example")
        VenueAccount.objects.update(synced_at=None)
    tasks.sync_account_now(desk.operator.pk, bob.account.pk)

    with operator_scope(beta.pk):
        assert VenueAccount.objects.get(pk=bob.account.pk).synced_at is None
    sync_account_in_turn(desk.operator.pk, bob.account.pk)
    with operator_scope(beta.pk):
        assert VenueAccount.objects.get(pk=bob.account.pk).synced_at is None
    sync_account_in_turn(beta.pk, bob.account.pk)
    with operator_scope(beta.pk):
        assert VenueAccount.objects.get(pk=bob.account.pk).synced_at is not None


def test_scope_ends_with_the_task_even_when_it_fails(db: None) -> None:
    @app.task(base=tasks.OperatorTask)  # type: ignore[untyped-decorator]
    def fail(operator_id: int) -> None:
        assert current_scope() == operator_id
        raise LookupError

    with pytest.raises(LookupError):
        fail(41)

    assert current_scope() is None
    with pytest.raises(OutsideScope):
        VenueAccount.objects.count()


def test_pages_hear_what_changed_and_only_that(desk: Desk, redis: Redis) -> None:  # noqa: F811
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    channel = keys.account_channel(desk.operator.pk, desk.account.pk)
    with redis.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
        heard.subscribe(channel)
        heard.get_message(timeout=20)
        tasks.sync_account_now(desk.operator.pk, desk.account.pk)
        assert heard.get_message(timeout=0.2) is None
        trade_elsewhere(desk)
        tasks.sync_account_now(desk.operator.pk, desk.account.pk)
        message = heard.get_message(timeout=20)

    assert message is not None
    assert set(message["data"].decode().split()) == {"refresh", Fragment.POSITIONS, Fragment.FILLS}


def test_cheap_reading_of_a_moved_position_is_followed_by_a_whole_one(desk: Desk) -> None:
    sync_account_in_turn(desk.operator.pk, desk.account.pk)
    trade_elsewhere(desk)
    sync_account_in_turn(desk.operator.pk, desk.account.pk)

    assert Fill.objects.get().size == Decimal("0.01")


def test_execution_that_was_seen_waits_to_be_read_though_the_worker_fails_right_after(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes are stored by then, so no later look finds anything that moved."""
    sync_account_in_turn(desk.operator.pk, desk.account.pk)
    trade_elsewhere(desk)

    def fail(*arguments: object) -> None:
        raise RedisError("The server is gone.")

    with monkeypatch.context() as patched:
        patched.setattr(readings, "announce_all", fail)
        with pytest.raises(RedisError):
            look_at_accounts(desk.operator.pk, [desk.account.pk])
    assert Position.objects.get().size == Decimal("0.01")
    blocking().flushall()

    assert list(executions.waiting(*HERE)) == [desk.account.pk]
    tasks.sync_due_accounts()
    assert Fill.objects.get().size == Decimal("0.01")
    assert list(executions.waiting(*HERE)) == []


def test_execution_that_a_page_came_upon_is_read_though_nothing_moves_any_more(desk: Desk) -> None:
    """Money and positions are read before collateral is moved, and after it with the ledger: the sizes are the same."""
    trade_elsewhere(desk)
    assert sync_positions(desk.adapter, desk.account)
    assert sync_account(desk.adapter, desk.account, frozenset({ReadingKind.ACCOUNT, ReadingKind.HISTORY}))
    look_at_accounts(desk.operator.pk, [desk.account.pk])

    assert (Fill.objects.count(), list(executions.waiting(*HERE))) == (0, [desk.account.pk])


def test_execution_whose_reading_the_venue_did_not_answer_waits_to_be_read(desk: Desk) -> None:
    trade_elsewhere(desk)
    desk.sandbox.fault("error_before", "userFillsByTime", count=20)
    assert not sync_account(desk.adapter, desk.account, frozenset({ReadingKind.ACCOUNT}))
    desk.sandbox.clear_faults()

    assert (Position.objects.count(), list(executions.waiting(*HERE))) == (1, [desk.account.pk])


def test_execution_that_a_stream_tells_of_waits_for_no_reading(desk: Desk) -> None:
    trade_elsewhere(desk)
    apply_snapshot(desk.account, desk.adapter.account(desk.account.address), explained=Explained.YES)

    assert (Position.objects.count(), list(executions.waiting(*HERE))) == (1, [])


def test_executions_that_newer_figures_may_lack_are_read_again(desk: Desk) -> None:
    """Another worker has stored positions since this reading of executions began."""
    trade_elsewhere(desk)
    early = begin_reading(desk.account)
    fills = desk.adapter.fills(desk.account.address, early.began_at - timedelta(hours=1))
    shown = desk.adapter.account(desk.account.address)
    assert sync_positions(desk.adapter, desk.account)

    store(desk.account, early, Answers(since=early.began_at, fills=fills), snapshot=shown)
    assert (Fill.objects.count(), list(executions.waiting(*HERE))) == (1, [desk.account.pk])


def test_turn_reads_orders_and_fills_only_where_it_may(desk: Desk, redis: Redis) -> None:  # noqa: F811
    mark = keys.whole_read(desk.operator.pk, desk.account.pk)
    look_at_accounts(desk.operator.pk, [desk.account.pk])
    assert not redis.exists(mark)

    sync_account_in_turn(desk.operator.pk, desk.account.pk, 10.0)
    assert redis.exists(mark)


def test_account_that_our_limit_held_back_does_not_rest_as_one_that_failed(desk: Desk, settings: Settings) -> None:
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 1
    for _ in range(3):
        look_at_accounts(desk.operator.pk, [desk.account.pk])
    assert handing.failures(*HERE, desk.account.pk) == 0

    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 1_000_000_000
    desk.sandbox.fault("error_before", "any", count=20)
    look_at_accounts(desk.operator.pk, [desk.account.pk])
    assert handing.failures(*HERE, desk.account.pk) == 1


def test_account_that_is_looked_at_is_read_before_the_rest(desk: Desk) -> None:
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(seconds=5))
    assert tasks.sync_due_accounts() == 0

    presence.look(desk.operator.pk, desk.account.pk)
    assert tasks.sync_due_accounts() == 1


def test_board_lives_on_the_market_sync_while_there_is_no_stream(desk: Desk) -> None:
    desk.sandbox.mark("BTC", "86777")
    before = timezone.now()
    tasks.sync_markets()
    known = board.read(*HERE)

    assert known.mark("BTC") == Market.objects.get(name="BTC").mark_price == Decimal(86777)
    assert known.as_of is not None
    assert before - timedelta(seconds=1) < known.as_of <= timezone.now()


def test_market_sync_leaves_a_streaming_board_alone(desk: Desk) -> None:
    tasks.sync_markets()
    streamed = board.read(*HERE).states
    board.forget()
    board.publish(*HERE, streamed.values(), timezone.now() + timedelta(minutes=1))
    as_of = board.read(*HERE).as_of
    desk.sandbox.mark("BTC", "86778")
    tasks.sync_markets()
    board.forget()

    assert board.read(*HERE).as_of == as_of


def test_unanswering_venue_is_told_on_the_account_and_costs_no_number(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    before = list(Position.objects.values())
    desk.sandbox.fault("error_before", "any", count=20)
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    tasks.sync_markets()
    desk.sandbox.clear_faults()

    assert desk.reread().sync_problem != ""
    assert list(Position.objects.values()) == before
    tasks.sync_account_now(desk.operator.pk, desk.account.pk)
    assert desk.reread().sync_problem == ""
