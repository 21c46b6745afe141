"""Commands, and each as the line and the parameters that the venue takes."""

from dataclasses import replace
from decimal import Decimal

from tests.trading.venues.aster.figures import market
from trading.margin.types import MarginMode
from trading.venues.base import (
    AdjustMargin,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    ModifyOrder,
    Noop,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    SetMarginMode,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)

BITCOIN = market()
BUILDER = BuilderFee("0x1F5877C19e3777Cfd15F9d57253eA4aA5254Ec39", Decimal("0.00025"))


def limit(price: str = "60000.1", size: str = "0.001", **changes: object) -> PlaceOrder:
    order = PlaceOrder(BITCOIN, is_buy=True, size=Decimal(size), limit_price=Decimal(price))
    return replace(order, **changes)  # type: ignore[arg-type]


def triggered(kind: TriggerKind, size: str = "0.001", *, is_market: bool = True) -> PlaceOrder:
    trigger = Trigger(Decimal("58000"), kind, is_market)
    return limit("57900", size, is_buy=False, reduce_only=True, trigger=trigger)


CASES: list[tuple[Command, str, str]] = [
    (limit(), "POST order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=60000.1"),
    (
        limit(time_in_force=TimeInForce.POST_ONLY, client_id="op:12/ab_C.9-z"),
        "POST order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.001&price=60000.1"
        "&newClientOrderId=op%3A12%2Fab_C.9-z&newOrderRespType=RESULT",
    ),
    (
        limit(time_in_force=TimeInForce.FILL_OR_KILL, reduce_only=True),
        "POST order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=0.001&price=60000.1&reduceOnly=true"
        "&newOrderRespType=RESULT",
    ),
    (
        market_order(BITCOIN, is_buy=False, size=Decimal("0.03"), mark=Decimal("60000"), slippage=Decimal("0.01")),
        "POST order",
        "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.03&price=59400&newOrderRespType=RESULT",
    ),
    (
        limit(at_market=True, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, client_id="a1", builder=BUILDER),
        "POST order",
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId=a1&newOrderRespType=RESULT"
        f"&builder={BUILDER.address}&feeRate=0.00025",
    ),
    (
        limit(at_market=True, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, reduce_only=True),
        "POST order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price=60000.1&reduceOnly=true"
        "&newOrderRespType=RESULT",
    ),
    (
        triggered(TriggerKind.STOP_LOSS),
        "POST order",
        "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.001&stopPrice=58000&reduceOnly=true"
        "&workingType=MARK_PRICE",
    ),
    (
        triggered(TriggerKind.STOP_LOSS, is_market=False),
        "POST order",
        "symbol=BTCUSDT&side=SELL&type=STOP&quantity=0.001&price=57900&stopPrice=58000&reduceOnly=true"
        "&workingType=MARK_PRICE",
    ),
    (
        triggered(TriggerKind.TAKE_PROFIT, "0"),
        "POST order",
        "symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT_MARKET&stopPrice=58000&closePosition=true&workingType=MARK_PRICE",
    ),
    (
        triggered(TriggerKind.TAKE_PROFIT, is_market=False),
        "POST order",
        "symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=0.001&price=57900&stopPrice=58000&reduceOnly=true"
        "&workingType=MARK_PRICE",
    ),
    (
        PlaceOrders((limit(size="0.002"), triggered(TriggerKind.STOP_LOSS, "0"))),
        "POST batchOrders",
        "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22%2C"
        "%22timeInForce%22%3A%22GTC%22%2C%22quantity%22%3A%220.002%22%2C%22price%22%3A%2260000.1%22%7D%2C%7B"
        "%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22SELL%22%2C%22type%22%3A%22STOP_MARKET%22%2C%22stopPrice%22"
        "%3A%2258000%22%2C%22closePosition%22%3A%22true%22%2C%22workingType%22%3A%22MARK_PRICE%22%7D%5D",
    ),
    (
        ModifyOrder("abc", limit("59000", "0.002")),
        "PUT order",
        "symbol=BTCUSDT&origClientOrderId=abc&quantity=0.002&price=59000",
    ),
    (CancelOrder(BITCOIN, 17338441758), "DELETE order", "symbol=BTCUSDT&orderId=17338441758"),
    (CancelOrder(BITCOIN, "abc"), "DELETE order", "symbol=BTCUSDT&origClientOrderId=abc"),
    (
        CancelOrders((CancelOrder(BITCOIN, 1), CancelOrder(BITCOIN, 2))),
        "DELETE batchOrders",
        "symbol=BTCUSDT&orderIdList=%5B1%2C2%5D",
    ),
    (
        CancelOrders((CancelOrder(BITCOIN, "a"), CancelOrder(BITCOIN, "b"))),
        "DELETE batchOrders",
        "symbol=BTCUSDT&origClientOrderIdList=%5B%22a%22%2C%22b%22%5D",
    ),
    (SetMarginMode(BITCOIN, MarginMode.CROSS), "POST marginType", "symbol=BTCUSDT&marginType=CROSSED"),
    (SetLeverage(BITCOIN, MarginMode.ISOLATED, 21), "POST leverage", "symbol=BTCUSDT&leverage=21"),
    (
        AdjustMargin(BITCOIN, is_buy=False, amount=Decimal("-3.50000001")),
        "POST positionMargin",
        "symbol=BTCUSDT&amount=3.50000001&type=2",
    ),
    (
        AdjustMargin(BITCOIN, is_buy=True, amount=Decimal(1), client_id="abc"),
        "POST positionMargin",
        "symbol=BTCUSDT&amount=1&type=1&clientTranId=abc",
    ),
    (Noop(), "POST noop", ""),
]
