"""What a trader has, loaded and authorised in one place. His panels are computed from it and from ``trading.markets``.

A desk is a trader's account at one venue; all his desks together are his portfolio.

A view asks for the desk of its signed-in trader and never filters rows itself: what is not the trader's own does not
exist (``Http404``).
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Concatenate, TypeVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone

from tenants.models import User
from tenants.policy import Policy, closed_because, offered_venues, offers_market
from trading.connect import configured_venues
from trading.holdings import engine_account, engine_position, pool_account, pool_of, reserved_margin
from trading.live.board import Board
from trading.margin.cross import remarked
from trading.margin.errors import MarginInputError
from trading.margin.types import Account, AccountMode, FeeRates, MarginMode
from trading.margin.types import Position as Held
from trading.markets import board_of, known_at, markets_of, policy_in_force, rules_of, weather_of
from trading.models import Command, Fill, MarginChange, Market, Order, Position, Preference, VenueAccount
from trading.services import storm
from trading.services.accounts import ACCOUNT, Access, Stage, access_of, current_accounts
from trading.services.flat_settings import Chosen, expected_in
from trading.statements import Statement
from trading.venues.base import Capabilities
from trading.venues.snapshots import Venue
from trading.venues.weather import Weather

# What rests in a market of which nothing is known yet counts as reserving all that it is worth: it never takes more.
DEFAULT_LEVERAGE_OF_ORDERS = 1
# What the engine raises from rows that make no sense, such as a mark of zero, and what a panel then says.
NO_FIGURES = (MarginInputError, ArithmeticError)
UNREADABLE = "These figures cannot be read right now."
PREFERENCES = Statement(Preference, "trader_id = %s")
POSITIONS = Statement(
    Position,
    "account_id = %s",
    {"account_version": "(SELECT xmin::text || ctid::text FROM trading_venueaccount AS a WHERE a.id = account_id)"},
)
OPEN_ORDERS = Statement(Order, "account_id = %s AND is_open ORDER BY placed_at DESC")
UNSETTLED = Statement(
    Command, "account_id = ANY(%s) AND state IN ('prepared', 'unknown') ORDER BY prepared_at DESC LIMIT 5"
)
Found = TypeVar("Found")
# From the numbers of markets to their rows.
Markets = Callable[[Iterable[int]], Mapping[int, Market]]


@dataclass(frozen=True)
class Desk:
    """One trader's account at one moment: rows as the venue told them, revalued at the board's marks.

    ``settings``: what is set at the venue, by all that we know, in markets where orders rest and nothing is held.
    """

    trader: User
    account: VenueAccount | None
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    preferences: Mapping[int, Preference]
    policy: Policy
    board: Board
    now: datetime
    access: Access = field(default=Access(Stage.READY))
    venue: Venue | None = None
    weather: Weather = field(default=Weather())
    settings: Mapping[int, Chosen] = field(default_factory=dict)

    @property
    def away_because(self) -> str:
        """Why nothing that adds risk is sent to the venue now; nothing where it is."""
        return storm.closed_because(self.weather, self.now)

    def closed_because(self, market: Market) -> str:
        """Why nothing that adds risk is sent in a market now: its venue is away, or the operator has closed it."""
        return self.away_because or closed_because(self.policy, market.rules)

    def may_look_at(self, market: Market) -> bool:
        """Whether the trader may open a market's page: it is offered, or he has a position or a resting order there."""
        is_in = self.position_in(market) or any(order.market_id == market.pk for order in self.orders)
        return bool(is_in) or offers_market(self.policy, Venue(market.venue), market.name)

    def mark(self, market: Market) -> Decimal | None:
        """The newest mark of a market, from the board or else from the last market sync."""
        state = self.board.states.get(market.name)
        return state.mark if state else market.mark_price

    def marked_at(self, market: Market) -> datetime | None:
        """When the mark in use of a market was true; None where that is not known."""
        return known_at(market, self.board)

    @cached_property
    def figures_at(self) -> datetime | None:
        """When the account's figures were true: the oldest of the venue's reading and the marks of what is held.

        None until all of them have arrived.
        """
        if self.account is None:
            return None
        moments = [self.account.synced_at, *(self.marked_at(row.market) for row in self.positions)]
        known = [moment for moment in moments if moment is not None]
        return min(known) if len(known) == len(moments) else None

    def position_in(self, market: Market) -> Position | None:
        """The trader's open position in a market."""
        return self._first_held.get(market.pk)

    @cached_property
    def _first_held(self) -> Mapping[int, Position]:
        return {held.market_id: held for held in reversed(self.positions)}

    @cached_property
    def engine(self) -> Account:
        """The account as the margin engine takes it. Raises ``MarginInputError`` where the rows make no sense.

        What leans on collateral kept apart is not in it.
        """
        if self.account is None:
            return Account()
        held = [self._held(row) for row in self.positions if not self.pool_of(row.market)]
        mode = AccountMode(self.account.mode)
        orders = [row for row in self.orders if not self.pool_of(row.market)]
        return self._revalued(engine_account(self.account, mode, held, self._order_margin(orders)))

    @property
    def engines(self) -> tuple[Account, ...]:
        """The account, and each of the pools apart that something is held in."""
        pools = dict.fromkeys(self.pool_of(row.market) for row in self.positions)
        return (self.engine, *(self.engine_of(pool) for pool in pools if pool))

    def pool_of(self, market: Market) -> str:
        """The collateral apart that positions in the market lean on, "" for the account's main one."""
        return pool_of(market.rules, AccountMode(self.account.mode)) if self.account else ""

    def engine_in(self, market: Market) -> Account:
        """The account as something in one market meets it: the collateral behind that market, and nothing else."""
        return self.engine_of(self.pool_of(market))

    def engine_of(self, pool: str) -> Account:
        """The account's main collateral, or one of its pools apart, with what leans on it (Hyperliquid 3.9)."""
        if self.account is None or not pool:
            return self.engine
        held = [self._held(row) for row in self.positions if self.pool_of(row.market) == pool]
        orders = [row for row in self.orders if self.pool_of(row.market) == pool]
        cross_equity = Decimal(self.account.pools.get(pool, {}).get("cross", 0))
        return self._revalued(pool_account(cross_equity, held, self._order_margin(orders)))

    def _held(self, row: Position) -> Held:
        return engine_position(row, row.market.rules, MarginMode(row.mode))

    def _revalued(self, account: Account) -> Account:
        marks = {row.market.name: mark for row in self.positions if (mark := self.mark(row.market))}
        names = {held.market for held in account.positions}
        return remarked(account, {name: mark for name, mark in marks.items() if name in names})

    def _order_margin(self, orders: Iterable[Order]) -> Decimal:
        """What resting orders reserve; one that waits for a trigger stands in no book yet (Hyperliquid 3.2).

        By the leverage that is set: the trader's own choice is a wish, and counts where nothing else is known.
        """
        sizes = {row.market_id: row.size for row in self.positions}
        leverages = (
            {market_id: choice.leverage for market_id, choice in self.preferences.items()}
            | {market_id: chosen.leverage for market_id, chosen in self.settings.items()}
            | {row.market_id: row.leverage for row in self.positions}
        )
        return sum(
            (
                reserved_margin(
                    order,
                    sizes.get(order.market_id, Decimal(0)),
                    leverages.get(order.market_id, DEFAULT_LEVERAGE_OF_ORDERS),
                )
                for order in orders
                if order.trigger_price is None
            ),
            Decimal(0),
        )

    def capabilities(self, market: Market) -> Capabilities:
        """What the venue allows in one of its markets now, and why it does not allow the rest."""
        return self.once(Desk._capabilities, market)

    def once(self, work: Callable[Concatenate["Desk", Market, ...], Found], market: Market, *more: Hashable) -> Found:
        """What some work finds in a market of this desk, done once: a slider asks for many quotes of one moment."""
        key = (work, market.venue, market.name, *more)
        if key not in self._found:
            self._found[key] = work(self, market, *more)
        found: Found = self._found[key]
        return found

    @cached_property
    def _found(self) -> dict[Hashable, Any]:
        return {}

    def _capabilities(self, market: Market) -> Capabilities:
        held = self.position_in(market)
        return rules_of(Venue(market.venue)).capabilities(
            market.rules,
            has_position=held is not None,
            has_orders=any(order.market_id == market.pk for order in self.orders),
            mode=MarginMode(held.mode) if held else None,
            account_mode=AccountMode(self.account.mode) if self.account else AccountMode.STANDARD,
            hedge_mode=bool(self.account and self.account.hedge_mode),
        )

    @cached_property
    def fees(self) -> FeeRates:
        """The account's own fee rates, the operator's builder fee with them."""
        if self.account is None:
            return FeeRates()
        builder = self.access.fee.rate if self.access.fee else Decimal(0)
        return FeeRates(self.account.taker_fee, self.account.maker_fee, builder)


