"""Aster's public data as typed records: markets, prices, books, candles, trades (Aster 2.1, 2.2, 3.4).

A market that is not understood, or that one of the answers leaves out, is left out and logged, because it does no harm
to the others. Leverage comes from the brackets alone, never from the percentages beside the filters.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from trading.margin.errors import MarginInputError
from trading.margin.rounding import PriceRule
from trading.margin.types import Bracket, MarginRestriction, TierTable
from trading.venues.base import Book, BookLevel, Candle, Markets, MarketSpec, MarketState, Trade, Venue
from trading.venues.decoding import Decoder, Record, moment, oldest_first
from trading.venues.errors import Malformed

logger = logging.getLogger(__name__)

T = TypeVar("T")

ZERO = Decimal(0)
TRADING = "TRADING"
USUAL_FUNDING_HOURS = 8


class _Filter(Record, frozen=True):
    filter_type: str
    tick_size: Decimal = ZERO
    min_price: Decimal = ZERO
    step_size: Decimal = ZERO
    notional: Decimal = ZERO
    min_qty: Decimal = ZERO
    max_qty: Decimal = ZERO
    multiplier_up: Decimal = ZERO
    multiplier_down: Decimal = ZERO


class _Symbol(Record, frozen=True):
    symbol: str
    status: str
    base_asset: str
    margin_asset: str
    filters: list[_Filter]
    market_take_bound: Decimal = ZERO
    liquidation_fee: Decimal = ZERO


class _Listed(Record, frozen=True):
    """As much of a market as says that it is traded, where the rest is not understood."""

    symbol: str
    status: str = TRADING


class _ExchangeInfo(Record, frozen=True):
    server_time: int
    symbols: list[msgspec.Raw]


class _Bracket(Record, frozen=True):
    initial_leverage: int
    notional_cap: Decimal
    notional_floor: Decimal
    maint_margin_ratio: Decimal
    cum: Decimal


class _SymbolBrackets(Record, frozen=True):
    symbol: str
    brackets: list[_Bracket]


class Premium(Record, frozen=True):
    """Mark, index and funding of one market."""

    symbol: str
    mark_price: Decimal
    index_price: Decimal
    last_funding_rate: Decimal
    time: int


class _Funding(Record, frozen=True):
    symbol: str
    funding_interval_hours: int


class Day(Record, frozen=True):
    """The last 24 hours of one market."""

    symbol: str
    open_price: Decimal
    quote_volume: Decimal


class Best(Record, frozen=True):
    """The best bid and ask of one market."""

    symbol: str
    bid_price: Decimal
    ask_price: Decimal


class _Depth(Record, frozen=True):
    transaction_time: int = msgspec.field(name="T")
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class _Trade(Record, frozen=True):
    id: int
    price: Decimal
    qty: Decimal
    time: int
    is_buyer_maker: bool


_CandleRow = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, int, Decimal, int, Decimal, Decimal, Decimal]

_decode_info = Decoder(_ExchangeInfo, "exchangeInfo")
_decode_symbol = Decoder(_Symbol, "exchangeInfo symbol")
_decode_listed = Decoder(_Listed, "exchangeInfo symbol")
_decode_rows = Decoder(list[msgspec.Raw], "list")
_decode_brackets = Decoder(_SymbolBrackets, "leverageBracket")
_decode_premium = Decoder(Premium, "premiumIndex")
_decode_funding = Decoder(list[_Funding], "fundingInfo")
_decode_day = Decoder(Day, "ticker/24hr")
_decode_best = Decoder(Best, "ticker/bookTicker")
_decode_depth = Decoder(_Depth, "depth")
_decode_trades = Decoder(list[_Trade], "trades")
_decode_candles = Decoder(list[_CandleRow], "klines")


class Prices(msgspec.Struct, frozen=True):
    """The answers that tell a market's prices, each by symbol."""

    premium: dict[str, Premium]
    funding_hours: dict[str, int]
    day: dict[str, Day]
    best: dict[str, Best]


