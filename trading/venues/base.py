"""The one interface to every venue, and everything that passes through it.

An adapter is three pure files and a thin one: wire (bytes out), signing, parse (bytes in), and the adapter that
strings them together over a transport. It knows nothing of the database, of settings or of operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from trading.margin.rounding import Direction, PriceRule
from trading.margin.types import AccountMode, FeeRates, MarginMode, TierTable
from trading.venues.commands import (
    Acknowledgement,
    AdjustMargin,
    Attachment,
    Batch,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    Done,
    Filled,
    ModifyOrder,
    MoveCollateral,
    Noop,
    Outcome,
    PlaceOrder,
    PlaceOrders,
    Refused,
    Resting,
    SetLeverage,
    SetMarginMode,
    SignedRequest,
    Trigger,
    Waiting,
)
from trading.venues.errors import InvalidCommand, Reason
from trading.venues.snapshots import (
    AccountSnapshot,
    Agent,
    Book,
    BookLevel,
    Candle,
    CollateralMove,
    Fill,
    FundingPayment,
    LedgerEntry,
    LiquidationMark,
    MarginMove,
    Markets,
    MarketSetting,
    MarketSpec,
    MarketState,
    Network,
    OpenOrder,
    OrderReport,
    OrderState,
    OrderTrigger,
    PositionSnapshot,
    RequestAllowance,
    SpotBalance,
    TimeInForce,
    Trade,
    TriggerKind,
    Venue,
)
from trading.venues.transport import Response

__all__ = [
    "AccountMode",
    "AccountSnapshot",
    "Acknowledgement",
    "Adapter",
    "AdjustMargin",
    "Agent",
    "Attachment",
    "Batch",
    "Book",
    "BookLevel",
    "BuilderFee",
    "CancelOrder",
    "CancelOrders",
    "Candle",
    "Capabilities",
    "CollateralMove",
    "Command",
    "Done",
    "Fill",
    "Filled",
    "FundingPayment",
    "LedgerEntry",
    "LiquidationMark",
    "MarginMove",
    "MarketSetting",
    "MarketSpec",
    "MarketState",
    "Markets",
    "ModifyOrder",
    "MoveCollateral",
    "Network",
    "Noop",
    "OpenOrder",
    "OrderReport",
    "OrderState",
    "OrderTrigger",
    "Outcome",
    "Permission",
    "PlaceOrder",
    "PlaceOrders",
    "PositionSnapshot",
    "PriceRule",
    "Refused",
    "RequestAllowance",
    "Resting",
    "SetLeverage",
    "SetMarginMode",
    "SignedRequest",
    "SpotBalance",
    "TimeInForce",
    "Trade",
    "Trigger",
    "TriggerKind",
    "Venue",
    "Waiting",
    "market_order",
    "order_batch",
]


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether something may be done; ``reason`` is one sentence for the trader and empty when it may."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the venue allows in a market in the present situation. The page closes a control and says why.

    ``trade``: whether orders may be placed and positions closed at all. ``move_collateral``: whether collateral can be
    moved between the market's book and others of the same account.
    """

    use_cross: Permission
    change_mode: Permission
    raise_leverage: Permission
    lower_leverage: Permission
    add_margin: Permission
    remove_margin: Permission
    trade: Permission = Permission(allowed=True)
    use_isolated: Permission = Permission(allowed=True)
    move_collateral: Permission = Permission(allowed=False, reason="All of the account's collateral lies in one place.")


