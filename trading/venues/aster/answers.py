"""What the venue answers to a request, as an acknowledgement or a typed error (Aster 3.5 to 3.8).

A failure is a code with HTTP 4xx, or a member of a list inside a success. Whatever cannot be read is an unknown
outcome, never a refusal; an order that the venue took and at once let expire unfilled is a refusal.
"""

from decimal import Decimal
from typing import NoReturn

import msgspec

from trading.venues.aster import refusals
from trading.venues.base import Acknowledgement, Batch, Done, Filled, Outcome, Refused, Resting, SignedRequest
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import (
    ABOUT_THE_REQUEST,
    AlreadyReceived,
    Malformed,
    NoLongerAccepted,
    OutcomeUnknown,
    RateLimited,
    Reason,
    Rejected,
    RepeatRefused,
    Unavailable,
)
from trading.venues.transport import Response

SUCCESS = "200"
ZERO = Decimal(0)
WORKING = frozenset({"NEW", "PARTIALLY_FILLED"})
ENDED = frozenset({"CANCELED", "EXPIRED", "REJECTED"})
POST_ONLY = "GTX"


class _Code(Record, frozen=True):
    code: int | str
    msg: str = ""


class _Order(Record, frozen=True):
    order_id: int
    status: str
    executed_qty: Decimal
    client_order_id: str | None = None
    avg_price: Decimal = ZERO
    time_in_force: str = ""


class _Answer(Record, frozen=True):
    """Which of the venue's answers it is: each kind has its own mark."""

    code: int | str | None = None
    msg: str = ""
    order_id: int | None = None
    leverage: int | None = None
    countdown_time: str | None = None


_decode_code = Decoder(_Code, "error")
_decode_answer = Decoder(_Answer, "answer")
_decode_order = Decoder(_Order, "order")
_decode_list = Decoder(list[msgspec.Raw], "batch")


def acknowledgement(signed: SignedRequest, response: Response, *, repeated: bool = False) -> Acknowledgement:
    """The acknowledgement in an answer; raises ``Rejected`` or ``OutcomeUnknown``.

    ``repeated``: these bytes were sent before. A refusal of the request as such then tells nothing about the first
    sending, so it is an unknown outcome.
    """
    try:
        if response.status >= 300:
            return _failed(response, repeated=repeated)
        if response.body.lstrip().startswith(b"["):
            return _batch(response.body, is_cancel=signed.method == "DELETE")
        return _single(response.body, is_cancel=signed.method == "DELETE")
    except Malformed as error:
        raise OutcomeUnknown(error.cause) from None


def _failed(response: Response, *, repeated: bool) -> Acknowledgement:
    """What an HTTP 4xx says. One without a code comes from a gateway and tells nothing about the engine."""
    try:
        failure = _decode_code(response.body)
        code = int(failure.code)
    except (Malformed, ValueError):
        raise OutcomeUnknown(f"HTTP {response.status} without a code") from None
    if code in refusals.NOTHING_TO_CHANGE:
        return Done()
    raise _judged(code, failure.msg, repeated=repeated)


def _judged(code: int, text: str, *, repeated: bool) -> Rejected | OutcomeUnknown:
    """The error of a code. Doubt of the venue's own is doubt of ours."""
    if code in refusals.TOO_MANY:
        return RateLimited(f"{code} {text}", retry_after=refusals.TOO_MANY[code])
    if code in refusals.IN_DOUBT:
        return OutcomeUnknown(f"{code} {text}")
    error = refusals.rejected(code, text)
    if error.reason is Reason.NONCE_USED:
        return AlreadyReceived(error.text)
    if code == refusals.NONCE:
        return NoLongerAccepted(error.text)
    if repeated and error.reason in ABOUT_THE_REQUEST:
        return RepeatRefused(error)
    return error


def _single(body: bytes, *, is_cancel: bool) -> Acknowledgement:
    answer = _decode_answer(body)
    if answer.order_id is not None:
        outcome = Done() if is_cancel else _outcome(_decode_order(body))
        if isinstance(outcome, Refused):
            raise outcome.error
        return outcome
    if answer.code is not None and str(answer.code) == SUCCESS:
        return Done()
    if answer.leverage is not None or answer.countdown_time is not None:
        return Done()
    raise OutcomeUnknown("an answer that says neither yes nor no")


def _batch(body: bytes, *, is_cancel: bool) -> Acknowledgement:
    """The members in the order in which they were sent; each is an order or a code (Aster 3.7)."""
    outcomes = tuple(_member(bytes(row), is_cancel=is_cancel) for row in _decode_list(body))
    if not outcomes:
        raise OutcomeUnknown("an answer without a member")
    refused = [outcome.error for outcome in outcomes if isinstance(outcome, Refused)]
    if len(refused) == len(outcomes):
        raise refused[0]
    return Batch(outcomes)


def _member(row: bytes, *, is_cancel: bool) -> Outcome:
    answer = _decode_answer(row)
    if answer.order_id is not None:
        return Done() if is_cancel else _outcome(_decode_order(row))
    if answer.code is None:
        raise OutcomeUnknown("a member that is neither an order nor a code")
    code = _decode_code(row)
    try:
        number = int(code.code)
    except ValueError:
        raise OutcomeUnknown("a member whose code is no number") from None
    error = _judged(number, code.msg, repeated=False)
    if isinstance(error, OutcomeUnknown):
        raise error
    return Refused(error)


def _outcome(order: _Order) -> Outcome:
    """What became of an order at once (Aster 3.7). A state that is not known counts as unreadable."""
    if order.status == "FILLED" or (order.status in ENDED and order.executed_qty > 0):
        return Filled(order.order_id, order.executed_qty, order.avg_price, order.client_order_id)
    if order.status in WORKING:
        return Resting(order.order_id, order.client_order_id)
    if order.status in ENDED:
        return Refused(_unfilled(order))
    raise OutcomeUnknown(f"the order status {order.status!r}")


def _unfilled(order: _Order) -> Rejected:
    if order.time_in_force == POST_ONLY:
        sentence = "A post-only order may not match at once. Move the price away from the market."
        return Rejected(sentence, reason=Reason.POST_ONLY_WOULD_MATCH, text=order.status)
    sentence = "Nobody took the other side within your price limit. Allow more slippage or use a limit order."
    return Rejected(sentence, reason=Reason.NO_MATCH, text=order.status)


def refuse_read(response: Response) -> NoReturn:
    """Raise what a failed read means: refused by code, or a venue that cannot or will not answer now."""
    try:
        failure = _decode_code(response.body)
        code = int(failure.code)
    except (Malformed, ValueError):
        raise Unavailable(f"HTTP {response.status} without a code") from None
    if code in refusals.TOO_MANY:
        raise Unavailable(f"{code} {failure.msg}", retry_after=refusals.TOO_MANY[code])
    if code in refusals.IN_DOUBT:
        raise Unavailable(f"{code} {failure.msg}")
    raise refusals.rejected(code, failure.msg)
