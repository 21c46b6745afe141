"""exchangeInfo and leverageBracket: what is fixed about each symbol (Aster rules 2.1, 3.4).

Names, decimals and ranges are the recorded ones; ticks, steps, bounds and brackets are those the ledger checks by.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.sandbox.aster.numbers import fixed, plain
from trading.sandbox.markets import Market

Json = dict[str, Any]

COLLATERAL = "USDT"
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "HIDDEN")
MOST_ORDERS, MOST_TRIGGERS = 200, 10
WEIGHT_LIMIT, ORDERS_A_MINUTE, ORDERS_IN_TEN_SECONDS = 2400, 1200, 300
SMALLEST_VALUE = Decimal(5)


@dataclass(frozen=True)
class Listing:
    """What the wire says about a symbol beside what its ledger needs."""

    name: str
    price_decimals: int
    lowest: Decimal
    highest: Decimal
    onboarded: int
    protection: str


LISTINGS = {
    "BTCUSDT": Listing("Bitcoin", 1, Decimal(1), Decimal(1_000_000), 1627628400000, "0.0200"),
    "ETHUSDT": Listing("Ethereum", 2, Decimal("39.90"), Decimal(1_000_000), 1630911600000, "0.0200"),
    "SOLUSDT": Listing("Solana", 4, Decimal("0.4200"), Decimal(100_000), 1630998000000, "0.0300"),
    "ASTERUSDT": Listing("ASTER", 5, Decimal("0.00010"), Decimal(200), 1758178800000, "0.1500"),
}
ASSETS = (COLLATERAL, "BTC", "ETH", "ASTER")
RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": ORDERS_A_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_IN_TEN_SECONDS},
]


def status(market: Market) -> str:
    """TRADING, or what a symbol is called once it is being closed and when it is gone."""
    if market.delisted:
        return "CLOSE"
    return "SETTLING" if market.closing else "TRADING"


def exchange_info(markets: list[Market], now: int) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": now,
        "futuresType": "U_MARGINED",
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000" if asset == COLLATERAL else "0"}
            for asset in ASSETS
        ],
        "symbols": [_symbol(market) for market in markets],
    }


def _symbol(market: Market) -> Json:
    listing = LISTINGS[market.name]
    return {
        "symbol": market.name,
        "pair": market.name,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": listing.onboarded,
        "status": status(market),
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market.underlying,
        "quoteAsset": COLLATERAL,
        "marginAsset": COLLATERAL,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": market.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "symbolType": 0,
        "tradingMode": 0,
        "name": listing.name,
        "channel": "",
        "sequenceNo": market.index,
        "twapMinNotional": "1000",
        "settlePlan": 0,
        "triggerProtect": listing.protection,
        "liquidationFee": fixed(market.liquidation_fee, 6),
        "marketTakeBound": plain(market.price_band),
        "createTime": listing.onboarded,
        "filters": _filters(market, listing),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(market: Market, listing: Listing) -> list[Json]:
    step = plain(Decimal(1).scaleb(-market.size_decimals))
    largest, largest_market = (plain(size) for size in market.largest_sizes)
    return [
        {
            "minPrice": plain(listing.lowest),
            "maxPrice": plain(listing.highest),
            "filterType": "PRICE_FILTER",
            "tickSize": plain(market.tick(market.start)),
        },
        {"stepSize": step, "filterType": "LOT_SIZE", "maxQty": largest, "minQty": step},
        {"stepSize": step, "filterType": "MARKET_LOT_SIZE", "maxQty": largest_market, "minQty": step},
        {"limit": MOST_ORDERS, "filterType": "MAX_NUM_ORDERS"},
        {"limit": MOST_TRIGGERS, "filterType": "MAX_NUM_ALGO_ORDERS"},
        {"notional": plain(SMALLEST_VALUE), "filterType": "MIN_NOTIONAL"},
        {
            "multiplierDown": fixed(1 - market.price_band, 4),
            "multiplierUp": fixed(1 + market.price_band, 4),
            "ltMultiplierDown": "0",
            "multiplierDecimal": "4",
            "filterType": "PERCENT_PRICE",
            "ltMultiplierUp": "0",
        },
    ]


def caps(market: Market) -> list[Decimal]:
    """Upper bound of each bracket."""
    bounds = [tier.lower_bound for tier in market.tiers.tiers[1:]]
    return [*bounds, market.tiers.cap or bounds[-1] * 2]


def largest_notional(market: Market, leverage: int) -> Decimal:
    """Cap of the last bracket that allows the leverage (rules 3.4)."""
    rows = zip(market.tiers.tiers, caps(market), strict=True)
    return [cap for tier, cap in rows if tier.max_leverage >= leverage][-1]


def brackets(market: Market) -> Json:
    """Numbers as JSON numbers, as the venue writes them here and almost nowhere else."""
    return {
        "symbol": market.name,
        "brackets": [
            {
                "bracket": number,
                "initialLeverage": tier.max_leverage,
                "notionalCap": _json_number(cap),
                "notionalFloor": _json_number(tier.lower_bound),
                "maintMarginRatio": _json_number(tier.rate),
                "cum": _json_number(tier.deduction),
            }
            for number, (tier, cap) in enumerate(zip(market.tiers.tiers, caps(market), strict=True), start=1)
        ],
    }


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
