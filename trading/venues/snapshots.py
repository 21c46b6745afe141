"""What a venue tells us, in our own words: markets, prices, accounts, orders, fills.

Every value here was read from a venue. Money, prices and sizes are ``Decimal`` exactly as the venue wrote them; sizes
of positions are signed (long > 0); times are aware UTC datetimes. These records are frozen ``msgspec.Struct`` classes
rather than dataclasses: an account of twenty positions is built ten times faster, and a cache can store them without
a schema of its own (use ``msgspec.structs.replace`` where ``dataclasses.replace`` would stand).
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.margin.rounding import Direction, PriceRule, to_step
from trading.margin.types import AccountMode, MarginMode, MarginRestriction, TierTable
from trading.venues.pools import CollateralMove, Pool
from trading.venues.vocabulary import Network, OrderState, PositionSide, TimeInForce, TriggerKind, Venue

__all__ = [
    "AccountSnapshot",
    "Agent",
    "Book",
    "BookLevel",
    "Candle",
    "CollateralMove",
    "Fill",
    "FundingPayment",
    "LedgerEntry",
    "LiquidationMark",
    "MarginMove",
    "MarketSetting",
    "MarketSpec",
    "MarketState",
    "Markets",
    "Network",
    "OpenOrder",
    "OrderReport",
    "OrderState",
    "OrderTrigger",
    "Pool",
    "PositionSide",
    "PositionSnapshot",
    "RequestAllowance",
    "SpotBalance",
    "TimeInForce",
    "Trade",
    "TriggerKind",
    "Venue",
    "market_address",
]


def market_address(venue: str, name: str) -> str:
    """A market's name among all venues, as the field writes it: venue, colon, the venue's own name."""
    return f"{venue}:{name}"


class MarketSpec(msgspec.Struct, frozen=True):
    """The rules of one market.

    ``index`` is the number that orders carry (Hyperliquid's asset id; Aster has none and gives its list position).
    ``dex`` is the builder-deployed venue inside the venue that lists the market, "" for the main one.
    ``min_notional`` is in ``collateral``; an order that only reduces is exempt where it closes the whole
    position (Hyperliquid 1.4), or always (Aster 2.1).
    ``token`` is how a transfer of that collateral names it, "" where none can be made.
    ``max_market_notional`` bounds one market order, None where the venue states no bound; so do the sizes: ``min_size``
    and ``max_size`` of any order, ``max_market_size`` of one at market. ``max_slippage`` is how far from the mark (a
    fraction) a market order may trade, None without such a bound. ``funding_hours`` lie between two payments.
    ``liquidation_fee`` is a fraction of what a liquidation closes.
    """

    venue: Venue
    name: str
    base: str
    index: int
    size_decimals: int
    price_rule: PriceRule
    tiers: TierTable
    restriction: MarginRestriction
    max_leverage: int
    min_notional: Decimal
    delisted: bool
    collateral: str
    dex: str = ""
    max_market_notional: Decimal | None = None
    funding_hours: int = 1
    min_size: Decimal | None = None
    max_size: Decimal | None = None
    max_market_size: Decimal | None = None
    max_slippage: Decimal | None = None
    token: str = ""
    liquidation_fee: Decimal = Decimal(0)

    @property
    def address(self) -> str:
        """What tells it from markets of the same name at other venues."""
        return market_address(self.venue, self.name)

    @property
    def label(self) -> str:
        """The coin, with the builder-deployed book that lists it: another book may list the same coin."""
        return f"{self.dex}:{self.base}" if self.dex else self.base

    @property
    def size_step(self) -> Decimal:
        """The smallest difference between two order sizes, in coins."""
        return Decimal(1).scaleb(-self.size_decimals)

    def accepts_size(self, size: Decimal) -> bool:
        """Whether the venue takes this (unsigned) order size as it stands."""
        return size.is_finite() and size > 0 and size % self.size_step == 0

    def floor_size(self, size: Decimal) -> Decimal:
        """The largest valid size that is not above ``size``."""
        return to_step(size, self.size_step, Direction.DOWN)

    def least_size(self, price: Decimal) -> Decimal:
        """The smallest valid size that is worth ``min_notional`` at a price."""
        return max(to_step(self.min_notional / price, self.size_step, Direction.UP), self.min_size or self.size_step)


class MarketState(msgspec.Struct, frozen=True):
    """A market's prices at one moment. ``funding_rate`` is the hourly rate; ``open_interest`` is in coins; ``mid`` is
    None when a side of the book is empty or the market is delisted. ``day_volume`` is what was traded in the last 24
    hours, in collateral units, and ``previous_day_price`` the price before them, as the venue says (Hyperliquid 2.1:
    ``dayNtlVlm``, ``prevDayPx``; Aster 2.2: ``quoteVolume``, ``openPrice``)."""

    name: str
    mark: Decimal
    oracle: Decimal
    mid: Decimal | None
    previous_day_price: Decimal
    funding_rate: Decimal
    open_interest: Decimal
    day_volume: Decimal


class Markets(NamedTuple):
    """Every market that was understood, with its prices. ``venue_time`` is None where the answer carries no time.
    ``unread`` are the names of those that the venue lists as trading and that were left out all the same."""

    specs: tuple[MarketSpec, ...]
    states: tuple[MarketState, ...]
    venue_time: datetime | None
    received_at: datetime
    unread: frozenset[str] = frozenset()


class PositionSnapshot(msgspec.Struct, frozen=True, gc=False):
    """One open position as the venue reports it.

    ``margin``: of an isolated position its equity (unrealised profit included), of a cross position ``notional /
    leverage``. ``cash``: the cash leg of an isolated position, ``margin - size * mark_price``; None when cross.
    ``leverage`` is the setting, not the effective one. ``max_leverage`` is the account's own maximum in the market,
    which may differ from the market's. ``liquidation_price`` None: the venue states none. ``funding_since_open`` > 0
    was paid by the trader; None where the venue did not say. ``side`` is BOTH wherever a market holds one position.
    """

    market: str
    size: Decimal
    entry_price: Decimal
    mark_price: Decimal
    notional: Decimal
    mode: MarginMode
    leverage: int
    margin: Decimal
    cash: Decimal | None
    unrealised_pnl: Decimal
    liquidation_price: Decimal | None
    max_leverage: int
    funding_since_open: Decimal | None = None
    side: PositionSide = PositionSide.BOTH


class SpotBalance(msgspec.Struct, frozen=True):
    """A token held outside the perpetuals account (or, in unified accounts, backing it). ``hold`` is reserved."""

    token: str
    total: Decimal
    hold: Decimal


class AccountSnapshot(msgspec.Struct, frozen=True):
    """One account on one collateral pool at one moment, in that collateral; in multi-asset mode in dollars (Aster 3.1).

    ``equity``: everything, isolated positions included. The ``cross_*`` figures leave isolated positions out.
    ``withdrawable`` is not the free margin (Hyperliquid 3.7): ask ``market_setting`` for what an order may use.
    In unified and portfolio accounts the figures come from the spot balance (Hyperliquid 3.4, 3.9). In hedge mode a
    market may hold a long and a short side by side (Aster 3.2). ``pools``: other books' balances, None if not read.
    """

    venue_time: datetime
    received_at: datetime
    account_mode: AccountMode
    equity: Decimal
    cross_equity: Decimal
    cross_maintenance: Decimal
    cross_margin_used: Decimal
    withdrawable: Decimal
    positions: tuple[PositionSnapshot, ...]
    dex: str = ""
    spot: tuple[SpotBalance, ...] = ()
    hedge_mode: bool = False
    pools: tuple[Pool, ...] | None = None


class MarketSetting(msgspec.Struct, frozen=True):
    """What an account has chosen in a market, with or without a position, and what it may trade there now.

    ``available_to_*`` is margin in collateral units; ``max_*_size`` the same at the chosen leverage, in coins.
    """

    market: str
    mode: MarginMode
    leverage: int
    available_to_buy: Decimal
    available_to_sell: Decimal
    max_buy_size: Decimal
    max_sell_size: Decimal
    mark: Decimal


class OrderTrigger(msgspec.Struct, frozen=True):
    """When a resting order wakes up. ``kind`` is None where the venue's label was not one we know; ``trail`` is how far
    the market has to come back from its best since ``price`` (zero: from now), a fraction, None for a fixed price."""

    price: Decimal
    is_market: bool
    kind: TriggerKind | None
    condition: str = ""
    trail: Decimal | None = None


class OpenOrder(msgspec.Struct, frozen=True):
    """An order that rests at the venue. ``size`` is what is left; zero with ``covers_position`` means the whole
    position. ``children`` wait for this order to fill."""

    market: str
    order_id: int
    client_id: str | None
    is_buy: bool
    limit_price: Decimal
    size: Decimal
    original_size: Decimal
    time_in_force: TimeInForce | None
    reduce_only: bool
    placed_at: datetime
    order_type: str = "Limit"
    trigger: OrderTrigger | None = None
    covers_position: bool = False
    children: tuple["OpenOrder", ...] = ()


class OrderReport(msgspec.Struct, frozen=True):
    """The answer to "what became of this order?". UNKNOWN has no order: the venue has never seen it (yet). ``label`` is
    the venue's own word for the state."""

    state: OrderState
    label: str
    order: OpenOrder | None = None
    changed_at: datetime | None = None


class MarginMove(msgspec.Struct, frozen=True):
    """Collateral that moved into an isolated position (``amount`` > 0) or out of it, in collateral units.

    ``by_trader`` tells what the trader moved from what a fill did. ``client_id`` is the id it was asked for with, ""
    where the venue does not say.
    """

    market: str
    time: datetime
    amount: Decimal
    by_trader: bool
    client_id: str = ""


class LiquidationMark(msgspec.Struct, frozen=True):
    """Stands on both sides of a liquidation fill: compare ``account`` before telling anyone that they were
    liquidated."""

    account: str
    mark: Decimal
    method: str


class Fill(msgspec.Struct, frozen=True):
    """One execution. ``key`` is unique within an account. ``fee`` is the total, includes ``builder_fee`` and is
    negative for a rebate; ``closed_pnl`` is before fees. None: the row did not say. ``direction`` is display text
    only. ``is_deleveraged``: the venue closed it against somebody else's liquidated position."""

    key: str
    market: str
    order_id: int
    client_id: str | None
    is_buy: bool
    price: Decimal
    size: Decimal
    time: datetime
    closed_pnl: Decimal
    fee: Decimal | None
    builder_fee: Decimal
    fee_token: str
    is_taker: bool
    start_position: Decimal | None
    direction: str
    liquidation: LiquidationMark | None = None
    is_deleveraged: bool = False


class FundingPayment(msgspec.Struct, frozen=True):
    """One funding payment. ``amount`` > 0 was received by the trader, in collateral units. ``size`` is the position's,
    signed, in coins; ``rate`` is the hourly rate. ``key`` is unique within an account."""

    market: str
    time: datetime
    amount: Decimal
    size: Decimal
    rate: Decimal
    key: str


class LedgerEntry(msgspec.Struct, frozen=True):
    """A balance change that is neither a trade nor funding. ``amount`` is signed from the account's view where the
    venue says the direction, None where the kind is one we do not know, in ``asset``: "" is the account's collateral.
    ``kind`` and ``details`` are the venue's word and its record: shown, and read where a liquidation is told."""

    key: str
    kind: str
    time: datetime
    amount: Decimal | None
    details: str
    asset: str = ""


class Candle(msgspec.Struct, frozen=True):
    """One bar of price history; ``volume`` in coins."""

    market: str
    opened_at: datetime
    closed_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int


class BookLevel(msgspec.Struct, frozen=True):
    """One price of the order book."""

    price: Decimal
    size: Decimal
    orders: int


class Book(msgspec.Struct, frozen=True):
    """The order book, best price first on both sides."""

    market: str
    venue_time: datetime
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class Trade(msgspec.Struct, frozen=True):
    """One public trade; ``is_buy`` is the side of the aggressor."""

    key: str
    market: str
    time: datetime
    is_buy: bool
    price: Decimal
    size: Decimal


class RequestAllowance(msgspec.Struct, frozen=True):
    """How many signed actions an address may send in all, and has sent (Hyperliquid 7)."""

    used: int
    cap: int

    @property
    def left(self) -> int:
        """What may still be sent before the venue slows the address down."""
        return max(0, self.cap - self.used)


class Agent(msgspec.Struct, frozen=True):
    """A named key that may trade for an account until ``valid_until``."""

    name: str
    address: str
    valid_until: datetime
    may_withdraw: bool = False
