"""Hyperliquid's markets in the sandbox: the first rows of the main venue, one delisted row, one of each restricted
margin mode (Hyperliquid rules 2.1, 3.1), and one builder-deployed book (Hyperliquid rules 1.2)."""

from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.markets import MarginMode, Market, tiers_by_leverage

MARGIN_TABLES: dict[int, tuple[str, tuple[tuple[str, int], ...]]] = {
    50: ("", (("0.0", 50),)),
    51: ("tiered 10x", (("0.0", 10), ("3000000.0", 5))),
    52: ("tiered 10x (2)", (("0.0", 10), ("20000000.0", 5))),
    53: ("tiered 20x", (("0.0", 20), ("40000000.0", 10))),
    54: ("tiered 20x (2)", (("0.0", 20), ("70000000.0", 10))),
    55: ("tiered 25x", (("0.0", 25), ("100000000.0", 15))),
    56: ("tiered 40x", (("0.0", 40), ("150000000.0", 20))),
}
FIRST_TABLE = 50

# name, szDecimals, margin table, price at rest, daily volatility, book depth a side, open interest in coins
_Row = tuple[str, int, int, str, float, int, str]
_ROWS: tuple[_Row, ...] = (
    ("BTC", 5, 56, "86320", 0.022, 8_000_000, "38060.24832"),
    ("ETH", 4, 55, "2736.5", 0.03, 6_000_000, "1217008.9487"),
    ("ATOM", 2, 5, "1.7417", 0.04, 400_000, "1552621.36"),
    ("MATIC", 1, 20, "0.37621", 0.0, 0, "0"),
    ("DYDX", 1, 5, "0.15234", 0.045, 300_000, "17766984"),
    ("SOL", 2, 54, "122.03", 0.035, 4_000_000, "5401711.56"),
    ("AVAX", 2, 52, "11.129", 0.04, 1_500_000, "3603403.66"),
    ("BNB", 3, 51, "779.85", 0.025, 2_500_000, "58273.402"),
    ("APE", 1, 5, "0.1798", 0.05, 300_000, "12989933.6"),
    ("OP", 1, 5, "0.13358", 0.045, 400_000, "28440796.2"),
    ("LTC", 2, 52, "70.288", 0.03, 1_500_000, "746562.18"),
    ("ARB", 1, 51, "0.20514", 0.04, 1_000_000, "134434641.9"),
    ("DOGE", 0, 52, "0.096532", 0.04, 2_000_000, "1166216056"),
    ("INJ", 1, 5, "7.4746", 0.045, 500_000, "1205001"),
    ("SUI", 1, 52, "1.1908", 0.045, 2_000_000, "72309120.4"),
    ("kPEPE", 0, 52, "0.00446", 0.05, 1_500_000, "8028942060"),
    ("TLT", 2, 20, "87.41", 0.008, 1_000_000, "41200.55"),
    ("XYZ100", 4, 20, "25451", 0.012, 1_500_000, "812.4405"),
)
_RESTRICTED = {
    "TLT": MarginMode.NO_CROSS,
    "XYZ100": MarginMode.STRICT_ISOLATED,
    "xyz:TSLA": MarginMode.STRICT_ISOLATED,
    "xyz:NVDA": MarginMode.NO_CROSS,
}
_DELISTED = {"MATIC"}


@dataclass(frozen=True)
class Dex:
    """A book that a builder has deployed; the main book is number zero."""

    name: str
    full_name: str
    deployer: str
    number: int


_FIRST_ASSET, _ASSETS_PER_DEX = 100_000, 10_000
DEXES = (Dex("xyz", "XYZ", "0x88806a71d74ad0a510b350545c9ae490912f0888", 1),)
_DEX_ROWS: dict[str, tuple[_Row, ...]] = {
    "xyz": (
        ("xyz:TSLA", 3, 10, "465.13", 0.025, 900_000, "1220.8"),
        ("xyz:NVDA", 3, 10, "177.06", 0.022, 900_000, "9430.5"),
    )
}


def _market(index: int, row: _Row) -> Market:
    name, size_decimals, table, start, volatility, depth, interest = row
    return Market(
        index=index,
        name=name,
        size_decimals=size_decimals,
        table=table,
        tiers=tiers_by_leverage(MARGIN_TABLES[table][1] if table >= FIRST_TABLE else (("0.0", table),)),
        start=Decimal(start),
        volatility=volatility,
        depth=Decimal(depth),
        open_interest=Decimal(interest),
        underlying=name,
        mode=_RESTRICTED.get(name, MarginMode.FREE),
        delisted=name in _DELISTED,
    )


MARKETS: tuple[Market, ...] = (
    *(_market(index, row) for index, row in enumerate(_ROWS)),
    *(
        _market(_FIRST_ASSET + dex.number * _ASSETS_PER_DEX + index, row)
        for dex in DEXES
        for index, row in enumerate(_DEX_ROWS[dex.name])
    ),
)