def brackets(body: bytes) -> dict[str, TierTable]:
    """The leverage tiers by symbol; one symbol's answer may be an object or a list of one (Aster 3.4)."""
    rows = _decode_rows(body) if body.lstrip().startswith(b"[") else [msgspec.Raw(body)]
    tables: dict[str, TierTable] = {}
    for row in rows:
        try:
            answer = _decode_brackets(row)
            tables[answer.symbol] = TierTable.from_brackets(_bracket(line) for line in answer.brackets)
        except (Malformed, MarginInputError) as error:
            logger.warning("Aster brackets are left out: %s", error)
    return tables


def _bracket(row: _Bracket) -> Bracket:
    return Bracket(row.notional_floor, row.notional_cap, row.initial_leverage, row.maint_margin_ratio, row.cum)


def premiums(body: bytes) -> dict[str, Premium]:
    """Mark, index and funding by symbol; the answer for one symbol is an object."""
    rows = _decode_rows(body) if body.lstrip().startswith(b"[") else [msgspec.Raw(body)]
    return {row.symbol: row for row in _each(rows, _decode_premium)}


def funding_hours(body: bytes) -> dict[str, int]:
    """Hours between two fundings by symbol; a symbol that is not listed has eight (Aster 4.8)."""
    hours = {row.symbol: row.funding_interval_hours for row in _decode_funding(body)}
    return {symbol: interval for symbol, interval in hours.items() if interval > 0}


def days(body: bytes) -> dict[str, Day]:
    """The last 24 hours by symbol."""
    return {row.symbol: row for row in _each(_decode_rows(body), _decode_day)}


def best_prices(body: bytes) -> dict[str, Best]:
    """The best bid and ask by symbol."""
    return {row.symbol: row for row in _each(_decode_rows(body), _decode_best)}


def _each(rows: list[msgspec.Raw], decode: Decoder[T]) -> list[T]:
    """The rows that can be read; the others are logged."""
    read = []
    for row in rows:
        try:
            read.append(decode(row))
        except Malformed as error:
            logger.warning("an Aster row is left out: %s", error)
    return read


def markets(body: bytes, received_at: datetime, tiers: Mapping[str, TierTable], prices: Prices) -> Markets:
    """Every market with its prices, from ``exchangeInfo`` and what belongs to it. The place in the list is its
    number."""
    info = _decode_info(body)
    specs, states, unread = [], [], set()
    for index, row in enumerate(info.symbols):
        try:
            symbol = _decode_symbol(row)
            spec = _spec(symbol, index, tiers, prices.funding_hours.get(symbol.symbol, USUAL_FUNDING_HOURS))
            state = _state(spec.name, prices)
        except (Malformed, MarginInputError) as error:
            logger.warning("Aster market %s is left out: %s", index, error)
            unread |= _trading(row)
            continue
        specs.append(spec)
        states.append(state)
    return Markets(tuple(specs), tuple(states), moment(info.server_time), received_at, frozenset(unread))


def _trading(row: msgspec.Raw) -> set[str]:
    """The name of a market that is listed as trading; none where even that is not told."""
    try:
        listed = _decode_listed(row)
    except Malformed:
        return set()
    return {listed.symbol} if listed.status == TRADING else set()


def _spec(row: _Symbol, index: int, tiers: Mapping[str, TierTable], funding_hours: int) -> MarketSpec:
    if row.symbol not in tiers:
        raise Malformed(f"{row.symbol} has no leverage brackets")
    table = tiers[row.symbol]
    filters = {listed.filter_type: listed for listed in row.filters}
    return MarketSpec(
        venue=Venue.ASTER,
        name=row.symbol,
        base=row.base_asset,
        index=index,
        size_decimals=_size_decimals(row.symbol, filters),
        price_rule=_price_rule(row.symbol, filters),
        tiers=table,
        restriction=MarginRestriction.NONE,
        max_leverage=table.max_leverage,
        min_notional=_filter(row.symbol, filters, "MIN_NOTIONAL").notional,
        delisted=row.status != TRADING,
        collateral=row.margin_asset,
        funding_hours=funding_hours,
        min_size=_bound(max(filters["LOT_SIZE"].min_qty, filters["MARKET_LOT_SIZE"].min_qty)),
        max_size=_bound(filters["LOT_SIZE"].max_qty),
        max_market_size=_bound(filters["MARKET_LOT_SIZE"].max_qty),
        max_slippage=_max_slippage(row, filters.get("PERCENT_PRICE")),
        liquidation_fee=row.liquidation_fee,
    )


