"""Liquidation by definition, at the mark (Hyperliquid rules 3.10, Aster rules 4.9).

An isolated position dies by its own equity and maintenance, the cross positions of an account by the cross equity and
their maintenance together. While enough is left the whole position is sold into the book and what remains, less the
market's liquidation fee, returns to the account; otherwise the venue takes over positions and margin, and nothing
returns. Where a venue's rules say so, a large position is first sold in part; a second liquidation soon after is whole.
"""

from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.fills import Execution
from trading.sandbox.ledger import Trade
from trading.sandbox.numbers import ZERO, shown
from trading.sandbox.state import Account, Fill, Liquidation, Order, Position
from trading.sandbox.tape import News, backstop_direction

# No limit stops a liquidation order; the price band of ordinary orders does not apply to it.
ANY_ASK, ANY_BID = Decimal(10) ** 15, ZERO


@dataclass(frozen=True)
class Liquidator:
    execution: Execution

    def run(self) -> bool:
        """Liquidate everything that is below maintenance at the present marks; True when something was."""
        moved = False
        for account in list(self.execution.ledger.state.accounts.values()):
            moved |= self._isolated(account)
            moved |= self._cross(account)
        return moved

    def _isolated(self, account: Account) -> bool:
        ledger, moved = self.execution.ledger, False
        for position in ledger.isolated(account):
            equity, maintenance = ledger.equity(position), ledger.maintenance(position)
            if not ledger.rules.is_due(equity, maintenance):
                continue
            moved = True
            self._announce(account, [position], equity, isolated=True)
            self._drop_orders(account, {position.market}, reduce_only=True)
            if equity < maintenance * ledger.rules.takeover_share:
                self._take_over(account, position, isolated=True)
            else:
                before = account.cash
                fee = self._sell(account, position)
                self._charge(account, min(fee, account.cash - before), position.market)
        return moved

    def _cross(self, account: Account) -> bool:
        ledger = self.execution.ledger
        positions = ledger.cross(account)
        equity, maintenance = ledger.cross_equity(account), ledger.cross_maintenance(account)
        if not positions or not ledger.rules.is_due(equity, maintenance):
            return False
        self._announce(account, positions, equity, isolated=False)
        isolated = {row.market for row in ledger.isolated(account)}
        self._drop_orders(account, set(ledger.markets) - isolated, reduce_only=False)
        if equity < maintenance * ledger.rules.takeover_share:
            for position in positions:
                self._take_over(account, position, isolated=False)
            self._charge(account, account.cash)
        else:
            fees = sum((self._sell(account, position) for position in positions), ZERO)
            self._charge(account, min(fees, ledger.cross_equity(account)))
        return True

    def _charge(self, account: Account, amount: Decimal, market: str = "") -> None:
        """What the account owes for its liquidation; of an account below zero the pool bears the rest."""
        account.cash -= amount
        self.execution.ledger.state.pool += amount
        self._book(account, amount, market)

    def _book(self, account: Account, amount: Decimal, market: str) -> None:
        """A row for what the insurance takes, where the venue writes one."""
        if amount and self.execution.ledger.rules.books_clearance:
            delta: dict[str, str | bool | list[dict[str, str]]] = {"type": "insuranceClear", "usdc": str(-amount)}
            self.execution.tape.record_update(account, delta | {"market": market})

    def _drop_orders(self, account: Account, markets: set[str], *, reduce_only: bool) -> None:
        for oid in list(account.open_orders):
            order = self.execution.ledger.state.orders[oid]
            if order.market in markets and (order.reduce_only or not reduce_only):
                self.execution.tape.mark_order(account, order, "liquidatedCanceled")
                self.execution.tape.news.append(News("cancel", account.address, order))

    def _announce(self, account: Account, positions: list[Position], equity: Decimal, *, isolated: bool) -> None:
        tape = self.execution.tape
        kind = "Isolated" if isolated else "Cross"
        tape.record_update(
            account,
            {
                "type": "liquidation",
                "accountValue": shown(equity, 6),
                "leverageType": kind,
                "liquidatedPositions": [{"coin": row.market, "szi": shown(row.size)} for row in positions],
            },
        )
        notional = sum((self.execution.ledger.notional(row) for row in positions), ZERO)
        tape.news.append(News("liquidation", account.address, f"{shown(notional, 6)} {shown(equity, 6)}"))
        for row in positions:
            tape.event("liquidation", account, row.market, f"{kind} {shown(row.size)} at {self._mark(row)}")

    def _mark(self, position: Position) -> Decimal:
        return self.execution.ledger.marks[position.market]

    def _sell(self, account: Account, position: Position) -> Decimal:
        """Market orders into the book, which is full again after each, until what is due is sold; where the book takes
        nothing, the position is taken over. Returns the liquidation fee of what was sold."""
        ledger = self.execution.ledger
        size = self._due(account, position)
        order, isolated = self._order(account, position, size), ledger.is_isolated(account, position.market)
        if isolated and ledger.rules.sells_to_bankruptcy:
            order.limit_price = -position.cash / position.size
        note = Liquidation(account.address, self._mark(position), "market")
        while position.key in account.positions and order.size:
            left = order.size
            self.execution.take(account, order, note)
            if order.size == left:
                self._take_over(account, position, isolated=isolated)
        return ledger.rules.fee(order.filled_value * ledger.markets[order.market].liquidation_fee)

    def _due(self, account: Account, position: Position) -> Decimal:
        """How much of a position is to be sold: all of it, or the first part of a large one."""
        ledger, now = self.execution.ledger, self.execution.tape.clock()
        rules, market = ledger.rules, ledger.markets[position.market]
        part = market.to_lot(abs(position.size) * rules.first_share)
        is_second = now - account.sold_in_part_at < rules.first_pause
        if is_second or not part or ledger.notional(position) <= rules.first_above:
            return abs(position.size)
        account.sold_in_part_at = now
        return part

    def _order(self, account: Account, position: Position, amount: Decimal) -> Order:
        tape, is_buy = self.execution.tape, position.size < 0
        order = Order(
            oid=tape.next_oid(),
            address=account.address,
            market=position.market,
            is_buy=is_buy,
            limit_price=ANY_ASK if is_buy else ANY_BID,
            size=amount,
            original_size=amount,
            time_in_force="LiquidationMarket",
            reduce_only=True,
            timestamp=tape.clock(),
            status="triggered",
            leg=position.leg,
        )
        tape.enter(account, order)
        return order

    def _take_over(self, account: Account, position: Position, *, isolated: bool) -> None:
        """The liquidator takes the position at the mark, without a fee, and an isolated one with all of its margin."""
        ledger, tape, mark = self.execution.ledger, self.execution.tape, self._mark(position)
        size, cost = position.size, position.cost
        order = self._order(account, position, abs(size))
        if isolated:
            self._book(account, ledger.equity(position), position.market)
            ledger.seize(account, position)
        else:
            ledger.trade(account, Trade(ledger.markets[position.market], -size, mark, ZERO, position.leg))
            ledger.state.pool -= size * mark
        order.filled, order.size, order.filled_value = abs(size), ZERO, abs(size) * mark
        tid = tape.next_tid()
        fill = Fill(
            address=account.address,
            market=position.market,
            price=mark,
            size=abs(size),
            is_buy=size < 0,
            time=tape.clock(),
            start_position=size,
            direction=backstop_direction(size, isolated=isolated),
            closed_pnl=size * mark - cost,
            hash=tape.hash(tid),
            oid=order.oid,
            crossed=True,
            fee=ZERO,
            builder_fee=ZERO,
            tid=tid,
            liquidation=Liquidation(account.address, mark, "backstop"),
            leg=position.leg,
        )
        tape.record_fill(account, fill, order)
        tape.mark_order(account, order, "filled")
