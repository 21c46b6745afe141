"""Everything a trader's panels are computed from, loaded and authorised in one place.

A view asks for the desk of its signed-in trader and never filters rows itself: what is not the trader's own does not
exist (``Http404``).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone

from tenants.models import MarginPolicy, User
from tenants.policy import Policy
from trading.connect import configured_venues
from trading.holdings import engine_account, engine_position, reserved_margin
from trading.live.board import Board, read
from trading.margin.cross import remarked
from trading.margin.errors import MarginInputError
from trading.margin.types import Account, AccountMode, FeeRates, MarginMode
from trading.models import Command, Fill, MarginChange, Market, Order, Position, Preference, VenueAccount
from trading.services.accounts import Access, Stage, access_of, current_account
from trading.venues.snapshots import MarketState, Network, Venue

DEFAULT_LEVERAGE_OF_ORDERS = 1
# What the engine raises from rows that make no sense, such as a mark of zero, and what a panel then says.
NO_FIGURES = (MarginInputError, ArithmeticError)
UNREADABLE = "These figures cannot be read right now."
REMEMBERED_SECONDS = 0.25
REMEMBERED_DESKS = 1000


@dataclass(frozen=True)
class Desk:
    """One trader's account at one moment: rows as the venue told them, revalued at the board's marks."""

    trader: User
    account: VenueAccount | None
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    preferences: Mapping[int, Preference]
    policy: Policy
    board: Board
    now: datetime
    access: Access = field(default=Access(Stage.READY))

    def mark(self, market: Market) -> Decimal | None:
        """The newest mark of a market, from the board or else from the last market sync."""
        state = self.board.states.get(market.name)
        return state.mark if state else market.mark_price

    def marked_at(self, market: Market) -> datetime | None:
        """When the mark in use of a market was true; None where that is not known."""
        return known_at(market, self.board)

    @property
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
        return next((held for held in self.positions if held.market_id == market.pk), None)

    @cached_property
    def engine(self) -> Account:
        """The account as the margin engine takes it. Raises ``MarginInputError`` where the rows make no sense."""
        if self.account is None:
            return Account()
        held = [engine_position(row, row.market.rules, MarginMode(row.mode)) for row in self.positions]
        account = engine_account(self.account, AccountMode(self.account.mode), held, self._order_margin())
        return remarked(account, {row.market.name: mark for row in self.positions if (mark := self.mark(row.market))})

    def _order_margin(self) -> Decimal:
        sizes = {row.market_id: row.size for row in self.positions}
        leverages = {row.market_id: row.leverage for row in self.positions} | {
            market_id: choice.leverage for market_id, choice in self.preferences.items() if market_id not in sizes
        }
        return sum(
            (
                reserved_margin(
                    order,
                    sizes.get(order.market_id, Decimal(0)),
                    leverages.get(order.market_id, DEFAULT_LEVERAGE_OF_ORDERS),
                )
                for order in self.orders
            ),
            Decimal(0),
        )

    @property
    def fees(self) -> FeeRates:
        """The account's own fee rates, the operator's builder fee with them."""
        if self.account is None:
            return FeeRates()
        builder = self.access.fee.rate if self.access.fee else Decimal(0)
        return FeeRates(self.account.taker_fee, self.account.maker_fee, builder)


_recent: dict[tuple[int, int], tuple[float, Desk]] = {}


def desk_of(trader: User) -> Desk:
    """The trader's desk, in a fixed number of queries however much he holds."""
    account, now = account_of(trader), timezone.now()
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    if account is not None:
        positions = tuple(Position.objects.filter(account=account).select_related("market").order_by("market__index"))
        orders = tuple(Order.objects.filter(account=account, is_open=True).select_related("market"))
    return Desk(
        trader=trader,
        account=account,
        positions=positions,
        orders=orders,
        preferences={row.market_id: row for row in Preference.objects.filter(trader=trader)},
        policy=policy_in_force(),
        board=board_of(account),
        now=now,
        access=access_of(account, now),
    )