class Adapter(Protocol):
    """One venue on one network, for one signing key or none.

    Reads raise ``Unavailable`` (with the time to wait where the venue asks to slow down), ``Malformed`` or
    ``UnknownState`` and change nothing. Addresses are the master account's: an agent's own address reads empty
    (Hyperliquid 5.3). ``times_in_force`` are those that the venue offers for limit orders; with
    ``attaches_exits`` a take-profit and a stop-loss can be sent as children of an order that is not filled yet.
    With ``stacks_exits`` a position may have a second exit of a kind beside the first.
    ``settling`` is how long a request may be at work, or its effect not yet shown, once it can no longer be accepted.
    With ``burning_proves`` a nonce is used by the very act of carrying out: that a ``burn`` was accepted is proof that
    nothing else with its nonce was carried out or will be. With ``renames_changed`` a changed order bears the client id
    of the change, else it keeps the one it had. ``taken_along`` are the venue's words for the end of an order that only
    reduces and that its position or its sibling took along: nobody ended it.
    """

    venue: Venue
    network: Network
    times_in_force: tuple[TimeInForce, ...]
    settling: timedelta
    burning_proves: bool
    renames_changed: bool
    attaches_exits: bool
    stacks_exits: bool
    taken_along: frozenset[str]

    def markets(self) -> Markets:
        """Rules and prices of every market. A market that is not understood is left out, named as unread and
        logged."""

    def account_mode(self, address: str) -> AccountMode:
        """How the account's balances back its positions. It changes rarely: keep the answer."""

    def account(self, address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        """The account's money and positions; ``mode`` spares the read of ``account_mode`` when it is known."""

    def venue_time(self, address: str) -> datetime:
        """The venue's own clock, read in the cheapest way."""

    def market_setting(self, address: str, market: MarketSpec) -> MarketSetting:
        """Margin mode, leverage and what may be traded, with or without a position."""

    def open_orders(self, address: str, markets: Sequence[MarketSpec] = ()) -> tuple[OpenOrder, ...]:
        """Every resting order, triggers and children included; with ``markets`` all of theirs, which is cheaper, and
        of others what comes along."""

    def fills(self, address: str, since: datetime) -> tuple[Fill, ...]:
        """Executions from ``since`` (inclusive) on, oldest first, without repeats or gaps."""

    def funding(self, address: str, since: datetime) -> tuple[FundingPayment, ...]:
        """Funding payments from ``since`` (inclusive) on, oldest first."""

    def ledger(self, address: str, since: datetime) -> tuple[LedgerEntry, ...]:
        """Deposits, withdrawals, transfers and liquidations from ``since`` (inclusive) on, oldest first."""

    def order_status(self, address: str, order: int | str, *, market: MarketSpec | None = None) -> OrderReport:
        """What became of the order with this id (int) or client id (str). Ids are unique within an account and a
        market: without ``market`` a venue may have to search for it."""

    def margin_moves(self, address: str, market: MarketSpec, since: datetime) -> tuple[MarginMove, ...] | None:
        """Collateral that moved into and out of the market's position from ``since`` (inclusive) on, oldest first; None
        where the venue keeps no such record."""

    def collateral_moves(self, address: str, since: datetime) -> tuple[CollateralMove, ...]:
        """What moved between the account's own books from ``since`` (inclusive) on, oldest first; none where a venue
        has no such books."""

    def candles(self, market: MarketSpec, interval: str, start: datetime, end: datetime) -> tuple[Candle, ...]:
        """Price history, oldest first. ``interval`` is one of "1m", "5m", "15m", "1h", "4h", "1d" and the venue's
        others."""

    def book(self, market: MarketSpec) -> Book:
        """The order book."""

    def current_tiers(self, market: MarketSpec) -> TierTable | None:
        """The market's leverage tiers at this moment, where only an account may ask for them and ``markets`` gives what
        was shared; None where ``markets`` is as new, or the venue names none."""

    def request_allowance(self, address: str) -> RequestAllowance | None:
        """How many requests the account may send in its lifetime; None where the venue sets no such limit."""

    def fee_rates(self, address: str) -> FeeRates:
        """The account's own taker and maker rates, discounts included, builder rate zero."""

    def capabilities(
        self,
        market: MarketSpec,
        *,
        has_position: bool,
        has_orders: bool,
        mode: MarginMode | None = None,
        account_mode: AccountMode = AccountMode.STANDARD,
        hedge_mode: bool = False,
    ) -> Capabilities:
        """What may be done in the market now. ``mode`` is the open position's, ``account_mode`` and ``hedge_mode`` are
        the account's. Pure."""

    def client_id(self, command: UUID) -> str:
        """The command's id in the form in which the venue takes client order ids. Pure."""

    def moment(self, at: datetime) -> int:
        """An instant in the unit of the venue's nonces and expiries. Pure."""

    def steps(self, command: Command) -> tuple[Command, ...]:
        """What has to be sent, in this order, to carry out one wish; each is signed, sent and settled by itself.
        Pure."""

    def sign(self, command: Command, *, nonce: int, expires_after: int | None = None) -> SignedRequest:
        """The complete signed request. Pure: no network, no clock. ``expires_after`` is a ``moment``; venues without
        an expiry of their own ignore it. Raises ``InvalidCommand`` for what the venue's known rules forbid,
        ``MissingKey`` without a key."""

    def burn(self, nonce: int) -> SignedRequest | None:
        """A signed request that does nothing but use up ``nonce``, so that what was signed with it can no longer be
        accepted; None where the venue has none. Pure. Raises ``MissingKey`` without a key."""

    def deliver(self, signed: SignedRequest, *, repeated: bool = False) -> Response:
        """Send the bytes as they are and return the venue's whole answer. Raises ``OutcomeUnknown``, ``RateLimited`` or
        ``Unavailable`` as ``send`` does."""

    def judge(self, signed: SignedRequest, answer: Response, *, repeated: bool = False) -> Acknowledgement:
        """What an answer to these bytes means. Pure. Raises ``Rejected`` or ``OutcomeUnknown`` as ``send`` does."""

    def send(self, signed: SignedRequest, *, repeated: bool = False) -> Acknowledgement:
        """``deliver`` and ``judge`` in one. Raises ``Rejected`` (explicit refusal only), ``OutcomeUnknown`` or one of
        its kinds ``RateLimited`` and ``AlreadyReceived`` (it may have arrived), ``Unavailable`` (provably nothing was
        sent).

        ``repeated`` says that these bytes were sent before: a refusal of the request as such (expired, key unknown)
        then proves nothing about the first sending and is an ``OutcomeUnknown``."""


# How much of the venue's price band a market order uses.
BAND_IN_USE = Decimal("0.8")


def market_order(
    market: MarketSpec,
    *,
    is_buy: bool,
    size: Decimal,
    mark: Decimal,
    slippage: Decimal,
    reduce_only: bool = False,
    client_id: str | None = None,
    builder: BuilderFee | None = None,
) -> PlaceOrder:
    """A market order: an immediate-or-cancel order limited to ``mark`` plus or minus ``slippage`` (a fraction, 0.05
    is 5 %).

    The limit is rounded by the market's price rule (Hyperliquid 1.3), a buy's down and a sell's up, so the bound that
    the trader accepted is never exceeded. Where the venue refuses prices too far from its mark, the bound stays inside
    that band, with a reserve for a mark that moves on the way (Aster 2.1). Raises ``InvalidCommand`` for a slippage
    outside 0..1 or a bound with no valid price.
    """
    if not (slippage.is_finite() and 0 <= slippage < 1):
        raise InvalidCommand("Slippage must be between 0 % and 100 %.", reason=Reason.PRICE_INVALID)
    if market.max_slippage is not None:
        slippage = min(slippage, market.max_slippage * BAND_IN_USE)
    rule = market.price_rule
    bound = (
        rule.rounded(mark * (1 + slippage), Direction.DOWN)
        if is_buy
        else rule.rounded(mark * (1 - slippage), Direction.UP)
    )
    if not rule.is_valid(bound):
        raise InvalidCommand("There is no usable price for this market right now.", reason=Reason.PRICE_INVALID)
    return PlaceOrder(market, is_buy, size, bound, TimeInForce.IMMEDIATE_OR_CANCEL, reduce_only, client_id, builder)


def order_batch(orders: Sequence[PlaceOrder], attachment: Attachment = Attachment.NONE) -> PlaceOrders:
    """Several orders as one command; raises ``InvalidCommand`` when they do not share one builder fee."""
    if len({order.builder for order in orders}) != 1:
        raise InvalidCommand("Orders sent together must carry the same builder fee.", reason=Reason.REQUEST_MALFORMED)
    return PlaceOrders(tuple(orders), attachment)
