"""Market data in the venue's shapes (Hyperliquid rules 2.1, 2.2)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from trading.sandbox import book
from trading.sandbox.engine import HOUR, Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.markets import DEXES, MARGIN_TABLES
from trading.sandbox.markets import MarginMode, Market
from trading.sandbox.numbers import ZERO, shown
from trading.sandbox.prices import DAY, Candle, candles
from trading.sandbox.tape import PublicTrade

Json = dict[str, Any]

MINUTE = 60_000
INTERVALS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
    "1M": 30 * DAY,
}
KEPT_CANDLES = 5000
SPOT_META: Json = {
    "universe": [],
    "tokens": [
        {
            "name": "USDC",
            "szDecimals": 8,
            "weiDecimals": 8,
            "index": 0,
            "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
            "isCanonical": True,
            "evmContract": None,
            "fullName": None,
        }
    ],
}


def margin_tiers(table: int) -> Json:
    """A margin table by its number; one below 50 has a single tier of that leverage (rules 2.1)."""
    description, rows = MARGIN_TABLES.get(table, ("", (("0.0", table),)))
    tiers = [{"lowerBound": lower, "maxLeverage": leverage} for lower, leverage in rows]
    return {"description": description, "marginTiers": tiers}


def universe_row(market: Market) -> Json:
    """The rules of a market (rules 2.1)."""
    row: Json = {
        "szDecimals": market.size_decimals,
        "name": market.name,
        "maxLeverage": market.max_leverage,
        "marginTableId": market.table,
    }
    if market.mode is not MarginMode.FREE:
        row |= {"onlyIsolated": True, "marginMode": market.mode.value}
    if market.delisted:
        row["isDelisted"] = True
    return row


def meta(engine: Engine, dex: str = books.MAIN) -> Json:
    """One book: its markets and margin tables (rules 2.1)."""
    return {
        "universe": [universe_row(market) for market in books.markets(engine, dex)],
        "marginTables": [[table, margin_tiers(table)] for table in MARGIN_TABLES],
        "collateralToken": 0,
    }


def perp_dexs() -> list[Json | None]:
    """The books in the order that their asset numbers follow; the main one is null."""
    rows: list[Json | None] = [
        {
            "name": dex.name,
            "fullName": dex.full_name,
            "deployer": dex.deployer,
            "oracleUpdater": None,
            "feeRecipient": None,
            "assetToStreamingOiCap": [],
            "assetToFundingMultiplier": [],
        }
        for dex in DEXES
    ]
    return [None, *rows]


def mid(engine: Engine, market: Market) -> Decimal | None:
    """Middle of best bid and best ask, users' resting orders included."""
    bid, ask = engine.execution.best(market)
    return None if bid is None or ask is None else (bid + ask) / 2


def context(engine: Engine, market: Market) -> Json:
    """Prices, funding and volumes of a market; the volume is made up from its depth (rules 2.1)."""
    now, mark, oracle = engine.clock(), engine.marks[market.name], engine.oracles[market.name]
    middle = mid(engine, market)
    before = engine.state.paths.price(market, now - DAY)
    held = sum((abs(engine.ledger.size(row, market.name)) for row in engine.state.accounts.values()), ZERO)
    coins = (market.depth * 250 / mark).quantize(Decimal(1).scaleb(-market.size_decimals))
    impact = None
    if middle is not None:
        step = market.tick(mark)
        impact = [shown(middle - 2 * step), shown(middle + 2 * step)]
    return {
        "funding": shown(engine.funding_rate(market, now - now % HOUR)),
        "openInterest": shown(market.open_interest + held),
        "prevDayPx": shown(before),
        "dayNtlVlm": shown(coins * mark),
        "premium": None if middle is None else shown((middle - oracle) / oracle),
        "oraclePx": shown(oracle),
        "markPx": shown(mark),
        "midPx": None if middle is None else shown(middle),
        "impactPxs": impact,
        "dayBaseVlm": shown(coins),
    }


def all_mids(engine: Engine, dex: str = books.MAIN) -> dict[str, str]:
    """The middle of every market of a book, its mark where a side is empty (rules 2.2)."""
    mids = {market.name: mid(engine, market) or engine.marks[market.name] for market in books.markets(engine, dex)}
    return {name: shown(price) for name, price in mids.items()}


def _level(price: Decimal, size: Decimal, orders: int) -> Json:
    return {"px": shown(price), "sz": shown(size), "n": orders}


