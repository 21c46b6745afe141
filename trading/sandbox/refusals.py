"""Why a venue does not do what it is asked: one list of reasons, and the venues' own sentences for them."""

from dataclasses import dataclass
from enum import StrEnum, auto


class Refusal(StrEnum):
    """The reasons that both venues know."""

    LEVERAGE_OUT_OF_RANGE = auto()
    CROSS_NOT_ALLOWED = auto()
    POSITION_OPEN = auto()
    ORDERS_OPEN = auto()
    ISOLATED_LEVERAGE_TOO_LOW = auto()
    CROSS_LEVERAGE_TOO_LOW = auto()
    ABOVE_TIER = auto()
    AMOUNT_NOT_POSITIVE = auto()
    NO_POSITION = auto()
    NOT_ISOLATED = auto()
    ADDING_TOO_MUCH = auto()
    REMOVING_TOO_MUCH = auto()
    REMOVING_NOT_ALLOWED = auto()
    NO_SIZE = auto()
    SIZE_OFF_LOT = auto()
    SIZE_TOO_LARGE = auto()
    PRICE_OFF_TICK = auto()
    PRICE_TOO_HIGH = auto()
    PRICE_TOO_LOW = auto()
    VALUE_TOO_SMALL = auto()
    WOULD_TRIGGER = auto()
    WOULD_INCREASE = auto()
    MARGIN_TOO_SMALL = auto()
    WOULD_MATCH = auto()
    NOTHING_MATCHED = auto()
    NO_LIQUIDITY = auto()
    LIMIT_ABOVE_STOP = auto()
    LIMIT_BELOW_STOP = auto()


@dataclass(frozen=True)
class Sentence:
    """``text`` may hold fields in braces; ``code`` is the venue's number for it, zero where it has none."""

    text: str
    code: int = 0


class RefusedError(Exception):
    """The venue's own sentence for why it does not do what was asked."""

    def __init__(self, sentence: str, reason: Refusal | None = None, code: int = 0) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.code = code
