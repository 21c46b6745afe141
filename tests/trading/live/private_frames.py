"""What an account's own stream tells: a position that moved, why it moved, and that something was missed."""

from decimal import Decimal

from django.utils import timezone

from trading.venues.snapshots import Fill as VenueFill
from trading.venues.snapshots import PositionSide
from trading.venues.streaming import GapFrame, Happening, HappeningFrame

NOW = timezone.now()

GAP = GapFrame("a new connection", "alice")


def execution(size: Decimal) -> VenueFill:
    """Why it moved by so much."""
    zero = Decimal(0)
    return VenueFill(
        key=f"{size}",
        market="BTCUSDT",
        order_id=1,
        client_id=None,
        is_buy=size > 0,
        price=Decimal(86000),
        size=abs(size),
        time=NOW,
        closed_pnl=zero,
        fee=zero,
        builder_fee=zero,
        fee_token="",
        is_taker=True,
        start_position=None,
        direction="Buy",
    )


def moved(size: str) -> HappeningFrame:
    """The position is of this size now."""
    return HappeningFrame("alice", Happening.POSITION, "ORDER", (("BTCUSDT", PositionSide.BOTH, Decimal(size)),))
