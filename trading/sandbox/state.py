"""Everything the sandbox must remember: plain data that msgspec writes to a file and reads back unchanged."""

from dataclasses import dataclass, field
from decimal import Decimal

from trading.sandbox.markets import MarketStatus
from trading.sandbox.numbers import ZERO
from trading.sandbox.prices import Paths

# Of the form below: a saved ledger of another version is refused.
VERSION = 3


def held_at(market: str, leg: str) -> str:
    """Where an account keeps a position: under its market, with a leg where longs and shorts stand side by side."""
    return f"{market}:{leg}" if leg else market


@dataclass
class Setting:
    """What an account chose for a market; it outlives the position."""

    isolated: bool
    leverage: int


@dataclass
class Position:
    """Signed ``size`` (long above zero). ``cash`` is an isolated position's own cash leg, zero for cross.
    ``cost`` is the signed price paid for what is open; funding counts as paid when positive. ``leg`` is LONG or SHORT
    in an account that holds both side by side, else empty."""

    market: str
    size: Decimal
    cash: Decimal = ZERO
    cost: Decimal = ZERO
    funding_since_open: Decimal = ZERO
    funding_since_change: Decimal = ZERO
    leg: str = ""

    @property
    def key(self) -> str:
        return held_at(self.market, self.leg)


@dataclass
class Order:
    """``size`` is what is left. ``limit_price`` of a trigger order counts after triggering. ``words`` are those the
    order was placed with, where its venue repeats them."""

    oid: int
    address: str
    market: str
    is_buy: bool
    limit_price: Decimal
    size: Decimal
    original_size: Decimal
    time_in_force: str
    reduce_only: bool
    timestamp: int
    client_id: str | None = None
    trigger_price: Decimal | None = None
    trigger_is_market: bool = False
    trigger_kind: str = ""
    follows_position: bool = False
    builder: str | None = None
    builder_rate: Decimal = ZERO
    parent: int | None = None
    children: list[int] = field(default_factory=list)
    siblings: list[int] = field(default_factory=list)
    status: str = "open"
    status_time: int = 0
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    triggered: bool = False
    leg: str = ""
    words: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Where the account keeps the position that the order changes."""
        return held_at(self.market, self.leg)

    @property
    def dormant(self) -> bool:
        """A trigger order that waits for its price is in no book."""
        return self.trigger_price is not None and not self.triggered


@dataclass
class Liquidation:
    liquidated_user: str
    mark: Decimal
    method: str


@dataclass
class Fill:
    address: str
    market: str
    price: Decimal
    size: Decimal
    is_buy: bool
    time: int
    start_position: Decimal
    direction: str
    closed_pnl: Decimal
    hash: str
    oid: int
    crossed: bool
    fee: Decimal
    builder_fee: Decimal
    tid: int
    client_id: str | None = None
    liquidation: Liquidation | None = None
    leg: str = ""


@dataclass
class FundingPayment:
    """``amount`` above zero was received, by the position's own margin if ``isolated``."""

    time: int
    hash: str
    market: str
    amount: Decimal
    size: Decimal
    rate: Decimal
    isolated: bool = False


@dataclass
class MarginMove:
    """Margin that went into an isolated position, or out of it when below zero; of a fill, or asked for."""

    time: int
    market: str
    leg: str
    amount: Decimal
    by_fill: bool
    client_id: str = ""


@dataclass
class LedgerUpdate:
    """A row of the account's ledger in the venue's own words."""

    time: int
    hash: str
    delta: dict[str, str | bool | list[dict[str, str]]]


@dataclass
class Agent:
    """A key that may trade for its master; the unnamed one has an empty name."""

    address: str
    name: str
    valid_until: int
    ip_addresses: str = ""
    trades_perpetuals: bool = True
    trades_spot: bool = False
    withdraws: bool = False


@dataclass
class ApprovedBuilder:
    """Who may take a fee on an account's orders, and the highest rate as a fraction of the notional."""

    address: str
    name: str
    rate: Decimal


@dataclass
class ApiKey:
    """A key of the older login and what it signs with."""

    address: str
    secret: str


@dataclass
class Account:
    """``cash`` is the cross cash leg of the perp account; ``spot`` is USDC outside of it.

    ``hedged`` holds longs and shorts side by side, ``joint`` backs positions with several assets. ``changed`` is when
    a position last changed, by its key, and outlives it. ``transfers`` are the ids that margin changes came with,
    ``cancels`` the moments at which a market's orders are to be cancelled.
    """

    address: str
    cash: Decimal = ZERO
    spot: Decimal = ZERO
    abstraction: str = "default"
    settings: dict[str, Setting] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    open_orders: list[int] = field(default_factory=list)
    client_ids: dict[str, int] = field(default_factory=dict)
    orders: list[int] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    payments: list[FundingPayment] = field(default_factory=list)
    updates: list[LedgerUpdate] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    builders: dict[str, int] = field(default_factory=dict)
    volume: Decimal = ZERO
    requests: int = 0
    cancel_at: int | None = None
    cancels_triggered: list[int] = field(default_factory=list)
    sold_in_part_at: int = 0
    hedged: bool = False
    joint: bool = False
    deposited: bool = False
    changed: dict[str, int] = field(default_factory=dict)
    moves: list[MarginMove] = field(default_factory=list)
    transfers: dict[str, int] = field(default_factory=dict)
    cancels: dict[str, int] = field(default_factory=dict)
    approved: list[ApprovedBuilder] = field(default_factory=list)

    @property
    def unified(self) -> bool:
        return self.abstraction in ("unifiedAccount", "portfolioMargin")


@dataclass
class Command:
    """A signed action as it was seen, whatever became of it."""

    time: int
    signer: str
    address: str
    kind: str
    nonce: int
    outcome: str


@dataclass
class Event:
    """Something that happened to an account without its asking: a liquidation, a cancelled order."""

    time: int
    kind: str
    address: str
    market: str
    detail: str


@dataclass
class MarketChange:
    """What was changed about a market while the venue runs: its status, and its tiers as (bound, leverage, rate)."""

    status: MarketStatus = MarketStatus.TRADING
    tiers: list[tuple[Decimal, int, Decimal]] = field(default_factory=list)
    cap: Decimal | None = None


@dataclass
class State:
    """The ledger of one venue. ``pool`` is the counterparty of every fill against the synthetic book.

    ``others`` are the ledgers of the venues kept beside it, by name: an address has an account of its own on each.
    """

    paths: Paths
    version: int = VERSION
    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    pool: Decimal = ZERO
    fees: Decimal = ZERO
    builder_rewards: dict[str, Decimal] = field(default_factory=dict)
    deposits: Decimal = ZERO
    nonces: dict[str, list[int]] = field(default_factory=dict)
    used_agents: list[str] = field(default_factory=list)
    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    changes: dict[str, MarketChange] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    last_oid: int = 59_534_000_000
    last_tid: int = 118_906_512_037_000
    funded_hour: int = 0
    others: dict[str, "State"] = field(default_factory=dict)

    def money(self) -> Decimal:
        """All cash there is. It equals ``deposits`` at every instant, because sizes sum to zero with the pool's."""
        accounts = self.accounts.values()
        held = sum((account.cash + account.spot for account in accounts), ZERO)
        buckets = sum((row.cash for account in accounts for row in account.positions.values()), ZERO)
        return held + buckets + self.pool + self.fees + sum(self.builder_rewards.values(), ZERO)
