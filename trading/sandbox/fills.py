"""Execution: who trades with whom at which price, and what each pays (Hyperliquid rules 3.3, 3.11, 8)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from trading.sandbox import book
from trading.sandbox.ledger import Ledger, Trade
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.state import Account, Fill, Liquidation, Order, Position
from trading.sandbox.tape import DELEVERAGED, PublicTrade, Tape, direction

# A builder's rate counts tenths of a basis point.
BUILDER_UNIT = Decimal(100_000)
SETTLEMENT, DELEVERAGING = "Settlement", "AutoDeleveraging"
POOL = "0x000000000000000000000000000000000000dead"


@dataclass(frozen=True)
class Offer:
    """Something to trade with: a synthetic level (``order`` is None) or another account's resting order."""

    price: Decimal
    size: Decimal
    order: Order | None


@dataclass(frozen=True)
class Settled:
    """What one side of a trade did to its account; ``fee`` includes the builder's part."""

    start_position: Decimal
    direction: str
    closed_pnl: Decimal
    fee: Decimal
    builder_fee: Decimal


@dataclass(frozen=True)
class Execution:
    ledger: Ledger
    tape: Tape
    # Orders that traded since their groups were last looked after.
    touched: list[Order] = field(default_factory=list)
    # Synthetic sides by market, good for the mark they were made at.
    sides: dict[tuple[str, bool], tuple[Decimal, list[book.Level]]] = field(default_factory=dict)

    def levels(self, market: Market, *, bids: bool) -> list[book.Level]:
        """One side of the synthetic book at the present mark."""
        mark = self.ledger.marks[market.name]
        made = self.sides.get((market.name, bids))
        if made is None or made[0] != mark:
            made = (mark, book.side(self.ledger.state.paths.seed, market, mark, bids=bids))
            self.sides[market.name, bids] = made
        return made[1]

    def best(self, market: Market) -> tuple[Decimal | None, Decimal | None]:
        """Best bid and best ask, accounts' orders included; None where a side is empty."""
        resting = self.resting(market)
        sides = []
        for bids in (True, False):
            prices = [row.limit_price for row in resting if row.is_buy == bids]
            prices += [level.price for level in self.levels(market, bids=bids)[:1]]
            sides.append((max(prices) if bids else min(prices)) if prices else None)
        return sides[0], sides[1]

    def resting(self, market: Market) -> list[Order]:
        """Orders in the book of ``market``, oldest first."""
        state = self.ledger.state
        rows = [
            order
            for account in state.accounts.values()
            for order in map(state.orders.__getitem__, account.open_orders)
            if order.market == market.name and not order.dormant
        ]
        return sorted(rows, key=lambda row: row.oid)

    def offers(self, market: Market, *, is_buy: bool) -> list[Offer]:
        """What an order of this side can trade with, best price first, accounts before the synthetic book."""
        levels = self.levels(market, bids=not is_buy)
        rows = [Offer(row.limit_price, row.size, row) for row in self.resting(market) if row.is_buy != is_buy]
        rows += [Offer(level.price, level.size, None) for level in levels]
        return sorted(rows, key=lambda offer: offer.price if is_buy else -offer.price)

    def matching(self, order: Order, market: Market) -> Iterator[Offer]:
        for offer in self.offers(market, is_buy=order.is_buy):
            if offer.price > order.limit_price if order.is_buy else offer.price < order.limit_price:
                return
            yield offer

    def take(self, account: Account, order: Order, liquidation: Liquidation | None = None) -> None:
        """Fill ``order`` against the book up to its limit price; what is left stays in ``order.size``."""
        market = self.ledger.markets[order.market]
        for offer in list(self.matching(order, market)):
            if order.size <= 0:
                return
            maker = offer.order
            if maker is None:
                self._trade_with_pool(account, order, offer, liquidation)
            elif maker.address == order.address:
                self.tape.mark_order(account, maker, "selfTradeCanceled")
            else:
                self._trade_with_account(account, order, maker, liquidation)

    def _trade_with_pool(self, account: Account, order: Order, offer: Offer, liquidation: Liquidation | None) -> None:
        amount = min(order.size, offer.size)
        users = (account.address, POOL) if order.is_buy else (POOL, account.address)
        self.fill(account, order, amount, offer.price, crossed=True, liquidation=liquidation)
        self.settle_pool(order, amount, offer.price)
        self._publish(order, amount, offer.price, users)

    def _trade_with_account(
        self, account: Account, order: Order, maker: Order, liquidation: Liquidation | None
    ) -> None:
        other = self.ledger.state.accounts[maker.address]
        if not self.affordable(other, maker):
            self.tape.mark_order(other, maker, "marginCanceled")
            return
        amount = min(order.size, maker.size)
        users = (account.address, other.address) if order.is_buy else (other.address, account.address)
        self.fill(account, order, amount, maker.limit_price, crossed=True, liquidation=liquidation)
        self.fill(other, maker, amount, maker.limit_price, crossed=False, liquidation=liquidation)
        self._publish(order, amount, maker.limit_price, users)

    def settle_pool(self, order: Order, amount: Decimal, price: Decimal) -> None:
        """The pool takes the other side: it receives what a buyer pays."""
        self.ledger.state.pool += (amount if order.is_buy else -amount) * price

    def rest_fill(self, account: Account, order: Order) -> None:
        """The moving book reached a resting order: it is filled whole, as maker, at its own price."""
        amount, price = order.size, order.limit_price
        self.fill(account, order, amount, price, crossed=False, liquidation=None)
        self.settle_pool(order, amount, price)
        self._publish(order, amount, price, (account.address, POOL) if order.is_buy else (POOL, account.address))

    def settle(self, account: Account, position: Position) -> None:
        """Close a position of a market that is gone: at the mark, as if it had been taken from the book."""
        self._force(account, position, abs(position.size), self.ledger.marks[position.market], SETTLEMENT)

    def deleverage(self, account: Account, position: Position, amount: Decimal, price: Decimal) -> None:
        """Close what nobody else takes of a liquidated position against one on the other side: not through the book,
        and without a fee (Hyperliquid rules 3.10, Aster rules 4.9)."""
        note = Liquidation(POOL, self.ledger.marks[position.market], "backstop")
        self._force(account, position, amount, price, DELEVERAGING, note)

    def _force(
        self,
        account: Account,
        position: Position,
        amount: Decimal,
        price: Decimal,
        kind: str,
        note: Liquidation | None = None,
    ) -> None:
        order = Order(
            oid=self.tape.next_oid(),
            address=account.address,
            market=position.market,
            is_buy=position.size < 0,
            limit_price=price,
            size=amount,
            original_size=amount,
            time_in_force=kind,
            reduce_only=True,
            timestamp=self.tape.clock(),
            status="triggered",
            leg=position.leg,
        )
        self.tape.enter(account, order)
        self.fill(account, order, amount, price, crossed=True, liquidation=note)
        self.settle_pool(order, amount, price)

    def _publish(self, order: Order, amount: Decimal, price: Decimal, users: tuple[str, str]) -> None:
        tid = self.ledger.state.last_tid
        self.tape.record_trade(
            PublicTrade(order.market, order.is_buy, price, amount, self.tape.clock(), self.tape.hash(tid), tid, users)
        )

    def affordable(self, account: Account, order: Order) -> bool:
        """Whether free margin covers what the order would add to the position."""
        increase = self.increase(account, order)
        if increase <= 0:
            return True
        position = account.positions.get(order.key)
        free = self.ledger.free(account, without=order.oid)
        if position is not None and (position.size > 0) != order.is_buy:
            isolated = self.ledger.is_isolated(account, order.market)
            free += self.ledger.equity(position) if isolated else self.ledger.initial(account, position)
        return self.ledger.order_cost(account, order, increase, self.margin_price(order)) <= free

    def increase(self, account: Account, order: Order) -> Decimal:
        """Size beyond what the order takes off the present position."""
        held = self.ledger.size(account, order.key)
        opposite = held < 0 if order.is_buy else held > 0
        return max(ZERO, order.size - abs(held)) if opposite else order.size

    def margin_price(self, order: Order) -> Decimal:
        """The price at which the venue asks whether an order is affordable."""
        market = self.ledger.markets[order.market]
        return self.ledger.rules.order_price(order, self.ledger.marks[order.market], partial(self.best, market))

    def fill(
        self,
        account: Account,
        order: Order,
        amount: Decimal,
        price: Decimal,
        *,
        crossed: bool,
        liquidation: Liquidation | None,
    ) -> None:
        """One side of a trade: fees, position, the order's own counters and the fill row."""
        is_deleveraged = order.time_in_force == DELEVERAGING
        rate = ZERO if is_deleveraged else self._fee_rate(account, liquidation, crossed=crossed)
        settled = self._settle(account, order, amount, price, rate)
        order.size -= amount
        order.filled += amount
        order.filled_value += amount * price
        row = self._row(order, amount, price, settled, crossed=crossed, liquidation=liquidation)
        self.tape.record_fill(account, row, order)
        self.touched.append(order)
        if order.size <= 0:
            self.tape.mark_order(account, order, "filled")
        self._follow_position(account, order)

    def _settle(self, account: Account, order: Order, amount: Decimal, price: Decimal, rate: Decimal) -> Settled:
        market = self.ledger.markets[order.market]
        signed = amount if order.is_buy else -amount
        held = self.ledger.size(account, order.key)
        fee, builder_fee = self._charge(order, amount * price, rate)
        cash = account.cash
        profit = self.ledger.trade(account, Trade(market, signed, price, fee, order.leg))
        if self.ledger.is_isolated(account, market.name) and account.cash != cash:
            self.tape.record_move(account, market.name, order.leg, cash - account.cash)
        words = DELEVERAGED if order.time_in_force == DELEVERAGING else direction(held, signed)
        return Settled(held, words, profit, fee, builder_fee)

    def _row(
        self,
        order: Order,
        amount: Decimal,
        price: Decimal,
        settled: Settled,
        *,
        crossed: bool,
        liquidation: Liquidation | None,
    ) -> Fill:
        tid = self.tape.next_tid()
        return Fill(
            address=order.address,
            market=order.market,
            price=price,
            size=amount,
            is_buy=order.is_buy,
            time=self.tape.clock(),
            start_position=settled.start_position,
            direction=settled.direction,
            closed_pnl=settled.closed_pnl,
            hash=self.tape.hash(tid),
            oid=order.oid,
            crossed=crossed,
            fee=settled.fee,
            builder_fee=settled.builder_fee,
            tid=tid,
            client_id=order.client_id,
            liquidation=liquidation,
            leg=order.leg,
        )

    def _fee_rate(self, account: Account, liquidation: Liquidation | None, *, crossed: bool) -> Decimal:
        rules = self.ledger.rules
        if liquidation is not None and liquidation.liquidated_user == account.address:
            return rules.liquidation_rate
        return rules.taker_rate if crossed else rules.maker_rate

    def _charge(self, order: Order, notional: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
        """Book the venue's and the builder's fee; returns their sum and the builder's part."""
        state = self.ledger.state
        venue_fee = self.ledger.rules.fee(notional * rate)
        builder_fee = self.ledger.rules.fee(notional * order.builder_rate / BUILDER_UNIT)
        state.fees += venue_fee
        if order.builder is not None and builder_fee:
            state.builder_rewards[order.builder] = state.builder_rewards.get(order.builder, ZERO) + builder_fee
        return venue_fee + builder_fee, builder_fee

    def _follow_position(self, account: Account, filled: Order) -> None:
        """Reduce-only orders shrink with the position and go with it; siblings end in their own way."""
        held = self.ledger.size(account, filled.key)
        for oid in list(account.open_orders):
            order = self.ledger.state.orders[oid]
            if order.key != filled.key or not order.reduce_only or oid in filled.siblings:
                continue
            if order.dormant and self.ledger.rules.triggers_stay:
                continue
            if held == 0 or (held > 0) == order.is_buy:
                self.tape.mark_order(account, order, "reduceOnlyCanceled")
            elif order.size > abs(held):
                order.size = abs(held)
