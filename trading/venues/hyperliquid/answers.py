"""What the venue answers to a signed action, as an acknowledgement or a typed error (Hyperliquid 4, 4.1).

``status: ok`` says only that the request was understood: each member of a batch has its own status inside. Whatever
cannot be read is an unknown outcome, never a refusal.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from trading.venues.base import Acknowledgement, Batch, Done, Filled, Outcome, Refused, Resting, Waiting
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
)
from trading.venues.hyperliquid.refusals import rejected
from trading.venues.transport import Response

UNREADABLE_REQUEST = 422


class _Resting(Record, frozen=True):
    oid: int
    cloid: str | None = None


class _Filled(Record, frozen=True):
    oid: int
    total_sz: Decimal
    avg_px: Decimal
    cloid: str | None = None


class _Status(Record, frozen=True):
    resting: _Resting | None = None
    filled: _Filled | None = None
    error: str | None = None


class _Data(Record, frozen=True):
    statuses: list[_Status | str]


class _Result(Record, frozen=True):
    type: str
    data: _Data | None = None


class _Answer(Record, frozen=True):
    status: Literal["ok", "err"]
    response: msgspec.Raw


_decode_answer = Decoder(_Answer, "exchange")
_decode_result = Decoder(_Result, "exchange response")
_decode_text = Decoder(str, "exchange error")


def acknowledgement(response: Response, *, repeated: bool = False) -> Acknowledgement:
    """The acknowledgement in an answer; raises ``Rejected`` or ``OutcomeUnknown``.

    ``repeated``: these bytes were sent before. A refusal of the request as such (expired, key unknown, ...) then tells
    nothing about the first sending, so it is an unknown outcome; a used nonce always is one.
    """
    if response.status == UNREADABLE_REQUEST:
        raise _judged(rejected(response.body.decode(errors="replace")), repeated=repeated)
    if response.status >= 300:
        raise OutcomeUnknown(f"HTTP {response.status}")
    try:
        answer = _decode_answer(response.body)
        if answer.status == "err":
            raise _judged(rejected(_decode_text(answer.response)), repeated=repeated)
        return _accepted(_decode_result(answer.response))
    except Malformed as error:
        raise OutcomeUnknown(error.cause) from None


def _judged(error: Rejected, *, repeated: bool) -> Rejected | OutcomeUnknown:
    if error.reason is Reason.NONCE_USED:
        return AlreadyReceived(error.text)
    if error.reason is Reason.RATE_LIMITED:
        return RateLimited(error.text, retry_after=error.retry_after)
    if repeated and error.reason is Reason.EXPIRED:
        return NoLongerAccepted(error.text)
    if repeated and error.reason in ABOUT_THE_REQUEST:
        return RepeatRefused(error)
    return error


def _accepted(result: _Result) -> Acknowledgement:
    if result.data is None:
        if result.type != "default":
            raise OutcomeUnknown(f"an answer to {result.type!r} without data")
        return Done()
    outcomes = tuple(_outcome(status) for status in result.data.statuses)
    if not outcomes:
        raise OutcomeUnknown("an answer without a status")
    refusals = [outcome.error for outcome in outcomes if isinstance(outcome, Refused)]
    if len(refusals) == len(outcomes):
        raise refusals[0]
    first = outcomes[0]
    if len(outcomes) == 1 and not isinstance(first, Refused):
        return first
    return Batch(outcomes)


def _outcome(status: _Status | str) -> Outcome:
    """One member's outcome. A status in words that are not known counts as unreadable: it may be money."""
    match status:
        case "success":
            return Done()
        case "waitingForFill" | "waitingForTrigger":
            return Waiting(status)
        case _Status(filled=_Filled() as filled):
            return Filled(filled.oid, filled.total_sz, filled.avg_px, filled.cloid)
        case _Status(resting=_Resting() as resting):
            return Resting(resting.oid, resting.cloid)
        case _Status(error=str(text)):
            return Refused(rejected(text))
        case _:
            raise OutcomeUnknown(f"the order status {status!r}")
