"""Rows as the venue's documents and recordings print them, cut to what is read."""

from typing import Any

Row = dict[str, Any]

SYMBOL: Row = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 1,
    "marketTakeBound": "0.05",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.1"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "1000", "minQty": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "maxQty": "120", "minQty": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0200", "multiplierDown": "0.9800"},
    ],
}
PREMIUM: Row = {
    "symbol": "BTCUSDT",
    "markPrice": "106630.71786957",
    "indexPrice": "106678.52086957",
    "lastFundingRate": "0.00010000",
    "nextFundingTime": 1750176000000,
    "time": 1750147224000,
}
FUNDING_INFO: Row = {"symbol": "BTCUSDT", "fundingIntervalHours": 4, "fundingFeeCap": None}
DAY: Row = {"symbol": "BTCUSDT", "openPrice": "105151.6", "quoteVolume": "918896966.74"}
BEST: Row = {"symbol": "BTCUSDT", "bidPrice": "106626.8", "askPrice": "106626.9"}
BRACKETS: Row = {
    "symbol": "BTCUSDT",
    "brackets": [
        {"initialLeverage": 125, "notionalCap": 50000, "notionalFloor": 0, "maintMarginRatio": 0.004, "cum": 0},
        {"initialLeverage": 100, "notionalCap": 250000, "notionalFloor": 50000, "maintMarginRatio": 0.005, "cum": 50},
    ],
}
ISOLATED: Row = {
    "symbol": "BTCUSDT",
    "positionAmt": "20.000",
    "entryPrice": "6563.66500",
    "markPrice": "6679.50671178",
    "unRealizedProfit": "2316.83423560",
    "liquidationPrice": "5930.78",
    "leverage": "10",
    "maxNotionalValue": "20000000",
    "marginType": "isolated",
    "isolatedMargin": "15517.54150468",
    "isAutoAddMargin": "false",
    "positionSide": "BOTH",
    "notional": "133590.13423560",
    "isolatedWallet": "13200.70726908",
    "updateTime": 1625474304765,
}
FLAT: Row = ISOLATED | {
    "positionAmt": "0.000",
    "entryPrice": "0.00000",
    "unRealizedProfit": "0.00000000",
    "liquidationPrice": "0",
    "isolatedMargin": "0.00000000",
    "notional": "0.00000000",
    "isolatedWallet": "0.00000000",
    "updateTime": 0,
}
CROSS: Row = FLAT | {
    "symbol": "ETHUSDT",
    "positionAmt": "-0.500",
    "entryPrice": "3000",
    "markPrice": "2900",
    "unRealizedProfit": "50",
    "marginType": "cross",
    "leverage": "20",
    "notional": "-1450",
    "liquidationPrice": "0",
    "updateTime": 1625474304765,
}


def margins(position: Row, maintenance: str, initial: str) -> Row:
    """The same position as the account's answer shows it."""
    return {
        "symbol": position["symbol"],
        "positionSide": position["positionSide"],
        "positionAmt": position["positionAmt"],
        "isolated": position["marginType"] == "isolated",
        "isolatedWallet": position["isolatedWallet"],
        "maintMargin": maintenance,
        "positionInitialMargin": initial,
    }


USDT: Row = {
    "asset": "USDT",
    "walletBalance": "23200.70726908",
    "marginBalance": "25567.54150468",
    "initialMargin": "0",
    "crossWalletBalance": "10000",
    "crossUnPnl": "50",
    "maxWithdrawAmount": "9900",
    "availableBalance": "9927.5",
}
ACCOUNT: Row = {
    "totalMarginBalance": "25567.54150468",
    "totalCrossWalletBalance": "10000",
    "totalCrossUnPnl": "50",
    "maxWithdrawAmount": "9900",
    "assets": [USDT],
    "positions": [margins(ISOLATED, "617.95", "13359"), margins(CROSS, "5.8", "72.5")],
}
ORDER: Row = {
    "orderId": 1917641,
    "symbol": "BTCUSDT",
    "status": "PARTIALLY_FILLED",
    "clientOrderId": "abc",
    "price": "60000.1",
    "avgPrice": "0.00000",
    "origQty": "0.40",
    "executedQty": "0.15",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "origType": "LIMIT",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "workingType": "CONTRACT_PRICE",
    "time": 1579276756075,
    "updateTime": 1579276756999,
}
FILL: Row = {
    "buyer": False,
    "commission": "-0.07819010",
    "commissionAsset": "USDT",
    "id": 698759,
    "maker": False,
    "orderId": 25851813,
    "price": "7819.01",
    "qty": "0.002",
    "realizedPnl": "-0.91539999",
    "side": "SELL",
    "positionSide": "BOTH",
    "symbol": "BTCUSDT",
    "time": 1569514978020,
}
INCOME: Row = {
    "symbol": "ETHUSDT",
    "incomeType": "FUNDING_FEE",
    "income": "0.00134317",
    "asset": "USDT",
    "time": 1621584000000,
    "info": "FUNDING_FEE",
    "tranId": "4480321991774044580",
    "tradeId": "",
}
FORCED: Row = {
    "orderId": 6071832819,
    "symbol": "BTCUSDT",
    "status": "FILLED",
    "clientOrderId": "autoclose-1596107620040000020",
    "time": 1596107620044,
}
MOVE: Row = {"amount": "23.36332311", "asset": "USDT", "symbol": "BTCUSDT", "time": 1578047897183, "type": 1}
