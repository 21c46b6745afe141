"""What an account may use in one market, as its venue says, and what is set there.

What is set may be changed anywhere, and without a position nothing else shows it: whatever is told is taken over
(``flat_settings``), and the pages of the account learn of it.

Where one balance backs everything, or several tokens do, what may be used is the venue's figure to tell (Hyperliquid
2.6, 3.9): the account's own sums mean little. The question is dear (Hyperliquid: a sixtieth of what an address may ask
in a minute), so it is asked only while a ticket of the market is open, at most every few seconds for all pages and
processes together; for a standard account, of which the setting alone is of interest, every half minute, or when a
stream says that something was set. Beside that it is asked once where an order made elsewhere rests in a market of
which nothing is known. And it is asked only within the share of the venue's budget that executions are read within, and
where executions wait, in a small one beside it (``executions.leave_room``). So however many tickets are open, what pays
for the promised age of accounts is left, and what pays for executions; an answer may then be old, and its age is shown.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from trading.connect import KeyUnreadable, account_adapter
from trading.live.publish import Fragment, account_changed, turns
from trading.margin.types import AccountMode, Side
from trading.models import Market, Order, Position, Setting, VenueAccount
from trading.services import executions
from trading.services.flat_settings import take_over
from trading.services.readings import weights_of
from trading.venues.base import Adapter
from trading.venues.errors import Unavailable, VenueError
from trading.venues.ledger import Priority
from trading.venues.metered import reading
from trading.venues.snapshots import MarketSetting, MarketSpec, Network, Venue

logger = logging.getLogger(__name__)

ASKED_EVERY = timedelta(seconds=10)
SETTING_ASKED_EVERY = timedelta(seconds=30)
# Between two questions about one market, whatever happens to the account in the meantime.
PAUSE_SECONDS = 3
HOLDS_FOR = timedelta(seconds=45)
KEPT_SECONDS = 300
# Of the markets where orders rest and nothing is known, so many are asked for beside one reading.
ASKED_AT_ONCE = 3
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Available:
    """A venue's answer, and when it was asked by our clock. ``turn``: how many changes of the account had been told by
    then; None where that is not known."""

    setting: MarketSetting
    asked_at: datetime
    turn: int | None


def is_asked_for(account: VenueAccount | None) -> bool:
    """Whether the venue has to say what may be used. A standard account's own sums are the truth (Hyperliquid 3.9); of
    such a one only what is set is taken."""
    return account is not None and account.mode != AccountMode.STANDARD


def last_available(account: VenueAccount, market: Market) -> Available | None:
    """The venue's last answer, however old; None where there is none. The venue is not asked."""
    known: Available | None = cache.get(_key(account, market))
    return known


def available_now(account: VenueAccount | None, market: Market, now: datetime) -> Available | None:
    """The venue's last answer as long as it holds: it is young, and nothing has moved in the account since then."""
    if account is None or not is_asked_for(account):
        return None
    known = last_available(account, market)
    return known if known is not None and holds(known, account, now) else None


def holds(known: Available, account: VenueAccount, now: datetime) -> bool:
    """Whether an answer may still be reckoned with."""
    return now - known.asked_at < HOLDS_FOR and known.turn == _turn(account)


def ask_available(account: VenueAccount, market: Market) -> Available | None:
    """The newest answer: a new one where the last has aged or the account has changed, and the venue gives one now."""
    known, now = last_available(account, market), timezone.now()
    if known is not None and _is_current(known, account, now):
        return known
    if not cache.add(f"{_key(account, market)}:asked", 1, PAUSE_SECONDS):
        return known
    if not _has_room(account):
        return known
    # Asked for before the venue is: a change in between makes the answer old, never the other way round.
    turn = _turn(account)
    try:
        with reading(Priority.ROUTINE):
            adapter = account_adapter(account)
            setting = adapter.market_setting(account.address, market.rules)
    except (VenueError, KeyUnreadable) as error:
        logger.info("What account %s may use in %s was not told: %s", account.pk, market.name, error)
        return known
    told = Available(setting, now, turn)
    cache.set(_key(account, market), told, KEPT_SECONDS)
    if take_over(account, market, setting, now, adapter.settling):
        _tell_pages(account)
    return told


