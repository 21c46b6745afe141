"""Hyperliquid's public data as typed records: markets, prices, books, candles, trades (Hyperliquid 1.2, 2.1, 2.2).

A market whose row is not understood is left out and logged, because it does no harm to the others.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trading.margin.errors import MarginInputError
from trading.margin.rounding import PriceRule
from trading.margin.types import MarginRestriction, TierTable
from trading.venues.base import (
    Book,
    BookLevel,
    Candle,
    Markets,
    MarketSpec,
    MarketState,
    Trade,
    Venue,
)
from trading.venues.decoding import Decoder, Record, moment, oldest_first
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid.rules import MIN_NOTIONAL, max_market_notional

logger = logging.getLogger(__name__)


FIRST_LISTED_MARGIN_TABLE = 50
MAIN_COLLATERAL = "USDC"
# Collateral by its number: its name, and how a transfer names it, "" where that was not asked for.
TOKENS: Mapping[int, tuple[str, str]] = {0: (MAIN_COLLATERAL, "")}
DEX_STRIDE = 10_000
FIRST_DEX_ASSET = 100_000
RESTRICTION = {
    "noCross": MarginRestriction.ISOLATED_ONLY,
    "strictIsolated": MarginRestriction.STRICT_ISOLATED,
}


class _Tier(Record, frozen=True):
    lower_bound: Decimal
    max_leverage: int


class _MarginTable(Record, frozen=True):
    margin_tiers: list[_Tier]


class _Market(Record, frozen=True):
    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int
    margin_mode: str | None = None
    only_isolated: bool = False
    is_delisted: bool = False


class _Listed(Record, frozen=True):
    """As much of a market as says that it is traded, where the rest is not understood."""

    name: str
    is_delisted: bool = False


class _Context(Record, frozen=True):
    funding: Decimal
    open_interest: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None = None


class _Meta(Record, frozen=True):
    universe: list[msgspec.Raw]
    margin_tables: list[tuple[int, msgspec.Raw]]
    collateral_token: int = 0


class _Dex(Record, frozen=True):
    name: str


class _Token(Record, frozen=True):
    index: int
    name: str
    token_id: str = ""


class _SpotMeta(Record, frozen=True):
    tokens: list[_Token]


class _Candle(Record, frozen=True):
    opened: int = msgspec.field(name="t")
    closed: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    open: Decimal = msgspec.field(name="o")
    close: Decimal = msgspec.field(name="c")
    high: Decimal = msgspec.field(name="h")
    low: Decimal = msgspec.field(name="l")
    volume: Decimal = msgspec.field(name="v")
    trades: int = msgspec.field(name="n")


class _Level(Record, frozen=True):
    px: Decimal
    sz: Decimal
    n: int


class _Book(Record, frozen=True):
    coin: str
    time: int
    levels: tuple[list[_Level], list[_Level]]


class _Trade(Record, frozen=True):
    coin: str
    side: Literal["A", "B"]
    px: Decimal
    sz: Decimal
    time: int
    tid: int


_decode_meta = Decoder(tuple[_Meta, list[msgspec.Raw]], "metaAndAssetCtxs")
_decode_market = Decoder(_Market, "universe")
_decode_listed = Decoder(_Listed, "universe")
_decode_context = Decoder(_Context, "context")
_decode_table = Decoder(_MarginTable, "marginTable")
_decode_dexes = Decoder(list[_Dex | None], "perpDexs")
_decode_tokens = Decoder(_SpotMeta, "spotMeta")
_decode_candles = Decoder(list[_Candle], "candleSnapshot")
_decode_book = Decoder(_Book, "l2Book")
_decode_trades = Decoder(list[_Trade], "recentTrades")


class _MarginTables:
    """The margin tables of one answer, each decoded when a market first asks for it."""

    def __init__(self, listed: Mapping[int, msgspec.Raw]) -> None:
        self._listed = listed
        self._tables: dict[int, TierTable] = {}

    def __getitem__(self, number: int) -> TierTable:
        """Below 50 the number is itself the maximum leverage of a single tier (Hyperliquid 2.1)."""
        if number not in self._tables:
            self._tables[number] = self._read(number)
        return self._tables[number]

    def _read(self, number: int) -> TierTable:
        if number < FIRST_LISTED_MARGIN_TABLE:
            return TierTable.single(number)
        if number not in self._listed:
            raise Malformed(f"margin table {number} is missing")
        tiers = _decode_table(self._listed[number]).margin_tiers
        return TierTable.from_max_leverages((tier.lower_bound, tier.max_leverage) for tier in tiers)


def asset_id(dex_index: int, index: int) -> int:
    """The number that orders carry for a market (Hyperliquid 1.2); the main book has dex index 0."""
    return index if dex_index == 0 else FIRST_DEX_ASSET + DEX_STRIDE * dex_index + index


def markets(
    body: bytes,
    received_at: datetime,
    *,
    dex: str = "",
    dex_index: int = 0,
    tokens: Mapping[int, tuple[str, str]] = TOKENS,
) -> Markets:
    """Every market of one book with its prices. The place in the list is the market's number, so rows that are skipped
    still count."""
    meta, contexts = _decode_meta(body)
    if len(meta.universe) != len(contexts):
        raise Malformed(f"{len(meta.universe)} markets but {len(contexts)} contexts")
    tables = _MarginTables(dict(meta.margin_tables))
    collateral = tokens.get(meta.collateral_token, (f"token {meta.collateral_token}", ""))
    specs, states, unread = [], [], set()
    for index, (row, context) in enumerate(zip(meta.universe, contexts, strict=True)):
        try:
            spec = _spec(_decode_market(row), asset_id(dex_index, index), tables, dex, collateral)
            state = _state(spec.name, _decode_context(context))
        except (Malformed, MarginInputError) as error:
            logger.warning("Hyperliquid market %s of %r is left out: %s", index, dex, error)
            unread |= _trading(row)
            continue
        specs.append(spec)
        states.append(state)
    return Markets(tuple(specs), tuple(states), None, received_at, frozenset(unread))


def _trading(row: msgspec.Raw) -> set[str]:
    """The name of a market that is listed and not delisted; none where even that is not told."""
    try:
        listed = _decode_listed(row)
    except Malformed:
        return set()
    return set() if listed.is_delisted else {listed.name}


def _spec(row: _Market, index: int, tables: _MarginTables, dex: str, collateral: tuple[str, str]) -> MarketSpec:
    return MarketSpec(
        venue=Venue.HYPERLIQUID,
        name=row.name,
        base=row.name.rpartition(":")[2],
        index=index,
        size_decimals=row.sz_decimals,
        price_rule=PriceRule.significant(row.sz_decimals),
        tiers=tables[row.margin_table_id],
        restriction=_restriction(row, dex),
        max_leverage=row.max_leverage,
        min_notional=MIN_NOTIONAL,
        delisted=row.is_delisted,
        collateral=collateral[0],
        dex=dex,
        max_market_notional=max_market_notional(row.max_leverage),
        token=collateral[1],
    )


def _restriction(row: _Market, dex: str) -> MarginRestriction:
    """What the venue says; a builder-deployed book that allows cross margin too is traded in isolated margin here,
    because in a standard account its collateral lies apart from all else (Hyperliquid 3.9)."""
    if row.margin_mode is None:
        return MarginRestriction.ISOLATED_ONLY if row.only_isolated or dex else MarginRestriction.NONE
    try:
        return RESTRICTION[row.margin_mode]
    except KeyError:
        raise UnknownState(f"margin mode {row.margin_mode!r}") from None


def _state(name: str, row: _Context) -> MarketState:
    return MarketState(
        name=name,
        mark=row.mark_px,
        oracle=row.oracle_px,
        mid=row.mid_px,
        previous_day_price=row.prev_day_px,
        funding_rate=row.funding,
        open_interest=row.open_interest,
        day_volume=row.day_ntl_vlm,
    )


def dex_indices(body: bytes) -> dict[str, int]:
    """The builder-deployed books by name; the main book is "" with index 0 (Hyperliquid 1.2)."""
    return {"" if row is None else row.name: index for index, row in enumerate(_decode_dexes(body))}


def token_names(body: bytes) -> dict[int, tuple[str, str]]:
    """The tokens that collateral may be of, by their number: the name, and how a transfer names it (Hyperliquid
    4.3)."""
    rows = _decode_tokens(body).tokens
    return {row.index: (row.name, f"{row.name}:{row.token_id}" if row.token_id else "") for row in rows}


def candles(body: bytes) -> tuple[Candle, ...]:
    """Price history in the venue's order (oldest first)."""
    return tuple(
        Candle(
            row.symbol,
            moment(row.opened),
            moment(row.closed),
            row.open,
            row.high,
            row.low,
            row.close,
            row.volume,
            row.trades,
        )
        for row in _decode_candles(body)
    )


def book(body: bytes) -> Book:
    """The order book, best price first."""
    row = _decode_book(body)
    bids, asks = (tuple(BookLevel(level.px, level.sz, level.n) for level in side) for side in row.levels)
    return Book(row.coin, moment(row.time), bids, asks)


def trades(body: bytes) -> tuple[Trade, ...]:
    """Public trades, oldest first, each once."""
    records = [
        Trade(f"{row.time}-{row.tid}", row.coin, moment(row.time), row.side == "B", row.px, row.sz)
        for row in _decode_trades(body)
    ]
    return oldest_first(records, (record.key for record in records))
