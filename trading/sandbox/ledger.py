"""Balances and positions: what a fill, a margin transfer and a funding payment do to them (Hyperliquid rules 3.2-3.8).

The ledger knows equity, maintenance and free margin by definition only: no liquidation price is computed from which
anything follows. Markets bring their own tiers, so markets of another venue can be kept by the same ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.markets import MarginMode, Market
from trading.sandbox.numbers import ZERO, micro
from trading.sandbox.state import Account, Order, Position, Setting, State

DEFAULT_LEVERAGE = 20
# What must remain after margin leaves a position or an account: at least this part of the notional (rules 3.7).
TRANSFER_FLOOR = Decimal("0.1")


class RefusedError(Exception):
    """The venue's own sentence for why it does not do what was asked."""


@dataclass(frozen=True)
class Trade:
    """One fill as the ledger sees it: signed ``size``, price, fee."""

    market: Market
    size: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True)
class Ledger:
    state: State
    markets: Mapping[str, Market]
    marks: Mapping[str, Decimal]

    # what an account chose

    def setting(self, account: Account, market: Market) -> Setting:
        """The account's leverage and mode; a new account is cross wherever the market allows it."""
        chosen = account.settings.get(market.name)
        if chosen is None:
            isolated = market.mode is not MarginMode.FREE
            chosen = Setting(isolated=isolated, leverage=min(DEFAULT_LEVERAGE, market.max_leverage))
            account.settings[market.name] = chosen
        return chosen

    def is_isolated(self, account: Account, name: str) -> bool:
        return self.setting(account, self.markets[name]).isolated

    def leverage(self, account: Account, name: str) -> int:
        return self.setting(account, self.markets[name]).leverage

    def size(self, account: Account, name: str) -> Decimal:
        position = account.positions.get(name)
        return position.size if position else ZERO

    # sums

    def notional(self, position: Position) -> Decimal:
        return abs(position.size) * self.marks[position.market]

    def equity(self, position: Position) -> Decimal:
        """Equity of an isolated position: its cash leg and its size at the mark."""
        return position.cash + position.size * self.marks[position.market]

    def maintenance(self, position: Position) -> Decimal:
        return self.markets[position.market].tiers.maintenance(self.notional(position))

    def initial(self, account: Account, position: Position) -> Decimal:
        return self.notional(position) / self.leverage(account, position.market)

    def isolated(self, account: Account) -> list[Position]:
        return [row for row in account.positions.values() if self.is_isolated(account, row.market)]

    def cross(self, account: Account) -> list[Position]:
        return [row for row in account.positions.values() if not self.is_isolated(account, row.market)]

    def cross_equity(self, account: Account) -> Decimal:
        return account.cash + sum((row.size * self.marks[row.market] for row in self.cross(account)), ZERO)

    def cross_maintenance(self, account: Account) -> Decimal:
        return sum((self.maintenance(row) for row in self.cross(account)), ZERO)

    def cross_initial(self, account: Account) -> Decimal:
        return sum((self.initial(account, row) for row in self.cross(account)), ZERO)

    def reserved(self, account: Account, without: int | None = None) -> Decimal:
        """Initial margin of resting orders that increase exposure; orders opposite to a position reserve none."""
        orders = (self.state.orders[oid] for oid in account.open_orders if oid != without)
        return sum((self._reservation(account, order) for order in orders), ZERO)

    def _reservation(self, account: Account, order: Order) -> Decimal:
        held = self.size(account, order.market)
        opposite = held < 0 if order.is_buy else held > 0
        if order.dormant or order.reduce_only or opposite:
            return ZERO
        return order.size * order.limit_price / self.leverage(account, order.market)

    def free(self, account: Account, without: int | None = None) -> Decimal:
        """Margin that a new position, or an addition to an isolated one, may take. Can be negative."""
        return self.cross_equity(account) - self.cross_initial(account) - self.reserved(account, without)

    def withdrawable(self, account: Account) -> Decimal:
        notional = sum((self.notional(row) for row in self.cross(account)), ZERO)
        required = max(self.cross_initial(account), TRANSFER_FLOOR * notional)
        return max(ZERO, max(ZERO, self.cross_equity(account) - required) - self.reserved(account))

    def available(self, account: Account, market: Market, *, is_buy: bool) -> Decimal:
        """Margin in dollars that an order on this side may use: the reducing side frees the position's own as well."""
        free = max(ZERO, self.free(account))
        position = account.positions.get(market.name)
        if position is None or (position.size > 0) == is_buy:
            return free
        initial = self.initial(account, position)
        released = self.equity(position) if self.is_isolated(account, market.name) else initial
        return max(ZERO, self.free(account) + released) + initial

    # what happens to a position

    def trade(self, account: Account, trade: Trade) -> Decimal:
        """Apply one fill and return the realised profit before fees."""
        held = self.size(account, trade.market.name)
        closing = min(abs(held), abs(trade.size)) if held * trade.size < 0 else ZERO
        opening = trade.size.copy_abs() - closing
        # The fee of a flip is shared by its two halves, so that each bucket pays its own.
        closing_fee = micro(trade.fee * closing / abs(trade.size))
        profit = ZERO
        if closing:
            profit = self._reduce(account, account.positions[trade.market.name], closing, trade.price, closing_fee)
        if opening:
            signed = opening.copy_sign(trade.size)
            self._open(account, Trade(trade.market, signed, trade.price, trade.fee - closing_fee))
        return profit

    def _open(self, account: Account, trade: Trade) -> None:
        name = trade.market.name
        position = account.positions.setdefault(name, Position(name, ZERO))
        paid = trade.size * trade.price
        if self.is_isolated(account, name):
            margin = micro(abs(trade.size) * self.marks[name] / self.leverage(account, name))
            account.cash -= margin
            position.cash += margin - trade.fee - paid
        else:
            account.cash -= paid + trade.fee
        position.size += trade.size
        position.cost += paid
        position.funding_since_change = ZERO

    def _reduce(self, account: Account, position: Position, amount: Decimal, price: Decimal, fee: Decimal) -> Decimal:
        """Take ``amount`` off a position: an isolated bucket releases its share of the equity at ``price``."""
        whole = abs(position.size)
        remaining = whole - amount
        proceeds = amount.copy_sign(position.size) * price
        cost = micro(position.cost * amount / whole) if remaining else position.cost
        if self.is_isolated(account, position.market):
            kept = micro(position.cash * remaining / whole)
            released = position.cash - kept + proceeds
            # The fee comes out of what stays; a full close has nothing else to take it from.
            position.cash, released = (kept - fee, released) if remaining else (ZERO, released - fee)
            self._release(account, released)
        else:
            account.cash += proceeds - fee
        position.size -= amount.copy_sign(position.size)
        position.cost -= cost
        position.funding_since_change = ZERO
        if not remaining:
            del account.positions[position.market]
        return proceeds - cost

    def _release(self, account: Account, amount: Decimal) -> None:
        """An isolated position never costs more than its margin: the counterparty pool bears what is missing."""
        if amount < 0:
            self.state.pool += amount
        else:
            account.cash += amount

    def seize(self, account: Account, position: Position) -> None:
        """A backstop takes an isolated position with the margin that is left in it."""
        self.state.pool += position.cash
        position.cash = ZERO
        del account.positions[position.market]

    def fund(self, account: Account, position: Position, oracle: Decimal, rate: Decimal) -> Decimal:
        """Charge one hour of funding and return what was received; longs pay shorts when the rate is positive."""
        received = micro(-position.size * oracle * rate)
        if self.is_isolated(account, position.market):
            position.cash += received
        else:
            account.cash += received
        self.state.pool -= received
        position.funding_since_open -= received
        position.funding_since_change -= received
        account.funding[position.market] = account.funding.get(position.market, ZERO) - received
        return received

    # what an account asks for

    def update_leverage(self, account: Account, market: Market, *, isolated: bool, leverage: int) -> None:
        """Choose mode and leverage; with an open position nothing moves but the setting (rules 3.8)."""
        if not 1 <= leverage <= market.max_leverage:
            raise RefusedError("Invalid leverage value")
        if not isolated and market.mode is not MarginMode.FREE:
            raise RefusedError("Cross margin is not allowed for this asset.")
        setting = self.setting(account, market)
        position = account.positions.get(market.name)
        if position is not None and setting.isolated != isolated:
            raise RefusedError("Cannot switch leverage type with open position.")
        if position is not None and leverage < setting.leverage:
            self._check_lower(account, position, leverage)
        account.settings[market.name] = Setting(isolated=isolated, leverage=leverage)

    def _check_lower(self, account: Account, position: Position, leverage: int) -> None:
        required = self.notional(position) / leverage
        if self.is_isolated(account, position.market):
            if self.equity(position) < required:
                raise RefusedError(
                    "Isolated position does not have sufficient margin available to decrease leverage. "
                    "To decrease leverage, add margin to the position."
                )
        elif self.free(account) < required - self.initial(account, position):
            raise RefusedError(
                "Cross position does not have sufficient margin available to decrease leverage. "
                "To decrease leverage, deposit more collateral."
            )

    def update_margin(self, account: Account, market: Market, amount: Decimal) -> None:
        """Move ``amount`` dollars into an isolated position, or out of it when negative (rules 3.3, 3.7)."""
        if amount == 0:
            raise RefusedError("Update to isolated margin cannot be zero.")
        position = account.positions.get(market.name)
        if position is None:
            raise RefusedError("Cannot update margin for empty position.")
        if not self.is_isolated(account, market.name):
            raise RefusedError("Position does not use isolated margin.")
        if amount > 0 and self.free(account) < amount:
            raise RefusedError("Account does not have sufficient margin available for increase.")
        if amount < 0:
            self._check_removal(account, market, position, -amount)
        position.cash += amount
        account.cash -= amount

    def _check_removal(self, account: Account, market: Market, position: Position, amount: Decimal) -> None:
        if market.mode is MarginMode.STRICT_ISOLATED:
            raise RefusedError("Cannot remove isolated margin for this asset. To remove margin, reduce the position.")
        floor = max(self.initial(account, position), TRANSFER_FLOOR * self.notional(position))
        if self.equity(position) - amount < floor:
            raise RefusedError("Position does not have sufficient margin for reduction.")

    def top_up(self, account: Account, market: Market, leverage: Decimal) -> None:
        """Add what is missing until notional / equity is ``leverage``; nothing when it is already below."""
        if market.mode is not MarginMode.STRICT_ISOLATED:
            raise RefusedError("Asset not strict isolated")
        position = account.positions.get(market.name)
        if position is None:
            raise RefusedError("Cannot update margin for empty position.")
        if leverage <= 0:
            raise RefusedError("Invalid leverage value")
        missing = micro(self.notional(position) / leverage - self.equity(position))
        if missing > 0:
            self.update_margin(account, market, missing)