def _bound(value: Decimal) -> Decimal | None:
    """Zero switches a rule off (Aster 2.1)."""
    return value if value > 0 else None


def _max_slippage(row: _Symbol, band: _Filter | None) -> Decimal | None:
    """The narrower side of the price band, or the bound of market orders where that is narrower still."""
    allowed = [row.market_take_bound]
    if band is not None:
        allowed += [band.multiplier_up - 1, 1 - band.multiplier_down]
    return min((share for share in allowed if 0 < share < 1), default=None)


def _filter(symbol: str, filters: Mapping[str, _Filter], kind: str) -> _Filter:
    try:
        return filters[kind]
    except KeyError:
        raise Malformed(f"{symbol} has no {kind} filter") from None


def _size_decimals(symbol: str, filters: Mapping[str, _Filter]) -> int:
    """The coarser of the two steps, as decimals: sizes that fit it fit limit and market orders alike (Aster 2.1)."""
    step = max(_filter(symbol, filters, kind).step_size for kind in ("LOT_SIZE", "MARKET_LOT_SIZE"))
    digits = step.normalize()
    if digits <= 0 or digits.as_tuple().digits != (1,):
        raise Malformed(f"{symbol} has the size step {step}")
    return -digits.adjusted()


def _price_rule(symbol: str, filters: Mapping[str, _Filter]) -> PriceRule:
    """Ticks count from the lowest price, so that has to be one of them (Aster 2.1)."""
    row = _filter(symbol, filters, "PRICE_FILTER")
    rule = PriceRule.of_tick(row.tick_size)
    if row.min_price % row.tick_size != 0:
        raise Malformed(f"{symbol} counts ticks of {row.tick_size} from {row.min_price}")
    return rule


def _state(symbol: str, prices: Prices) -> MarketState:
    """Prices of one market. The venue tells no open interest over this interface: it stands as zero."""
    try:
        premium, day = prices.premium[symbol], prices.day[symbol]
    except KeyError:
        raise Malformed(f"{symbol} has no prices") from None
    return MarketState(
        name=symbol,
        mark=premium.mark_price,
        oracle=premium.index_price,
        mid=_mid(prices.best.get(symbol)),
        previous_day_price=day.open_price,
        funding_rate=premium.last_funding_rate / prices.funding_hours.get(symbol, USUAL_FUNDING_HOURS),
        open_interest=ZERO,
        day_volume=day.quote_volume,
    )


def _mid(best: Best | None) -> Decimal | None:
    if best is None or best.bid_price <= 0 or best.ask_price <= 0:
        return None
    return (best.bid_price + best.ask_price) / 2


def candles(body: bytes, symbol: str) -> tuple[Candle, ...]:
    """Price history in the venue's order (oldest first); the rows do not name their symbol."""
    return tuple(
        Candle(symbol, moment(opened), moment(closed), first, high, low, last, volume, count)
        for opened, first, high, low, last, volume, closed, _, count, _, _, _ in _decode_candles(body)
    )


def book(body: bytes, symbol: str) -> Book:
    """The order book, best price first; the venue does not count the orders of a level."""
    row = _decode_depth(body)
    bids, asks = (tuple(BookLevel(price, size, 0) for price, size in side) for side in (row.bids, row.asks))
    return Book(symbol, moment(row.transaction_time), bids, asks)


def trades(body: bytes, symbol: str) -> tuple[Trade, ...]:
    """Public trades, oldest first, each once."""
    records = [
        Trade(f"{symbol}-{row.id}", symbol, moment(row.time), not row.is_buyer_maker, row.price, row.qty)
        for row in _decode_trades(body)
    ]
    return oldest_first(records, (record.key for record in records))
