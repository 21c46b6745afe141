"""Tickets: what admits a page to the stream, signed by the pages and checked by the live application.

A ticket names everything the stream may carry, so the live application asks nobody. It opens a stream within 60
seconds of its issue and on the host it was issued for; a page that reconnects later fetches a new one.
"""

import time
from dataclasses import dataclass

from django.core import signing

from trading.live import keys
from trading.venues.snapshots import Network, Venue

SALT = "trading.live.tickets"
ADMITTED_SECONDS = 60


class TicketRefused(Exception):
    """The stream stays closed. The text says why, in words for the page's owner."""


class TicketForged(TicketRefused):
    """Not a ticket of ours."""


class TicketExpired(TicketRefused):
    """A ticket of ours whose time is over."""


class WrongHost(TicketRefused):
    """A ticket for another operator's host."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may see what: one user of one operator, his accounts, one market. ``issued_at`` is in Unix milliseconds."""

    operator_id: int
    user_id: int
    account_ids: tuple[int, ...]
    venue: Venue
    network: Network
    market: str
    host: str
    issued_at: int

    @property
    def account_channels(self) -> tuple[str, ...]:
        """The private channels it opens."""
        return tuple(keys.account_channel(self.operator_id, account_id) for account_id in self.account_ids)

    @property
    def market_channel(self) -> str:
        """The public channel of its market."""
        return keys.market_channel(self.venue, self.network, self.market)

    @property
    def channels(self) -> tuple[str, ...]:
        """Everything it opens."""
        return (self.market_channel, keys.marks_channel(self.venue, self.network), *self.account_channels)


def issue(
    *,
    operator_id: int,
    user_id: int,
    account_ids: tuple[int, ...],
    venue: Venue,
    network: Network,
    market: str,
    host: str,
) -> str:
    """A ticket's text, safe in a URL. ``user_id`` is 0 for a visitor, who then has no accounts."""
    issued_at = int(time.time() * 1000)
    content = [operator_id, user_id, list(account_ids), venue.value, network.value, market, host, issued_at]
    return signing.dumps(content, salt=SALT)


def admit(text: str, host: str) -> Ticket:
    """Read a ticket shown at ``host``. Raises ``TicketForged``, ``TicketExpired`` or ``WrongHost``."""
    try:
        operator_id, user_id, account_ids, venue, network, market, issued_for, issued_at = signing.loads(
            text, salt=SALT, max_age=ADMITTED_SECONDS
        )
    except signing.SignatureExpired:
        raise TicketExpired("This ticket has expired: reload the page.") from None
    except signing.BadSignature:
        raise TicketForged("This ticket is not valid: reload the page.") from None
    if issued_for != host:
        raise WrongHost("This ticket belongs to another exchange.")
    return Ticket(
        operator_id, user_id, tuple(account_ids), Venue(venue), Network(network), market, issued_for, issued_at
    )