def desk_of(trader: User, venue: Venue | None = None, markets: Markets = markets_of) -> Desk:
    """The trader's desk at a venue, in a fixed number of queries however much he holds.

    Without a venue, where he has an account, or else where he may connect one. ``markets`` finds the markets' rows.
    """
    accounts, policy, now = current_accounts(trader), policy_in_force(), timezone.now()
    chosen = venue or _first_of(accounts, policy)
    return _desk(trader, chosen, accounts.get(chosen), policy, _preferences(trader), now, markets)


def portfolio_of(
    trader: User, known: Mapping[Venue, VenueAccount] | None = None, markets: Markets = markets_of
) -> tuple[Desk, ...]:
    """The desks of all accounts that a trader's pages show, in the platform's order of venues; one without an account
    where there is none. What an operator no longer offers stays in sight as long as the account is there. ``known``
    are his current accounts where they have just been read."""
    accounts, policy, now = known or current_accounts(trader), policy_in_force(), timezone.now()
    preferences = _preferences(trader)
    held = [venue for venue, _ in configured_venues() if venue in accounts] or [_first_of(accounts, policy)]
    return tuple(_desk(trader, venue, accounts.get(venue), policy, preferences, now, markets) for venue in held)


def _preferences(trader: User) -> Mapping[int, Preference]:
    return {row.market_id: row for row in PREFERENCES.rows(trader.pk)}


