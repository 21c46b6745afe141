"""The venue itself: accounts, marks and time; after every mark orders match, triggers fire and liquidations follow."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading.sandbox.checks import Checks
from trading.sandbox.fills import Execution
from trading.sandbox.ledger import Ledger
from trading.sandbox.liquidation import Liquidator
from trading.sandbox.markets import Market, MarketStatus, tiers_by_rate
from trading.sandbox.numbers import ZERO, shown
from trading.sandbox.orders import Desk
from trading.sandbox.prices import Candle, Paths, candles, funding_rate, noise
from trading.sandbox.state import Account, FundingPayment, MarketChange, Position, State
from trading.sandbox.tape import News, PublicTrade, Tape
from trading.sandbox.venues import HYPERLIQUID, VENUES, Venue

HOUR = 3_600_000
KEPT_HOURS = 10_000
KEPT_TRIGGERS = 20


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def fresh_state(seed: int, now: int, *, still: bool) -> State:
    """New ledgers of all venues: the first one's, with the others' beside it."""
    ledgers = [State(paths=Paths(seed, now if still else None), funded_hour=now - now % HOUR) for _ in VENUES]
    first, *others = ledgers
    first.others = dict(zip(list(VENUES)[1:], others, strict=True))
    return first


@dataclass
class ShiftedClock:
    """A clock that is ``ahead`` of another one by milliseconds, or behind it."""

    clock: Callable[[], int]
    ahead: int = 0

    def __call__(self) -> int:
        return self.clock() + self.ahead


def changed(market: Market, change: MarketChange | None) -> Market:
    """The market as it is after a change."""
    if change is None:
        return market
    tiers = tiers_by_rate(*change.tiers, cap=change.cap) if change.tiers else market.tiers
    gone = market.delisted or change.status is MarketStatus.GONE
    return replace(market, tiers=tiers, delisted=gone, closing=change.status is MarketStatus.CLOSING)


@dataclass
class Engine:
    """One running venue over one state."""

    state: State
    clock: Callable[[], int] = wall_clock
    venue: Venue = HYPERLIQUID
    marks: dict[str, Decimal] = field(default_factory=dict)
    oracles: dict[str, Decimal] = field(default_factory=dict)
    # Hours that are over, by market, begin and the pushes that count in them: they never change any more.
    hours: dict[tuple[str, int, int], Candle] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        changes = self.state.changes
        self.markets = {name: changed(market, changes.get(name)) for name, market in self.venue.markets.items()}
        self.by_index = list(self.markets.values())
        self.ledger = Ledger(self.state, self.markets, self.marks, self.venue.rules)
        self.tape = Tape(self.state, self.clock)
        self.execution = Execution(self.ledger, self.tape)
        self.desk = Desk(self.execution, Checks(self.execution, self.oracles))
        self.liquidator = Liquidator(self.execution)
        self._read_prices(self.clock())

    @property
    def still(self) -> bool:
        return self.state.paths.still_since is not None

    # accounts

    def account(self, address: str) -> Account | None:
        return self.state.accounts.get(address)

    def fund(self, address: str, amount: Decimal) -> Account:
        """Deposit dollars, or withdraw them when negative; the account comes into being with its first deposit."""
        account = self.state.accounts.setdefault(address, Account(address))
        if amount < 0 and self.ledger.withdrawable(account) < -amount:
            raise ValueError(f"only {shown(self.ledger.withdrawable(account), 6)} can be withdrawn")
        account.cash += amount
        account.deposited = True
        self.state.deposits += amount
        kind = "deposit" if amount >= 0 else "withdraw"
        self.tape.record_update(account, {"type": kind, "usdc": shown(abs(amount), 6)})
        return account

    # prices

    def _read_prices(self, now: int) -> None:
        for market in self.by_index:
            mark = self.state.paths.price(market, now)
            self.marks[market.name] = mark
            basis = (
                ZERO if self.still else Decimal(repr(noise(self.state.paths.seed, market.name, 30_000, now // 30_000)))
            )
            self.oracles[market.name] = market.to_tick(mark * (1 + basis / 5000)) if basis else mark

    def set_mark(self, market: Market, price: Decimal) -> None:
        """Put mark, oracle and book at ``price`` at once and apply everything that follows from it."""
        self.state.paths.push(market, price, self.clock())
        self.marks[market.name] = self.oracles[market.name] = price
        self.settle()

    def change_market(self, name: str, change: MarketChange) -> None:
        """Change a market for good: what it no longer takes is cancelled, and settled at the mark if it is gone."""
        self.state.changes[name] = change
        market = self.markets[name] = changed(self.venue.markets[name], change)
        self.by_index[:] = self.markets.values()
        self.execution.sides.clear()
        for account in self.state.accounts.values():
            for order in [self.state.orders[oid] for oid in account.open_orders]:
                if order.market == name and (market.delisted or (market.closing and not order.reduce_only)):
                    self.desk.cancel(account, order, "marketClosed")
            for position in self.ledger.held_in(account, market) if market.delisted else []:
                self.execution.settle(account, position)
        self.settle()

    def deleverage(self, account: Account, position: Position, amount: Decimal, price: Decimal) -> None:
        """Close so much of a position against a liquidated one on the other side."""
        self.execution.deleverage(account, position, amount, price)
        self.settle()

    def advance(self) -> None:
        """Move on to the present: prices, trades on the tape, funding at the full hour, scheduled cancels."""
        now = self.clock()
        if not self.still:
            self._read_prices(now)
            for market in self.by_index:
                self._background_trade(market, now)
            hour = now - now % HOUR
            if hour > self.state.funded_hour:
                self.state.funded_hour = hour
                self.fund_hour(hour, [row for row in self.by_index if hour % (row.funding_hours * HOUR) == 0])
        self._scheduled_cancels(now)
        self.settle()

    def settle(self) -> None:
        """Liquidations, orders that the book reaches, triggers, again and again until nothing follows any more.

        A mark that jumps past both takes a position before its stop can sell it for less than its margin covers.
        """
        moved = True
        while moved:
            moved = self.liquidator.run()
            moved |= self.desk.sweep()

    def _background_trade(self, market: Market, now: int) -> None:
        chance = noise(self.state.paths.seed, market.name, -3, now // 1000)
        if market.delisted or chance < -0.2:
            return
        # Of the clock and not of the ledger's counter: a price that moves is no change of the ledger.
        tid = now * 100 + market.index
        is_buy = chance > 0.4
        facing = self.execution.levels(market, bids=not is_buy)
        if not facing:
            return
        size = market.depth / 400 * Decimal(repr(1.2 + chance)) / self.marks[market.name]
        self.tape.record_trade(
            PublicTrade(
                market=market.name,
                is_buy=is_buy,
                price=facing[0].price,
                size=size.quantize(Decimal(1).scaleb(-market.size_decimals)),
                time=now,
                hash=self.tape.hash(tid),
                tid=tid,
                users=("0x000000000000000000000000000000000000beef", "0x000000000000000000000000000000000000dead"),
            )
        )

    def last_day(self, market: Market) -> list[Candle]:
        """The hours of the last day, the growing one last."""
        now = self.clock()
        growing = now - now % HOUR
        closed = [self._hour(market, growing - back * HOUR) for back in range(23, 0, -1)]
        return closed + candles(self.state.paths, market, HOUR, growing, now)

    def _hour(self, market: Market, start: int) -> Candle:
        pushes = sum(row.time < start + HOUR for row in self.state.paths.pushes.get(market.name, ()))
        key = market.name, start, pushes
        if key not in self.hours:
            if len(self.hours) > KEPT_HOURS:
                self.hours.clear()
            (self.hours[key], *_) = candles(self.state.paths, market, HOUR, start, start + HOUR)
        return self.hours[key]

    # time

    def funding_rate(self, market: Market, hour: int) -> Decimal:
        if market.delisted:
            return ZERO
        return funding_rate(self.state.paths.seed, market, hour).quantize(self.venue.rules.rate_step)

    def fund_hour(self, hour: int, markets: Iterable[Market]) -> None:
        """Charge the funding of the interval that ended to every position in ``markets``."""
        for market in markets:
            for account in self.state.accounts.values():
                for position in self.ledger.held_in(account, market):
                    self._fund(account, market, position, hour)

    def _fund(self, account: Account, market: Market, position: Position, hour: int) -> None:
        rate = self.funding_rate(market, hour)
        prices = self.oracles if self.venue.rules.funds_at_oracle else self.marks
        received = self.ledger.fund(account, position, prices[market.name], rate)
        number = self.tape.next_tid()
        payment = FundingPayment(hour, self.tape.hash(number), market.name, received, position.size, rate)
        payment.isolated = self.ledger.is_isolated(account, market.name)
        account.changed[position.key] = self.clock()
        account.payments.append(payment)
        self.tape.news.append(News("funding", account.address, payment))
        self.tape.touch(account)

    def _scheduled_cancels(self, now: int) -> None:
        for account in self.state.accounts.values():
            for name in [name for name, moment in account.cancels.items() if moment <= now]:
                del account.cancels[name]
                self.cancel_in(account, name, "scheduledCancel")
            if account.cancel_at is not None and account.cancel_at <= now:
                account.cancel_at = None
                account.cancels_triggered = [*account.cancels_triggered[-KEPT_TRIGGERS:], now]
                for oid in list(account.open_orders):
                    self.desk.cancel(account, self.state.orders[oid], "scheduledCancel")

    def cancel_in(self, account: Account, market: str, status: str = "canceled") -> None:
        """Cancel all of an account's orders in a market."""
        orders = [self.state.orders[oid] for oid in account.open_orders]
        for order in [order for order in orders if order.market == market]:
            self.desk.cancel(account, order, status)
