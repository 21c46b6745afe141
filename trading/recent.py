"""Desks and markets remembered for a moment: for quotes, which ask for them at every step of a slider, and for the
tables of a page, which all ask at once when something has changed.

Whatever is sent to a venue is worked out again from ``desk_of`` and ``market_named``. Keys begin with the operator.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models.fields.json import KT
from redis.exceptions import RedisError

from tenants.models import User
from trading.desk import Desk
from trading.live.publish import turns
from trading.markets import market_named, markets_of
from trading.models import Command, Market
from trading.portfolio import accounts_of, desk_of, portfolio_of, unsettled_commands
from trading.services.accounts import current_accounts
from trading.venues.snapshots import Venue

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 0.25
RULES_SECONDS = 5
BOOKS_SECONDS = 60
REMEMBERED_DESKS = 1000


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All accounts of a trader as they were read once, and what has been drawn from that reading, by name.

    ``turns``: by account, how many changes its pages had been told of before; None where that is not known.
    """

    desks: tuple[Desk, ...]
    unsettled: tuple[Command, ...]
    turns: Mapping[int, int] | None
    drawn: dict[str, str] = field(default_factory=dict)


_recent: dict[tuple[int, int, Venue | None], tuple[float, Desk]] = {}
_portfolios: dict[tuple[int, int], tuple[float, Portfolio]] = {}
_markets: dict[tuple[int, str], tuple[float, Market]] = {}
_by_number: dict[int, tuple[float, Market]] = {}
_books: dict[tuple[str, str], tuple[float, Mapping[str, Market]]] = {}


def recent_desk(trader: User, venue: Venue | None = None) -> Desk:
    """The trader's desk, at most a quarter of a second old: for quotes, which ask for it at every step of a slider.

    Whatever is sent to a venue is worked out again from ``desk_of``.
    """
    key = (trader.operator_id, trader.pk, venue)
    known = _recent.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    desk = desk_of(trader, venue, recent_markets)
    if len(_recent) >= REMEMBERED_DESKS:
        _recent.clear()
    _recent[key] = (time.monotonic() + REMEMBERED_SECONDS, desk)
    return desk


def recent_portfolio(trader: User) -> Portfolio:
    """The trader's accounts, at most a quarter of a second old and never older than a change that was announced."""
    key = (trader.operator_id, trader.pk)
    known = _portfolios.get(key)
    if known and known[0] > time.monotonic():
        told = known[1].turns
        if told is not None and _turns_of(trader, told) == told:
            return known[1]
    portfolio = _read_portfolio(trader)
    if len(_portfolios) >= REMEMBERED_DESKS:
        _portfolios.clear()
    _portfolios[key] = (time.monotonic() + REMEMBERED_SECONDS, portfolio)
    return portfolio


def _read_portfolio(trader: User) -> Portfolio:
    accounts = current_accounts(trader)
    # Asked before the rows: a change that comes in between makes this reading old, never the other way round.
    told = _turns_of(trader, [account.pk for account in accounts.values()])
    desks = portfolio_of(trader, accounts, recent_markets)
    return Portfolio(desks, tuple(unsettled_commands(accounts_of(desks))), told)


def _turns_of(trader: User, account_ids: Iterable[int]) -> Mapping[int, int] | None:
    try:
        return turns(trader.operator_id, account_ids)
    except RedisError as error:
        logger.warning("Nothing is remembered of a portfolio: %s", error)
        return None


def forget_desk(trader: User, venue: Venue) -> None:
    """Drop what this process remembers of one trader's accounts, at a venue and together."""
    owner = (trader.operator_id, trader.pk)
    for place in (venue, None):
        _recent.pop((*owner, place), None)
    _portfolios.pop(owner, None)


def forget_market(operator_id: int, address: str) -> None:
    """Drop what this process remembers of one operator's market."""
    _markets.pop((operator_id, address), None)
    _by_number.clear()


def forget_desks() -> None:
    """Drop what this process remembers."""
    _recent.clear()
    _portfolios.clear()
    _markets.clear()
    _by_number.clear()
    _books.clear()


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


def recent_markets(numbers: Iterable[int]) -> Mapping[int, Market]:
    """``markets_of``, each remembered for a few seconds: what is listed is the same for every operator."""
    now, found, missing = time.monotonic(), {}, []
    for number in numbers:
        known = _by_number.get(number)
        if known and known[0] > now:
            found[number] = known[1]
        else:
            missing.append(number)
    for number, market in markets_of(missing).items():
        _by_number[number] = (now + RULES_SECONDS, market)
        found[number] = market
    return found


def recent_books(venue: str, network: str) -> Mapping[str, Market]:
    """The first market of each book of a venue, by the books' names, remembered for a minute: which books there are
    changes seldom, and to tell means to read every market. Its prices are the board's."""
    key = (venue, network)
    known = _books.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    rows = Market.objects.filter(venue=venue, network=network, is_delisted=False)
    named = rows.annotate(dex=KT("spec__dex")).order_by("dex", "index").distinct("dex")
    found = {market.rules.dex: market for market in named}
    _books[key] = (time.monotonic() + BOOKS_SECONDS, found)
    return found