def _side(engine: Engine, market: Market, *, bids: bool) -> list[Json]:
    levels = {level.price: (level.size, level.orders) for level in engine.execution.levels(market, bids=bids)}
    for order in engine.execution.resting(market):
        if order.is_buy == bids:
            size, count = levels.get(order.limit_price, (ZERO, 0))
            levels[order.limit_price] = (size + order.size, count + 1)
    ordered = sorted(levels, reverse=bids)[: book.LEVELS]
    return [_level(price, *levels[price]) for price in ordered]


def l2_book(engine: Engine, market: Market, figures: int | None = None, mantissa: int | None = None) -> Json:
    """Both sides; with ``figures`` the prices are merged to that many significant figures."""
    sides = [_side(engine, market, bids=True), _side(engine, market, bids=False)]
    if figures is not None:
        steps = Decimal(mantissa or 1)
        sides = [_merged(side, figures, steps, up=bool(index)) for index, side in enumerate(sides)]
    return {"coin": market.name, "time": engine.clock(), "levels": sides}


def _merged(side: list[Json], figures: int, mantissa: Decimal, *, up: bool) -> list[Json]:
    merged: dict[Decimal, tuple[Decimal, int]] = {}
    for row in side:
        price = Decimal(row["px"])
        step = Decimal(1).scaleb(price.adjusted() - figures + 1) * mantissa
        rounded = (price / step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * step
        size, count = merged.get(rounded, (ZERO, 0))
        merged[rounded] = (size + Decimal(row["sz"]), count + row["n"])
    return [_level(price, *value) for price, value in merged.items()]


def bbo(engine: Engine, market: Market) -> Json:
    """Best bid and offer; null where a side is empty (rules 6)."""
    sides = [_side(engine, market, bids=bids) for bids in (True, False)]
    return {"coin": market.name, "time": engine.clock(), "bbo": [side[0] if side else None for side in sides]}


def candle(market: Market, interval: str, row: Candle) -> Json:
    """One bar of prices (rules 2.2)."""
    return {
        "t": row.start,
        "T": row.end,
        "s": market.name,
        "i": interval,
        "o": shown(row.opened),
        "c": shown(row.closed),
        "h": shown(row.high),
        "l": shown(row.low),
        "v": shown(row.volume),
        "n": row.trades,
    }


def candle_snapshot(engine: Engine, market: Market, interval: str, start: int, end: int) -> list[Json]:
    """Candles that overlap start..end, the newest 5000 at most."""
    length, now = INTERVALS[interval], engine.clock()
    last = min(end, now)
    start = max(start, now - KEPT_CANDLES * length, 0)
    if start > last:
        return []
    if last - last % length + length <= now:
        last = last - last % length + length - 1
    rows = candles(engine.state.paths, market, length, start, last)
    return [candle(market, interval, row) for row in rows]


def trade(row: PublicTrade) -> Json:
    """A public trade and both its sides (rules 2.2, 6)."""
    return {
        "coin": row.market,
        "side": "B" if row.is_buy else "A",
        "px": shown(row.price),
        "sz": shown(row.size),
        "time": row.time,
        "hash": row.hash,
        "tid": row.tid,
        "users": [books.owner(user) for user in row.users],
    }


def funding_history(engine: Engine, market: Market, start: int, end: int) -> list[Json]:
    """Hourly rates, the first 500 of the range; nothing older than 90 days exists."""
    now = engine.clock()
    first = -(-max(start, now - 90 * DAY) // HOUR) * HOUR
    rows = []
    for hour in range(first, min(end, now) + 1, HOUR)[:500]:
        rate = engine.funding_rate(market, hour)
        premium = rate - Decimal("0.0000125")
        rows.append({"coin": market.name, "fundingRate": shown(rate), "premium": shown(premium), "time": hour})
    return rows


def predicted_fundings(engine: Engine) -> list[Any]:
    """The next rates, beside those of other exchanges that are made up from the venue's own (rules 2.2)."""
    now = engine.clock()
    following = now - now % HOUR + HOUR
    eight = now - now % (8 * HOUR) + 8 * HOUR
    rows = []
    for market in books.markets(engine, books.MAIN):
        if not market.delisted:
            rate = engine.funding_rate(market, now - now % HOUR)
            others = {"fundingRate": shown(rate * 8), "nextFundingTime": eight}
            own = {"fundingRate": shown(rate), "nextFundingTime": following}
            rows.append([market.name, [["BinPerp", others], ["HlPerp", own], ["BybitPerp", others]]])
    return rows
