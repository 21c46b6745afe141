"""The following process on the real sandbox: board, public and private patches, one follower at a time."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from redis import Redis
from redis.client import PubSub

from tenants.models import Domain, MarginPolicy, Operator
from tenants.scope import operator_scope
from tests.sandbox_process import SandboxProcess
from tests.trading.conftest import Desk, open_desk
from tests.trading.live.conftest import serving
from tests.trading.live.follower import eventually, following
from tests.trading.live.reading import Page, heard_so_far, ticket_for
from tests.trading.tickets import ticket
from trading.live import board, follow, keys, presence
from trading.live.board import Board
from trading.live.shapes import announce
from trading.models import Position, VenueAccount
from trading.panels.numbers import fixed, money
from trading.services.looks import sync_positions
from trading.services.orders import place_order
from trading.venues.hyperliquid.stream import HyperliquidStream
from trading.venues.snapshots import Network, Venue

HERE = (Venue.HYPERLIQUID, Network.TESTNET)


def fresh_board() -> Board:
    board.forget()
    return board.read(*HERE)


def board_time() -> datetime:
    """When the board is from; long ago where nothing is known."""
    return fresh_board().as_of or datetime.min.replace(tzinfo=UTC)


def mark_is(price: str) -> bool:
    return fresh_board().mark("BTC") == Decimal(price)


def board_age() -> timedelta:
    return datetime.now(UTC) - board_time()


def is_current(price: str) -> bool:
    """Whether the board has this price, and every market of now."""
    known = fresh_board()
    is_young = known.as_of is not None and datetime.now(UTC) - known.as_of < timedelta(seconds=2.5)
    has_all = known.states.keys() >= {"BTC", "ETH"} and known.lagging == {}
    return is_young and has_all and known.mark("BTC") == Decimal(price)


@pytest.fixture
def trader(transactional_db: None, venue: SandboxProcess, redis: Redis) -> Iterator[Desk]:
    """Alice at Alpha with an isolated long, in rows that other threads can see."""
    operator = Operator.objects.create(slug="alpha", name="Alpha")
    Domain.objects.create(host="alpha.localhost", operator=operator)
    with operator_scope(operator.pk):
        MarginPolicy(isolated_leverage=5).save()
        desk = open_desk(venue, operator, "alice@alpha.example")
        place_order(desk.adapter, desk.account, desk.market, ticket())
        yield desk


def test_stream_keeps_the_board_at_the_venues_prices(redis: Redis, venue: SandboxProcess) -> None:
    with following(venue):
        assert eventually(lambda: is_current("86000"))
        venue.mark("BTC", "86123")
        assert eventually(lambda: is_current("86123"))


def test_still_market_stays_fresh_and_a_dead_stream_grows_old(redis: Redis, venue: SandboxProcess) -> None:
    with following(venue):
        assert eventually(lambda: fresh_board().is_known and not fresh_board().lagging)
        first = fresh_board()
        told_at = board_time()
        assert eventually(lambda: board_time() > told_at)
        assert fresh_board().marks == first.marks
    ages = []
    for _ in range(3):
        ages.append(board_age())
        time.sleep(0.1)

    assert ages == sorted(ages)
    assert ages[-1] - ages[0] >= timedelta(seconds=0.2)


def test_stream_comes_back_after_the_venue_hangs_up_or_falls_silent(redis: Redis, venue: SandboxProcess) -> None:
    with following(venue):
        assert eventually(lambda: fresh_board().mark("BTC") == 86000)
        for fault, price in (("disconnect", "86500"), ("silence", "86600")):
            venue.fault(fault, seconds=1.5)
            time.sleep(0.7)
            venue.mark("BTC", price)
            assert eventually(partial(mark_is, price)), fault


def test_one_follower_at_a_time_and_the_second_takes_over(
    redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It outlives whatever holds this machine up; that it is renewed shows in its time left.
    monkeypatch.setattr(follow, "LOCK_SECONDS", 60.0)
    monkeypatch.setattr(follow, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(follow, "WAIT_SECONDS", 0.1)
    lock = keys.stream_lock(*HERE)

    def attempts() -> int:
        return int(redis.info("commandstats")["cmdstat_set"]["calls"])

    with following(venue) as first:
        assert eventually(lambda: fresh_board().is_known)
        holder = redis.get(lock)
        redis.pexpire(lock, 30_000)
        assert eventually(lambda: redis.pttl(lock) > 40_000)
        alone = attempts()
        with following(venue):
            assert eventually(lambda: attempts() > alone + 5)
            assert redis.get(lock) == holder
            first.stop()
            assert eventually(lambda: redis.get(lock) not in (None, holder))
            before = board_time()
            assert eventually(lambda: board_time() > before)


def test_follower_that_lost_its_lock_publishes_nothing_more(
    redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Nothing but another process takes it away, however long this machine is held up.
    monkeypatch.setattr(follow, "LOCK_SECONDS", 60.0)
    monkeypatch.setattr(follow, "RENEW_SECONDS", 0.1)
    with following(venue):
        assert eventually(lambda: fresh_board().is_known)
        redis.set(keys.stream_lock(*HERE), "somebody else", px=60_000)
        assert eventually(lambda: "is not followed: the lock was lost to another process" in caplog.text)
        before = fresh_board()
        venue.mark("BTC", "86999")
        time.sleep(1.2)

        assert fresh_board() == before


def test_follower_that_lost_its_lock_follows_again_once_it_is_free(
    redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(follow, "LOCK_SECONDS", 60.0)
    for name in ("RENEW_SECONDS", "WAIT_SECONDS", "AFTER_FAILURE_SECONDS"):
        monkeypatch.setattr(follow, name, 0.1)
    with following(venue):
        for turn, price in enumerate(("86111", "86222"), 1):
            assert eventually(lambda: fresh_board().is_known)
            redis.set(keys.stream_lock(*HERE), "somebody else", px=60_000)
            assert eventually(lambda turn=turn: caplog.text.count("the lock was lost") == turn)  # type: ignore[misc]
            venue.mark("BTC", price)
            redis.delete(keys.stream_lock(*HERE))
            assert eventually(partial(mark_is, price))


def test_what_was_heard_is_counted(redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "COUNT_SECONDS", 0.1)
    with following(venue):
        assert eventually(lambda: int(redis.hget(keys.stream_frames(*HERE), "StateFrame") or 0) > 0)


def test_redis_flushed_while_following_costs_seconds_and_nothing_else(redis: Redis, venue: SandboxProcess) -> None:
    with serving() as port, following(venue), Page(port, ticket_for(1)) as page:
        assert page.wait_for_kind("fragment")
        redis.flushall()
        venue.mark("BTC", "86321")

        assert eventually(partial(mark_is, "86321"))
        while page.wait_for("market-hyperliquid:BTC-mark") != "86,321":
            continue


def test_numbers_of_a_position_move_with_the_mark(trader: Desk, redis: Redis, venue: SandboxProcess) -> None:
    held = Position.objects.get(account=trader.account)
    name = f"position-{held.pk}"
    with serving() as port, following(venue), Page(port, ticket_for(trader.operator.pk, trader.account.pk)) as page:
        assert page.wait_for(f"{name}-mark") == "86,000"
        venue.mark("BTC", "87000")
        assert page.wait_for(f"{name}-mark") == "87,000"
        sync_positions(trader.adapter, trader.reread())
        announce(trader.operator.pk, trader.account.pk)
        theirs = trader.adapter.account(trader.account.address).positions[0]
        seen = page.wait_for(f"positions-{trader.account.pk}-age")

        profit = money(theirs.unrealised_pnl, signed=True)
        assert page.shown[f"{name}-pnl"] == {"text": profit, "class": "tone-up"}
        assert page.shown[f"{name}-value"] == money(theirs.notional)
        assert page.shown[f"{name}-liquidation"] == fixed(theirs.liquidation_price or Decimal(0), 0)
        assert datetime.fromisoformat(seen["datetime"]).tzinfo is not None


def test_private_numbers_are_made_for_lookers_only_and_reach_only_them(
    trader: Desk, redis: Redis, venue: SandboxProcess
) -> None:
    other = Operator.objects.create(slug="beta", name="Beta")
    with operator_scope(other.pk):
        MarginPolicy(isolated_leverage=5).save()
        bob = open_desk(venue, other, "bob@beta.example", "7777")
        carol = open_desk(venue, other, "carol@beta.example", "5555")
    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    heard.psubscribe("*:account:*")
    with (
        serving() as port,
        following(venue),
        Page(port, ticket_for(trader.operator.pk, trader.account.pk)) as alice,
        Page(port, ticket_for(other.pk, bob.account.pk, host="beta.localhost"), host="beta.localhost") as theirs,
    ):
        assert theirs.wait_for(f"account-{bob.account.pk}-equity") == "7,777.00"
        assert alice.wait_for(f"account-{trader.account.pk}-equity").startswith("9,9")
        venue.mark("BTC", "86400")
        mark = f"position-{Position.objects.get(account=trader.account).pk}-mark"
        while alice.wait_for(mark) != "86,400":
            continue

        assert b"7,777" not in alice.received
        assert b"position-" not in theirs.received
    channels = {channel for channel, _ in heard_so_far(redis, heard)}
    heard.close()

    assert channels == {
        keys.account_channel(trader.operator.pk, trader.account.pk),
        keys.account_channel(other.pk, bob.account.pk),
    }
    assert carol.account.pk


def test_forged_account_id_in_another_operators_name_is_no_account(
    trader: Desk, redis: Redis, venue: SandboxProcess
) -> None:
    """Even a mark that names Alice's account under Beta's id renders nothing: rows are read in Beta's scope."""
    other = Operator.objects.create(slug="beta", name="Beta")
    hers = keys.account_channel(trader.operator.pk, trader.account.pk)
    presence.look(other.pk, trader.account.pk)
    presence.look(trader.operator.pk, trader.account.pk)
    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    heard.psubscribe("*:account:*")
    channels: set[str] = set()

    def is_told(price: str) -> bool:
        """Whether her own page is; both marks are served by then, for both were set before anybody followed."""
        told = heard_so_far(redis, heard)
        channels.update(channel for channel, _ in told)
        return any(price in message for _, message in told)

    with following(venue):
        assert eventually(partial(is_told, "86,000"))
        venue.mark("BTC", "86400")
        assert eventually(partial(is_told, "86,400"))
    heard.close()

    assert channels == {hers}


