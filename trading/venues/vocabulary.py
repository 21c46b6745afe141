"""The closed sets of words that venues and the platform share."""

from enum import StrEnum


class Venue(StrEnum):
    """A derivatives venue that this platform can trade on."""

    HYPERLIQUID = "hyperliquid"
    ASTER = "aster"


class Network(StrEnum):
    """Which of a venue's networks a signature is valid on. It is a setting of its own, never inferred from a URL."""

    MAINNET = "mainnet"
    TESTNET = "testnet"


class TimeInForce(StrEnum):
    """How long an order rests: until cancelled, not at all, only if it would not match, or filled whole at once."""

    GOOD_TILL_CANCELLED = "gtc"
    IMMEDIATE_OR_CANCEL = "ioc"
    POST_ONLY = "post_only"
    FILL_OR_KILL = "fok"


class PositionSide(StrEnum):
    """Which position of a market is meant: the only one there can be, or one of the two that hedge mode holds side by
    side (Aster 3.2)."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class TriggerKind(StrEnum):
    """Whether a trigger order cuts a loss or takes a profit."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


class OrderState(StrEnum):
    """Where an order is in its life. Everything but OPEN, TRIGGERED and UNKNOWN is final."""

    OPEN = "open"
    TRIGGERED = "triggered"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
