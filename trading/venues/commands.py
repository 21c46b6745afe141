"""What we ask a venue to do, the signed bytes that ask it, and its answer."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.margin.types import MarginMode
from trading.venues.errors import Rejected
from trading.venues.snapshots import MarketSpec, TimeInForce, TriggerKind


@dataclass(frozen=True, slots=True)
class BuilderFee:
    """An operator's fee on one order: a fraction of the filled notional (0.0005 is 0.05 %), paid to ``address``.

    The venue refuses every order that names a builder the trader has not approved, even at a fee of zero: leave it out
    until it is approved (Hyperliquid 8).
    """

    address: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Trigger:
    """Holds an order back until the mark reaches ``price``; then it goes out at market or at its limit price."""

    price: Decimal
    kind: TriggerKind
    is_market: bool = True


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """One order. ``size`` is unsigned, in coins; ``client_id`` comes from ``Adapter.client_id`` and is never reused.

    One ``at_market`` takes what is on offer: ``limit_price`` is the worst price that the trader accepted, which a venue
    with market orders of its own may replace by its own bound.
    """

    market: MarketSpec
    is_buy: bool
    size: Decimal
    limit_price: Decimal
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    reduce_only: bool = False
    client_id: str | None = None
    builder: BuilderFee | None = None
    trigger: Trigger | None = None
    at_market: bool = False


class Attachment(StrEnum):
    """How the orders of one batch belong together: not at all, as children of the first one, or to the position."""

    NONE = "none"
    PARENT = "parent"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class PlaceOrders:
    """Several orders in one signed request; all carry the same builder fee or none."""

    orders: tuple[PlaceOrder, ...]
    attachment: Attachment = Attachment.NONE


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    """Replaces a resting order, named by the venue's id or by our own. The venue usually gives the new order a new id.

    The replacement's size is what is still to be filled. ``filled`` is what of the order was executed before: a venue
    that changes it in place counts that in (Aster 3.7), one that places a new order does not (Hyperliquid 4.2)."""

    order: int | str
    replacement: PlaceOrder
    filled: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancels one order, named by the venue's id (int) or by our client id (str)."""

    market: MarketSpec
    order: int | str


@dataclass(frozen=True, slots=True)
class CancelOrders:
    """Cancels several orders in one request. All are named in the same way: every one by id, or every one by client
    id."""

    cancels: tuple[CancelOrder, ...]


@dataclass(frozen=True, slots=True)
class SetMarginMode:
    """Chooses isolated or cross margin of a market where the venue sets it apart from the leverage (Aster 3.5)."""

    market: MarketSpec
    mode: MarginMode


@dataclass(frozen=True, slots=True)
class SetLeverage:
    """Chooses margin mode and leverage of a market. It never moves margin of an open position (Hyperliquid 3.8).

    Where a venue sets the mode apart, this sets the leverage alone, after ``SetMarginMode``: see ``Adapter.steps``.
    """

    market: MarketSpec
    mode: MarginMode
    leverage: int


@dataclass(frozen=True, slots=True)
class AdjustMargin:
    """Adds (``amount`` > 0) or removes (< 0) margin of an isolated position, in collateral units. ``is_buy`` is the
    position's side: True for a long. ``client_id`` names the change where the venue takes such a name (Aster 3.6)."""

    market: MarketSpec
    is_buy: bool
    amount: Decimal
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class MoveCollateral:
    """Moves collateral from one book of the account to another of its own (Hyperliquid 3.9, 4.2).

    It names no receiver: whoever signs knows one account, and nothing can leave that. ``source`` and ``target`` are
    books as ``MarketSpec.dex`` names them, ``token`` is ``MarketSpec.token`` of both.
    """

    source: str
    target: str
    token: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Noop:
    """Does nothing but use up a nonce: an undelivered request with the same nonce can then never execute."""


Command = (
    PlaceOrder
    | PlaceOrders
    | ModifyOrder
    | CancelOrder
    | CancelOrders
    | SetMarginMode
    | SetLeverage
    | AdjustMargin
    | MoveCollateral
    | Noop
)


class SignedRequest(msgspec.Struct, frozen=True):
    """A complete request, ready to post, without any secret in it. A struct, because it is made on the fastest way.

    ``body`` is deterministic: the same command, key, nonce and expiry give the same bytes, and the venue executes one
    nonce of one key at most once, so identical bytes may be sent again after an unknown outcome. ``nonce`` is the
    venue's own number (Hyperliquid: milliseconds; Aster: microseconds). Past ``dead_at`` by the venue's own clock these
    bytes can no longer be accepted; None where nothing bounds them.
    """

    path: str
    body: bytes
    nonce: int
    method: str = "POST"
    dead_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resting:
    """The order is in the book."""

    order_id: int
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """The order was executed at once; ``size`` may be less than what was asked for (the rest was cancelled)."""

    order_id: int
    size: Decimal
    average_price: Decimal
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trigger order was taken; its id is to be read from the open orders. ``label`` is the venue's own word."""

    label: str


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out and there is nothing more to know (cancel, leverage, margin)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One member of a batch was refused while another was not."""

    error: Rejected


Outcome = Resting | Filled | Waiting | Done | Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """The outcomes of a request with several members, in the order of its members; at least one was accepted."""

    outcomes: tuple[Outcome, ...]


Acknowledgement = Resting | Filled | Waiting | Done | Batch
