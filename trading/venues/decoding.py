"""The one door through which an answer's bytes become records; every failure leaves it typed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

import msgspec

from trading.venues.errors import Malformed, UnknownState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

T = TypeVar("T")


class Timed(Protocol):
    """Anything that happened at a time."""

    @property
    def time(self) -> datetime:
        """When it happened."""


R = TypeVar("R", bound=Timed)

_NOT_A_LABEL = "Invalid enum value"  # how msgspec begins the text of a value that is not in an enumeration


class Record(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A row as the venue writes it. Fields that are not declared are ignored."""


class Decoder(Generic[T]):
    """Decodes one kind of answer, strictly: no text where a number belongs, no NaN, no missing field.

    ``checks_finite`` is off where the caller refuses NaN and infinities itself, on the way that has to be fast.
    """

    def __init__(self, kind: type[T], name: str, *, checks_finite: bool = True) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._name = name
        self._checks_finite = checks_finite

    def __call__(self, body: bytes | msgspec.Raw) -> T:
        """The typed answer; ``UnknownState`` for a label that is not known, ``Malformed`` for all else that is off."""
        try:
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            kind = UnknownState if str(error).startswith(_NOT_A_LABEL) else Malformed
            raise kind(f"{self._name}: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"{self._name}: {error}") from None
        if self._checks_finite:
            _require_finite(decoded, self._name)
        return decoded


def _require_finite(value: object, name: str) -> None:
    """Raise ``Malformed`` for a NaN or an infinity anywhere in a decoded answer."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise Malformed(f"{name}: a number that is not finite")
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            _require_finite(getattr(value, field), name)
    elif isinstance(value, list | tuple):
        for member in value:
            _require_finite(member, name)


def moment(milliseconds: int) -> datetime:
    """The aware UTC time of whole milliseconds since 1970; ``Malformed`` outside the calendar."""
    try:
        return EPOCH + milliseconds * MILLISECOND
    except OverflowError:
        raise Malformed("a time outside the calendar") from None


def oldest_first(records: Sequence[R], keys: Iterable[object]) -> tuple[R, ...]:
    """The records by time, each key once. Rows of one moment keep the order in which the venue executed them."""
    unique = list(dict(zip(keys, records, strict=True)).values())
    if unique and unique[0].time > unique[-1].time:
        unique.reverse()
    return tuple(sorted(unique, key=lambda record: record.time))
