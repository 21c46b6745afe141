"""What a stream shows before it has told why is owed on the account's row: whatever dies in between, it is read."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.trading.aster.conftest import alice, aster, operator, ready
from tests.trading.aster.people import AsterTrader, elsewhere
from tests.trading.live.aster_wires import BUY
from tests.trading.live.private_frames import GAP, execution, moved
from tests.trading.services.answered import account, held, snapshot
from trading.connect import account_adapter
from trading.live.followed import Followed, Moves, Outcome
from trading.live.told import Leg, Standing, Told
from trading.models import Fill, MarginChange, Position, VenueAccount
from trading.services import executions
from trading.services.apply_account import apply_snapshots
from trading.services.readings import EVERYTHING, Taken, begin_reading
from trading.services.streamed import store
from trading.services.sync import sync_account
from trading.venues.snapshots import AccountSnapshot, Network, PositionSide, Venue
from trading.venues.streaming import AccountFrame, FillsFrame, Happening, HappeningFrame, PrivateFrame

__all__ = ["account", "alice", "aster", "operator", "ready"]

HERE = (Venue.HYPERLIQUID, Network.TESTNET)
LONG: Leg = ("BTCUSDT", PositionSide.BOTH)


def shown(second: int, size: str) -> AccountFrame:
    """So much is held; nothing where it is zero."""
    return AccountFrame("alice", snapshot(second, *([held(size)] if Decimal(size) else [])))


def filled(size: str) -> FillsFrame:
    return FillsFrame("alice", (msgspec.structs.replace(execution(Decimal(size)), market="BTC"),))


def following(row: VenueAccount) -> Followed:
    """A stream that has told that nothing is held, and that is written."""
    one = Followed("alice", adapter=None, told=Told())  # type: ignore[arg-type]  # nothing is asked
    write(row, one, shown(0, "0"))
    return one


def write(row: VenueAccount, one: Followed, *frames: PrivateFrame) -> list[str]:
    """Hear these frames and write their news; the statements that marked the account."""
    for frame in frames:
        one.take_in(frame, timezone.now())
    row.refresh_from_db()
    told = one.take_out(0.0)
    with CaptureQueriesContext(connection) as sent:
        assert store(one.adapter, row, told)
    one.settle(told, Outcome.WRITTEN, 0.0)
    row.refresh_from_db()
    return [query["sql"] for query in sent if 'SET "behind_since"' in query["sql"]]


def waits(row: VenueAccount) -> bool:
    """Whether a worker is to read its executions now."""
    return row.pk in executions.waiting(Venue(row.venue), Network(row.network))


def test_executions_that_a_process_died_before_it_was_told_are_read(
    account: VenueAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For as long as they may still be told nobody reads them; however busy the machine is."""
    monkeypatch.setattr(executions, "TOLD_WITHIN", timedelta(hours=1))
    write(account, following(account), shown(1, "1"))
    assert (Position.objects.get().size, waits(account)) == (1, False)
    assert account.behind_since is not None

    VenueAccount.objects.update(behind_since=account.behind_since - executions.TOLD_WITHIN)
    assert waits(account)


ORDERS: list[tuple[list[list[PrivateFrame]], list[int]]] = [
    ([[shown(1, "1"), filled("1")]], [0]),
    ([[filled("1")], [shown(1, "1")]], [0, 0]),
    ([[shown(1, "1")], [filled("1")]], [1, 1]),
    ([[shown(1, "3")], [filled("1")], [filled("2")]], [1, 0, 1]),
    ([[shown(1, "1")], [shown(2, "3"), filled("1")], [filled("2")]], [1, 1, 1]),
]