def _desk(
    trader: User,
    venue: Venue,
    account: VenueAccount | None,
    policy: Policy,
    preferences: Mapping[int, Preference],
    now: datetime,
    markets: Markets,
) -> Desk:
    positions: Sequence[Position] = ()
    orders: Sequence[Order] = ()
    if account is not None:
        account, positions = _at_one_moment(account)
        orders = OPEN_ORDERS.rows(account.pk)
        _give_relations(account, [*positions, *orders], markets)
    return Desk(
        trader=trader,
        account=account,
        positions=tuple(sorted(positions, key=lambda row: (row.market.index, row.position_side))),
        orders=tuple(orders),
        preferences=preferences,
        policy=policy,
        board=board_of(venue, account),
        now=now,
        access=access_of(account, now),
        venue=venue,
        weather=weather_of(venue, account),
        settings=_settings(account, positions, orders) if account is not None else {},
    )


def _settings(account: VenueAccount, positions: Iterable[Position], orders: Iterable[Order]) -> Mapping[int, Chosen]:
    """What is set in markets where orders rest and nothing is held; a position shows its own."""
    return expected_in(account, {row.market_id for row in orders} - {row.market_id for row in positions})


def _at_one_moment(account: VenueAccount) -> tuple[VenueAccount, tuple[Position, ...]]:
    """The account and its positions as one snapshot of the venue left them, though a sync may write in between.

    A position tells the version of its account's row that it was read beside. Without any, the account is read once
    more: where its snapshot is still the one read before, none came or went.
    """
    while True:
        positions = tuple(POSITIONS.rows(account.pk))
        if positions and positions[0].account_version == getattr(account, "version", ""):  # type: ignore[attr-defined]
            return account, positions
        again = next(iter(ACCOUNT.rows(account.pk)), None)
        if again is None:
            return account, ()
        if not positions and again.venue_time == account.venue_time:
            return again, ()
        account = again


def _give_relations(account: VenueAccount, rows: Sequence[Position | Order], markets: Markets) -> None:
    """Rows with the account and the markets that they name, so that none of them asks again."""
    known = markets({row.market_id for row in rows})
    for row in rows:
        row.account, row.market = account, known[row.market_id]


def _first_of(accounts: Mapping[Venue, VenueAccount], policy: Policy) -> Venue:
    connected = [venue for venue, _ in configured_venues()]
    offered = offered_venues(policy, connected) or tuple(connected)
    return next((venue for venue in offered if venue in accounts), offered[0])


def position_of(trader: User, position_id: int) -> Position:
    """One of the positions that a trader's pages show."""
    rows = Position.objects.filter(account__trader=trader, account__is_current=True)
    found: Position = get_object_or_404(rows.select_related("market", "account"), pk=position_id)
    return found


def order_of(trader: User, order_id: int) -> Order:
    """One of the orders that a trader's pages show."""
    rows = Order.objects.filter(account__trader=trader, account__is_current=True)
    found: Order = get_object_or_404(rows.select_related("market", "account"), pk=order_id)
    return found


def command_of(trader: User, command_id: UUID) -> Command:
    """One of the trader's own commands."""
    rows = Command.objects.filter(account__trader=trader).select_related("market", "account")
    found: Command = get_object_or_404(rows, pk=command_id)
    return found


def accounts_of(desks: Iterable[Desk]) -> list[VenueAccount]:
    """The accounts of some desks."""
    return [desk.account for desk in desks if desk.account is not None]


def recent_fills(accounts: Iterable[VenueAccount], limit: int = 50) -> list[Fill]:
    """The newest executions of some accounts."""
    return list(Fill.objects.filter(account__in=accounts).select_related("market")[:limit])


def recent_margin_changes(accounts: Iterable[VenueAccount], limit: int = 50) -> list[MarginChange]:
    """The newest margin changes of some accounts."""
    return list(MarginChange.objects.filter(account__in=accounts).select_related("market", "command")[:limit])


def unsettled_commands(accounts: Iterable[VenueAccount]) -> list[Command]:
    """Commands of some accounts whose outcome the venue has not told yet, newest first."""
    numbers = [account.pk for account in accounts]
    rows = UNSETTLED.rows(numbers) if numbers else []
    known = markets_of(row.market_id for row in rows)
    for row in rows:
        row.market = known[row.market_id]
    return rows
