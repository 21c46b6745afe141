"""The parts that panels are made of: closed sets of words, a change, a choice, a note.

Words for tones and states are closed sets, because they become CSS classes.
"""

from dataclasses import dataclass
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

    @property
    def slug(self) -> str:
        """Its name in a CSS class."""
        return self.replace(" ", "-")


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
class ExitNote:
    """What a take-profit or stop-loss comes to; without text there is none."""

    text: str = ""
    tone: Tone = Tone.PLAIN


NO_EXIT = ExitNote()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationCard:
    """The two numbers that matter: where it ends and how far away that is.

    Without a liquidation price ``price.after`` is empty and ``reason`` says why. ``gauge`` is the place of the marker,
    0 (at the price) to 100 (far away). For drawing and asking, ``price_value`` is the price unformatted, and
    ``distance_value`` the way there as a fraction of the mark, below zero where it lies below.
    """

    price: Change
    distance: str
    risk: Risk
    risk_words: str
    gauge: int
    reason: str = ""
    price_value: str = ""
    distance_value: str = ""


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


@dataclass(frozen=True, slots=True)
class MoveTo:
    """The book that an order lacks collateral in, at its venue."""

    venue: str
    dex: str