@pytest.mark.parametrize(("told", "marked"), ORDERS)
def test_executions_that_are_told_leave_nothing_to_be_read_and_cost_a_mark_only_where_they_come_later(
    account: VenueAccount,
    told: Sequence[Sequence[PrivateFrame]],
    marked: Sequence[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executions, "TOLD_WITHIN", timedelta(hours=1))
    one = following(account)

    assert [len(write(account, one, *frames)) for frames in told] == marked
    assert account.behind_since is None
    assert sum(Fill.objects.values_list("size", flat=True)) == Position.objects.get().size


def test_what_a_reading_found_meanwhile_is_read_whatever_the_stream_tells(
    account: VenueAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executions, "TOLD_WITHIN", timedelta(hours=1))
    one = following(account)
    write(account, one, shown(1, "1"))
    apply_snapshots([Taken(account, snapshot(5, held("2")), begin_reading(account))])

    assert write(account, one, filled("1")) == []
    assert waits(account)


def test_collateral_that_moved_alone_is_read_whatever_the_stream_tells(
    account: VenueAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Margin that was put in elsewhere: no execution says so. Funding leaves the bucket too, and is told."""
    monkeypatch.setattr(executions, "TOLD_WITHIN", timedelta(hours=1))
    one = following(account)
    before = msgspec.structs.replace(held("1"), funding_since_open=Decimal(0))
    funded = msgspec.structs.replace(before, cash=Decimal(-59_003), funding_since_open=Decimal(3))
    richer = msgspec.structs.replace(funded, cash=Decimal(-58_003))
    write(account, one, AccountFrame("alice", snapshot(1, before)), filled("1"))
    write(account, one, AccountFrame("alice", snapshot(2, funded)))
    assert (Position.objects.get().cash, account.behind_since) == (Decimal(-59_003), None)
    write(account, one, AccountFrame("alice", snapshot(3, richer)))
    assert waits(account)

    write(account, one, shown(4, "3"), filled("2"))
    assert waits(account)


def test_stream_explains_nothing_that_moved_before_it_began(account: VenueAccount) -> None:
    one = Followed("alice", adapter=None, told=Told())  # type: ignore[arg-type]  # nothing is asked
    write(account, one, shown(1, "1"))

    assert waits(account)


def test_stream_that_took_up_a_reading_explains_what_moved_since() -> None:
    moves = Moves()
    moves.take(GAP)
    assert moves.standing == Standing(None, 1)
    moves.start_from({LONG: Decimal("0.02")}, run=0)  # begun before the break
    assert moves.standing == Standing(None, 1)

    moves.start_from({LONG: Decimal("0.02")}, run=1)
    assert moves.standing == Standing({LONG: Decimal("0.02")}, 1, is_based=True)
    moves.take(moved("0.03"))
    assert moves.standing == Standing(None, 1, is_based=True)
    moves.take(FillsFrame("alice", (execution(Decimal("0.01")),)))
    assert moves.standing == Standing({LONG: Decimal("0.03")}, 1, is_based=True)
    moves.take(GAP)
    assert moves.standing == Standing(None, 2)


def test_reading_that_shows_more_than_was_told_is_explained_when_that_is_told_too(
    ready: AsterTrader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stream names the moves, and a reading of all figures follows each: it may be ahead of the next name."""
    monkeypatch.setattr(executions, "TOLD_WITHIN", timedelta(hours=1))
    adapter, row, size = account_adapter(ready.account), ready.account, Decimal("0.01")
    elsewhere(ready, "POST", "order", BUY)

    assert store(adapter, row, Told(must_look=True, standing=Standing({}, 1, is_based=True)))
    assert (ready.position.size, ready.account.behind_since is None, waits(row)) == (size, False, False)

    fills = {fill.key: fill for fill in adapter.fills(row.address, timezone.now() - timedelta(hours=1))}
    standing = Standing({LONG: size}, 1, is_based=True)
    assert store(adapter, ready.account, Told(fills=fills, must_look=True, standing=standing))
    assert (ready.account.behind_since, Fill.objects.get().size) == (None, size)


def test_move_is_owed_by_whoever_writes_it_where_something_may_be_missing(ready: AsterTrader) -> None:
    """Whatever was read meanwhile has taken an earlier mark back, and what was told explains the move."""
    adapter, row, size = account_adapter(ready.account), ready.account, Decimal("0.01")
    elsewhere(ready, "POST", "order", BUY)
    standing = Standing({LONG: size}, 1, is_based=True)

    assert store(adapter, row, Told(must_look=True, is_behind=True, standing=standing))
    assert (ready.position.size, waits(row)) == (size, True)


@pytest.mark.parametrize(("what", "is_owed"), [(Happening.COLLATERAL, True), (Happening.POSITION, False)])
def test_margin_that_a_stream_says_was_moved_elsewhere_is_read_at_once_and_kept(
    ready: AsterTrader, what: Happening, is_owed: bool
) -> None:
    """No figure of Aster's tells it from funding, so without the stream's word the next whole reading finds it."""
    adapter = account_adapter(ready.account)
    ready.order()
    for _ in range(2):
        assert sync_account(adapter, ready.account, EVERYTHING)
    elsewhere(ready, "POST", "positionMargin", "symbol=BTCUSDT&amount=30&type=1")
    told = Told()
    told.take(HappeningFrame("alice", what, "", (("BTCUSDT", PositionSide.BOTH, Decimal("0.01")),)), timezone.now())

    assert store(adapter, ready.account, told)
    assert (waits(ready.account), MarginChange.objects.exists()) == (is_owed, False)

    assert sync_account(adapter, ready.account)
    assert (waits(ready.account), MarginChange.objects.get().amount) == (False, Decimal(30))


def test_margin_that_was_moved_is_read_though_an_earlier_reading_has_just_taken_the_mark_back(
    ready: AsterTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = account_adapter(ready.account)
    told = Told()
    told.take(HappeningFrame("alice", Happening.COLLATERAL), timezone.now())
    executions.fall_behind(ready.account)
    read = type(adapter).account

    def read_beside(*arguments: Any, **options: Any) -> AccountSnapshot:
        VenueAccount.objects.update(behind_since=None)
        return read(*arguments, **options)

    monkeypatch.setattr(type(adapter), "account", read_beside)
    assert store(adapter, ready.account, told)

    assert waits(ready.account)
