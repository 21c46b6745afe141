"""What a venue decides differently about money and margin: figures as data, rules of another kind as methods.

The ledger, the checks and the liquidator ask these rules and never which venue they serve.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from trading.sandbox.markets import Market
from trading.sandbox.refusals import Refusal, RefusedError, Sentence
from trading.sandbox.state import Order

Best = Callable[[], tuple[Decimal | None, Decimal | None]]
"""Best bid and best ask, looked up only by a rule that needs them."""


@dataclass(frozen=True)
class Bucket:
    """An isolated position in money: ``wallet`` is what was put in, ``equity`` that and the open profit."""

    equity: Decimal
    wallet: Decimal
    notional: Decimal
    maintenance: Decimal


@dataclass(frozen=True)
class CrossSums:
    """A cross account in money. ``reserved`` is the margin of resting orders, ``reserved_isolated`` the part of it
    that belongs to isolated markets; ``wallet`` is the equity without open profit."""

    equity: Decimal
    wallet: Decimal
    notional: Decimal
    initial: Decimal
    maintenance: Decimal
    reserved: Decimal
    reserved_isolated: Decimal

    @property
    def free(self) -> Decimal:
        """Margin that a new position may take. Can be negative."""
        return self.equity - self.initial - self.reserved


@dataclass(frozen=True)
class Rules(ABC):
    """Rates are fractions of the notional.

    ``takeover_share``: a position (or cross account) with less equity than this part of its maintenance is taken over
    whole instead of being sold into the book. ``liquidation_rate`` is the fee of a fill that liquidates.
    """

    money_step: Decimal
    taker_rate: Decimal
    maker_rate: Decimal
    liquidation_rate: Decimal
    minimum_value: Decimal
    takeover_share: Decimal
    sells_to_bankruptcy: bool
    """Whether a liquidation order of an isolated position is limited to the price at which its margin is used up."""
    funds_at_oracle: bool
    """Whether funding is paid on the oracle price; otherwise on the mark."""
    orders_fix_mode: bool
    """Whether open orders on a market forbid changing its margin mode."""
    leverage_obeys_tier: bool
    """Whether leverage with an open position must be one that the position's tier allows."""
    sentences: Mapping[Refusal, Sentence]
    expiring: frozenset[Refusal] = frozenset()
    """Refusals that end an order that was taken, instead of refusing it."""
    keeps_refused: bool = True
    """Whether refused orders stand in an account's history."""
    books_clearance: bool = False
    """Whether what a liquidation takes beside the loss stands in the account's record."""
    rate_step: Decimal = Decimal("0.0000000001")
    """The smallest difference of two funding rates."""
    triggers_stay: bool = False
    """Whether waiting stops outlive the position that they would reduce."""
    first_share: Decimal = Decimal(1)
    """How much of a position worth more than ``first_above`` its first liquidation sells; for ``first_pause``
    milliseconds any further one sells all of it."""
    first_above: Decimal = Decimal(0)
    first_pause: int = 0

    def money(self, value: Decimal) -> Decimal:
        return value.quantize(self.money_step, ROUND_HALF_EVEN)

    def fee(self, value: Decimal) -> Decimal:
        """Fees are cut, not rounded, at the smallest amount of money."""
        return value.quantize(self.money_step, ROUND_DOWN)

    def refused(self, reason: Refusal, **fields: object) -> RefusedError:
        sentence = self.sentences[reason]
        return RefusedError(sentence.text.format(**fields), reason, sentence.code)

    @abstractmethod
    def initial(self, notional: Decimal, leverage: int) -> Decimal:
        """Initial margin of an unsigned notional."""

    @abstractmethod
    def opening_price(self, fill: Decimal, mark: Decimal) -> Decimal:
        """The price at which an opening fill is margined."""

    @abstractmethod
    def order_price(self, order: Order, mark: Decimal, best: Best) -> Decimal:
        """The price at which an order must be affordable."""

    @abstractmethod
    def opening_loss(self, order: Order, price: Decimal, mark: Decimal) -> Decimal:
        """What each coin loses at once at the mark if filled at ``price``, where an order must cover that, too."""

    @abstractmethod
    def is_due(self, equity: Decimal, maintenance: Decimal) -> bool:
        """Whether what has this equity is liquidated."""

    @abstractmethod
    def keeps_enough(self, left: Bucket, leverage: int) -> bool:
        """Whether an isolated position may be left like this by a removal of margin."""

    @abstractmethod
    def may_lower(self, bucket: Bucket, leverage: int) -> bool:
        """Whether the leverage of an open isolated position may be lowered to ``leverage``."""

    @abstractmethod
    def addable(self, cross: CrossSums) -> Decimal:
        """The most that may move from the cross account into an isolated position."""

    @abstractmethod
    def withdrawable(self, cross: CrossSums) -> Decimal:
        """The most that may leave the cross account; below zero counts as nothing."""

    @abstractmethod
    def is_too_large(self, market: Market, order: Order) -> bool:
        """Whether an order is beyond the largest that the market takes."""

    def is_too_small(self, order: Order, held: Decimal, mark: Decimal) -> bool:
        """Whether an order is worth less than the least; one that closes the whole position ``held`` never is."""
        closes = order.reduce_only and order.size == abs(held)
        return order.size * order.limit_price < self.minimum_value and not closes

    def market_limit(self, market: Market, order: Order, mark: Decimal) -> Decimal:
        """The worst price of an order at market that a trigger sends: here it brings its own."""
        return order.limit_price

    @abstractmethod
    def off_band(self, market: Market, order: Order, mark: Decimal, oracle: Decimal) -> Refusal | None:
        """Whether an order's limit price is too far away, and on which side."""
