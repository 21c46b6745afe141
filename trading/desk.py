"""What a trader has at one venue at one moment, and what he may do there. His panels are computed from it and from
``trading.markets``; ``trading.portfolio`` reads it.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Concatenate, TypeVar

from tenants.models import User
from tenants.policy import Policy, closed_because, offers_market
from trading.backing import Backing
from trading.live.board import Board
from trading.margin.errors import MarginInputError
from trading.margin.types import Account, AccountMode, FeeRates, MarginMode
from trading.markets import known_at, rules_of
from trading.models import Market, Order, Position, Preference, VenueAccount
from trading.services import storm
from trading.services.accounts import Access, Stage
from trading.services.flat_settings import Chosen
from trading.venues.base import Capabilities
from trading.venues.snapshots import Venue
from trading.venues.weather import Weather

# What the engine raises from rows that make no sense, such as a mark of zero, and what a panel then says.
NO_FIGURES = (MarginInputError, ArithmeticError)
UNREADABLE = "These figures cannot be read right now."
Found = TypeVar("Found")


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
        return self._backing.of("") if self._backing else Account()

    @property
    def engines(self) -> tuple[Account, ...]:
        """The account, and each of the pools apart that something is held in."""
        pools = self._backing.pools if self._backing else ()
        return (self.engine, *(self.engine_of(pool) for pool in pools))

    def pool_of(self, market: Market) -> str:
        """The collateral apart that positions in the market lean on, "" for the account's main one."""
        return self._backing.pool_of(market) if self._backing else ""

    def engine_in(self, market: Market) -> Account:
        """The account as something in one market meets it: the collateral behind that market, and nothing else."""
        return self.engine_of(self.pool_of(market))

    def engine_of(self, pool: str) -> Account:
        """The account's main collateral, or one of its pools apart, with what leans on it (Hyperliquid 3.9)."""
        return self._backing.of(pool) if self._backing and pool else self.engine

    @cached_property
    def _backing(self) -> Backing | None:
        if self.account is None:
            return None
        marks = {row.market.name: mark for row in self.positions if (mark := self.mark(row.market))}
        return Backing(self.account, self.positions, self.orders, marks, self._chosen)

    @property
    def _chosen(self) -> Mapping[int, Chosen]:
        """What is set at the venue; the trader's own choice is a wish, and counts where nothing else is known."""
        wishes = {market_id: _choice_of(choice) for market_id, choice in self.preferences.items()}
        return wishes | dict(self.settings) | {row.market_id: _choice_of(row) for row in self.positions}

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


def _choice_of(row: Preference | Position) -> Chosen:
    return Chosen(MarginMode(row.mode), row.leverage)
