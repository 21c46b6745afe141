"""What support's templates print: text, ready to read."""

from dataclasses import dataclass
from datetime import datetime

from trading.panels.records import LiquidationRow
from trading.panels.view_models import AccountPanel, FillRow, Freshness, MarginChangeRow, OrderRow, PositionRow, Tone
from trading.panels.working import StepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderRow:
    """One line of the list.

    ``name`` is the e-mail, or the wallet of a trader without one. ``freshness`` says how old the oldest of the
    figures are, and is stale past the longest age that is promised; None where nothing was read yet.
    """

    id: int
    name: str
    address: str
    equity: str
    positions: str
    freshness: Freshness | None
    problem: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A position and how its two decisive numbers come about.

    ``ours`` and ``venues`` are liquidation prices, or "none"; ``reason`` says why ours does not exist, ``difference``
    compares the two.
    """

    row: PositionRow
    maximum_loss: str
    funding: str
    ours: str
    reason: str
    venues: str
    difference: str
    venue_time: str
    steps: tuple[StepRow, ...]
    loss_steps: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """What was asked of the venue and what became of it."""

    id: str
    time: str
    what: str
    state: str
    state_label: str
    message: str
    next_step: str
    settled: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When the account was read: the venue's own time, ours, the last attempt, and what went wrong."""

    freshness: Freshness
    venue_time: datetime | None
    synced_at: datetime | None
    attempted_at: datetime | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyView:
    """An account's money since our first reading, and whether it adds up."""

    since: str
    opening: str
    lines: tuple[tuple[str, str, Tone], ...]
    balance: str
    unexplained: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """One of a trader's accounts. ``venue`` is the name in addresses; ``is_current``: his own pages show it."""

    id: int
    venue: str
    name: str
    address: str
    equity: str
    read: str
    is_current: bool
    is_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """Something the venue showed that our rows did not explain. ``healed`` is empty while it is looked at again."""

    time: str
    trader_id: int
    trader: str
    account_id: int
    what: str
    ours: str
    venues: str
    healed: str
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCommandRow:
    """A command without a proven end, and whose it is. ``evidence`` is what is known of it, a name and a text each."""

    time: str
    age: str
    trader_id: int
    trader: str
    account_id: int
    what: str
    state: str
    state_label: str
    message: str
    attempts: int
    evidence: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """One trader's account. ``unexplained`` says why there are no figures where the rows make no sense; ``requests`` is
    what is left of them and how old the venue's count is; None where it does not count them for life."""

    address: str
    venue: str
    mode: str
    can_trade: bool
    reading: Reading
    figures: AccountPanel | None
    positions: tuple[PositionView, ...]
    unexplained: str
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    margin_changes: tuple[MarginChangeRow, ...]
    commands: tuple[CommandRow, ...]
    liquidations: tuple[LiquidationRow, ...]
    money: MoneyView | None
    accounts: tuple[AccountLink, ...]
    requests: tuple[str, str] | None
    id: int
