"""Accounts to measure on: random, always the same ones."""

from decimal import Decimal
from random import Random

from trading.margin.types import Account, MarginMode, Position, TierTable

TIERS = TierTable.from_max_leverages([("0", 40), ("10000", 25), ("50000", 10)])
SEED = 20


def cross_account(positions: int = 20) -> Account:
    """Longs and shorts worth 5 000 to 200 000 each in a table of three tiers, at about five times leverage."""
    random = Random(SEED)
    held = [_cross_position(f"M{place}", random) for place in range(positions)]
    return Account.of(held, sum((position.notional for position in held), Decimal(0)) / 5)


def _cross_position(market: str, random: Random) -> Position:
    mark = Decimal(random.randint(100, 9_999_999)) / 100
    size = (Decimal(random.randint(5_000, 200_000)) / mark).quantize(Decimal("0.00001"))
    return Position(market, -size if random.random() < 0.4 else size, mark, mark, MarginMode.CROSS, 10, TIERS)
