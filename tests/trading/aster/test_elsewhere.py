"""What is done at a venue with another tool appears by itself, at either venue: on record, counted and taken over."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.trading.aster.another_tool import Elsewhere, trader
from tests.trading.tickets import ticket
from trading.live.told import Told
from trading.margin.types import MarginMode
from trading.models import (
    Difference,
    Fill,
    FundingPayment,
    LedgerEntry,
    MarginChange,
    Order,
    Position,
    Preference,
    Setting,
    SettingChange,
    VenueAccount,
)
from trading.panels.orders import build_orders
from trading.portfolio import desk_of
from trading.services import executions
from trading.services.apply_account import SET_ELSEWHERE
from trading.services.differences import MOVED_ELSEWHERE, TAKEN
from trading.services.looks import Came
from trading.services.orders import place_order
from trading.services.streamed import apply_reports, store
from trading.services.sync import sync_account
from trading.venues.base import (
    AdjustMargin,
    OrderReport,
    OrderState,
    PlaceOrder,
    SetLeverage,
    Venue,
)
from trading.venues.errors import Rejected

__all__ = ["trader"]


def test_leverage_set_elsewhere_is_on_record_and_counted(trader: Elsewhere) -> None:
    trader.hold()
    trader.do(SetLeverage(trader.market.rules, MarginMode.ISOLATED, 20))

    assert trader.read(2) == [("setting", "isolated 10x", "isolated 20x", SET_ELSEWHERE)]
    change = SettingChange.objects.get()
    assert (change.leverage_before, change.leverage, change.command) == (10, 20, None)
    assert (Position.objects.get().leverage, Difference.objects.get().healed_at is not None) == (20, True)


def test_leverage_that_we_set_is_no_difference(trader: Elsewhere) -> None:
    trader.hold()
    place_order(trader.adapter, trader.account, trader.market, ticket(size=Decimal("0.02"), leverage=20))

    assert trader.read() == []
    assert SettingChange.objects.get().command is not None


def test_mode_set_elsewhere_is_on_record_and_counted(trader: Elsewhere) -> None:
    """No venue changes the mode of an open position: it went, and another one in the other mode came."""
    trader.hold()
    with pytest.raises(Rejected):
        trader.do(SetLeverage(trader.market.rules, MarginMode.CROSS, 10))
    assert trader.read() == []
    trader.trade("-0.02")
    trader.do(SetLeverage(trader.market.rules, MarginMode.CROSS, 7))
    trader.trade("0.02")

    assert trader.read(2) == [("setting", "isolated 10x", "cross 7x", SET_ELSEWHERE)]
    change = SettingChange.objects.get()
    assert (change.mode_before, change.mode, change.leverage, change.command) == ("isolated", "cross", 7, None)
    held = Position.objects.get()
    assert (held.mode, held.leverage) == ("cross", 7)


def test_margin_moved_elsewhere_is_a_margin_change(trader: Elsewhere) -> None:
    trader.hold()
    trader.do(AdjustMargin(trader.market.rules, is_buy=True, amount=Decimal(30)))

    ((kind, ours, venues, explanation),) = trader.read(2)
    assert (kind, Decimal(venues) - Decimal(ours), explanation) == ("margin", Decimal(30), MOVED_ELSEWHERE)
    change = MarginChange.objects.get()
    assert (change.amount, change.command) == (Decimal(30), None)


def test_funding_makes_nobody_wait_for_executions_and_a_trade_does(trader: Elsewhere) -> None:
    """All isolated positions of a market are funded at once."""
    trader.hold()
    cash = Position.objects.get().cash
    trader.sandbox.pay_funding(trader.venue)

    assert trader.look() == (Came.READ, False)
    assert Position.objects.get().cash != cash
    trader.sandbox.pay_funding(trader.venue)
    trader.trade("0.01")
    assert trader.look() == (Came.MOVED, True)


def test_margin_moved_elsewhere_between_fundings_is_found_by_the_look_that_can_tell_and_recorded(
    trader: Elsewhere,
) -> None:
    """Only Hyperliquid shows the funding that a position paid; at both the next whole reading tells the two apart."""
    trader.hold()
    trader.sandbox.pay_funding(trader.venue)
    trader.do(AdjustMargin(trader.market.rules, is_buy=True, amount=Decimal(30)))

    is_told = trader.venue == "hyperliquid"
    assert trader.look() == ((Came.MOVED, True) if is_told else (Came.READ, False))
    assert sync_account(trader.adapter, trader.account)
    change = MarginChange.objects.get()
    assert (change.amount, FundingPayment.objects.count()) == (Decimal(30), 1)
    assert trader.look() == (Came.READ, False)


def test_trades_funding_and_transfers_appear_and_explain_themselves(trader: Elsewhere) -> None:
    trader.read(2)
    before = LedgerEntry.objects.filter(account=trader.account_id).count()
    trader.trade("0.02")
    trader.sandbox.pay_funding(trader.venue)
    trader.sandbox.fund(trader.account.address, "250", venue=trader.venue)
    trader.trade("-0.01")

    assert trader.read(2) == []
    fills = Fill.objects.order_by("happened_at", "pk").values_list("is_buy", "size")
    assert list(fills) == [(True, Decimal("0.02")), (False, Decimal("0.01"))]
    assert (Position.objects.get().size, FundingPayment.objects.count()) == (Decimal("0.01"), 1)
    assert LedgerEntry.objects.filter(account=trader.account_id).count() == before + 1


@pytest.mark.parametrize("is_streamed", [False, True])
def test_order_made_elsewhere_reserves_by_what_is_set_in_its_market(trader: Elsewhere, is_streamed: bool) -> None:
    """Nothing was ever held or chosen there, so the venue is asked what is set; once."""
    rules, owner, venue = trader.market.rules, trader.account.trader, Venue(trader.venue)
    trader.read()
    trader.do(SetLeverage(rules, MarginMode.ISOLATED, 16))
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    if is_streamed:
        told = Told(orders=trader.adapter.open_orders(trader.account.address), orders_at=timezone.now())
        assert store(trader.adapter, trader.account, told)
    else:
        trader.read()

    assert desk_of(owner, venue).engine.order_margin == Decimal("0.01") * 80000 / 16
    told_at = Setting.objects.get().told_at
    trader.read()
    assert Setting.objects.get().told_at == told_at


def test_figures_that_were_told_are_kept_though_the_reading_they_call_for_is_not_answered(trader: Elsewhere) -> None:
    trader.hold()
    trader.trade("0.01")
    before, snapshot = trader.account.synced_at, trader.adapter.account(trader.account.address)
    trader.sandbox.fault("error_before", "any", probability=1.0)

    is_read = store(trader.adapter, trader.account, Told(snapshot=snapshot, must_read=True))

    trader.sandbox.clear_faults()
    assert not is_read
    assert before is not None
    assert trader.account.synced_at == snapshot.received_at > before
    assert Position.objects.get().size == Decimal("0.03")
    assert trader.account.behind_since is not None


def test_order_reserves_by_what_is_set_and_not_by_what_its_trader_wished(trader: Elsewhere) -> None:
    rules, owner, venue = trader.market.rules, trader.account.trader, Venue(trader.venue)
    Preference(trader=owner, market=trader.market, mode="cross", leverage=3).save()
    trader.do(SetLeverage(rules, MarginMode.ISOLATED, 16))
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    trader.read()

    desk = desk_of(owner, venue)
    assert desk.engine.order_margin == Decimal("0.01") * 80000 / 16
    assert [row.mode_label for row in build_orders(desk)] == ["Isolated"]


def test_order_in_a_market_of_which_nothing_is_known_reserves_at_most_all_it_is_worth(
    trader: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader.do(PlaceOrder(trader.market.rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    monkeypatch.setattr(executions, "leave_room", lambda *_: False)
    trader.read()

    assert desk_of(trader.account.trader, Venue(trader.venue)).engine.order_margin == Decimal(800)
    assert not Setting.objects.exists()


def test_order_that_the_venue_turned_away_never_was_one(trader: Elsewhere) -> None:
    rules, address = trader.market.rules, trader.account.address
    trader.do(PlaceOrder(rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80000)))
    (listed,) = trader.adapter.open_orders(address)

    for state, label in ((OrderState.REJECTED, "rejected"), (OrderState.FILLED, "any word")):
        assert apply_reports(trader.account, [OrderReport(state, label, listed, timezone.now())]).are_known

    assert [order.end for order in Order.objects.all()] == ["filled"]


@pytest.mark.parametrize(
    ("subject", "forge", "kind"),
    [
        ("position {market}", lambda value: value / 2, "position"),
        ("balance", lambda value: value - 10, "balance"),
    ],
)
def test_what_nothing_explains_is_counted_and_the_venue_is_right(
    trader: Elsewhere, subject: str, forge: Callable[[Decimal], Decimal], kind: str
) -> None:
    trader.hold()
    anchors = trader.account.anchors
    name = subject.format(market=trader.market_name)
    found = Decimal(anchors[name][0])
    anchors[name] = [f"{forge(found):f}", datetime.now(UTC).isoformat(), anchors[name][2]]
    VenueAccount.objects.filter(pk=trader.account_id).update(anchors=anchors)

    assert [row[0] for row in trader.read()] == [kind]
    assert Difference.objects.get().healed_at is None
    assert [row[3] for row in trader.read(2)] == [TAKEN]
    assert Decimal(trader.account.anchors[name][0]) == found
