"""Every read as data: the body to post, the parser of its answer, and its weight in the venue's budget (Hyperliquid
2, 7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from trading.margin.types import AccountMode, FeeRates
from trading.venues.base import (
    AccountSnapshot,
    Agent,
    Book,
    Candle,
    CollateralMove,
    Fill,
    FundingPayment,
    LedgerEntry,
    Markets,
    MarketSetting,
    OpenOrder,
    OrderReport,
    RequestAllowance,
    SpotBalance,
    Trade,
)
from trading.venues.hyperliquid import history, orders, parse
from trading.venues.hyperliquid import markets as public
from trading.venues.hyperliquid.wire import address as checked_address
from trading.venues.hyperliquid.wire import milliseconds, question
from trading.venues.paging import Page, paged

T = TypeVar("T")

LIGHT = 2
USUAL = 20
ROWS_PER_WEIGHT = 20
FILLS_PAGE = 2000
PAGE = 500


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """One read. ``parse`` takes the answer's bytes and the time at which they came."""

    body: bytes
    parse: Callable[[bytes, datetime], T]
    weight: int = USUAL


def _timeless(parser: Callable[[bytes], T]) -> Callable[[bytes, datetime], T]:
    return lambda body, _received_at: parser(body)


def markets(
    dex: str = "", dex_index: int = 0, tokens: Mapping[int, tuple[str, str]] = public.TOKENS
) -> Question[Markets]:
    """Rules and prices of every market of one book; ``tokens`` names its collateral."""
    return Question(
        question("metaAndAssetCtxs", dex=dex),
        lambda body, received_at: public.markets(body, received_at, dex=dex, dex_index=dex_index, tokens=tokens),
    )


def tokens() -> Question[dict[int, tuple[str, str]]]:
    """The names of all tokens by their number, and how transfers name them."""
    return Question(question("spotMeta"), _timeless(public.token_names))


def dexes() -> Question[dict[str, int]]:
    """The builder-deployed books and their places."""
    return Question(question("perpDexs"), _timeless(public.dex_indices))


def account_mode(address: str) -> Question[AccountMode]:
    """How balances back positions."""
    return Question(question("userAbstraction", user=checked_address(address)), _timeless(parse.account_mode))


def account(
    address: str,
    *,
    mode: AccountMode,
    spot: tuple[SpotBalance, ...] = (),
    dex: str = "",
    collateral: str = public.MAIN_COLLATERAL,
) -> Question[AccountSnapshot]:
    """Money and positions on one book; ``spot`` is needed unless the account is a standard one."""
    return Question(
        question("clearinghouseState", user=checked_address(address), dex=dex),
        lambda body, received_at: parse.account(
            body, received_at, mode=mode, spot=spot, dex=dex, collateral=collateral
        ),
        LIGHT,
    )


def spot_balances(address: str) -> Question[tuple[SpotBalance, ...]]:
    """The tokens of an account."""
    return Question(
        question("spotClearinghouseState", user=checked_address(address)), _timeless(parse.spot_balances), LIGHT
    )


def market_setting(address: str, coin: str) -> Question[MarketSetting]:
    """Margin mode, leverage and limits of one market."""
    return Question(
        question("activeAssetData", user=checked_address(address), coin=coin), _timeless(parse.market_setting)
    )


def open_orders(address: str, dex: str = "") -> Question[tuple[OpenOrder, ...]]:
    """Resting orders of one book, with triggers and children."""
    return Question(
        question("frontendOpenOrders", user=checked_address(address), dex=dex), _timeless(orders.open_orders)
    )


def order_status(address: str, order: int | str) -> Question[OrderReport]:
    """What became of one order."""
    return Question(
        question("orderStatus", user=checked_address(address), oid=order), _timeless(orders.order_report), LIGHT
    )


def order_history(address: str) -> Question[tuple[OrderReport, ...]]:
    """The newest 2000 orders in their last state."""
    body = question("historicalOrders", user=checked_address(address))
    return Question(body, _timeless(orders.order_history), USUAL + FILLS_PAGE // ROWS_PER_WEIGHT)


def fills(address: str, since: datetime, until: datetime | None = None) -> Question[Page[Fill]]:
    """One page of executions from ``since`` on, 2000 at most."""
    return _history("userFillsByTime", address, since, until, paged(history.fills))


def funding(address: str, since: datetime, until: datetime | None = None) -> Question[Page[FundingPayment]]:
    """One page of funding payments from ``since`` on, 500 at most."""
    return _history("userFunding", address, since, until, paged(history.funding))


def ledger(address: str, since: datetime, until: datetime | None = None) -> Question[Page[LedgerEntry]]:
    """One page of other balance changes from ``since`` on, 500 at most."""
    known = checked_address(address)
    parser = paged(lambda body: history.ledger(body, known))
    return _history("userNonFundingLedgerUpdates", address, since, until, parser)


def collateral_moves(address: str, since: datetime) -> Question[tuple[CollateralMove, ...]]:
    """What moved between an account's own books since then, at most a page of ledger rows."""
    known = checked_address(address)
    return _history("userNonFundingLedgerUpdates", address, since, None, lambda body: history.moves(body, known))


def _history(
    kind: str, address: str, since: datetime, until: datetime | None, parser: Callable[[bytes], T]
) -> Question[T]:
    end = None if until is None else milliseconds(until)
    body = question(kind, user=checked_address(address), startTime=milliseconds(since), endTime=end)
    return Question(body, _timeless(parser))


def candles(coin: str, interval: str, start: datetime, end: datetime) -> Question[tuple[Candle, ...]]:
    """Price history of one market."""
    request = {"coin": coin, "interval": interval, "startTime": milliseconds(start), "endTime": milliseconds(end)}
    return Question(question("candleSnapshot", req=request), _timeless(public.candles))


def book(coin: str) -> Question[Book]:
    """The order book of one market, 20 levels a side."""
    return Question(question("l2Book", coin=coin), _timeless(public.book), LIGHT)


def trades(coin: str) -> Question[tuple[Trade, ...]]:
    """The newest public trades of one market."""
    return Question(question("recentTrades", coin=coin), _timeless(public.trades))


def request_allowance(address: str) -> Question[RequestAllowance]:
    """What an address may still send."""
    body = question("userRateLimit", user=checked_address(address))
    return Question(body, _timeless(parse.request_allowance))


def fee_rates(address: str) -> Question[FeeRates]:
    """The account's own rates."""
    return Question(question("userFees", user=checked_address(address)), _timeless(parse.fee_rates))


def agents(address: str) -> Question[tuple[Agent, ...]]:
    """The named trading keys of an account; an unnamed one is not listed."""
    return Question(question("extraAgents", user=checked_address(address)), _timeless(parse.agents))


def builder_fee(address: str, builder: str) -> Question[Decimal]:
    """The highest fee rate the account allows this builder, zero without an approval."""
    body = question("maxBuilderFee", user=checked_address(address), builder=checked_address(builder))
    return Question(body, _timeless(parse.builder_fee))
