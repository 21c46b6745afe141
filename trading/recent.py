"""Desks and markets remembered for a moment: for quotes, which ask for them at every step of a slider.

Whatever is sent to a venue is worked out again from ``desk_of`` and ``market_named``. Keys begin with the operator.
"""

import time

from tenants.models import User
from trading.desk import Desk, desk_of, market_named
from trading.models import Market
from trading.venues.snapshots import Venue

REMEMBERED_SECONDS = 0.25
RULES_SECONDS = 5
REMEMBERED_DESKS = 1000

_recent: dict[tuple[int, int, Venue | None], tuple[float, Desk]] = {}
_markets: dict[tuple[int, str], tuple[float, Market]] = {}


def recent_desk(trader: User, venue: Venue | None = None) -> Desk:
    """The trader's desk, at most a quarter of a second old: for quotes, which ask for it at every step of a slider.

    Whatever is sent to a venue is worked out again from ``desk_of``.
    """
    key = (trader.operator_id, trader.pk, venue)
    known = _recent.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    desk = desk_of(trader, venue)
    if len(_recent) >= REMEMBERED_DESKS:
        _recent.clear()
    _recent[key] = (time.monotonic() + REMEMBERED_SECONDS, desk)
    return desk


def forget_desks() -> None:
    """Drop what this process remembers."""
    _recent.clear()
    _markets.clear()


def recent_market(operator_id: int, address: str) -> Market:
    """``market_named``, remembered for a few seconds for each operator: for quotes. Its prices are the board's."""
    key = (operator_id, address)
    known = _markets.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    market = market_named(address)
    if len(_markets) >= REMEMBERED_DESKS:
        _markets.clear()
    _markets[key] = (time.monotonic() + RULES_SECONDS, market)
    return market
