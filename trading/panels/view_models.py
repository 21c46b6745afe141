"""What the templates print. Every number is text already, every sentence is ready to read.

Words for tones and states are closed sets, because they become CSS classes; raw values beside a text (``*_value``)
are for drawing and for posting back, never for arithmetic in the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trading.panels.elements import (
    NO_EXIT,
    Change,
    Choice,
    CommandNotice,
    ExitNote,
    Freshness,
    FreshnessState,
    LabelledChange,
    LiquidationCard,
    MoveTo,
    NoticeState,
    Preset,
    Risk,
    Tone,
    Trend,
)
from trading.panels.rows import Book, BookRow, FillRow, MarginChangeRow, OrderRow, PositionRow, PositionsPanel
from trading.panels.survival import Survival

__all__ = [
    "AccountPanel",
    "AvailableNote",
    "Book",
    "BookRow",
    "Change",
    "Choice",
    "CommandNotice",
    "ExitNote",
    "FillRow",
    "Freshness",
    "FreshnessState",
    "LabelledChange",
    "LiquidationCard",
    "MarginChangeRow",
    "MarginDialog",
    "MarginPreview",
    "MarketBar",
    "MarketLink",
    "MoveTo",
    "NoticeState",
    "OrderRow",
    "PositionRow",
    "PositionsPanel",
    "Preset",
    "Quote",
    "Risk",
    "Survival",
    "TerminalPage",
    "Ticket",
    "TicketTerms",
    "Tone",
    "Trend",
    "VenueBalance",
    "VenueBanner",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The server's answer to what the ticket holds, or the sentences that say what is wrong with it.

    ``errors`` maps a field's name to its sentence. ``spoken`` is what the slider says. ``book_fee`` stands beside the
    fees where the market's book takes one of its own, whose amount nobody tells. ``seen_liquidation`` and
    ``seen_max_loss`` travel back with the order, so that a price that has moved too far is asked about again.
    ``must_start_over``: the form was sent already, and only a new page brings a form for another order.
    ``reduces``: it takes risk away, so it is tried however old the figures are.
    """

    market: str
    side: str
    margin: Change
    liquidation: LiquidationCard
    max_loss: str
    max_loss_unit: str
    max_loss_note: str
    venue_fee: str
    builder_fee: str
    fee_note: str
    free: Change
    button: str
    can_submit: bool
    spoken: str
    freshness: Freshness
    blocked_because: str = ""
    must_connect: bool = False
    must_start_over: bool = False
    reduces: bool = False
    warning: str = ""
    size_value: str = ""
    size_note: str = ""
    book_fee: str = ""
    available_note: str = ""
    seen_liquidation: str = ""
    seen_max_loss: str = ""
    take_profit: ExitNote = NO_EXIT
    stop_loss: ExitNote = NO_EXIT
    position_changes: tuple[LabelledChange, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    move_to: MoveTo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableNote:
    """What the venue says may be used in a market, and how old that is; without an answer what is missing. ``mode`` and
    ``leverage`` are those that a ticket of the market starts with now."""

    mode: str
    leverage: str
    text: str = ""
    freshness: Freshness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTerms:
    """What the form offers besides the order itself: it follows the position, the open orders and the operator."""

    modes: tuple[Choice, ...]
    mode_notes: tuple[Preset, ...]
    leverage_note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The order form. Values are what the inputs hold; the quote is what follows from them. ``closed_because``: why
    the operator lets nobody open anything here."""

    market: str
    base: str
    collateral: str
    form_key: str
    terms: TicketTerms
    side: str
    kinds: tuple[Choice, ...]
    price: str
    trigger: str
    execution: str
    times: tuple[Choice, ...]
    size: str
    unit: str
    percent: str
    leverage: str
    leverage_min: int
    leverage_max: int
    marks: tuple[Preset, ...]
    percent_presets: tuple[Preset, ...]
    reduce_only: bool
    protects: bool
    take_profit: str
    stop_loss: str
    quote: Quote
    survival: Survival
    quote_every: str = "2s"
    available: AvailableNote | None = None
    closed_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPreview:
    """What adding or removing an amount would do, or why it cannot be done.

    ``bound`` names the most that can be moved and ``bound_rule`` the rule it comes from.
    """

    direction: str
    amount: str
    collateral: str
    bound: str
    bound_rule: str
    liquidation: LiquidationCard
    changes: tuple[LabelledChange, ...]
    button: str
    can_submit: bool
    spoken: str
    freshness: Freshness
    error: str = ""
    warning: str = ""
    blocked_because: str = ""
    seen_liquidation: str = ""
    must_start_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginDialog:
    """Move collateral of one isolated position: by an amount, or until liquidation lies at ``target``."""

    position_id: int
    title: str
    badge: str
    mode: str
    directions: tuple[Choice, ...]
    amount: str
    target: str
    add_presets: tuple[Preset, ...]
    remove_presets: tuple[Preset, ...]
    price_presets: tuple[Preset, ...]
    form_key: str
    preview: MarginPreview


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLink:
    """A market in the switcher. ``venue`` is told where markets of several are listed."""

    name: str
    label: str
    venue: str = ""
    max_leverage: str
    mark: str
    change: str
    change_tone: Tone
    is_current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBar:
    """The market in one line. ``funding_at`` is when funding is next paid; the countdown runs towards it."""

    market: str
    label: str
    max_leverage: str
    mark: str
    mark_tone: Tone
    index: str
    change: str
    change_tone: Tone
    volume: str
    open_interest: str
    funding: str
    funding_at: datetime
    funding_in: str
    freshness: Freshness
    markets: tuple[MarketLink, ...] = ()
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBalance:
    """One of a trader's accounts in a line. ``key`` is empty where there is none; ``problem`` says why no number."""

    venue: str
    label: str
    key: str = ""
    equity: str = ""
    collateral: str = ""
    freshness: Freshness | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBalance:
    """Collateral that an account keeps apart. Its figures are in the account's own collateral, or in the ``unit`` that
    is named."""

    name: str
    label: str
    equity: str
    unit: str
    free: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPanel:
    """The account in four numbers. ``problem`` says why there are none yet, ``connect_label`` what is left to do.

    ``moves_at`` is the venue where collateral can be moved between its books, empty where it has but one.
    ``key`` tells one account's live numbers from another's. ``venues`` and ``total`` are there where a trader may have
    several accounts.
    """

    equity: str
    free: str
    isolated_locked: str
    cross_usage: str
    cross_usage_words: str
    cross_usage_tone: Tone
    collateral: str
    address: str
    freshness: Freshness
    problem: str = ""
    connect_label: str = ""
    key: str = ""
    venue: str = ""
    venue_id: str = ""
    venues: tuple[VenueBalance, ...] = ()
    pools: tuple[PoolBalance, ...] = ()
    moves_at: str = ""
    total: str = ""
    total_unit: str = ""
    total_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBanner:
    """A sentence across the page while the venue or our view of it is in trouble."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalPage:
    """Everything the terminal shows on its first paint. Its notices carry no form key: the ticket has its own."""

    title: str
    venue_label: str
    venue_state: FreshnessState
    market_bar: MarketBar
    account: AccountPanel
    ticket: Ticket
    book: Book
    positions: PositionsPanel
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    margin_changes: tuple[MarginChangeRow, ...]
    price_decimals: int
    now: datetime
    stale_after_seconds: int
    closed_after_seconds: int
    live_url: str = ""
    notices: tuple[CommandNotice, ...] = ()
    banner: VenueBanner | None = None
