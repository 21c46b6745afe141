"""A venue as a deployment meets it: its facts, and how its parts are made. Each venue's folder defines one."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from trading.margin.rules import MarginRules
from trading.venues.commands import PlaceOrder
from trading.venues.onboarding import Credential, KeyKind, Onboarding, Opening, WalletPayload, WalletWish
from trading.venues.snapshots import Venue
from trading.venues.tariff import Tariff
from trading.venues.transport import Limits, Transport


def moves_nothing(_details: str, _books: Collection[str]) -> Decimal | None:
    """An account there has one book."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One venue.

    ``order_bound`` is the most coins that one order like this may have, None where the venue states no bound;
    ``order_least`` the fewest, with the mark of now, unless the order only reduces and closes the whole position.
    ``reads_without_key``: an account can be read by its address alone. ``lists_liquidations``: what a liquidation
    closed and booked stands in lists of its own (Aster 3.7), rather than on its fills. ``payload_lifetime``: how long a
    wallet may take to sign before the payload has to be written anew. ``wallet_chain``: the chain a wallet has to be on
    while it signs, None for any. ``tariff``: what requests cost. ``read_key`` takes what the trader pasted, public
    part first, and raises ``InvalidKey``. ``fee_receiver`` is one sentence on what the address needs that an operator's
    fee is paid to. ``moved_within`` is what a booking, by the venue's record of it, did to all of an account's books of
    these names together, None where it did not stay within the account.
    """

    venue: Venue
    label: str
    fee_receiver: str
    collateral: str
    rules: MarginRules
    order_bound: Callable[[PlaceOrder], Decimal | None]
    order_least: Callable[[PlaceOrder, Decimal], Decimal]
    key_kinds: tuple[KeyKind, ...]
    reads_without_key: bool
    lists_liquidations: bool
    payload_lifetime: timedelta
    wallet_chain: int | None
    tariff: Tariff
    make_transport: Callable[[str, Limits], Transport]
    open: Callable[[Opening], Onboarding]
    new_key: Callable[[], Credential]
    read_key: Callable[[KeyKind, str, str], Credential]
    payload: Callable[[WalletWish], WalletPayload]
    moved_within: Callable[[str, Collection[str]], Decimal | None] = moves_nothing
