"""The words of a venue's stream, whichever venue it is: what may be followed, and what is told.

A stream hands on frames in the order in which they arrived and holds no prices. Its frames say what the venue said and
nothing that it did not: whoever listens decides what is current. A frame never raises: what cannot be understood is
``Unreadable`` and counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trading.margin.types import AccountMode
from trading.venues.base import Adapter
from trading.venues.snapshots import (
    AccountSnapshot,
    Book,
    Candle,
    Fill,
    FundingPayment,
    LedgerEntry,
    MarketState,
    OpenOrder,
    OrderReport,
    PositionSide,
    Trade,
)


class Topic(StrEnum):
    """What can be followed of a market."""

    STATE = "state"
    BOOK = "book"
    TRADES = "trades"
    CANDLES = "candles"


@dataclass(frozen=True, slots=True)
class Interest:
    """One thing to follow of one market; candles have an interval."""

    topic: Topic
    market: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """An account to follow; what is told of it comes under its ``name``.

    The name is the address where a venue tells an account to everybody, and one for a single key where it tells it to
    its keys only. ``adapter`` reads the account, where the venue wants to be asked for a private stream.
    """

    name: str
    mode: AccountMode
    adapter: Adapter


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything to follow; of the accounts the first ones count where the venue allows fewer. ``collaterals`` are the
    tokens of the books that are known, by the books' names."""

    interests: frozenset[Interest] = frozenset()
    accounts: tuple[Watch, ...] = ()
    collaterals: Mapping[str, str] = field(default_factory=dict)


# Markets: the same for everybody.


@dataclass(frozen=True, slots=True)
class StateFrame:
    """A market's prices, all of them."""

    state: MarketState


@dataclass(frozen=True, slots=True)
class ChangeFrame:
    """Some of a market's prices by the names of ``MarketState``, as of the venue's ``time``."""

    market: str
    time: datetime
    values: tuple[tuple[str, Decimal | None], ...]


@dataclass(frozen=True, slots=True)
class BookFrame:
    """A market's order book, whole."""

    book: Book


@dataclass(frozen=True, slots=True)
class TradesFrame:
    """Public trades, oldest first; the first ones on a connection repeat what is known."""

    market: str
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class CandleFrame:
    """A bar that is growing, as far as it has grown."""

    interval: str
    candle: Candle


# Accounts: for their owners alone. ``account`` is the name of the ``Watch``.


class Happening(StrEnum):
    """Something happened to an account that the frame does not tell in full: its rows have to be read."""

    BALANCE = "balance"
    POSITION = "position"
    COLLATERAL = "collateral"
    ORDERS = "orders"
    SETTINGS = "settings"
    MARGIN_CALL = "margin call"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True)
class AccountFrame:
    """An account's money and positions, whole."""

    account: str
    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True)
class OrdersFrame:
    """Every resting order of an account."""

    account: str
    orders: tuple[OpenOrder, ...]


@dataclass(frozen=True, slots=True)
class OrderFrame:
    """What has become of one order, as of ``report.changed_at``."""

    account: str
    report: OrderReport


@dataclass(frozen=True, slots=True)
class FillsFrame:
    """Executions; ``is_snapshot`` where they repeat the recent past."""

    account: str
    fills: tuple[Fill, ...]
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class FundingFrame:
    """Funding payments; ``is_snapshot`` where they repeat the recent past."""

    account: str
    payments: tuple[FundingPayment, ...]
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class LedgerFrame:
    """Other changes of the balance; ``is_snapshot`` where they repeat the recent past."""

    account: str
    entries: tuple[LedgerEntry, ...]
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class HappeningFrame:
    """Something happened that only a reading tells in full. ``text`` is for the log; ``sizes`` are those of the
    positions concerned, signed, by market and side, where the frame tells them."""

    account: str
    what: Happening
    text: str = ""
    sizes: tuple[tuple[str, PositionSide, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmedFrame:
    """The account's stream stands and nothing has happened since its last frame: what was told is true now."""

    account: str


# The connection itself.


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands; nothing has been told on it yet."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; nothing is known to be current until new frames arrive."""

    cause: str


@dataclass(frozen=True, slots=True)
class GapFrame:
    """Something that was told is lost. ``account`` names the account, or nothing where markets are meant."""

    cause: str
    account: str = ""
    market: str = ""


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A frame without news: a pong, an acknowledgement, a channel nobody asked for."""

    channel: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """The venue refused something that was asked on the stream."""

    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame that cannot be understood: what it would have said is not known now."""

    cause: str


MarketFrame = StateFrame | ChangeFrame | BookFrame | TradesFrame | CandleFrame
PrivateFrame = (
    AccountFrame | OrdersFrame | OrderFrame | FillsFrame | FundingFrame | LedgerFrame | HappeningFrame | ConfirmedFrame
)
LineFrame = Connected | Disconnected | GapFrame | SignOfLife | Complaint | Unreadable
Frame = MarketFrame | PrivateFrame | LineFrame
Listen = Callable[[Frame], None]


class Stream(Protocol):
    """A venue's stream as its follower sees it. ``accounts_at_most`` is how many the venue lets one address follow."""

    accounts_at_most: int

    def want(self, wanted: Wanted) -> None:
        """Follow exactly this from now on; a change is sent within a second."""

    async def follow(self) -> None:
        """Connect, listen, and connect again, until cancelled."""
