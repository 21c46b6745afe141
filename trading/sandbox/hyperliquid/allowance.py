"""How many actions an address may send in its lifetime (Hyperliquid rules 7)."""

from dataclasses import dataclass, field
from decimal import Decimal

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.actions import DEFAULT, Json
from trading.sandbox.numbers import shown
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account

FREE_REQUESTS = 10_000
CANCELS = ("cancel", "cancelByCloid")
MORE_CANCELS = 100_000
SLOW_MILLISECONDS = 10_000
REQUEST_PRICE = Decimal("0.0005")


@dataclass
class Allowance:
    """``slow`` remembers when an address whose requests are used up was last let through.

    ``Account.requests`` falls below zero where requests were bought and not used yet.
    """

    engine: Engine
    slow: dict[str, int] = field(default_factory=dict)

    def cap(self, address: str) -> int:
        """One request for each dollar traded, and those that everybody starts with."""
        return FREE_REQUESTS + int(books.volume(self.engine, address))

    def check(self, account: Account, kind: str, count: int) -> None:
        """Refuse what is over the limit; even then one request every ten seconds passes."""
        cap, now = self.cap(account.address), self.engine.clock()
        limit = min(cap + MORE_CANCELS, 2 * cap) if kind in CANCELS else cap
        if account.requests + count <= limit:
            return
        if now - self.slow.get(account.address, -SLOW_MILLISECONDS) < SLOW_MILLISECONDS:
            volume = shown(books.volume(self.engine, account.address), 2)
            raise RefusedError(
                f"Too many cumulative requests sent ({account.requests + count} > {limit}) for cumulative volume "
                f"traded ${volume}. Place taker orders to free up 1 request per USDC traded."
            )
        self.slow[account.address] = now

    def spend(self, account: Account, count: int) -> None:
        """Count what was let through."""
        account.requests += count

    def reserve(self, account: Account, action: Json) -> Json:
        """Buy requests out of the perpetuals balance."""
        cost = action["weight"] * REQUEST_PRICE
        if self.engine.ledger.withdrawable(account) < cost:
            raise RefusedError("Insufficient balance for token transfer")
        account.cash -= cost
        self.engine.state.fees += cost
        account.requests -= action["weight"]
        return DEFAULT
