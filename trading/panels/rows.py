"""Rows of the tables and of the order book."""

from dataclasses import dataclass
from datetime import datetime

from trading.panels.elements import Change, Freshness, Risk, Tone


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
    take_profit: str = ""
    stop_loss: str = ""
    add_closed_because: str = ""
    remove_closed_because: str = ""
    close_closed_because: str = ""
    pending: str = ""
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsPanel:
    """Every open position of an account, isolated and cross side by side. ``problem`` says why nothing could be worked
    out; ``key`` tells one account's live numbers from another's. ``others`` are the trader's other accounts, and then
    each has its ``venue``.
    """

    rows: tuple[PositionRow, ...]
    freshness: Freshness
    problem: str = ""
    key: str = ""
    venue: str = ""
    others: tuple["PositionsPanel", ...] = ()

    @property
    def panels(self) -> tuple["PositionsPanel", ...]:
        """This one and the others."""
        return (self, *self.others)

    @property
    def count(self) -> int:
        """How many positions there are in all."""
        return sum(len(panel.rows) for panel in self.panels)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order that rests at the venue. ``trigger`` is what it waits for outside the book, ``address`` its market's."""

    id: int
    market: str
    address: str
    side: str
    side_tone: Tone
    kind: str
    trigger: str
    price: str
    size: str
    filled: str
    value: str
    mode_label: str
    placed: str
    placed_at: datetime
    age: str
    reduce_only: bool
    form_key: str
    note: str = ""
    modify_closed_because: str = ""
    cancel_closed_because: str = ""
    venue: str = ""


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
    venue: str = ""


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
    venue: str = ""


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
