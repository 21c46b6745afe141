"""A change of margin whose answer was lost: it has no name at the venue, so what it left behind has to prove it."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.trading.conftest import Desk
from tests.trading.elsewhere import elsewhere
from tests.trading.services.lost import expire, proven, unknown_margin
from tests.trading.tickets import ticket
from trading.margin.types import AccountMode
from trading.models import Command, Difference, MarginChange, Position
from trading.models.commands import CommandState
from trading.services.commands import StillChecking
from trading.services.effects import MOVED_TOGETHER
from trading.services.margin import change_margin
from trading.services.orders import place_order
from trading.services.readings import EVERYTHING
from trading.services.reconcile import look, prove
from trading.services.sync import sync_account
from trading.venues.base import AccountSnapshot, PlaceOrder, market_order


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_margin_is_added_exactly_once_whatever_got_lost(desk: Desk, fault: str) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    desk.sandbox.fault(fault, "updateIsolatedMargin", count=1)

    command = change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4())
    assert command.state == CommandState.UNKNOWN

    assert prove(desk.adapter, command)

    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED
    assert desk.adapter.account(desk.account.address).positions[0].cash == held.cash + 25
    sync_account(desk.adapter, desk.account)
    assert MarginChange.objects.get().amount == 25


def test_one_effect_never_proves_two_changes(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    first = unknown_margin(desk, 25, "drop_after")

    desk.sandbox.fault("drop_before", "any", count=4)  # the first cannot be proven now
    with pytest.raises(StillChecking):
        change_margin(desk.adapter, desk.account, held, amount=Decimal(-10), form_key=uuid4())
    desk.sandbox.clear_faults()
    # ... and now it is proven before the second is written down.
    change_margin(desk.adapter, desk.account, held, amount=Decimal(-10), form_key=uuid4())
    first.refresh_from_db()
    assert first.state == CommandState.ACCEPTED
    assert desk.adapter.account(desk.account.address).positions[0].cash == held.cash + 15
    assert MarginChange.objects.count() == 2


@pytest.mark.parametrize(
    ("fault", "end", "moved"), [("drop_after", CommandState.ACCEPTED, 50), ("drop_before", CommandState.DEAD, 25)]
)
def test_margin_is_added_while_an_earlier_addition_is_unknown_and_both_are_told_apart(
    desk: Desk, fault: str, end: CommandState, moved: int
) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    first = unknown_margin(desk, 25, fault)

    second = change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4())

    assert second.state == CommandState.ACCEPTED
    assert desk.adapter.account(desk.account.address).positions[0].cash == held.cash + moved
    assert proven(desk, expire(first))
    first.refresh_from_db()
    assert first.state == end


@pytest.mark.parametrize("is_shown_late", [False, True])
@pytest.mark.parametrize(
    ("amount", "fault", "end"),
    [(25, "drop_after", CommandState.ACCEPTED), (-25, "drop_before", CommandState.DEAD)],
)
def test_addition_that_the_venue_does_not_show_yet_decides_nothing_about_an_earlier_change(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, amount: int, fault: str, end: CommandState, *, is_shown_late: bool
) -> None:
    """It is accepted while the venue is asked for the collateral, or just before."""
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    lost = expire(unknown_margin(desk, amount, fault))
    read, beside = desk.adapter.account, [Decimal(25)]

    def read_before(address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        asked_at, shown = timezone.now(), read(address, mode=mode)
        if beside:
            other = change_margin(desk.adapter, desk.account, held, amount=beside.pop(), form_key=uuid4())
            assert other.state == CommandState.ACCEPTED
            if is_shown_late:
                before = min(desk.adapter.settling, asked_at - lost.prepared_at) / 2
                Command.objects.filter(pk=other.pk).update(settled_at=asked_at - before)
        return shown

    monkeypatch.setattr(desk.adapter, "account", read_before)
    found = look(desk.adapter, lost)
    assert (beside, found.is_settled, found.earliest > 0) == ([], False, True)

    assert proven(desk, lost)

    lost.refresh_from_db()
    assert lost.state == end


def test_additions_that_nobody_heard_never_prove_each_other(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    first = unknown_margin(desk, 25, "drop_after")
    second = unknown_margin(desk, 25, "drop_before")

    assert prove(desk.adapter, expire(second))
    second.refresh_from_db()
    assert (second.state, second.message) == (CommandState.UNPROVEN, MOVED_TOGETHER)
    assert prove(desk.adapter, expire(first))
    first.refresh_from_db()
    assert first.state == CommandState.UNPROVEN


@pytest.mark.parametrize(("amount", "fault"), [(25, "drop_after"), (-25, "drop_before")])
def test_addition_while_the_state_before_is_read_leaves_open_what_a_lost_change_did(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, amount: int, fault: str
) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    read, beside = desk.adapter.account, [Decimal(25)]

    def read_late(address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        if beside:
            other = change_margin(desk.adapter, desk.account, held, amount=beside.pop(), form_key=uuid4())
            assert other.state == CommandState.ACCEPTED
            desk.sandbox.fault(fault, "updateIsolatedMargin", count=1)
        return read(address, mode=mode)

    monkeypatch.setattr(desk.adapter, "account", read_late)
    lost = change_margin(desk.adapter, desk.account, held, amount=Decimal(amount), form_key=uuid4())
    assert (lost.state, Decimal(lost.before["cash"])) == (CommandState.UNKNOWN, held.cash + 25)

    assert prove(desk.adapter, expire(lost))

    lost.refresh_from_db()
    assert (lost.state, lost.message) == (CommandState.UNPROVEN, MOVED_TOGETHER)


def test_change_whose_state_before_could_not_be_read_is_never_proven_by_an_earlier_one(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    held = Position.objects.select_related("market", "account").get()
    assert (
        change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4()).state
        == CommandState.ACCEPTED
    )
    # What was read after it did not come to be stored.
    Position.objects.filter(pk=held.pk).update(cash=held.cash, venue_time=held.venue_time)
    desk.sandbox.fault("error_before", "info", count=1)
    lost = unknown_margin(desk, 25, "drop_before")
    assert Decimal(lost.before["cash"]) == held.cash

    assert prove(desk.adapter, expire(lost))

    lost.refresh_from_db()
    assert (lost.state, lost.message) == (CommandState.UNPROVEN, MOVED_TOGETHER)


@pytest.mark.parametrize(("fault", "moved"), [("drop_before", 25), ("drop_after", 50)])
def test_change_that_the_venue_does_not_show_yet_proves_no_other_and_is_no_difference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: str, moved: int
) -> None:
    """The venue has accepted the first, and still shows the collateral as it was when the second is written down."""
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    sync_account(desk.adapter, desk.account, EVERYTHING)
    held = Position.objects.select_related("market", "account").get()
    with monkeypatch.context() as patched:
        patched.setattr(type(desk.adapter), "settling", timedelta(minutes=10))
        late = desk.adapter.account(desk.account.address)
        patched.setattr(desk.adapter, "account", lambda *_, **__: late)
        assert (
            change_margin(desk.adapter, desk.account, held, amount=Decimal(25), form_key=uuid4()).state
            == CommandState.ACCEPTED
        )
        lost = unknown_margin(desk, 25, fault)
    assert Decimal(lost.before["cash"]) == held.cash

    assert prove(desk.adapter, expire(lost))

    lost.refresh_from_db()
    assert (lost.state, lost.message) == (CommandState.UNPROVEN, MOVED_TOGETHER)
    assert not Difference.objects.exists()
    sync_account(desk.adapter, desk.account, EVERYTHING)
    assert Position.objects.get().cash == held.cash + moved
    own = MarginChange.objects.exclude(command=None).get()
    assert (own.amount, own.liquidation_before != own.liquidation_after) == (Decimal(25), True)


def reduction(desk: Desk, size: str) -> PlaceOrder:
    """A sale of the long, as another client of the venue would send it."""
    return market_order(
        desk.market.rules,
        is_buy=False,
        size=Decimal(size),
        mark=Decimal(86000),
        slippage=Decimal("0.03"),
        reduce_only=True,
    )


def test_reduction_in_between_does_not_prove_a_margin_change(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    lost = unknown_margin(desk, 25, "drop_before")
    elsewhere(desk, reduction(desk, "0.005"))

    assert prove(desk.adapter, expire(lost))

    lost.refresh_from_db()
    assert lost.state == CommandState.UNPROVEN
    assert "cannot be told" in lost.message
    assert not MarginChange.objects.exists()


def test_margin_that_was_added_is_never_called_dead_after_the_position_closed(desk: Desk) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(leverage=5))
    lost = unknown_margin(desk, 25, "drop_after")
    elsewhere(desk, reduction(desk, "0.01"))

    assert prove(desk.adapter, expire(lost))

    lost.refresh_from_db()
    assert lost.state == CommandState.UNPROVEN
