"""An account's money and positions as the venue shows them (Aster rules 3.1, 3.3, 4.1, 4.3, 4.7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.sandbox.aster.listing import ASSETS, COLLATERAL, largest_notional
from trading.sandbox.aster.numbers import cut, fixed, plain
from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.state import Account, Position, held_at

Json = dict[str, Any]

ONE_WAY, LONG, SHORT = "BOTH", "LONG", "SHORT"
# Beyond this a liquidation price means that there is none.
_ABSURD = Decimal(10) ** 9


def entry_price(position: Position) -> Decimal:
    """The average price, cut as the engine keeps it."""
    return cut(position.cost / position.size)


def wallet(position: Position) -> Decimal:
    """What an isolated position holds without its open profit."""
    return position.cash + position.size * entry_price(position)


def legs(account: Account) -> tuple[str, ...]:
    """Legs that every symbol has a row for."""
    return (LONG, SHORT) if account.hedged else ("",)


@dataclass(frozen=True)
class Row:
    """One symbol and side of an account, open or flat, with every figure that is shown of it."""

    market: Market
    leg: str
    isolated: bool
    leverage: int
    mark: Decimal
    position: Position | None
    changed: int

    @property
    def size(self) -> Decimal:
        return self.position.size if self.position else ZERO

    @property
    def entry(self) -> Decimal:
        return entry_price(self.position) if self.position else ZERO

    @property
    def profit(self) -> Decimal:
        return self.size * (self.mark - self.entry)

    @property
    def wallet(self) -> Decimal:
        return wallet(self.position) if self.position and self.isolated else ZERO

    @property
    def side(self) -> str:
        return self.leg or ONE_WAY

    def sized(self, value: Decimal) -> str:
        return fixed(value, self.market.size_decimals)


@dataclass(frozen=True)
class Figures:
    """Reads one account; nothing here decides anything."""

    engine: Engine
    account: Account

    def rows(self, market: Market | None = None) -> Iterator[Row]:
        """One row for each symbol, or one for each side of it where both stand side by side."""
        for listed in self.engine.by_index if market is None else [market]:
            for leg in legs(self.account):
                yield self.row(listed, leg)

    def row(self, market: Market, leg: str) -> Row:
        setting, key = self.engine.ledger.setting(self.account, market), held_at(market.name, leg)
        return Row(
            market=market,
            leg=leg,
            isolated=setting.isolated,
            leverage=setting.leverage,
            mark=self.engine.marks[market.name],
            position=self.account.positions.get(key),
            changed=self.account.changed.get(key, 0),
        )

    # one position

    def liquidation_price(self, row: Row) -> Decimal | None:
        """Where equity and maintenance meet, tried bracket by bracket; the legs of a cross symbol share it."""
        if row.position is None:
            return None
        ledger = self.engine.ledger
        if row.isolated:
            cash, together = row.position.cash, [row.position]
        else:
            together = ledger.held_in(self.account, row.market)
            value = sum((held.size * row.mark for held in together), ZERO)
            theirs = sum(map(ledger.maintenance, together), ZERO)
            cash = ledger.cross_equity(self.account) - value - (ledger.cross_maintenance(self.account) - theirs)
        return self._meeting(row.market, cash, [held.size for held in together], row.mark)

    @staticmethod
    def _meeting(market: Market, cash: Decimal, sizes: list[Decimal], mark: Decimal) -> Decimal | None:
        """Price at which ``cash`` and the sizes' value are worth their maintenance, starting from the brackets at the
        mark and asking again until they stay."""
        price, tried = mark, set[Decimal]()
        while price not in tried:
            tried.add(price)
            tiers = [market.tiers.at(abs(size) * price) for size in sizes]
            slope = sum((size - abs(size) * tier.rate for size, tier in zip(sizes, tiers, strict=True)), ZERO)
            if slope == 0:
                return None
            price = -(cash + sum((tier.deduction for tier in tiers), ZERO)) / slope
            if not 0 < price < _ABSURD:
                return None
        return price

    def risk(self, row: Row) -> Json:
        """A row of positionRisk."""
        price = self.liquidation_price(row)
        return {
            "symbol": row.market.name,
            "positionAmt": row.sized(row.size),
            "entryPrice": plain(row.entry) if row.position else "0.0",
            "markPrice": fixed(row.mark),
            "unRealizedProfit": fixed(row.profit),
            "liquidationPrice": "0" if price is None else fixed(price),
            "leverage": str(row.leverage),
            "maxNotionalValue": plain(largest_notional(row.market, row.leverage)),
            "marginType": "isolated" if row.isolated else "cross",
            "isolatedMargin": fixed(row.wallet + row.profit if row.isolated else ZERO),
            "isAutoAddMargin": "false",
            "positionSide": row.side,
            "notional": fixed(row.size * row.mark),
            "isolatedWallet": fixed(row.wallet),
            "updateTime": row.changed,
        }

    def _in_account(self, row: Row) -> Json:
        ledger = self.engine.ledger
        held = row.position
        initial = ledger.initial(self.account, held) if held else ZERO
        waiting = self._waiting(row)
        return {
            "symbol": row.market.name,
            "initialMargin": fixed(initial + waiting),
            "maintMargin": fixed(ledger.maintenance(held)) if held else "0",
            "unrealizedProfit": fixed(row.profit),
            "positionInitialMargin": fixed(initial),
            "openOrderInitialMargin": fixed(waiting),
            "leverage": str(row.leverage),
            "isolated": row.isolated,
            "entryPrice": plain(row.entry) if held else "0.0",
            "maxNotional": plain(largest_notional(row.market, row.leverage)),
            "positionSide": row.side,
            "positionAmt": row.sized(row.size),
            "notional": fixed(row.size * row.mark),
            "isolatedWallet": fixed(row.wallet),
            "updateTime": row.changed,
        }

    def _waiting(self, row: Row) -> Decimal:
        orders = (self.engine.state.orders[oid] for oid in self.account.open_orders)
        mine = [order for order in orders if order.key == held_at(row.market.name, row.leg)]
        return sum((self.engine.ledger.reservation(self.account, order) for order in mine), ZERO)

    # the account

    @property
    def cross_wallet(self) -> Decimal:
        cross = self.engine.ledger.cross(self.account)
        return self.account.cash + sum((held.size * entry_price(held) for held in cross), ZERO)

    @property
    def cross_profit(self) -> Decimal:
        return self.engine.ledger.cross_equity(self.account) - self.cross_wallet

    @property
    def wallet(self) -> Decimal:
        """Cross wallet and all isolated ones."""
        return self.cross_wallet + sum(map(wallet, self.engine.ledger.isolated(self.account)), ZERO)

    @property
    def available(self) -> Decimal:
        return max(ZERO, self.engine.ledger.free(self.account))

    @property
    def changed(self) -> int:
        moments = [*self.account.changed.values(), *(row.time for row in self.account.updates[-1:])]
        return max(moments, default=0)

    def balances(self) -> list[Json]:
        """One row for each asset, the empty ones included."""
        return [self._balance(asset) for asset in ASSETS]

    def _balance(self, asset: str) -> Json:
        is_held = asset == COLLATERAL
        return {
            "accountAlias": self.account.address[2:18],
            "asset": asset,
            "balance": fixed(self.wallet if is_held else ZERO),
            "crossWalletBalance": fixed(self.cross_wallet if is_held else ZERO),
            "crossUnPnl": fixed(self.cross_profit if is_held else ZERO),
            "availableBalance": fixed(self.available if is_held else ZERO),
            "maxWithdrawAmount": fixed(self.engine.ledger.withdrawable(self.account) if is_held else ZERO),
            "marginAvailable": True,
            "updateTime": self.changed if is_held else 0,
        }

    def account_rows(self) -> Json:
        """The answer of account: totals, assets, and every symbol."""
        sums = self._sums()
        totals = {
            "totalInitialMargin": "initialMargin",
            "totalMaintMargin": "maintMargin",
            "totalWalletBalance": "walletBalance",
            "totalUnrealizedProfit": "unrealizedProfit",
            "totalMarginBalance": "marginBalance",
            "totalPositionInitialMargin": "positionInitialMargin",
            "totalOpenOrderInitialMargin": "openOrderInitialMargin",
            "totalCrossWalletBalance": "crossWalletBalance",
            "totalCrossUnPnl": "crossUnPnl",
            "availableBalance": "availableBalance",
            "maxWithdrawAmount": "maxWithdrawAmount",
        }
        nothing = dict.fromkeys(sums, fixed(ZERO))
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "updateTime": 0,
            **{name: sums[figure] for name, figure in totals.items()},
            "assets": [
                {
                    "asset": asset,
                    **(sums if asset == COLLATERAL else nothing),
                    "marginAvailable": True,
                    "updateTime": time,
                }
                for asset, time in ((asset, self.changed if asset == COLLATERAL else 0) for asset in ASSETS)
            ],
            "positions": [self._in_account(row) for row in self.rows()],
        }

    def _sums(self) -> dict[str, str]:
        ledger, held = self.engine.ledger, list(self.account.positions.values())
        initial = sum((ledger.initial(self.account, row) for row in held), ZERO)
        waiting, balance = ledger.reserved(self.account), self.wallet
        profit = sum((row.profit for row in self.rows()), ZERO)
        return {
            "walletBalance": fixed(balance),
            "unrealizedProfit": fixed(profit),
            "marginBalance": fixed(balance + profit),
            "maintMargin": fixed(sum(map(ledger.maintenance, held), ZERO)),
            "initialMargin": fixed(initial + waiting),
            "positionInitialMargin": fixed(initial),
            "openOrderInitialMargin": fixed(waiting),
            "crossWalletBalance": fixed(self.cross_wallet),
            "crossUnPnl": fixed(self.cross_profit),
            "availableBalance": fixed(self.available),
            "maxWithdrawAmount": fixed(ledger.withdrawable(self.account)),
        }
