"""The market's own panels: the bar, the book, and how old a number is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from tenants.policy import Policy, highest_leverage_in
from trading.connect import gateway_of
from trading.margin.rounding import liquidation_towards_mark
from trading.models import Market
from trading.panels.numbers import age, compact, field_text, fixed, leverage, percent
from trading.panels.view_models import Book, BookRow, Freshness, FreshnessState, MarketBar, MarketLink, Tone
from trading.venues.snapshots import Book as VenueBook
from trading.venues.snapshots import BookLevel, MarketSpec, MarketState, Venue

BOOK_LEVELS = 11


def freshness(as_of: datetime | None, now: datetime, limits: tuple[int, int], what: str = "Prices") -> Freshness:
    """How old numbers are and what follows; ``limits`` are the seconds to say so and to close money buttons."""
    if as_of is None:
        reason = f"{what} have not arrived yet. Buttons open as soon as they do."
        return Freshness(state=FreshnessState.CLOSED, as_of=now, text="no data yet", reason=reason)
    seconds = (now - as_of).total_seconds()
    text = age(as_of, now)
    if seconds >= limits[1]:
        reason = f"{what} are too old: nothing new is opened on them. Closing and adding margin are still tried."
        return Freshness(state=FreshnessState.CLOSED, as_of=as_of, text=text, reason=reason)
    state = FreshnessState.STALE if seconds >= limits[0] else FreshnessState.LIVE
    return Freshness(state=state, as_of=as_of, text=text)


def price_decimals(spec: MarketSpec, price: Decimal) -> int:
    """How many decimals a price of this size has on this market."""
    exponent = spec.price_rule.step_at(price).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def price_text(price: Decimal, spec: MarketSpec) -> str:
    """A price at the market's own tick."""
    return fixed(price, price_decimals(spec, price))


def liquidation_text(price: Decimal, mark: Decimal, spec: MarketSpec) -> str:
    """A liquidation price at the market's tick, rounded towards the mark."""
    return price_text(liquidation_towards_mark(price, mark, spec.price_rule), spec)


def tone_of(value: Decimal) -> Tone:
    """Up, down or neither."""
    if value == 0:
        return Tone.PLAIN
    return Tone.UP if value > 0 else Tone.DOWN


def day_change(state: MarketState) -> Decimal:
    """The move since this time yesterday, as a fraction."""
    return state.mark / state.previous_day_price - 1 if state.previous_day_price else Decimal(0)


def next_funding(spec: MarketSpec, now: datetime) -> datetime:
    """When funding is paid next."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    interval = timedelta(hours=spec.funding_hours)
    return midnight + ((now - midnight) // interval + 1) * interval


def funding_text(spec: MarketSpec, state: MarketState) -> str:
    """What is paid next, as a share of the position's value: the hourly rate times the interval."""
    return percent(state.funding_rate * spec.funding_hours, 4, signed=True)


def interest_text(state: MarketState) -> str:
    """The value of all open positions; some venues do not tell it."""
    return compact(state.open_interest * state.mark) if state.open_interest else "not told"


def _countdown(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{minutes}" if hours else minutes


def most_leverage(market: Market, policy: Policy) -> str:
    """What a trader may choose in a market here: the venue's maximum, or the operator's cap where that is lower."""
    return leverage(Decimal(highest_leverage_in(policy, market.rules)))


def build_market_bar(
    market: Market,
    state: MarketState | None,
    links: Sequence[MarketLink],
    fresh: Freshness,
    now: datetime,
    policy: Policy,
) -> MarketBar:
    """The market in one line. Funding is paid at full hours, counted from midnight UTC (Hyperliquid 3.6, Aster 4.8)."""
    spec = market.rules
    funding_at = next_funding(spec, now)
    remaining = int((funding_at - now).total_seconds())
    mark = state.mark if state else None
    change = day_change(state) if state else Decimal(0)
    return MarketBar(
        market=market.address,
        label=f"{spec.label}-PERP",
        max_leverage=most_leverage(market, policy),
        mark=price_text(mark, spec) if mark else "no price",
        mark_tone=tone_of(change),
        index=price_text(state.oracle, spec) if state else "no price",
        change=percent(change, signed=True),
        change_tone=tone_of(change),
        volume=compact(state.day_volume) if state else "unknown",
        open_interest=interest_text(state) if state else "unknown",
        funding=funding_text(spec, state) if state else "unknown",
        funding_at=funding_at,
        funding_in=_countdown(remaining),
        freshness=fresh,
        markets=tuple(links),
        venue=gateway_of(Venue(market.venue)).label if any(link.venue for link in links) else "",
    )


def build_market_link(
    market: Market, state: MarketState | None, current: Market, policy: Policy, *, shows_venue: bool = False
) -> MarketLink:
    """A market in the switcher, with its venue where markets of several are listed."""
    change = day_change(state) if state else Decimal(0)
    return MarketLink(
        name=market.address,
        label=f"{market.rules.label}-PERP",
        max_leverage=most_leverage(market, policy),
        mark=price_text(state.mark, market.rules) if state else "no price",
        change=percent(change, signed=True),
        change_tone=tone_of(change),
        is_current=market.pk == current.pk,
        venue=gateway_of(Venue(market.venue)).label if shows_venue else "",
    )


def build_book(market: Market, book: VenueBook | None, state: MarketState | None, fresh: Freshness) -> Book:
    """The order book around the mark; without one, a sentence instead."""
    spec = market.rules
    mark = price_text(state.mark, spec) if state else "no price"
    tone = tone_of(day_change(state)) if state else Tone.PLAIN
    tick = field_text(spec.price_rule.step_at(state.mark)) if state else ""
    if book is None or not book.bids or not book.asks:
        problem = "The order book is not available right now."
        return Book(
            market=market.address, asks=(), bids=(), mark=mark, mark_tone=tone, spread="", tick=tick, freshness=fresh,
            problem=problem,
        )  # fmt: skip
    asks, bids = book.asks[:BOOK_LEVELS], book.bids[:BOOK_LEVELS]
    deepest = max(_total(asks), _total(bids))
    gap = asks[0].price - bids[0].price
    return Book(
        market=market.address,
        asks=tuple(reversed(_book_rows(asks, spec, deepest))),
        bids=_book_rows(bids, spec, deepest),
        mark=mark,
        mark_tone=tone,
        spread=f"{field_text(gap)} · {percent(gap / asks[0].price, 3)}",
        tick=tick,
        freshness=fresh,
    )


def _total(levels: Sequence[BookLevel]) -> Decimal:
    return sum((level.size for level in levels), Decimal(0))


def _book_rows(levels: Sequence[BookLevel], spec: MarketSpec, deepest: Decimal) -> tuple[BookRow, ...]:
    decimals = price_decimals(spec, levels[0].price)
    totals = accumulate(level.size for level in levels)
    return tuple(
        BookRow(
            price=fixed(level.price, decimals),
            size=fixed(level.size, spec.size_decimals),
            total=fixed(total, spec.size_decimals),
            depth=int(total / deepest * 100) if deepest else 0,
        )
        for level, total in zip(levels, totals, strict=True)
    )
