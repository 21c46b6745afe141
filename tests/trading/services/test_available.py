"""What the venue says may be used, where an account's own sums mean little (Hyperliquid 2.6, 3.9)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.cache import cache
from django.utils import timezone

from tests.factories import make_market, make_order
from tests.trading.conftest import Desk
from tests.trading.elsewhere import choose_mode, elsewhere, settled
from tests.trading.tickets import ticket
from trading.connect import gateway_of
from trading.live.publish import Fragment, announce_shapes, turns
from trading.margin.types import MarginMode, Side
from trading.models import Market, Setting, VenueAccount
from trading.services import available, executions
from trading.services.available import (
    ask_available,
    ask_where_orders_rest,
    available_now,
    free_in,
    holds,
    largest_told,
    last_available,
)
from trading.services.orders import place_order
from trading.services.readings import weights_of
from trading.services.sync import sync_account
from trading.venues.base import PlaceOrder
from trading.venues.snapshots import Network, Venue


@pytest.fixture
def unified(desk: Desk) -> Desk:
    choose_mode(desk, "unifiedAccount")
    assert settled(desk, times=2) == []
    assert desk.reread().mode == "unified"
    return desk


def told(desk: Desk) -> dict[str, Any]:
    """The venue's own answer."""
    answer: dict[str, Any] = desk.sandbox.info("activeAssetData", user=desk.account.address, coin="BTC")
    return answer


def maximum(desk: Desk, side: Side, held: str = "0") -> Decimal:
    known = last_available(desk.account, desk.market)
    assert known is not None
    setting = known.setting
    return largest_told(known, desk.market.rules, Decimal(held), side, setting.leverage, setting.mark)


def age(desk: Desk, by: timedelta) -> None:
    """Make the kept answer as old as this."""
    known = last_available(desk.account, desk.market)
    assert known is not None
    older = available.Available(known.setting, known.asked_at - by, known.turn)
    cache.set(available._key(desk.account, desk.market), older)
    cache.delete(f"{available._key(desk.account, desk.market)}:asked")


def test_largest_size_is_the_venues_own_on_both_sides(unified: Desk) -> None:
    assert ask_available(unified.account, unified.market) is not None
    wanted = [Decimal(size) for size in told(unified)["maxTradeSzs"]]
    assert [maximum(unified, Side.LONG), maximum(unified, Side.SHORT)] == wanted
    assert wanted[0] > 0


@pytest.mark.parametrize("mode", [MarginMode.ISOLATED, MarginMode.CROSS])
def test_side_that_closes_first_may_be_larger(unified: Desk, mode: MarginMode) -> None:
    wanted = ticket(mode=mode, size=Decimal("0.05"), leverage=10)
    assert place_order(unified.adapter, unified.account, unified.market, wanted).state == "accepted"
    known = ask_available(unified.account, unified.market)
    assert known is not None
    answer = told(unified)

    sizes = [Decimal(size) for size in answer["maxTradeSzs"]]
    assert sizes[1] > sizes[0]
    assert maximum(unified, Side.LONG, "0.05") == sizes[0]
    # Sizes are cut to the lot once by the venue and once by us.
    assert 0 <= sizes[1] - maximum(unified, Side.SHORT, "0.05") <= unified.market.rules.size_step
    both = [free_in(known, Decimal("0.05"), side) for side in (Side.LONG, Side.SHORT)]
    assert both == [Decimal(answer["availableToTrade"][0])] * 2


def test_standard_account_is_never_asked_for(desk: Desk) -> None:
    assert available_now(desk.account, desk.market, timezone.now()) is None
    assert not available.is_asked_for(desk.account)
    assert not available.is_asked_for(None)


def test_venue_is_asked_once_for_all_who_look(unified: Desk) -> None:
    first = ask_available(unified.account, unified.market)
    assert first is not None
    assert ask_available(unified.account, unified.market) == first
    age(unified, available.ASKED_EVERY)
    second = ask_available(unified.account, unified.market)
    assert second is not None
    assert second.asked_at > first.asked_at


def test_answer_holds_until_it_is_old_or_the_account_changes(unified: Desk) -> None:
    account = unified.account
    known = ask_available(account, unified.market)
    assert known is not None
    assert holds(known, account, known.asked_at)
    assert not holds(known, account, known.asked_at + available.HOLDS_FOR)

    before = turns(account.operator_id, [account.pk])[account.pk]
    announce_shapes(account.operator_id, {account.pk: {Fragment.POSITIONS: "one"}})
    announce_shapes(account.operator_id, {account.pk: {Fragment.POSITIONS: "another"}})
    assert turns(account.operator_id, [account.pk])[account.pk] > before
    assert not holds(known, account, known.asked_at)


def test_silent_venue_leaves_the_old_answer_which_does_not_hold(unified: Desk) -> None:
    known = ask_available(unified.account, unified.market)
    assert known is not None
    age(unified, available.HOLDS_FOR)
    unified.sandbox.fault("drop_before", "activeAssetData", count=1)

    assert ask_available(unified.account, unified.market) == last_available(unified.account, unified.market)
    assert available_now(unified.account, unified.market, timezone.now()) is None


def test_nothing_is_asked_without_room_and_the_old_answer_stands(
    unified: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ask_available(unified.account, unified.market)
    assert known is not None
    age(unified, available.HOLDS_FOR)
    refuse = Mock(return_value=False)
    monkeypatch.setattr(executions, "leave_room", refuse)

    old = ask_available(unified.account, unified.market)

    refuse.assert_called_once_with(Venue.HYPERLIQUID, Network.TESTNET, 20)
    assert old is not None
    assert old.asked_at == known.asked_at - available.HOLDS_FOR
    assert last_available(unified.account, unified.market) == old


@pytest.mark.parametrize(("fault", "told"), [("malformed", 1), ("drop_before", 0)])
def test_market_that_cannot_be_told_is_in_no_others_way_while_the_venue_answers(
    desk: Desk, fault: str, told: int
) -> None:
    ether = Market.objects.get(name="ETH", venue="hyperliquid")
    for market, size, price in ((desk.market, "0.01", 80000), (ether, "0.5", 2000)):
        elsewhere(desk, PlaceOrder(market.rules, is_buy=True, size=Decimal(size), limit_price=Decimal(price)))
    desk.sandbox.fault(fault, "activeAssetData", count=1)

    assert sync_account(desk.adapter, desk.account)

    assert Setting.objects.count() == told


def test_markets_that_can_never_be_told_shadow_no_other_for_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance draws whose turn it is, and here it draws the last ones."""
    ether = Market.objects.get(name="ETH", venue="hyperliquid")
    gone = [make_market(f"GONE{number}") for number in range(available.ASKED_AT_ONCE)]
    for market in (*gone, ether):
        make_order(desk.account, market)
    monkeypatch.setattr("trading.services.available.random.sample", lambda rows, k: rows[-k:])

    ask_where_orders_rest(desk.adapter, desk.account)

    assert list(Setting.objects.values_list("market", flat=True)) == [ether.pk]


def test_question_costs_what_it_is_counted_as() -> None:
    body = b'{"type":"activeAssetData","user":"0x1","coin":"BTC"}'
    assert gateway_of(Venue.HYPERLIQUID).tariff.cost("POST", "/info", body).weight == (
        weights_of(Venue.HYPERLIQUID).executions
    )


def test_answers_are_kept_apart_by_operator_account_and_market(unified: Desk) -> None:
    ask_available(unified.account, unified.market)
    other = VenueAccount(pk=unified.account.pk + 1, operator_id=unified.account.operator_id, mode="unified")
    assert last_available(other, unified.market) is None
