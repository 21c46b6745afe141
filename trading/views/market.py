"""Public market data: the book, the bar, the candles, and what recent days say of a distance."""

import logging
import time

from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from tenants.access import MemberRequest, trader_required
from tenants.policy import Policy
from tenants.recent import trader_remembered
from trading.candles import INTERVALS, candles_of, last_days
from trading.connect import public_adapter
from trading.forms import Unreadable, read_number
from trading.margin.types import Side
from trading.markets import board_of, known_at, listed_markets, market_named, policy_in_force, stale_limits, state_of
from trading.models import Market
from trading.panels.market import build_book, build_market_bar, build_market_link, freshness
from trading.panels.survival import Survival, build_survival, unasked
from trading.panels.view_models import MarketLink
from trading.recent import recent_market
from trading.venues.errors import VenueError
from trading.venues.snapshots import Book, Candle, Venue

logger = logging.getLogger(__name__)

BOOK_SECONDS = 1
CANDLES_SECONDS = 15


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


def market_links(current: Market, policy: Policy) -> list[MarketLink]:
    """The switcher: every market that may be opened under the operator's policy, at its newest price."""
    markets = listed_markets(policy)
    boards = {venue: board_of(Venue(venue)) for venue in {market.venue for market in markets}}
    return [
        build_market_link(market, state_of(market, boards[market.venue]), current, policy, shows_venue=len(boards) > 1)
        for market in markets
    ]


@trader_required
@require_GET
def show_market_bar(request: MemberRequest, market_name: str) -> HttpResponse:
    """The market in one line, with the switcher."""
    market, policy, now = market_named(market_name), policy_in_force(), timezone.now()
    board, links = board_of(Venue(market.venue)), market_links(market, policy)
    fresh = freshness(known_at(market, board), now, stale_limits())
    bar = build_market_bar(market, state_of(market, board), links, fresh, now, policy)
    return render(request, "trading/_market_bar.html", {"bar": bar})


@trader_required
@require_GET
def list_candles(request: MemberRequest, market_name: str) -> JsonResponse:
    """Price history for the chart: texts for numbers, oldest first."""
    market = market_named(market_name)
    interval = request.GET.get("interval", "15m")
    if interval not in INTERVALS:
        return JsonResponse({"error": "Choose one of the intervals shown."}, status=400)
    try:
        known = candles_of(market, interval, time.time() - CANDLES_SECONDS)
    except VenueError as error:
        return JsonResponse({"error": error.explanation}, status=503)
    if known is None:
        return JsonResponse({"error": "The venue did not answer a moment ago."}, status=503)
    return JsonResponse({"candles": [_candle(bar) for bar in known.bars]})


def _candle(row: Candle) -> dict[str, object]:
    prices = {"open": row.open, "high": row.high, "low": row.low, "close": row.close}
    return {"time": int(row.opened_at.timestamp())} | {name: f"{price:f}" for name, price in prices.items()}


@trader_remembered
@require_GET
def show_survival(request: MemberRequest, market_name: str) -> HttpResponse:
    """How often the last days reached a liquidation as far away as the ticket's, which comes with the address."""
    market = recent_market(request.operator.operator_id, market_name)
    return render(None, "trading/_survival.html", {"survival": _survival(market, request.GET.get("distance", ""))})


def _survival(market: Market, typed: str) -> Survival:
    """``typed``: the way to the liquidation as a fraction of the price, below zero where it lies below."""
    side = Side.LONG if typed.startswith("-") else Side.SHORT
    try:
        distance = read_number(typed.removeprefix("-"), "The distance")
    except Unreadable:
        return unasked(market.address)
    return build_survival(market.address, side, distance, last_days(market, timezone.now()))
