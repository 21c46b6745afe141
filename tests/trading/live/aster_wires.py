"""The second venue's stream, given up soon where it is silent, and what a trader of it orders."""

from trading.venues.connection import Timings

QUICK = Timings(
    first_delay=0.1, longest_delay=0.2, probe_when_quiet=0.5, dead_when_silent=3.0, messages_at_most=8,
    messages_seconds=1.0,
)  # fmt: skip
BUY = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01"
