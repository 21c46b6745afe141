"""Public market data: the book, the bar and the candles."""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from trading.connect import public_adapter
from trading.markets import board_of, known_at, listed_markets, market_named, stale_limits, state_of
from trading.models import Market
from trading.panels.market import build_book, build_market_bar, build_market_link, freshness
from trading.panels.view_models import MarketLink
from trading.venues.errors import VenueError
from trading.venues.snapshots import Book, Candle, Venue

logger = logging.getLogger(__name__)

BOOK_SECONDS = 1
INTERVALS = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
CANDLES = 300
CANDLES_SECONDS = 15
KEPT_SECONDS = 3600
AFTER_FAILURE_SECONDS = 5


def book_of(market: Market) -> Book | None:
    """The market's book, at most a second old; None while the venue does not answer."""
    key = f"book:{market.pk}"
    book: Book | None = cache.get(key)
    if book is None:
        try:
            book = public_adapter(Venue(market.venue)).book(market.rules)
        except VenueError as error:
            logger.warning("No book of %s: %s", market.name, error)
            return None
        cache.set(key, book, BOOK_SECONDS)
    return book


@trader_required
@require_GET
def show_book(request: MemberRequest, market_name: str) -> HttpResponse:
    """The order book."""
    market = market_named(market_name)
    board = board_of(Venue(market.venue))
    state = state_of(market, board)
    fresh = freshness(known_at(market, board), timezone.now(), stale_limits())
    return render(request, "trading/_book.html", {"book": build_book(market, book_of(market), state, fresh)})


def market_links(current: Market) -> list[MarketLink]:
    """The switcher: every market that may be opened, at its newest price."""
    markets = listed_markets()
    boards = {venue: board_of(Venue(venue)) for venue in {market.venue for market in markets}}
    return [
        build_market_link(market, state_of(market, boards[market.venue]), current, shows_venue=len(boards) > 1)
        for market in markets
    ]


@trader_required
@require_GET
def show_market_bar(request: MemberRequest, market_name: str) -> HttpResponse:
    """The market in one line, with the switcher."""
    market, now = market_named(market_name), timezone.now()
    board, links = board_of(Venue(market.venue)), market_links(market)
    fresh = freshness(known_at(market, board), now, stale_limits())
    bar = build_market_bar(market, state_of(market, board), links, fresh, now)
    return render(request, "trading/_market_bar.html", {"bar": bar})


@trader_required
@require_GET
def list_candles(request: MemberRequest, market_name: str) -> JsonResponse:
    """Price history for the chart: texts for numbers, oldest first."""
    market = market_named(market_name)
    interval = request.GET.get("interval", "15m")
    if interval not in INTERVALS:
        return JsonResponse({"error": "Choose one of the intervals shown."}, status=400)
    known: Candles | None = cache.get(_candles_key(market, interval))
    if known is None or time.time() - known.read_at >= CANDLES_SECONDS:
        try:
            known = _read_again(market, interval) or known
        except VenueError as error:
            if known is None:
                return JsonResponse({"error": error.explanation}, status=503)
    if known is None:
        return JsonResponse({"error": "The venue did not answer a moment ago."}, status=503)
    return JsonResponse({"candles": known.rows})


@dataclass(frozen=True, slots=True)
class Candles:
    """A market's history as it was read; ``read_at`` is our clock in seconds."""

    rows: list[dict[str, object]]
    read_at: float


def _candles_key(market: Market, interval: str) -> str:
    return f"candles:{market.pk}:{interval}"


def _read_again(market: Market, interval: str) -> Candles | None:
    """Ask the venue for everybody who looks, and keep its answer; None a moment after it gave none.

    History costs a tenth of what an account costs in a minute, and only its newest bar changes, which the stream tells.
    """
    key = _candles_key(market, interval)
    if cache.get(f"{key}:failed"):
        return None
    try:
        read = Candles(_read_candles(market, interval), time.time())
    except VenueError:
        cache.set(f"{key}:failed", 1, AFTER_FAILURE_SECONDS)
        raise
    cache.set(key, read, KEPT_SECONDS)
    return read


def _read_candles(market: Market, interval: str) -> list[dict[str, object]]:
    end = timezone.now()
    start = end - INTERVALS[interval] * CANDLES
    rows = public_adapter(Venue(market.venue)).candles(market.rules, interval, start, end)
    return [_candle(row) for row in rows]


def _candle(row: Candle) -> dict[str, object]:
    prices = {"open": row.open, "high": row.high, "low": row.low, "close": row.close}
    return {"time": int(row.opened_at.timestamp())} | {name: f"{price:f}" for name, price in prices.items()}
