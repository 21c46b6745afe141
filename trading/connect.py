"""From an account's row to an adapter that may trade for it: the only place where an agent key is decrypted."""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from trading.models import VenueAccount
from trading.venues.base import Adapter, Network, Venue
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport, Limits


class KeyUnreadable(Exception):
    """The stored agent key cannot be opened with any of the configured secrets."""


@cache
def _transport(url: str) -> BlockingTransport:
    """One pool of connections per venue and process."""
    limits = Limits(connect=settings.VENUE_CONNECT_TIMEOUT, read=settings.VENUE_READ_TIMEOUT)
    return BlockingTransport(url, limits=limits)


@cache
def _vault() -> MultiFernet:
    return MultiFernet([Fernet(secret) for secret in settings.AGENT_KEY_SECRETS])


@sensitive_variables("private_key")
def seal(private_key: str) -> bytes:
    """Encrypt an agent's private key for storage, under the newest secret."""
    return _vault().encrypt(private_key.encode())


def reseal(sealed: bytes) -> bytes:
    """The same key under the newest secret. Raises ``KeyUnreadable``."""
    try:
        return _vault().rotate(sealed)
    except InvalidToken:
        raise KeyUnreadable("A trading key cannot be opened with any of the configured secrets.") from None


def configured_venues() -> tuple[tuple[Venue, Network], ...]:
    """The venues this deployment talks to, each on its one network."""
    return ((Venue.HYPERLIQUID, Network(settings.HYPERLIQUID_NETWORK)),)


def public_adapter(venue: Venue) -> Adapter:
    """An adapter that reads and cannot sign."""
    match venue:
        case Venue.HYPERLIQUID:
            return hyperliquid()
        case Venue.ASTER:
            raise LookupError("Aster is not connected in this deployment.")


def hyperliquid() -> HyperliquidAdapter:
    """Hyperliquid without a key: it reads, and posts what a trader's own wallet has signed."""
    return HyperliquidAdapter(_transport(settings.HYPERLIQUID_URL), Network(settings.HYPERLIQUID_NETWORK))


def trading_adapter(account: VenueAccount) -> Adapter:
    """An adapter that signs with the account's agent key. Raises ``KeyUnreadable``.

    An account without a key gets an adapter that refuses to sign and says so.
    """
    if not account.agent_key:
        return public_adapter(Venue(account.venue))
    try:
        key = SigningKey.from_hex(_vault().decrypt(bytes(account.agent_key)).decode())
    except InvalidToken:
        raise KeyUnreadable("This account's trading key cannot be opened; connect it again.") from None
    return HyperliquidAdapter(_transport(settings.HYPERLIQUID_URL), Network(account.network), key)
