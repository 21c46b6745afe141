"""What can go wrong between us and a venue, as errors that answer questions.

A command has three outcomes: accepted, rejected, or unknown. Only the venue's explicit refusal is ``Rejected``; a
timeout, a cut connection, a 5xx or an unreadable answer after sending is ``OutcomeUnknown``. Callers tell them apart by
their kind, wait for ``retry_after`` and show ``explanation``; they never match a venue's text. ``retryable`` and
``outcome_known`` are what every adapter's tests hold a kind to. No message ever holds a key.
"""

import math
from collections.abc import Callable
from enum import StrEnum


class Reason(StrEnum):
    """Why a venue refused, in the platform's own terms. UNMAPPED: a text that no table of ours knows."""

    UNMAPPED = "unmapped"
    PRICE_TICK = "price_tick"
    PRICE_INVALID = "price_invalid"
    PRICE_TOO_FAR = "price_too_far"
    SIZE_INVALID = "size_invalid"
    SIZE_ZERO = "size_zero"
    BELOW_MINIMUM = "below_minimum"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    REDUCE_ONLY_WOULD_INCREASE = "reduce_only_would_increase"
    POST_ONLY_WOULD_MATCH = "post_only_would_match"
    NO_MATCH = "no_match"
    NO_LIQUIDITY = "no_liquidity"
    TRIGGER_PRICE = "trigger_price"
    OPEN_INTEREST_CAP = "open_interest_cap"
    MARGIN_TIER = "margin_tier"
    ORDER_GONE = "order_gone"
    BUILDER_NOT_APPROVED = "builder_not_approved"
    BUILDER_UNFUNDED = "builder_unfunded"
    POST_ONLY_WINDOW = "post_only_window"
    ADDRESS_LIMIT = "address_limit"
    TWAP = "twap"
    MODE_LOCKED = "mode_locked"
    CROSS_NOT_ALLOWED = "cross_not_allowed"
    LEVERAGE_INVALID = "leverage_invalid"
    LEVERAGE_NEEDS_MARGIN = "leverage_needs_margin"
    MARGIN_NOT_REMOVABLE = "margin_not_removable"
    MARGIN_LOCKED_BY_MARKET = "margin_locked_by_market"
    NOT_ISOLATED = "not_isolated"
    AMOUNT_ZERO = "amount_zero"
    AMOUNT_INVALID = "amount_invalid"
    NO_POSITION = "no_position"
    KEY_UNKNOWN = "key_unknown"
    ACCOUNT_UNFUNDED = "account_unfunded"
    VAULT_UNKNOWN = "vault_unknown"
    NONCE_USED = "nonce_used"
    EXPIRED = "expired"
    BATCH_TOO_LARGE = "batch_too_large"
    AGENT_LIMIT = "agent_limit"
    AGENT_EXPIRY = "agent_expiry"
    AGENT_USED = "agent_used"
    AGENT_PENDING = "agent_pending"
    NOT_PERMITTED = "not_permitted"
    VOLUME_REQUIRED = "volume_required"
    REFERRAL = "referral"
    TRANSFER_FAILED = "transfer_failed"
    REQUEST_MALFORMED = "request_malformed"
    RATE_LIMITED = "rate_limited"
    STREAM_LIMIT = "stream_limit"
    VENUE_AWAY = "venue_away"


# Refusals that speak of the request as such. About bytes that were sent before they prove nothing.
ABOUT_THE_REQUEST = frozenset(
    {
        Reason.UNMAPPED,
        Reason.KEY_UNKNOWN,
        Reason.ACCOUNT_UNFUNDED,
        Reason.VAULT_UNKNOWN,
        Reason.NONCE_USED,
        Reason.EXPIRED,
        Reason.BATCH_TOO_LARGE,
        Reason.ADDRESS_LIMIT,
        Reason.RATE_LIMITED,
        Reason.REQUEST_MALFORMED,
        Reason.NOT_PERMITTED,
        Reason.POST_ONLY_WINDOW,
    }
)


class VenueError(Exception):
    """Any failure at or on the way to a venue.

    ``retryable``: the same thing may be tried again as it stands. ``outcome_known``: it is certain what happened to the
    command (for anything but a command: always). ``retry_after``: seconds to wait first, None where nobody said.
    ``explanation``: one sentence for a trader, with a next step.
    """

    retryable: bool = False
    outcome_known: bool = True
    retry_after: float | None = None

    def __init__(self, explanation: str) -> None:
        super().__init__(explanation)
        self.explanation = explanation

    def __reduce__(self) -> tuple[Callable[..., "VenueError"], tuple[type["VenueError"], str, dict[str, object]]]:
        return _restored, (type(self), self.explanation, self.__dict__)


def _restored(kind: type[VenueError], explanation: str, state: dict[str, object]) -> VenueError:
    """A copied or unpickled error, whatever its constructor asks for."""
    error = kind.__new__(kind, explanation)
    error.__dict__.update(state)
    return error


class InvalidCommand(VenueError, ValueError):
    """The command breaks a rule of the venue that we know, so nothing was signed or sent."""

    def __init__(self, explanation: str, *, reason: Reason = Reason.UNMAPPED) -> None:
        super().__init__(explanation)
        self.reason = reason


