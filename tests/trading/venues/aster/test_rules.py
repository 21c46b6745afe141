"""What is refused before it is signed, and what a page offers."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.venues.aster.figures import ASTER, market
from trading.margin.types import AccountMode, MarginMode
from trading.venues.aster import rules
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Capabilities,
    Command,
    MarketSpec,
    ModifyOrder,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)
from trading.venues.errors import InvalidCommand, Reason

BITCOIN = market()
CLOSED = market(delisted=True)
DOLLAR = msgspec.structs.replace(BITCOIN, name="BTCUSD1", collateral="USD1")
STOP = Trigger(Decimal("58000"), TriggerKind.STOP_LOSS)
BUILDER = "0x1F5877C19e3777Cfd15F9d57253eA4aA5254Ec39"


def order(price: str = "60000.1", size: str = "0.001", spec: MarketSpec = BITCOIN, **changes: object) -> PlaceOrder:
    made = PlaceOrder(spec, is_buy=True, size=Decimal(size), limit_price=Decimal(price))
    return replace(made, **changes)  # type: ignore[arg-type]


def fee(rate: str) -> BuilderFee:
    return BuilderFee(BUILDER, Decimal(rate))


@pytest.mark.parametrize(
    "command",
    [
        order(),
        order("0.5", "20", ASTER),
        order("1", "0.001", reduce_only=True),
        order(spec=CLOSED, reduce_only=True),
        order(spec=DOLLAR, reduce_only=True),
        order("0", "0", reduce_only=True, trigger=STOP),
        order("0.05", reduce_only=True, trigger=STOP),
        order(builder=fee("0.001")),
        PlaceOrders((order(), order())),
        PlaceOrders((order("0", "0", reduce_only=True, trigger=STOP),), Attachment.POSITION),
        ModifyOrder(1, order()),
        order(time_in_force=TimeInForce.FILL_OR_KILL),
        CancelOrders(tuple(CancelOrder(BITCOIN, number) for number in range(10))),
        SetLeverage(BITCOIN, MarginMode.ISOLATED, 125),
        AdjustMargin(BITCOIN, is_buy=True, amount=Decimal("-0.00000001")),
    ],
)
def test_what_the_venue_takes_passes(command: Command) -> None:
    rules.check(command)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (order("60000.15"), Reason.PRICE_TICK),
        (order("0.50005", "20", ASTER), Reason.PRICE_TICK),
        (order("0"), Reason.PRICE_TICK),
        (order("NaN"), Reason.PRICE_TICK),
        (order(size="0.0015"), Reason.SIZE_INVALID),
        (order(size="0"), Reason.SIZE_INVALID),
        (order(size="-0.001"), Reason.SIZE_INVALID),
        (order(size="Infinity"), Reason.SIZE_INVALID),
        (order("4999.9"), Reason.BELOW_MINIMUM),
        (order(spec=CLOSED), Reason.NOT_PERMITTED),
        (order(builder=fee("0.0011")), Reason.BUILDER_NOT_APPROVED),
        (order(builder=fee("-0.0001")), Reason.BUILDER_NOT_APPROVED),
        (order(builder=fee("NaN")), Reason.BUILDER_NOT_APPROVED),
        (order("0", "0", trigger=STOP), Reason.SIZE_INVALID),
        (order("0", "0", reduce_only=True, trigger=replace(STOP, is_market=False)), Reason.SIZE_INVALID),
        (order(trigger=replace(STOP, price=Decimal("58000.05"))), Reason.PRICE_TICK),
        (order("60000.15", trigger=replace(STOP, is_market=False)), Reason.PRICE_TICK),
        (order(trigger=STOP, time_in_force=TimeInForce.POST_ONLY), Reason.TRIGGER_PRICE),
        (PlaceOrders(()), Reason.BATCH_TOO_LARGE),
        (PlaceOrders((order(),) * 6), Reason.BATCH_TOO_LARGE),
        (PlaceOrders((order(), order("0"))), Reason.PRICE_TICK),
        (PlaceOrders((order(), order(trigger=STOP, reduce_only=True)), Attachment.PARENT), Reason.NOT_PERMITTED),
        (PlaceOrders((order(),), Attachment.POSITION), Reason.TRIGGER_PRICE),
        (ModifyOrder(1, order(trigger=STOP)), Reason.NOT_PERMITTED),
        (ModifyOrder(1, order("0")), Reason.PRICE_TICK),
        (order("0", time_in_force=TimeInForce.FILL_OR_KILL), Reason.PRICE_TICK),
        (order(trigger=STOP, time_in_force=TimeInForce.FILL_OR_KILL), Reason.TRIGGER_PRICE),
        (CancelOrders(()), Reason.BATCH_TOO_LARGE),
        (CancelOrders((CancelOrder(BITCOIN, 1),) * 11), Reason.BATCH_TOO_LARGE),
        (SetLeverage(BITCOIN, MarginMode.ISOLATED, 126), Reason.LEVERAGE_INVALID),
        (SetLeverage(BITCOIN, MarginMode.ISOLATED, 0), Reason.LEVERAGE_INVALID),
        (AdjustMargin(BITCOIN, is_buy=True, amount=Decimal(0)), Reason.AMOUNT_ZERO),
    ],
)
def test_what_the_venue_would_refuse_is_told_before(command: Command, reason: Reason) -> None:
    with pytest.raises(InvalidCommand) as caught:
        rules.check(command)
    assert caught.value.reason is reason
    assert caught.value.explanation.endswith(".")


def offered(found: Capabilities) -> dict[str, bool]:
    names = ("use_cross", "change_mode", "raise_leverage", "lower_leverage", "add_margin", "remove_margin")
    permissions = {name: getattr(found, name) for name in names}
    for name, permission in permissions.items():
        assert permission.allowed == (permission.reason == ""), name
        assert permission.allowed or permission.reason.endswith("."), name
    return {name: permission.allowed for name, permission in permissions.items()}


# position, orders, mode of the position -> what is open
OFFERS = [
    (False, False, None, {"use_cross", "change_mode", "raise_leverage", "lower_leverage"}),
    (False, True, None, {"use_cross", "raise_leverage", "lower_leverage"}),
    (True, False, None, {"use_cross", "raise_leverage", "add_margin", "remove_margin"}),
    (True, True, MarginMode.ISOLATED, {"use_cross", "raise_leverage", "add_margin", "remove_margin"}),
    (True, False, MarginMode.CROSS, {"use_cross", "raise_leverage", "lower_leverage"}),
]


@pytest.mark.parametrize(("has_position", "has_orders", "mode", "expected"), OFFERS)
def test_what_a_market_allows(
    mode: MarginMode | None, expected: set[str], *, has_position: bool, has_orders: bool
) -> None:
    found = rules.capabilities(has_position=has_position, has_orders=has_orders, mode=mode)
    assert {name for name, allowed in offered(found).items() if allowed} == expected


def test_a_multi_asset_account_keeps_leverage_and_loses_margin_of_its_own() -> None:
    found = rules.capabilities(
        has_position=True, has_orders=False, mode=MarginMode.CROSS, account_mode=AccountMode.MULTI_ASSET
    )
    assert {name for name, allowed in offered(found).items() if allowed} == {
        "use_cross",
        "raise_leverage",
        "lower_leverage",
    }
    for permission in (found.change_mode, found.add_margin, found.remove_margin):
        assert "Leave multi-asset mode" in permission.reason


def test_a_hedge_account_is_closed_altogether_with_the_way_out() -> None:
    found = rules.capabilities(has_position=True, has_orders=True, hedge_mode=True)
    assert set(offered(found).values()) == {False}
    for name in offered(found):
        assert "Switch to one-way mode" in getattr(found, name).reason


BOUNDED = msgspec.structs.replace(BITCOIN, min_size=Decimal("0.002"), max_size=Decimal(10), max_market_size=Decimal(2))


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ("0.001", "The smallest order here is 0.002 BTC. Raise the size."),
        ("10.001", "One order may have at most 10 BTC here. Split it."),
    ],
)
def test_sizes_stay_within_the_markets_bounds(size: str, sentence: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        rules.check(PlaceOrder(BOUNDED, is_buy=True, size=Decimal(size), limit_price=Decimal(60000)))

    assert (caught.value.explanation, caught.value.reason) == (sentence, Reason.SIZE_INVALID)


@pytest.mark.parametrize(
    ("changes", "most"),
    [({}, 10), ({"at_market": True}, 2), ({"at_market": True, "reduce_only": True}, 10), ({"trigger": STOP}, 2)],
)
def test_order_at_market_has_a_bound_of_its_own(changes: dict[str, Any], most: int) -> None:
    """What only reduces goes out with a limit."""
    assert rules.order_bound(order(spec=BOUNDED, **changes)) == most


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({}, "0.084"),  # 5 USDT at its limit of 60
        ({"at_market": True}, "0.1"),  # at the mark of 50
        ({"trigger": Trigger(Decimal(40), TriggerKind.STOP_LOSS)}, "0.125"),
        ({"trigger": Trigger(Decimal(40), TriggerKind.STOP_LOSS, is_market=False)}, "0.084"),
        ({"reduce_only": True}, "0.002"),
    ],
)
def test_least_order_is_worth_five_unless_it_only_reduces(changes: dict[str, Any], least: str) -> None:
    """Aster 2.1: MIN_NOTIONAL, LOT_SIZE."""
    assert rules.order_least(order("60", spec=BOUNDED, **changes), Decimal(50)) == Decimal(least)


def test_market_orders_stay_inside_the_price_band() -> None:
    """A band of 2 % leaves 1.6 % to a market order, whatever more the trader would have accepted."""
    banded = msgspec.structs.replace(BITCOIN, max_slippage=Decimal("0.02"))

    bounds = [
        market_order(
            banded, is_buy=is_buy, size=Decimal(1), mark=Decimal(100000), slippage=Decimal(slippage)
        ).limit_price
        for is_buy, slippage in ((True, "0.03"), (False, "0.03"), (True, "0.01"))
    ]

    assert bounds == [Decimal(101600), Decimal(98400), Decimal(101000)]


def test_hedge_account_is_closed_for_trading_with_the_way_out() -> None:
    found = rules.capabilities(has_position=True, has_orders=False, hedge_mode=True)

    assert found.trade.allowed is False
    assert found.trade.reason.endswith("Close them and switch to one-way mode at the venue.")


@pytest.mark.parametrize(
    "command",
    [
        order(spec=DOLLAR),
        PlaceOrders((order(), order(spec=DOLLAR))),
        ModifyOrder(1, order(spec=DOLLAR)),
    ],
)
def test_nothing_is_opened_in_another_collateral(command: Command) -> None:
    with pytest.raises(InvalidCommand, match=r"BTCUSD1 is settled in USD1\. Only USDT markets") as caught:
        rules.check(command)
    assert caught.value.reason is Reason.NOT_PERMITTED