def recent_desk(trader: User) -> Desk:
    """The trader's desk, at most a quarter of a second old: for quotes, which ask for it at every step of a slider.

    Whatever is sent to a venue is worked out again from ``desk_of``.
    """
    key = (trader.operator_id, trader.pk)
    known = _recent.get(key)
    if known and known[0] > time.monotonic():
        return known[1]
    desk = desk_of(trader)
    if len(_recent) >= REMEMBERED_DESKS:
        _recent.clear()
    _recent[key] = (time.monotonic() + REMEMBERED_SECONDS, desk)
    return desk


def forget_desks() -> None:
    """Drop what this process remembers."""
    _recent.clear()


def account_of(trader: User) -> VenueAccount | None:
    """The trader's account at the venue, None until one is connected."""
    return current_account(trader)


def board_of(account: VenueAccount | None) -> Board:
    """The live prices of the account's venue, or of the deployment's first venue."""
    if account is not None:
        return read(Venue(account.venue), Network(account.network))
    return read(*configured_venues()[0])


def policy_in_force() -> Policy:
    """The margin policy of the operator in scope."""
    row = MarginPolicy.objects.first()
    if row is None:
        return Policy()
    return Policy(
        offers_cross=row.offers_cross,
        default_mode=MarginMode(row.default_mode),
        isolated_leverage=row.isolated_leverage,
        cross_leverage=row.cross_leverage,
        leverage_cap=row.leverage_cap,
        slider_marks=tuple(row.slider_marks),
        margin_presets=tuple(row.margin_presets),
    )


def listed_markets() -> list[Market]:
    """The markets a trader may open, in the venue's order."""
    venue, network = configured_venues()[0]
    return list(Market.objects.filter(venue=venue, network=network, is_delisted=False))


def market_named(name: str) -> Market:
    """A market by the venue's name for it; 404 for one that nobody lists."""
    venue, network = configured_venues()[0]
    return get_object_or_404(Market, venue=venue, network=network, name=name)


def position_of(account: VenueAccount | None, position_id: int) -> Position:
    """One of the positions of the account that a trader's pages show."""
    rows = Position.objects.filter(account=account).select_related("market", "account")
    found: Position = get_object_or_404(rows, pk=position_id)
    return found


def order_of(account: VenueAccount | None, order_id: int) -> Order:
    """One of the orders of the account that a trader's pages show."""
    rows = Order.objects.filter(account=account).select_related("market", "account")
    found: Order = get_object_or_404(rows, pk=order_id)
    return found


def command_of(trader: User, command_id: UUID) -> Command:
    """One of the trader's own commands."""
    rows = Command.objects.filter(account__trader=trader).select_related("market", "account")
    found: Command = get_object_or_404(rows, pk=command_id)
    return found


def recent_fills(account: VenueAccount | None, limit: int = 50) -> list[Fill]:
    """The newest executions of an account."""
    return list(Fill.objects.filter(account=account).select_related("market")[:limit]) if account else []


def recent_margin_changes(account: VenueAccount | None, limit: int = 50) -> list[MarginChange]:
    """The newest margin changes of an account."""
    rows = MarginChange.objects.filter(account=account).select_related("market", "command")
    return list(rows[:limit]) if account else []


def unsettled_commands(account: VenueAccount | None) -> list[Command]:
    """Commands whose outcome the venue has not told yet, newest first."""
    rows = Command.objects.filter(account=account, state__in=["prepared", "unknown"]).select_related("market")
    return list(rows[:5]) if account else []


def state_of(market: Market, board: Board) -> MarketState | None:
    """A market's state on the board, or as the last market sync left it; None where neither knows a mark."""
    live = board.states.get(market.name)
    if live is not None or market.mark_price is None:
        return live
    return MarketState(
        name=market.name,
        mark=market.mark_price,
        oracle=market.oracle_price or market.mark_price,
        mid=market.mid_price,
        previous_day_price=market.previous_day_price or market.mark_price,
        funding_rate=market.funding_rate or Decimal(0),
        open_interest=market.open_interest or Decimal(0),
        day_volume=market.day_volume or Decimal(0),
    )


def known_at(market: Market, board: Board) -> datetime | None:
    """When what ``state_of`` tells of a market was true; None where that is not known."""
    return board.time_of(market.name) if market.name in board.states else market.received_at


def stale_limits() -> tuple[int, int]:
    """Seconds after which a number says that it is old, and after which money buttons close."""
    return settings.STALE_AFTER_SECONDS, settings.CLOSED_AFTER_SECONDS
