"""What backs a trader's positions: his rows as the margin engine takes them, at the marks of this moment.

An account has a main collateral and may have pools apart: each backs what leans on it, nothing else (Hyperliquid 3.9,
Aster 4.7).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.holdings import engine_account, engine_position, pool_account, pool_of, reserved_margin
from trading.margin.cross import remarked
from trading.margin.types import Account, AccountMode, MarginMode
from trading.models import Market, Order, Position, VenueAccount
from trading.services.flat_settings import Chosen

# What rests in a market of which nothing is known yet counts as reserving all that it is worth: it never takes more.
DEFAULT_LEVERAGE_OF_ORDERS = 1


@dataclass(frozen=True)
class Backing:
    """An account's collateral, what leans on it, the marks of what is held, by name, and what is chosen in markets, by
    their numbers."""

    account: VenueAccount
    positions: Sequence[Position]
    orders: Sequence[Order]
    marks: Mapping[str, Decimal]
    chosen: Mapping[int, Chosen]

    @property
    def mode(self) -> AccountMode:
        """How the account shares its collateral."""
        return AccountMode(self.account.mode)

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools apart that something is held in."""
        return tuple(filter(None, dict.fromkeys(self.pool_of(row.market) for row in self.positions)))

    def pool_of(self, market: Market) -> str:
        """The collateral apart that positions in the market lean on, "" for the account's main one."""
        return pool_of(market.rules, self.mode)

    def of(self, pool: str) -> Account:
        """The main collateral (""), or a pool apart, with what leans on it, as the engine takes it.

        Raises ``MarginInputError`` where the rows make no sense.
        """
        rows = [row for row in self.positions if self.pool_of(row.market) == pool]
        held = [engine_position(row, row.market.rules, MarginMode(row.mode)) for row in rows]
        orders = [order for order in self.orders if self.pool_of(order.market) == pool]
        reserved = self._order_margin(orders)
        isolated = self._order_margin(order for order in orders if self._is_isolated(order))
        if pool:
            told = Decimal(self.account.pools.get(pool, {}).get("cross", 0))
            account = pool_account(told, held, reserved, isolated)
        else:
            account = engine_account(self.account, self.mode, held, reserved, isolated)
        names = {position.market for position in held}
        return remarked(account, {name: mark for name, mark in self.marks.items() if name in names})

    def _order_margin(self, orders: Iterable[Order]) -> Decimal:
        """What resting orders reserve; one that waits for a trigger stands in no book yet (Hyperliquid 3.2)."""
        sizes = {row.market_id: row.size for row in self.positions}
        return sum(
            (
                reserved_margin(
                    order,
                    sizes.get(order.market_id, Decimal(0)),
                    self._leverage(order),
                )
                for order in orders
                if order.trigger_price is None
            ),
            Decimal(0),
        )

    def _leverage(self, order: Order) -> int:
        chosen = self.chosen.get(order.market_id)
        return DEFAULT_LEVERAGE_OF_ORDERS if chosen is None else chosen.leverage

    def _is_isolated(self, order: Order) -> bool:
        """Whether what it opens has margin of its own; not known, it counts so, which never takes more."""
        chosen = self.chosen.get(order.market_id)
        return chosen is None or chosen.mode is MarginMode.ISOLATED
