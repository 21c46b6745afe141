"""What the templates print. Every number is text already, every sentence is ready to read.

Words for tones and states are closed sets, because they become CSS classes; raw values beside a text (``*_value``)
are for drawing and for posting back, never for arithmetic in the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Tone(StrEnum):
    """How a number is coloured. Up and down are direction or result, warn is risk."""

    PLAIN = "plain"
    UP = "up"
    DOWN = "down"
    WARN = "warn"
    MUTED = "muted"


class Trend(StrEnum):
    """Whether a change is good for the trader; it colours the arrow, not the number."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


class Risk(StrEnum):
    """How near liquidation is; the word beside the colour. ``NONE``: there is no liquidation price."""

    FAR = "far"
    NEAR = "near"
    VERY_NEAR = "very near"
    NONE = "none"


class FreshnessState(StrEnum):
    """Live, old enough to say so, or too old to open anything on."""

    LIVE = "live"
    STALE = "stale"
    CLOSED = "closed"


class NoticeState(StrEnum):
    """Where a command stands, in the trader's words."""

    SENT = "sent"
    CHECKING = "checking"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When numbers were true, and what follows from it. ``reason`` is given when buttons are closed."""

    state: FreshnessState
    as_of: datetime
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value before and after. Without ``before`` only the new value stands."""

    after: str
    before: str = ""
    unit: str = ""
    trend: Trend = Trend.SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledChange:
    """One row of a before → after list. ``help`` explains the term."""

    label: str
    change: Change
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One option of a switch. A closed option stays visible and says why."""

    value: str
    label: str
    selected: bool = False
    closed_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A button that fills a field: what it says and what it writes."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationCard:
    """The two numbers that matter: where it ends and how far away that is.

    Without a liquidation price ``price.after`` is empty and ``reason`` says why. ``gauge`` is the place of the marker,
    0 (at the price) to 100 (far away). ``price_value`` is the unformatted price for the chart's line.
    """

    price: Change
    distance: str
    risk: Risk
    risk_words: str
    gauge: int
    reason: str = ""
    price_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The server's answer to what the ticket holds, or the sentences that say what is wrong with it.

    ``errors`` maps a field's name to its sentence. ``spoken`` is what the slider says. ``seen_liquidation`` and
    ``seen_max_loss`` travel back with the order, so that a price that has moved too far is asked about again.
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
    free: Change
    button: str
    can_submit: bool
    spoken: str
    freshness: Freshness
    blocked_because: str = ""
    warning: str = ""
    size_value: str = ""
    size_note: str = ""
    available_note: str = ""
    seen_liquidation: str = ""
    seen_max_loss: str = ""
    position_changes: tuple[LabelledChange, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The order form. Values are what the inputs hold; the quote is what follows from them."""

    market: str
    base: str
    collateral: str
    form_key: str
    modes: tuple[Choice, ...]
    mode_note: str
    side: str
    kind: str
    price: str
    size: str
    unit: str
    percent: str
    leverage: str
    leverage_min: int
    leverage_max: int
    leverage_note: str
    marks: tuple[Preset, ...]
    percent_presets: tuple[Preset, ...]
    reduce_only: bool
    quote: Quote
    signed_in: bool = True
    quote_every: str = "2s"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One open position. ``pending`` is set while a command on it is not proven."""

    id: int
    market: str
    base: str
    side: str
    side_tone: Tone
    mode: str
    mode_label: str
    leverage: str
    size: str
    value: str
    collateral: str
    entry: str
    entry_value: str
    mark: str
    pnl: str
    pnl_percent: str
    pnl_tone: Tone
    margin: str
    margin_note: str
    utilisation: str
    utilisation_value: int
    utilisation_tone: Tone
    liquidation: str
    liquidation_value: str
    liquidation_reason: str
    distance: str
    risk: Risk
    risk_words: str
    as_of: datetime
    add_closed_because: str = ""
    remove_closed_because: str = ""
    close_closed_because: str = ""
    pending: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order that rests at the venue."""

    id: int
    market: str
    side: str
    side_tone: Tone
    kind: str
    price: str
    size: str
    filled: str
    value: str
    mode_label: str
    placed: str
    reduce_only: bool
    form_key: str
    cancel_closed_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One execution."""

    id: int
    time: str
    market: str
    direction: str
    side_tone: Tone
    price: str
    size: str
    value: str
    fee: str
    pnl: str
    pnl_tone: Tone
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginChangeRow:
    """Collateral that was added to or taken from a position."""

    id: int
    time: str
    market: str
    amount: str
    amount_tone: Tone
    margin: Change
    liquidation: Change
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsPanel:
    """Every open position, isolated and cross side by side."""

    rows: tuple[PositionRow, ...]
    freshness: Freshness


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginDialog:
    """Add or remove collateral of one isolated position."""

    position_id: int
    title: str
    badge: str
    mode: str
    directions: tuple[Choice, ...]
    amount: str
    add_presets: tuple[Preset, ...]
    remove_presets: tuple[Preset, ...]
    form_key: str
    preview: MarginPreview


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDialog:
    """Close a position at market: what is expected to come back and what it costs."""

    position_id: int
    title: str
    badge: str
    mode: str
    pnl: str
    pnl_tone: Tone
    pnl_note: str
    changes: tuple[LabelledChange, ...]
    note: str
    form_key: str
    button: str
    can_submit: bool
    freshness: Freshness
    blocked_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandNotice:
    """What became of a command. ``next_step`` is what the trader can do; ``form_key`` re-arms the form that sent it."""

    id: str
    state: NoticeState
    title: str
    detail: str
    time: str
    next_step: str = ""
    form_key: str = ""

    @property
    def is_checking(self) -> bool:
        """Whether the notice still asks for news of itself."""
        return self.state in (NoticeState.SENT, NoticeState.CHECKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """One price level. ``depth`` is the level's share of the deepest one shown, 0 to 100."""

    price: str
    size: str
    total: str
    depth: int
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Asks from the dearest down to the best, then bids from the best down."""

    market: str
    asks: tuple[BookRow, ...]
    bids: tuple[BookRow, ...]
    mark: str
    mark_tone: Tone
    spread: str
    tick: str
    freshness: Freshness
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLink:
    """A market in the switcher."""

    name: str
    label: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPanel:
    """The account in four numbers. ``problem`` says why there are none yet."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBanner:
    """A sentence across the page while the venue or our view of it is in trouble."""

    tone: Tone
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
    live_url: str = ""
    notices: tuple[CommandNotice, ...] = ()
    banner: VenueBanner | None = None
    stale_after_seconds: int = 3
    closed_after_seconds: int = 10