class MissingKey(InvalidCommand):
    """The adapter was built without a signing key and was asked to sign."""

    def __init__(self) -> None:
        super().__init__(
            "Trading is not connected for this account. Connect a trading key first.", reason=Reason.KEY_UNKNOWN
        )


class Rejected(VenueError):
    """The venue refused explicitly; nothing was executed.

    ``text`` is the refusal as the venue said it, ``reason`` ours, ``mapped`` False when no table knows the text (then
    ``explanation`` shows the text itself, and the caller should count it).
    """

    def __init__(
        self,
        explanation: str,
        *,
        reason: Reason,
        text: str,
        mapped: bool = True,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(explanation)
        self.reason = reason
        self.text = text
        self.mapped = mapped
        self.retryable = retryable
        self.retry_after = retry_after


class OutcomeUnknown(VenueError):
    """The request may have arrived and we cannot tell what came of it.

    Never sign again: send the identical bytes, or ask by client id, until there is proof. ``cause`` says what was seen.
    """

    outcome_known = False

    def __init__(self, cause: str, *, retry_after: float | None = None) -> None:
        super().__init__("The venue did not confirm this. It is being checked; do not send it again.")
        self.cause = cause
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"outcome unknown: {self.cause}"


class RateLimited(OutcomeUnknown):
    """The venue asked us to slow down. For a command the identical bytes may be sent again after ``retry_after``.

    It is a kind of unknown outcome on purpose: the answer comes from a gateway, not from the engine, and the identical
    bytes settle it. ``body`` is what the venue said, where that can tell whose limit it was.
    """

    retryable = True
    body: bytes = b""


class NoLongerAccepted(OutcomeUnknown):
    """These bytes can do nothing any more: their nonce is used or too old. Whether an earlier sending of them was
    carried out is to be read from the order's status or the account."""


class AlreadyReceived(NoLongerAccepted):
    """The venue has seen this nonce before: an earlier sending of these bytes arrived."""


class RepeatRefused(OutcomeUnknown):
    """Bytes that were sent before were refused for something about the request as such, which says nothing about their
    first sending. ``refusal`` is what it would be of bytes that nobody had sent."""

    def __init__(self, refusal: Rejected) -> None:
        super().__init__(f"a repeat was refused: {refusal.text}")
        self.refusal = refusal


class Unavailable(VenueError):
    """Provably nothing was sent, or only a read failed: nothing changed at the venue, and it may be tried again."""

    retryable = True

    def __init__(self, cause: str, *, retry_after: float | None = None) -> None:
        super().__init__("The venue cannot be reached right now. Nothing was changed; try again in a moment.")
        self.cause = cause
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"unavailable: {self.cause}"


class HeldBack(Unavailable):
    """We kept the request back, and nothing was sent: the venue's limit on us is used up for the moment, or it told us
    to be silent. ``retry_after`` says for how long."""

    def __init__(self, cause: str, *, retry_after: float) -> None:
        super().__init__(cause, retry_after=retry_after)
        seconds = max(1, math.ceil(retry_after))
        self.explanation = f"The venue lets us ask again in {seconds} s. Nothing was changed; last known figures stay."


class Shortage(StrEnum):
    """Why a command was kept back, as its trader is told."""

    NEARLY_USED_UP = (
        "The venue's limit is nearly used up, so this was not sent. Try again in {seconds} s; you can still close, "
        "cancel and add margin."
    )
    USED_UP = "The venue's limit is used up, so this was not sent. Try again in {seconds} s."
    ACCOUNT_RESTS = "The venue takes only cancels from this account, so this was not sent. Try again in {seconds} s."
    SILENCED = "The venue takes nothing from this exchange, so this was not sent. Try again in {seconds} s."


class CommandHeldBack(HeldBack):
    """We kept a command back, and nothing was sent."""

    def __init__(self, why: Shortage, *, retry_after: float) -> None:
        super().__init__(why.name.lower(), retry_after=retry_after)
        self.explanation = why.format(seconds=max(1, math.ceil(retry_after)))


class RequestsUsedUp(HeldBack):
    """We kept a command back because its account has used up the requests it has at the venue, or all but those that
    are kept for taking risk away (Hyperliquid 7). One passes after ``retry_after``."""

    def __init__(self, *, retry_after: float) -> None:
        super().__init__("the account's requests at the venue are used up", retry_after=retry_after)
        seconds = max(1, math.ceil(retry_after))
        self.explanation = (
            f"This account has used up its requests at the venue, so this was not sent. Try again in {seconds} s; you "
            "can still cancel. Trading more raises the limit."
        )


class Malformed(VenueError):
    """A read was answered with something that cannot be understood. ``cause`` says where; no money figure is
    guessed."""

    def __init__(self, cause: str) -> None:
        super().__init__("The venue answered in a way we cannot read. The last known figures stay on screen.")
        self.cause = cause

    def __str__(self) -> str:
        return f"malformed: {self.cause}"


class UnknownState(Malformed):
    """The answer is well formed but names a position, order or margin state that we do not know: refused, not
    guessed."""
