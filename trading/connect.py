"""From an account's row to an adapter that may trade for it: the only place where an agent key is decrypted."""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from trading.models import VenueAccount
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import Unavailable
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.transport import BlockingTransport, Limits, Response, Transport


class KeyUnreadable(Exception):
    """The stored agent key cannot be opened with any of the configured secrets."""


class OtherNetwork(Unavailable):
    """The account lives on a network that this deployment is not connected to; nothing was sent."""

    retryable = False

    def __init__(self) -> None:
        super().__init__("the account is of another network")
        self.explanation = "This account lives on another network than this exchange is connected to."


class ClosedTransport:
    """The way to a network that is not connected: whatever is asked or sent there raises ``OtherNetwork``."""

    def request(self, method: str, path: str, body: bytes = b"") -> Response:
        """Send nothing."""
        raise OtherNetwork


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


def account_adapter(account: VenueAccount) -> Adapter:
    """An adapter that reads the account and posts what was signed for it, and cannot sign.

    For an account of another network than the deployment's, every read and every sending raises ``OtherNetwork``, as an
    unreachable venue would: the network connected now may know the same address with other positions.
    """
    return _adapter(account, None)


def trading_adapter(account: VenueAccount) -> Adapter:
    """``account_adapter`` with the account's agent key to sign. Raises ``KeyUnreadable``.

    An account without a key gets an adapter that refuses to sign and says so.
    """
    if not account.agent_key:
        return account_adapter(account)
    try:
        key = SigningKey.from_hex(_vault().decrypt(bytes(account.agent_key)).decode())
    except InvalidToken:
        raise KeyUnreadable("This account's trading key cannot be opened; connect it again.") from None
    return _adapter(account, key)


def _adapter(account: VenueAccount, key: SigningKey | None) -> Adapter:
    venue, network = Venue(account.venue), Network(account.network)
    match venue:
        case Venue.HYPERLIQUID:
            is_connected = (venue, network) in configured_venues()
            transport: Transport = _transport(settings.HYPERLIQUID_URL) if is_connected else ClosedTransport()
            return HyperliquidAdapter(transport, network, key)
        case Venue.ASTER:
            raise LookupError("Aster is not connected in this deployment.")
