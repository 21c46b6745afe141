"""Every read as data: what to ask, how to parse the answer, whether it is private, and its weight (Aster 2.2, 3, 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from trading.margin.types import AccountMode, FeeRates, TierTable
from trading.venues.aster import accounts, history, orders
from trading.venues.aster import markets as public
from trading.venues.aster.wire import Call, Parameters, address, milliseconds
from trading.venues.base import Agent, Book, Candle, Fill, LedgerEntry, MarginMove, OpenOrder, OrderReport, Trade
from trading.venues.paging import Page, paged

T = TypeVar("T")

PAGE = 1000
FORCED_PAGE = 100
MOVES_PAGE = 500
CANDLES_PAGE = 1500
BOOK_LEVELS = 20
TRADES = 100
FORCED_KINDS = ("LIQUIDATION", "ADL")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """One read. A private one is authorised by the account's login."""

    call: Call
    parse: Callable[[bytes], T]
    weight: int = 1
    is_private: bool = True


def _public(name: str, parse: Callable[[bytes], T], weight: int = 1, parameters: Parameters = ()) -> Question[T]:
    return Question(Call("GET", name, parameters), parse, weight, is_private=False)


def _private(name: str, parse: Callable[[bytes], T], weight: int, parameters: Parameters = ()) -> Question[T]:
    return Question(Call("GET", name, parameters), parse, weight)


def _span(start: datetime, end: datetime | None, limit: int) -> Parameters:
    bound = () if end is None else (("endTime", str(milliseconds(end))),)
    return (("startTime", str(milliseconds(start))), *bound, ("limit", str(limit)))


def venue_time() -> Question[datetime]:
    """The venue's own clock."""
    return _public("time", accounts.venue_time)


def exchange_info() -> Question[bytes]:
    """The rules of every market, as they came: large, and of use only with the prices."""
    return _public("exchangeInfo", bytes)


def brackets(symbol: str | None = None) -> Question[dict[str, TierTable]]:
    """The leverage tiers of every market, or of one; any account may ask (Aster 3.4)."""
    return _private("leverageBracket", public.brackets, 1, () if symbol is None else (("symbol", symbol),))


def premiums() -> Question[dict[str, public.Premium]]:
    """Mark, index and funding of every market."""
    return _public("premiumIndex", public.premiums)


def funding_hours() -> Question[dict[str, int]]:
    """How often every market pays funding."""
    return _public("fundingInfo", public.funding_hours)


def days() -> Question[dict[str, public.Day]]:
    """The last 24 hours of every market."""
    return _public("ticker/24hr", public.days, 40)


def best_prices() -> Question[dict[str, public.Best]]:
    """The best bid and ask of every market."""
    return _public("ticker/bookTicker", public.best_prices, 2)


def book(symbol: str) -> Question[Book]:
    """The order book, 20 levels a side."""
    parameters = (("symbol", symbol), ("limit", str(BOOK_LEVELS)))
    return _public("depth", lambda body: public.book(body, symbol), 2, parameters)


def trades(symbol: str) -> Question[tuple[Trade, ...]]:
    """The newest public trades."""
    return _public("trades", lambda body: public.trades(body, symbol), 1, (("symbol", symbol), ("limit", str(TRADES))))


def candles(symbol: str, interval: str, start: datetime, end: datetime) -> Question[Page[Candle]]:
    """One page of price history, 1500 bars at most."""
    parameters = (("symbol", symbol), ("interval", interval), *_span(start, end, CANDLES_PAGE))
    return _public("klines", paged(lambda body: public.candles(body, symbol)), 10, parameters)


def multi_assets() -> Question[AccountMode]:
    """Whether several assets back the account."""
    return _private("multiAssetsMargin", accounts.account_mode, 30)


def money() -> Question[accounts.AccountRow]:
    """An account's money and the margins of its positions."""
    return _private("accountWithJoinMargin", accounts.money, 5)


def positions(symbol: str | None = None) -> Question[tuple[accounts.PositionRow, ...]]:
    """Every position, flat ones included, or those of one market."""
    return _private("positionRisk", accounts.positions, 5, () if symbol is None else (("symbol", symbol),))


def available(asset: str) -> Question[Decimal]:
    """The free margin in one asset."""
    return _private("balance", lambda body: accounts.available(body, asset), 5)


def open_orders(symbol: str | None = None) -> Question[tuple[OpenOrder, ...]]:
    """Resting orders of all markets (dear) or of one (cheap)."""
    if symbol is None:
        return _private("openOrders", orders.open_orders, 40)
    return _private("openOrders", orders.open_orders, 1, (("symbol", symbol),))


def order_status(symbol: str, order: int | str) -> Question[OrderReport]:
    """What became of one order of a market."""
    name = ("orderId", str(order)) if isinstance(order, int) else ("origClientOrderId", order)
    return _private("order", orders.order_report, 1, (("symbol", symbol), name))


def order_history(start: datetime, end: datetime) -> Question[Page[OrderReport]]:
    """One page of orders of all markets within 7 days."""
    return _private("allOrders", paged(orders.order_history), 5, _span(start, end, PAGE))


def fills(symbol: str, start: datetime, end: datetime) -> Question[Page[Fill]]:
    """One page of executions in one market within 7 days."""
    return _private("userTrades", paged(history.fills), 5, (("symbol", symbol), *_span(start, end, PAGE)))


def income(start: datetime, kind: str | None = None) -> Question[Page[history.IncomeRow]]:
    """One page of bookings from ``start`` on, of all kinds or of one."""
    wanted = () if kind is None else (("incomeType", kind),)
    return _private("income", paged(history.income), 30, (*wanted, *_span(start, None, PAGE)))


def forced_orders(kind: str, start: datetime) -> Question[Page[LedgerEntry]]:
    """One page of liquidations or deleveragings from ``start`` on."""
    parameters = (("autoCloseType", kind), *_span(start, None, FORCED_PAGE))
    return _private("forceOrders", paged(lambda body: history.forced_orders(body, kind)), 50, parameters)


def margin_moves(symbol: str, start: datetime) -> Question[Page[MarginMove]]:
    """One page of collateral changes of a market from ``start`` on."""
    parameters = (("symbol", symbol), *_span(start, None, MOVES_PAGE))
    return _private("positionMargin/history", paged(history.margin_moves), 1, parameters)


def fee_rates(symbol: str) -> Question[FeeRates]:
    """The account's own rates in one market."""
    return _private("commissionRate", accounts.fee_rates, 20, (("symbol", symbol),))


def agents() -> Question[tuple[Agent, ...]]:
    """The trading keys of the account."""
    return _private("agent", accounts.agents, 1)


def builder_fee(builder: str) -> Question[Decimal]:
    """The highest fee rate the account allows this builder."""
    wanted = address(builder)
    return _private("builder", lambda body: accounts.builder_fee(body, wanted), 1)
