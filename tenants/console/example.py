"""An example trader for previews: the real markets at their present prices, positions that nobody holds.

Everything shown is worked out by the same builders and the same margin engine as a trader's own page.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from tenants.models import User
from tenants.policy import Policy, highest_leverage_in
from trading.connect import gateway_of
from trading.desk import Desk
from trading.forms import read_order
from trading.live.board import Board
from trading.margin.types import MarginMode
from trading.markets import state_of
from trading.models import Market, Position, VenueAccount
from trading.panels.history import build_account
from trading.panels.market import build_book, build_market_bar, build_market_link, freshness, price_decimals
from trading.panels.numbers import field_text
from trading.panels.positions import build_positions
from trading.panels.ticket import build_ticket, default_form
from trading.panels.view_models import FreshnessState, TerminalPage, Ticket
from trading.quoting import quote_order
from trading.venues.snapshots import Book, BookLevel, MarketSpec, Venue

EQUITY = Decimal(12_480)
ADDRESS = "0x7a3c00000000000000000000000000000000091fe"[:42]
NO_FORM = UUID(int=0)
NO_ID = 0
NOTHING_TYPED: Mapping[str, str] = {}
LEVELS = 11
# How much of what is free the order in the example takes, in per cent.
EXAMPLE_SHARE = 25
LIMITS = (5, 15)
# Of each example position: margin in collateral, leverage, direction, and how the price moved since (as a fraction).
HOLDINGS = (
    (Decimal(1_150), 8, 1, Decimal("0.016")),
    (Decimal(300), 5, -1, Decimal("0.004")),
    (Decimal(900), 4, -1, Decimal("0.011")),
)


def example_desk(viewer: User, policy: Policy, markets: Sequence[Market], now: datetime) -> Desk:
    """A desk with a few positions in the first markets that have a price."""
    board = Board({}, as_of=now)
    markets = [market for market in markets if market.venue == markets[0].venue]
    states = {market.name: state for market in markets if (state := state_of(market, board)) is not None}
    account = VenueAccount(
        pk=NO_ID, trader=viewer, venue=markets[0].venue, network=markets[0].network, address=ADDRESS,
        equity=EQUITY, cross_equity=EQUITY, withdrawable=EQUITY, taker_fee=Decimal("0.00045"),
        maker_fee=Decimal("0.00015"), venue_time=now, synced_at=now,
    )  # fmt: skip
    priced = [market for market in markets if market.name in states]
    positions = tuple(
        _position(number, account, market, states[market.name].mark, policy, now)
        for number, market in enumerate(priced[: len(HOLDINGS)])
    )
    return Desk(
        trader=viewer, account=account, positions=positions, orders=(), preferences={}, policy=policy,
        board=Board(states, as_of=now), now=now, venue=Venue(markets[0].venue),
    )  # fmt: skip


def _position(
    number: int, account: VenueAccount, market: Market, mark: Decimal, policy: Policy, now: datetime
) -> Position:
    margin, wanted, sign, moved = HOLDINGS[number]
    leverage = min(wanted, highest_leverage_in(policy, market.rules))
    mode = MarginMode.CROSS if policy.offers_cross and number == len(HOLDINGS) - 1 else MarginMode.ISOLATED
    spec = market.rules
    entry = mark / (1 + moved)
    size = max(spec.floor_size(margin * leverage / entry), spec.size_step) * sign
    # What was locked at entry, and the profit since, are the position's equity; its cash leg is what is not size.
    equity = abs(size) * entry / leverage + size * (mark - entry)
    return Position(
        pk=number + 1, account=account, market=market, size=size, entry_price=entry, mark_price=mark, mode=mode.value,
        leverage=leverage, margin=equity, cash=equity - size * mark if mode is MarginMode.ISOLATED else None,
        unrealised_pnl=size * (mark - entry), max_leverage=market.max_leverage, venue_time=now,
    )  # fmt: skip


def example_ticket(desk: Desk, market: Market, typed: Mapping[str, str] = NOTHING_TYPED) -> Ticket:
    """The order form as it opens under the desk's policy, with an order in it, so that its estimate can be seen.

    Where something was ``typed`` into it, the form as it stands then.
    """
    form = default_form(desk, market)
    form = read_order(typed, market.rules, form) if "side" in typed else replace(form, percent=EXAMPLE_SHARE)
    quoted = quote_order(desk, market, form)
    size = field_text(quoted.size) if quoted.size and form.percent else typed.get("size", "")
    return build_ticket(desk, market, quoted, {**typed, "size": size}, NO_FORM)


def example_page(desk: Desk, markets: Sequence[Market]) -> TerminalPage:
    """The terminal on the first market with a price."""
    market = next((row for row in markets if row.name in desk.board.states), markets[0])
    state = state_of(market, desk.board)
    fresh = freshness(desk.now, desk.now, LIMITS)
    links = [build_market_link(row, state_of(row, desk.board), market, desk.policy) for row in markets]
    bar = build_market_bar(market, state, links, fresh, desk.now, desk.policy)
    return TerminalPage(
        title=f"{bar.mark} {bar.label}",
        venue_label=f"{gateway_of(Venue(market.venue)).label} · live",
        venue_state=FreshnessState.LIVE,
        market_bar=bar,
        account=build_account(desk),
        ticket=example_ticket(desk, market),
        book=build_book(market, example_book(market.rules, state.mark, desk.now) if state else None, state, fresh),
        positions=build_positions(desk),
        orders=(),
        fills=(),
        margin_changes=(),
        price_decimals=price_decimals(market.rules, state.mark) if state else 2,
        now=desk.now,
        stale_after_seconds=LIMITS[0],
        closed_after_seconds=LIMITS[1],
    )


def example_book(spec: MarketSpec, mark: Decimal, now: datetime) -> Book:
    """Levels around the mark, a tick apart, with sizes that rise and fall."""
    step = spec.price_rule.step_at(mark)
    middle = mark // step * step
    sizes = [_wave(number) * 400 / mark for number in range(LEVELS)]
    asks = tuple(BookLevel(middle + step * (number + 1), sizes[number], 1) for number in range(LEVELS))
    bids = tuple(BookLevel(middle - step * number, sizes[-1 - number], 1) for number in range(LEVELS))
    return Book(spec.name, now, bids, asks)


def example_candles(mark: Decimal, now: datetime, count: int = 160) -> list[dict[str, object]]:
    """Quarter hours that end at the mark: the same gentle path every time."""
    end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    path = [mark * (1 + (_wave(number) - _wave(0)) / 1500) for number in range(count + 1)]
    return [
        {
            "time": int((end - timedelta(minutes=15) * number).timestamp()),
            "open": f"{path[number + 1]:f}",
            "close": f"{path[number]:f}",
            "high": f"{max(path[number], path[number + 1]) * Decimal('1.0008'):f}",
            "low": f"{min(path[number], path[number + 1]) * Decimal('0.9992'):f}",
        }
        for number in reversed(range(count))
    ]


def _wave(number: int) -> Decimal:
    """A figure between 5 and 35 that looks irregular and is the same every time."""
    wave = math.sin(number / 11) * 9 + math.sin(number / 2.3) * 4 + math.sin(number * 1.7) * 2
    return Decimal(round(20 + wave, 2)).quantize(Decimal("0.01"))
