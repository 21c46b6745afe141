"""Our rows as they stand beside what the venue says: nothing is read for them here, so whatever spoiled them shows."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from tenants.scope import operator_scope
from tests.chaos.people import accounts_of
from trading.connect import account_adapter, configured_venues
from trading.models import VenueAccount
from trading.venues.base import Adapter, OpenOrder
from trading.venues.errors import VenueError

PAUSE = 0.25
LONGEST_RUN = timedelta(hours=2)


def differing(seconds: float) -> dict[str, list[str]]:
    """By account, how its rows differ from the venue after so many seconds at most; nothing where they are equal."""
    ends = time.monotonic() + seconds
    accounts = [account for venue, _ in configured_venues() for account in accounts_of(venue.value)]
    found = {account: [""] for account in accounts}
    while any(found.values()) and time.monotonic() < ends:
        found |= {account: differences(account) for account, told in found.items() if told}
        connection.close()
        time.sleep(PAUSE)
    return {f"{account.venue} {account.address}": told for account, told in found.items()}


def differences(account: VenueAccount) -> list[str]:
    """What differs between an account's rows and what the venue says now, kind by kind."""
    with operator_scope(account.operator_id):
        try:
            theirs = _theirs(account_adapter(account), account)
        except VenueError as error:
            return [f"the venue does not answer: {error}"]
        ours = _ours(account)
    return [
        f"{kind}: ours {sorted(ours[kind] - theirs[kind])}, the venue's {sorted(theirs[kind] - ours[kind])}"
        for kind in theirs
        if ours[kind] != theirs[kind]
    ]


def _theirs(adapter: Adapter, account: VenueAccount) -> dict[str, set[tuple[object, ...]]]:
    address = account.address
    return {
        "positions": {(row.market, row.size) for row in adapter.account(address).positions},
        "orders": {(row.order_id, row.size, row.limit_price) for row in _with_children(adapter.open_orders(address))},
        "executions": {(row.key,) for row in adapter.fills(address, timezone.now() - LONGEST_RUN)},
    }


def _with_children(orders: Iterable[OpenOrder]) -> Iterator[OpenOrder]:
    for order in orders:
        yield order
        yield from _with_children(order.children)


def _ours(account: VenueAccount) -> dict[str, set[tuple[object, ...]]]:
    return {
        "positions": set(account.positions.values_list("market__name", "size")),
        "orders": set(account.orders.filter(is_open=True).values_list("venue_id", "size", "limit_price")),
        "executions": set(account.fills.values_list("key")),
    }
