"""Leverage tiers, as an adapter is given them: any account may read them and every account needs them (Aster 3.4).

They change seldom and a read needs a signature, so whoever opens adapters may keep what one login read for the others.
"""

from collections.abc import Callable, Mapping

from trading.margin.types import TierTable

Tiers = Mapping[str, TierTable]
Brackets = Callable[[Callable[[], Tiers]], Tiers]


def always_read(read: Callable[[], Tiers]) -> Tiers:
    """No sharing: every question reads anew."""
    return read()
