"""What happens at the venue shows in the rows and on the page at once, for those who look, and for nobody else."""

import time
from decimal import Decimal

import pytest
from redis import Redis

from tenants.models import Domain, MarginPolicy, Operator
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk, open_desk
from tests.trading.live.conftest import serving
from tests.trading.live.follower import PATIENCE_SECONDS, eventually, following
from tests.trading.live.reading import Page, heard_so_far, publish, ticket_for
from trading.live import followed, keys, presence, watching
from trading.margin.types import MarginMode
from trading.models import Fill, Order, Position, VenueAccount
from trading.venues.base import CancelOrder, PlaceOrder, SetLeverage, TimeInForce, market_order
from trading.venues.commands import Command

HOUR_SECONDS = 3600.0


@pytest.fixture
def operators(
    transactional_db: None, venue: SandboxProcess, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> tuple[Operator, Operator]:
    """Alpha and Beta, in rows that other threads can see."""
    monkeypatch.setattr(watching, "CHOOSE_SECONDS", 0.1)
    made = []
    for slug in ("alpha", "beta"):
        operator = Operator.objects.create(slug=slug, name=slug.title())
        Domain.objects.create(host=f"{slug}.localhost", operator=operator)
        with operator_scope(operator.pk):
            MarginPolicy(isolated_leverage=5).save()
        made.append(operator)
    return made[0], made[1]


@pytest.fixture
def alice(operators: tuple[Operator, Operator], venue: SandboxProcess) -> Desk:
    with operator_scope(operators[0].pk):
        return open_desk(venue, operators[0], "alice@alpha.example")


def elsewhere(desk: Desk, command: Command) -> None:
    """The trader's own key, used by another client than ours."""
    desk.adapter.send(desk.adapter.sign(command, nonce=time.time_ns() // 1_000_000))


def bought(desk: Desk, size: str = "0.01") -> PlaceOrder:
    return market_order(
        desk.market.rules, is_buy=True, size=Decimal(size), mark=Decimal(86000), slippage=Decimal("0.01")
    )


def is_watched(desk: Desk, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the account's stream speaks: it counts as read again and again, and not only by the first reading."""
    seen = set()

    def has_counted() -> bool:
        with operator_scope(desk.operator.pk):
            seen.add(desk.reread().attempted_at)
        return len(seen) > 3

    return eventually(has_counted, seconds)


def test_order_filled_at_the_venue_shows_before_any_reading_is_due(
    alice: Desk, redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What shows was told by the stream, and sent to a page that asked for nothing."""
    monkeypatch.setattr(followed, "LOOK_SECONDS", HOUR_SECONDS)
    monkeypatch.setattr(followed, "WHOLE_SECONDS", HOUR_SECONDS)
    with serving() as port, following(venue), Page(port, ticket_for(alice.operator.pk, alice.account.pk)) as page:
        assert is_watched(alice)
        elsewhere(alice, bought(alice))
        assert eventually(lambda: shows_what_a_position_is_worth(page))
        with operator_scope(alice.operator.pk):
            assert Position.objects.get(account=alice.account).size == Decimal("0.01")
            assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)
            assert eventually(lambda: alice.reread().behind_since is None)


def shows_what_a_position_is_worth(page: Page) -> bool:
    """Whether the next patch does."""
    return any(key.startswith("position-") and key.endswith("-value") for key in page.next_patch())


def test_orders_and_settings_made_elsewhere_are_followed(alice: Desk, redis: Redis, venue: SandboxProcess) -> None:
    rules = alice.market.rules
    with following(venue), operator_scope(alice.operator.pk):
        presence.look(alice.operator.pk, alice.account.pk)
        assert is_watched(alice)
        order = PlaceOrder(
            rules,
            is_buy=True,
            size=Decimal("0.01"),
            limit_price=Decimal(80000),
            time_in_force=TimeInForce.GOOD_TILL_CANCELLED,
        )
        elsewhere(alice, order)
        assert eventually(lambda: Order.objects.filter(account=alice.account, is_open=True).count() == 1)
        row = Order.objects.get(account=alice.account)
        elsewhere(alice, CancelOrder(rules, row.venue_id))
        assert eventually(lambda: not Order.objects.filter(account=alice.account, is_open=True).exists())
        elsewhere(alice, bought(alice))
        assert eventually(lambda: Position.objects.filter(account=alice.account).exists())
        held = Position.objects.get(account=alice.account)
        elsewhere(alice, SetLeverage(rules, MarginMode(held.mode), 7))
        assert eventually(lambda: Position.objects.get(account=alice.account).leverage == 7)


def test_execution_whose_frame_is_lost_without_a_break_is_found(
    alice: Desk, redis: Redis, venue: SandboxProcess
) -> None:
    with following(venue), operator_scope(alice.operator.pk):
        presence.look(alice.operator.pk, alice.account.pk)
        assert is_watched(alice)
        venue.fault("silence", seconds=1.0)
        elsewhere(alice, bought(alice))
        assert eventually(lambda: Position.objects.filter(account=alice.account).exists())
        assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)


def test_break_of_the_stream_is_healed_by_a_reading(alice: Desk, redis: Redis, venue: SandboxProcess) -> None:
    with following(venue), operator_scope(alice.operator.pk):
        presence.look(alice.operator.pk, alice.account.pk)
        assert is_watched(alice)
        venue.fault("disconnect")
        elsewhere(alice, bought(alice))
        assert eventually(lambda: Position.objects.filter(account=alice.account).exists())
        assert eventually(lambda: Fill.objects.filter(account=alice.account).count() == 1)


def test_account_that_nobody_looks_at_is_not_followed(alice: Desk, redis: Redis, venue: SandboxProcess) -> None:
    with following(venue):
        assert eventually(lambda: redis.exists(keys.stream_lock(alice.adapter.venue, alice.adapter.network)) == 1)
        assert not is_watched(alice, 1.5)


def test_private_news_of_one_operator_never_reaches_another(
    operators: tuple[Operator, Operator], alice: Desk, redis: Redis, venue: SandboxProcess
) -> None:
    """Two traders of two operators look at the same time, and one of them trades."""
    with operator_scope(operators[1].pk):
        bob = open_desk(venue, operators[1], "bob@beta.example")
    hers, his = (keys.account_channel(desk.operator.pk, desk.account.pk) for desk in (alice, bob))
    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    heard.psubscribe("*:account:*")
    spoken: set[str] = set()

    def were_told(*channels: str) -> bool:
        """Whether the pages of these accounts were told to fetch positions again."""
        told = heard_so_far(redis, heard)
        spoken.update(channel for channel, message in told if message.startswith("refresh") and "positions" in message)
        return spoken >= set(channels)

    with (
        serving() as port,
        following(venue),
        Page(port, ticket_for(alice.operator.pk, alice.account.pk)),
        Page(port, ticket_for(bob.operator.pk, bob.account.pk, host="beta.localhost"), host="beta.localhost") as theirs,
    ):
        assert is_watched(alice)
        assert is_watched(bob)
        # What the first reading of each found out is behind them.
        assert eventually(lambda: were_told(hers, his))
        spoken.clear()
        elsewhere(alice, bought(alice))
        with operator_scope(alice.operator.pk):
            assert eventually(lambda: Position.objects.filter(account=alice.account).exists())
        assert eventually(lambda: were_told(hers))
        with operator_scope(bob.operator.pk):
            assert not Position.objects.filter(account=bob.account).exists()
            assert list(VenueAccount.objects.values_list("pk", flat=True)) == [bob.account.pk]
        time.sleep(0.5)
        publish(redis, his, {"end": 1})
        assert theirs.wait_for("end") == 1
        assert b'"account-' in theirs.received
        assert b'"position-' not in theirs.received
        were_told()
    heard.close()

    assert spoken == {hers}


def test_account_that_a_killed_process_held_is_free_soon(redis: Redis) -> None:
    lock = keys.account_lock(1, 2)
    with watching._held(lock) as is_mine, watching._held(lock) as is_mine_too:
        assert (is_mine, is_mine_too) == (True, False)
        assert 0 < redis.pttl(lock) <= 15_000