def ask_where_orders_rest(adapter: Adapter, account: VenueAccount) -> None:
    """Ask what is set in markets where orders rest and the venue never told: what they reserve goes by it (Hyperliquid
    3.2), and what the trader chose here is a wish. Once is enough: what is told stays known, and is asked for again
    while a ticket is open. One market that cannot be told is in no other's way, and many for no longer than chance has
    it, which draws whose turn it is."""
    here = {"account": account}
    resting = Order.objects.filter(**here, is_open=True, reduce_only=False, trigger_price=None)
    unknown = Market.objects.filter(pk__in=resting.values("market"))
    for known in (Position.objects.filter(**here), Setting.objects.filter(**here)):
        unknown = unknown.exclude(pk__in=known.values("market"))
    waiting = list(unknown)
    for market in random.sample(waiting, min(len(waiting), ASKED_AT_ONCE)):
        if not _has_room(account):
            return
        now = timezone.now()
        try:
            setting = adapter.market_setting(account.address, market.rules)
        except VenueError as error:
            logger.info("What is set in %s for account %s was not told: %s", market.name, account.pk, error)
            if isinstance(error, Unavailable):
                return
            continue
        take_over(account, market, setting, now, adapter.settling)


def _is_current(known: Available, account: VenueAccount, now: datetime) -> bool:
    if is_asked_for(account):
        return now - known.asked_at < ASKED_EVERY and holds(known, account, now)
    moved_at: datetime | None = cache.get(_moved_key(account))
    return now - known.asked_at < SETTING_ASKED_EVERY and (moved_at is None or known.asked_at > moved_at)


def note_setting_moved(account: VenueAccount) -> None:
    """Something was set in one of the account's markets: what was told of them is old, and open tickets ask again."""
    cache.set(_moved_key(account), timezone.now(), KEPT_SECONDS)
    _tell_pages(account)


def _tell_pages(account: VenueAccount) -> None:
    """What may be used and what is set are asked for again wherever the account's panel is."""
    try:
        account_changed(account.operator_id, account.pk, [Fragment.ACCOUNT])
    except RedisError as error:
        logger.warning("The pages of account %s are not told: %s", account.pk, error)


def _has_room(account: VenueAccount) -> bool:
    """Whether the venue may be asked now. The question costs what executions of one market do (Hyperliquid 7, Aster
    5)."""
    venue, network = Venue(account.venue), Network(account.network)
    return executions.leave_room(venue, network, weights_of(venue).executions)


def free_in(known: Available, held_size: Decimal, side: Side) -> Decimal:
    """The margin that new exposure may take, in units of the collateral.

    The side that reduces an open position shows more than the other, what it frees included (Hyperliquid 2.6), so the
    position's own side is asked; without a position the order's.
    """
    adds_to = side.sign if not held_size else 1 if held_size > 0 else -1
    return known.setting.available_to_buy if adds_to > 0 else known.setting.available_to_sell


def largest_told(
    known: Available, spec: MarketSpec, held_size: Decimal, side: Side, leverage: int, price: Decimal
) -> Decimal:
    """The largest order on this side, in coins, cut to the lot: at the venue's mark and leverage its ``max_*_size``.

    An order against the position closes that first; what the venue allows beyond it is margin for the rest, at the
    chosen leverage (Hyperliquid 2.6, Aster 3.4).
    """
    setting, opposite = known.setting, abs(held_size) if held_size * side.sign < 0 else ZERO
    told = setting.max_buy_size if side is Side.LONG else setting.max_sell_size
    beyond = max(ZERO, told - opposite) * setting.mark / setting.leverage
    margin = max(free_in(known, held_size, side), beyond)
    return opposite + spec.floor_size(max(ZERO, margin) * leverage / price)


def _key(account: VenueAccount, market: Market) -> str:
    return f"available:{account.operator_id}:{account.pk}:{market.pk}"


def _moved_key(account: VenueAccount) -> str:
    return f"available:{account.operator_id}:{account.pk}:moved"


def _turn(account: VenueAccount) -> int | None:
    try:
        return turns(account.operator_id, [account.pk])[account.pk]
    except RedisError as error:
        logger.warning("Whether account %s has changed is not known: %s", account.pk, error)
        return None
