"""A trader's desks, read: all of them together are his portfolio. Each is of one moment of its venue.

A view asks for the desks of its signed-in trader and never filters rows itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from tenants.models import User
from tenants.policy import Policy, offered_venues
from trading.connect import configured_venues
from trading.desk import Desk
from trading.markets import board_of, markets_of, policy_in_force, weather_of
from trading.models import Command, Market, Order, Position, Preference, VenueAccount
from trading.services.accounts import ACCOUNT, access_of, current_accounts
from trading.services.flat_settings import Chosen, expected_in
from trading.statements import Statement
from trading.venues.snapshots import Venue

PREFERENCES = Statement(Preference, "trader_id = %s")
POSITIONS = Statement(
    Position,
    "account_id = %s",
    {"account_version": "(SELECT xmin::text || ctid::text FROM trading_venueaccount AS a WHERE a.id = account_id)"},
)
OPEN_ORDERS = Statement(Order, "account_id = %s AND is_open ORDER BY placed_at DESC")
UNSETTLED = Statement(Command, "account_id = ANY(%s) AND state IN ('prepared', 'unknown') ORDER BY prepared_at DESC")
# From the numbers of markets to their rows.
Markets = Callable[[Iterable[int]], Mapping[int, Market]]


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


def accounts_of(desks: Iterable[Desk]) -> list[VenueAccount]:
    """The accounts of some desks."""
    return [desk.account for desk in desks if desk.account is not None]


def unsettled_commands(accounts: Iterable[VenueAccount]) -> list[Command]:
    """Commands of some accounts whose outcome the venue has not told yet, newest first."""
    numbers = [account.pk for account in accounts]
    rows = UNSETTLED.rows(numbers) if numbers else []
    known = markets_of(row.market_id for row in rows)
    for row in rows:
        row.market = known[row.market_id]
    return rows
