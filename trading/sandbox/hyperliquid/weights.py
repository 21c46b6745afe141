"""What a request costs its caller's address: a rolling minute of 1200 weight (Hyperliquid rules 7)."""

from collections import deque
from dataclasses import dataclass, field

LIMIT = 1200
MINUTE = 60_000
ACTIONS_PER_WEIGHT = 40

LIGHT = ("l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus")
HEAVY = {"userRole": 60}
DEFAULT = 20
# rows of an answer that cost one more
ROWS = dict.fromkeys(
    (
        "recentTrades",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "userNonFundingLedgerUpdates",
    ),
    20,
) | {"candleSnapshot": 60}


def before(door: str, body: object) -> int:
    """Weight of a request by its kind alone."""
    if not isinstance(body, dict):
        return DEFAULT
    if door == "exchange":
        action = body.get("action")
        values = action.values() if isinstance(action, dict) else ()
        longest = max((len(value) for value in values if isinstance(value, list)), default=0)
        return 1 + longest // ACTIONS_PER_WEIGHT
    kind = body.get("type")
    return 2 if kind in LIGHT else HEAVY.get(str(kind), DEFAULT)


def after(body: object, answer: object) -> int:
    """Weight of the rows that were answered."""
    per = ROWS.get(str(body.get("type"))) if isinstance(body, dict) else None
    return len(answer) // per if per and isinstance(answer, list) else 0


@dataclass
class Meter:
    """Weights spent by each remote address in the last minute."""

    spent: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def used(self, remote: str, now: int) -> int:
        rows = self.spent.setdefault(remote, deque())
        while rows and rows[0][0] <= now - MINUTE:
            rows.popleft()
        return sum(weight for _, weight in rows)

    def admit(self, remote: str, weight: int, now: int) -> bool:
        """Spend ``weight`` if the minute still holds it."""
        if self.used(remote, now) + weight > LIMIT:
            return False
        self.add(remote, weight, now)
        return True

    def add(self, remote: str, weight: int, now: int) -> None:
        if weight:
            self.spent.setdefault(remote, deque()).append((now, weight))