def test_worker_that_died_shows_in_the_age_of_the_figures(
    trader: Desk, redis: Redis, venue: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue tells of nobody, as when ten others are looked at: nothing but a worker makes the figures fresh."""
    monkeypatch.setattr(HyperliquidStream, "accounts_at_most", 0)
    long_ago = datetime.now(UTC) - timedelta(minutes=2)
    VenueAccount.objects.filter(pk=trader.account.pk).update(synced_at=long_ago)
    with serving() as port, following(venue), Page(port, ticket_for(trader.operator.pk, trader.account.pk)) as page:
        age = page.wait_for(f"positions-{trader.account.pk}-age")
        assert datetime.fromisoformat(age["datetime"]) == long_ago
        assert f'"positions-{trader.account.pk}":{{"class":"is-closed"}}' in page.received.decode()

        sync_positions(trader.adapter, trader.reread())
        announce(trader.operator.pk, trader.account.pk)
        while datetime.fromisoformat(page.wait_for(f"positions-{trader.account.pk}-age")["datetime"]) == long_ago:
            continue
        assert "account" in page.wait_for_kind("refresh").data


def test_whoever_comes_later_hears_all_numbers_though_none_has_moved(redis: Redis, venue: SandboxProcess) -> None:
    channel = keys.market_channel(*HERE, "BTC")

    def hears_all(heard: PubSub) -> bool:
        message = heard.get_message(ignore_subscribe_messages=True, timeout=1)
        return message is not None and b'"market-hyperliquid:BTC-volume"' in message["data"]

    heard = redis.pubsub()  # type: ignore[no-untyped-call]
    with serving() as port, following(venue), Page(port, ticket_for(1)) as page, heard:
        assert page.wait_for("market-hyperliquid:BTC-volume")
        heard.subscribe(channel)
        for _ in range(2):  # the second time it surely had all been sent before
            redis.publish(keys.ARRIVALS, channel)
            assert eventually(lambda: hears_all(heard))


def test_book_is_rendered_once_for_whoever_looks_at_the_market(redis: Redis, venue: SandboxProcess) -> None:
    with serving() as port, following(venue), Page(port, ticket_for(1)) as page:
        while 'id="book"' not in (html := page.wait_for_kind("fragment").data).partition(">")[0]:
            continue

    assert "level-bid" in html
    assert "\n" not in html
