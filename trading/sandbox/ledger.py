"""Balances and positions: what a fill, a margin transfer and a funding payment do to them (Hyperliquid rules 3.2-3.8,
Aster rules 3.4-3.6 and 4).

The ledger knows equity, maintenance and free margin by definition only: no liquidation price is computed from which
anything follows. Markets bring their tiers and the venue its rules; an account's cash is of one venue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trading.sandbox.markets import MarginMode, Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.refusals import Refusal, RefusedError
from trading.sandbox.rules import Bucket, CrossSums, Rules
from trading.sandbox.state import Account, Order, Position, Setting, State, held_at

DEFAULT_LEVERAGE = 20


@dataclass(frozen=True)
class Trade:
    """One fill as the ledger sees it: signed ``size``, price, fee, and the leg of the position it changes."""

    market: Market
    size: Decimal
    price: Decimal
    fee: Decimal
    leg: str = ""

    @property
    def key(self) -> str:
        return held_at(self.market.name, self.leg)


@dataclass(frozen=True)
class Ledger:
    state: State
    markets: Mapping[str, Market]
    marks: Mapping[str, Decimal]
    rules: Rules

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

    def size(self, account: Account, key: str) -> Decimal:
        """Signed size of what is kept under a key: a market, or a market and a leg."""
        position = account.positions.get(key)
        return position.size if position else ZERO

    def held_in(self, account: Account, market: Market) -> list[Position]:
        """The account's positions in a market: one at most, or one of each leg."""
        return [row for row in account.positions.values() if row.market == market.name]

    # sums

    def notional(self, position: Position) -> Decimal:
        return abs(position.size) * self.marks[position.market]

    def equity(self, position: Position) -> Decimal:
        """Equity of an isolated position: its cash leg and its size at the mark."""
        return position.cash + position.size * self.marks[position.market]

    def maintenance(self, position: Position) -> Decimal:
        return self.markets[position.market].tiers.maintenance(self.notional(position))

    def initial(self, account: Account, position: Position) -> Decimal:
        return self.rules.initial(self.notional(position), self.leverage(account, position.market))

    def bucket(self, position: Position) -> Bucket:
        """An isolated position in money."""
        wallet = position.cash + position.cost
        return Bucket(self.equity(position), wallet, self.notional(position), self.maintenance(position))

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

    def cross_sums(self, account: Account, without: int | None = None) -> CrossSums:
        """The cross account in money, with the resting order ``without`` left out."""
        cross = self.cross(account)
        orders = [self.state.orders[oid] for oid in account.open_orders if oid != without]
        isolated = [order for order in orders if self.is_isolated(account, order.market)]
        return CrossSums(
            equity=self.cross_equity(account),
            wallet=account.cash + sum((row.cost for row in cross), ZERO),
            notional=sum((self.notional(row) for row in cross), ZERO),
            initial=self.cross_initial(account),
            maintenance=self.cross_maintenance(account),
            reserved=sum((self.reservation(account, order) for order in orders), ZERO),
            reserved_isolated=sum((self.reservation(account, order) for order in isolated), ZERO),
        )

    def reserved(self, account: Account) -> Decimal:
        """Initial margin of resting orders that increase exposure; orders opposite to a position reserve none."""
        return self.cross_sums(account).reserved

    def reservation(self, account: Account, order: Order) -> Decimal:
        """Margin that a resting order keeps from being used otherwise."""
        held = self.size(account, order.key)
        opposite = held < 0 if order.is_buy else held > 0
        if order.dormant or order.reduce_only or opposite:
            return ZERO
        return self.order_cost(account, order, order.size, order.limit_price)

    def order_cost(self, account: Account, order: Order, size: Decimal, price: Decimal) -> Decimal:
        """What must be free for ``size`` of an order at ``price``: its initial margin, and the loss it opens with."""
        loss = self.rules.opening_loss(order, price, self.marks[order.market])
        return self.rules.initial(size * price, self.leverage(account, order.market)) + size * loss

    def free(self, account: Account, without: int | None = None) -> Decimal:
        """Margin that a new position, or an addition to an isolated one, may take. Can be negative."""
        return self.cross_sums(account, without).free

    def withdrawable(self, account: Account) -> Decimal:
        return max(ZERO, self.rules.withdrawable(self.cross_sums(account)))

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
        held = self.size(account, trade.key)
        closing = min(abs(held), abs(trade.size)) if held * trade.size < 0 else ZERO
        opening = trade.size.copy_abs() - closing
        # The fee of a flip is shared by its two halves, so that each bucket pays its own.
        closing_fee = self.rules.money(trade.fee * closing / abs(trade.size))
        profit = ZERO
        if closing:
            profit = self._reduce(account, account.positions[trade.key], closing, trade.price, closing_fee)
        if opening:
            signed = opening.copy_sign(trade.size)
            self._open(account, replace(trade, size=signed, fee=trade.fee - closing_fee))
        return profit

    def _open(self, account: Account, trade: Trade) -> None:
        name = trade.market.name
        position = account.positions.setdefault(trade.key, Position(name, ZERO, leg=trade.leg))
        paid = trade.size * trade.price
        if self.is_isolated(account, name):
            price = self.rules.opening_price(trade.price, self.marks[name])
            margin = self.rules.money(self.rules.initial(abs(trade.size) * price, self.leverage(account, name)))
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
        cost = self.rules.money(position.cost * amount / whole) if remaining else position.cost
        if self.is_isolated(account, position.market):
            kept = self.rules.money(position.cash * remaining / whole)
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
            del account.positions[position.key]
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
        del account.positions[position.key]

    def fund(self, account: Account, position: Position, price: Decimal, rate: Decimal) -> Decimal:
        """Charge funding on the value at ``price``, return what was received; longs pay when the rate is positive."""
        received = self.rules.money(-position.size * price * rate)
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
        """Choose mode and leverage; with an open position nothing moves but the setting (Hyperliquid rules 3.8, Aster
        rules 3.4, 3.5)."""
        if not 1 <= leverage <= market.max_leverage:
            raise self.rules.refused(Refusal.LEVERAGE_OUT_OF_RANGE, leverage=leverage)
        if not isolated and market.mode is not MarginMode.FREE:
            raise self.rules.refused(Refusal.CROSS_NOT_ALLOWED)
        if self.setting(account, market).isolated != isolated:
            self._check_mode_change(account, market)
        for position in self.held_in(account, market):
            self._check_leverage(account, market, position, leverage)
        account.settings[market.name] = Setting(isolated=isolated, leverage=leverage)

    def _check_mode_change(self, account: Account, market: Market) -> None:
        if self.held_in(account, market):
            raise self.rules.refused(Refusal.POSITION_OPEN)
        orders = (self.state.orders[oid] for oid in account.open_orders)
        if self.rules.orders_fix_mode and any(order.market == market.name for order in orders):
            raise self.rules.refused(Refusal.ORDERS_OPEN)

    def _check_leverage(self, account: Account, market: Market, position: Position, leverage: int) -> None:
        notional = self.notional(position)
        if self.rules.leverage_obeys_tier and not market.tiers.allows(notional, leverage):
            raise self.rules.refused(Refusal.ABOVE_TIER)
        if leverage >= self.leverage(account, market.name):
            return
        if self.is_isolated(account, market.name):
            if not self.rules.may_lower(self.bucket(position), leverage):
                raise self.rules.refused(Refusal.ISOLATED_LEVERAGE_TOO_LOW)
        elif self.free(account) < self.rules.initial(notional, leverage) - self.initial(account, position):
            raise self.rules.refused(Refusal.CROSS_LEVERAGE_TOO_LOW)

    def update_margin(self, account: Account, market: Market, amount: Decimal, leg: str = "") -> None:
        """Move ``amount`` dollars into an isolated position, or out of it when negative (Hyperliquid rules 3.3, 3.7,
        Aster rules 3.6, 4.6)."""
        if amount == 0:
            raise self.rules.refused(Refusal.AMOUNT_NOT_POSITIVE)
        position = account.positions.get(held_at(market.name, leg))
        if position is None:
            raise self.rules.refused(Refusal.NO_POSITION)
        if not self.is_isolated(account, market.name):
            raise self.rules.refused(Refusal.NOT_ISOLATED)
        if amount > 0 and self.rules.addable(self.cross_sums(account)) < amount:
            raise self.rules.refused(Refusal.ADDING_TOO_MUCH)
        if amount < 0:
            self._check_removal(account, market, position, -amount)
        position.cash += amount
        account.cash -= amount

    def _check_removal(self, account: Account, market: Market, position: Position, amount: Decimal) -> None:
        if market.mode is MarginMode.STRICT_ISOLATED:
            raise self.rules.refused(Refusal.REMOVING_NOT_ALLOWED)
        now = self.bucket(position)
        left = replace(now, equity=now.equity - amount, wallet=now.wallet - amount)
        if not self.rules.keeps_enough(left, self.leverage(account, market.name)):
            raise self.rules.refused(Refusal.REMOVING_TOO_MUCH)

    def top_up(self, account: Account, market: Market, leverage: Decimal) -> None:
        """Add what is missing until notional / equity is ``leverage``; nothing when it is already below."""
        if market.mode is not MarginMode.STRICT_ISOLATED:
            raise RefusedError("Asset not strict isolated")
        position = account.positions.get(market.name)
        if position is None:
            raise self.rules.refused(Refusal.NO_POSITION)
        if leverage <= 0:
            raise self.rules.refused(Refusal.LEVERAGE_OUT_OF_RANGE, leverage=leverage)
        missing = self.rules.money(self.notional(position) / leverage - self.equity(position))
        if missing > 0:
            self.update_margin(account, market, missing)
