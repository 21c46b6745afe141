"""Aster's markets in the sandbox: four recorded symbols over brackets of the documented form (Aster rules 2.1, 3.4).

The venue's live brackets are not public: these are made up around recorded caps, with ``cum`` from its formula.
"""

from decimal import Decimal

from trading.sandbox.markets import Market, TierTable, tiers_by_rate

# symbol -> brackets as (floor, leverage, maintenance ratio), and the last bracket's cap
_BRACKETS: dict[str, tuple[tuple[tuple[int, int, str], ...], int]] = {
    "BTCUSDT": (
        (
            (0, 125, "0.004"),
            (50_000, 100, "0.005"),
            (250_000, 50, "0.01"),
            (3_000_000, 20, "0.025"),
            (20_000_000, 10, "0.05"),
            (40_000_000, 5, "0.1"),
            (100_000_000, 4, "0.125"),
            (120_000_000, 3, "0.15"),
            (200_000_000, 2, "0.25"),
            (300_000_000, 1, "0.5"),
        ),
        500_000_000,
    ),
    "ETHUSDT": (
        (
            (0, 100, "0.005"),
            (100_000, 75, "0.0065"),
            (250_000, 50, "0.01"),
            (2_000_000, 25, "0.02"),
            (15_000_000, 10, "0.05"),
            (30_000_000, 5, "0.1"),
            (60_000_000, 4, "0.125"),
            (80_000_000, 3, "0.15"),
            (100_000_000, 2, "0.25"),
            (150_000_000, 1, "0.5"),
        ),
        300_000_000,
    ),
    "SOLUSDT": (
        (
            (0, 100, "0.005"),
            (10_000, 75, "0.006"),
            (50_000, 50, "0.01"),
            (300_000, 20, "0.025"),
            (8_000_000, 10, "0.05"),
            (16_000_000, 5, "0.1"),
            (25_000_000, 4, "0.125"),
            (30_000_000, 2, "0.25"),
            (40_000_000, 1, "0.5"),
        ),
        60_000_000,
    ),
    "ASTERUSDT": (
        (
            (0, 75, "0.0065"),
            (10_000, 50, "0.01"),
            (100_000, 20, "0.025"),
            (2_000_000, 10, "0.05"),
            (4_000_000, 5, "0.1"),
            (8_000_000, 4, "0.125"),
            (10_000_000, 2, "0.25"),
            (15_000_000, 1, "0.5"),
        ),
        25_000_000,
    ),
}


def brackets(symbol: str) -> TierTable:
    rows, cap = _BRACKETS[symbol]
    return tiers_by_rate(
        *((Decimal(floor), leverage, Decimal(rate)) for floor, leverage, rate in rows), cap=Decimal(cap)
    )


# symbol, decimals of its step, tick, price at rest, daily volatility, book depth a side, open interest in coins,
# largest order and largest market order in coins, price band, funding interval in hours
_ROWS: tuple[tuple[str, int, str, str, float, int, str, int, int, str, int], ...] = (
    ("BTCUSDT", 3, "0.1", "86320", 0.022, 4_000_000, "9120.418", 1000, 120, "0.02", 8),
    ("ETHUSDT", 3, "0.1", "2736.5", 0.03, 3_000_000, "171904.22", 10_000, 2000, "0.02", 8),
    ("SOLUSDT", 2, "0.01", "122.03", 0.035, 2_000_000, "604115.31", 1_000_000, 5000, "0.03", 8),
    ("ASTERUSDT", 2, "0.0001", "0.7412", 0.05, 800_000, "88120543.5", 2_000_000, 200_000, "0.05", 4),
)
# Every recorded crypto symbol but a few has this rate.
LIQUIDATION_FEE = Decimal("0.025")

MARKETS: tuple[Market, ...] = tuple(
    Market(
        index=index,
        name=name,
        size_decimals=size_decimals,
        tick_size=Decimal(tick),
        tiers=brackets(name),
        start=Decimal(start),
        volatility=volatility,
        depth=Decimal(depth),
        open_interest=Decimal(interest),
        underlying=name.removesuffix("USDT"),
        largest_sizes=(Decimal(largest), Decimal(largest_market)),
        price_band=Decimal(band),
        liquidation_fee=LIQUIDATION_FEE,
        funding_hours=hours,
    )
    for index, (
        name,
        size_decimals,
        tick,
        start,
        volatility,
        depth,
        interest,
        largest,
        largest_market,
        band,
        hours,
    ) in enumerate(_ROWS)
)
