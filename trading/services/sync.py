"""What the venue says, written to our rows: the only way into columns that come from a venue.

A reading asks first and outside any transaction, then writes all its answers in one transaction
(``trading.services.answers``), so that a process that dies on the way leaves the rows as they were. After a whole
reading everything has to add up; where it does not, funding and ledger are read at once.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from trading.live.shapes import announce
from trading.margin.types import AccountMode
from trading.models import Command, Market, Order, VenueAccount
from trading.services import executions
from trading.services.allowances import read_allowance
from trading.services.answers import Answers, Stored, store
from trading.services.available import ask_where_orders_rest
from trading.services.endings import tell_endings
from trading.services.looks import SPOILT
from trading.services.paths import read_paths
from trading.services.readings import (
    EXECUTED,
    WHOLE,
    Reading,
    ReadingKind,
    begin_reading,
    sizes_of,
    told_after,
    told_of,
    touched_by,
    weights_of,
)
from trading.venues.base import Adapter, MarketSpec, Network, Venue
from trading.venues.errors import HeldBack, VenueError
from trading.venues.ledger import Priority
from trading.venues.metered import NOBODY, asked_by

logger = logging.getLogger(__name__)

# Lists of events are asked for again from a little before the time up to which they are known without a gap.
OVERLAP = timedelta(minutes=1)
FIRST_LOOK = timedelta(days=7)
# Funding and ledger are read when something does not add up, and after this time anyway.
HISTORY_EVERY = timedelta(minutes=10)


def sync_markets(adapter: Adapter) -> int:
    """Read every market of the adapter's venue and network and store its rules and state; how many there are.

    What is not listed any more opens nothing from then on; what is listed but not understood stays as it was.
    """
    markets = adapter.markets()
    states = {state.name: state for state in markets.states}
    rows = [
        Market.described(spec, states[spec.name], adapter.network, markets.received_at)
        for spec in markets.specs
        if spec.name in states
    ]
    Market.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["venue", "network", "name"],
        update_fields=[
            "index", "is_delisted", "max_leverage", "spec", "mark_price", "oracle_price", "mid_price",
            "previous_day_price", "funding_rate", "open_interest", "day_volume", "received_at",
        ],
    )  # fmt: skip
    if listed := {row.name for row in rows} | markets.unread:
        _close_unlisted(adapter, listed)
    return len(rows)


def _close_unlisted(adapter: Adapter, listed: set[str]) -> None:
    known = Market.objects.filter(venue=adapter.venue.value, network=adapter.network.value, is_delisted=False)
    for market in known.exclude(name__in=listed):
        logger.warning("%s %s lists %s no more.", adapter.venue, adapter.network, market)
        spec = msgspec.to_builtins(msgspec.structs.replace(market.rules, delisted=True))
        Market.objects.filter(pk=market.pk).update(spec=spec, is_delisted=True)


def sync_account(
    adapter: Adapter,
    account: VenueAccount,
    kinds: frozenset[ReadingKind] = WHOLE,
    market: Market | None = None,
    *,
    explains: bool = True,
) -> bool:
    """Read the account and store it; False where the venue did not answer, with the reason on the row.

    A whole reading also reads funding and ledger where the figures do not add up without, or when they are due. Of
    orders only those of a ``market`` are asked for where it is given; what executions took along is read whole, unless
    what moved is explained by a later reading (not ``explains``). Where our limit at the venue is used up and it was
    not even asked, nothing is wrong and no reason is kept.
    """
    reading = begin_reading(account)
    account.refresh_from_db(fields=["mode", "synced_at", "cursors", "history_read_at", "anchors"])
    if kinds >= WHOLE and history_is_due(account, reading.began_at):
        kinds = kinds | {ReadingKind.HISTORY}
    only = () if market is None else (market,)
    untold, are_resting = dict[int, Order](), False
    try:
        for stored in _ask_and_store(adapter, account, reading, kinds, only, explains=explains):
            # What was left untold before is asked for by whole readings alone: nobody waits for those.
            untold |= {row.pk: row for row in stored.untold if row.is_open or kinds >= WHOLE}
            are_resting |= stored.are_resting
    except VenueError as error:
        tell_endings(adapter, account, [*untold.values()])
        if not isinstance(error, HeldBack):
            VenueAccount.objects.filter(pk=account.pk).update(sync_problem=error.explanation[:200])
        return False
    tell_endings(adapter, account, [*untold.values()])
    read_paths(adapter, account)
    if kinds >= WHOLE and market is None:
        told_of(account, reading)
        if are_resting:
            ask_where_orders_rest(adapter, account)
    if kinds >= WHOLE:
        read_allowance(adapter, account)
    return True


def _ask_and_store(
    adapter: Adapter,
    account: VenueAccount,
    reading: Reading,
    kinds: frozenset[ReadingKind],
    only: tuple[Market, ...],
    *,
    explains: bool,
) -> Iterator[Stored]:
    """What became of all that is asked for, and of what that turns out to need besides: executions where sizes moved
    (``explains``), and whatever explains figures that do not add up. Raises ``VenueError`` where the venue does not
    answer; what became of its answers before that stands."""
    held = sizes_of(account)
    answers = _ask(adapter, account, kinds, only)
    stored = store(account, reading, answers)
    yield stored
    is_liquidated = stored.is_liquidated
    if explains and ReadingKind.FILLS not in kinds and sizes_of(account) != held:
        rest = _ask(adapter, account, WHOLE - {ReadingKind.ACCOUNT})
        stored = store(account, reading, rest, snapshot=answers.snapshot)
        yield stored
        is_liquidated |= stored.is_liquidated
    if not stored.adds_up or (is_liquidated and answers.ledger is None):
        more = _ask(adapter, account, frozenset({ReadingKind.FILLS, ReadingKind.HISTORY}))
        yield store(account, reading, more, snapshot=answers.snapshot)


def history_is_due(account: VenueAccount, now: datetime) -> bool:
    """Whether funding and ledger were not read for a while: the next whole reading will read them too."""
    return account.history_read_at is None or now - account.history_read_at >= HISTORY_EVERY


def _ask(
    adapter: Adapter, account: VenueAccount, kinds: frozenset[ReadingKind], only: tuple[Market, ...] = ()
) -> Answers:
    """Everything that is asked, money and positions first: events read after them cover their moment."""
    address, history = account.address, ReadingKind.HISTORY in kinds
    # How balances back the account changes rarely, and asking is dear (Hyperliquid 7): the seldom readings ask.
    mode = AccountMode(account.mode) if account.synced_at and not history else None
    since = _since(account, timezone.now())
    return Answers(
        since=since,
        snapshot=adapter.account(address, mode=mode) if ReadingKind.ACCOUNT in kinds else None,
        orders=adapter.open_orders(address, _rules(only)) if ReadingKind.ORDERS in kinds else None,
        only=only,
        fills=adapter.fills(address, since) if ReadingKind.FILLS in kinds else None,
        funding=adapter.funding(address, _since(account, since, "history")) if history else None,
        ledger=adapter.ledger(address, _since(account, since, "history")) if history else None,
    )


def _rules(markets: tuple[Market, ...]) -> tuple[MarketSpec, ...]:
    return tuple(market.rules for market in markets)


def _since(account: VenueAccount, now: datetime, name: str = "fills") -> datetime:
    """From when on events have to be asked for: all is known up to the cursor, and what waits for an explanation goes
    back to its anchor."""
    cursor = account.cursors.get(name)
    if cursor is None:
        return now - FIRST_LOOK
    anchors = [datetime.fromisoformat(at) for _, at, _ in account.anchors.values()]
    return min([datetime.fromisoformat(cursor), *anchors]) - OVERLAP


def sync_after_command(adapter: Adapter, account: VenueAccount, command: Command) -> None:
    """Read what a command that has just been sent can have moved, and tell the pages that show it.

    Where nothing but money, positions and executions moved, the executions wait for room in the venue's budget. The
    command is on record whatever happens here, so a failure is left to the next sync.
    """
    try:
        kinds, venue, network = touched_by(command), Venue(account.venue), Network(account.network)
        dear = weights_of(venue).executions
        waits = kinds == EXECUTED and not executions.have_room(venue, network, dear, Priority.URGENT)
        if waits:
            executions.fall_behind(account)
            kinds = frozenset({ReadingKind.ACCOUNT})
        # The command had its account's share already, and what it moved is shown in the cheapest way now.
        with asked_by(NOBODY):
            is_read = sync_account(adapter, account, kinds, command.market, explains=not waits)
        if is_read and command.is_settled:
            told_after(command)
        announce(account.operator_id, account.pk)
    except (RedisError, DatabaseError, *SPOILT):
        logger.exception("Account %s could not be shown after a command; the next sync tries again.", account.pk)
