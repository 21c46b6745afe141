"""From an account's row to an adapter that may trade for it: the only place where a trading key is decrypted.

Which venues there are is the table in ``trading.venues.table``; which of them a deployment talks to is said by its
settings: those with an address.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, partial

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db.models.fields.json import KT
from django.views.decorators.debug import sensitive_variables

from trading.metering import metered
from trading.models import Market, VenueAccount, WalletApproval
from trading.tiers import tiers_of
from trading.venues.base import Adapter, Network, Venue
from trading.venues.errors import Unavailable
from trading.venues.gateway import Gateway
from trading.venues.ledger import UNDER_WAY
from trading.venues.onboarding import Credential, KeyKind, Onboarding, Opening
from trading.venues.table import GATEWAYS
from trading.venues.transport import NO_HEADERS, Limits, Response, Transport

# Between the two halves of an API key; an agent's key has one part only.
PARTS = ":"


class KeyUnreadable(Exception):
    """The stored trading key cannot be opened with any of the configured secrets."""


class OtherNetwork(Unavailable):
    """The account lives on a network that this deployment is not connected to; nothing was sent."""

    retryable = False

    def __init__(self) -> None:
        super().__init__("the account is of another network")
        self.explanation = "This account lives on another network than this exchange is connected to."


class ClosedTransport:
    """The way to a network that is not connected: whatever is asked or sent there raises ``OtherNetwork``."""

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> Response:
        """Send nothing."""
        raise OtherNetwork


@cache
def _transport(venue: Venue, url: str) -> Transport:
    """One pool of connections per venue and process."""
    connect, read = settings.VENUE_CONNECT_TIMEOUT, settings.VENUE_READ_TIMEOUT
    limits = Limits(connect=connect, read=read, total=min(UNDER_WAY, connect + 2 * read))
    return GATEWAYS[venue].make_transport(url, limits)


def _way(venue: Venue, network: Network, account: str) -> Transport:
    """The way to a venue for one account, or for the public: within the budget of our address there."""
    return metered(_transport(venue, _url(venue)), GATEWAYS[venue].tariff, venue, network, account)


@cache
def _vault() -> MultiFernet:
    return MultiFernet([Fernet(secret) for secret in settings.AGENT_KEY_SECRETS])


@sensitive_variables()
def seal(credential: Credential) -> bytes:
    """Encrypt a trading key for storage, under the newest secret."""
    public = [credential.public] if credential.kind is KeyKind.API_KEY else []
    return _vault().encrypt(PARTS.join([*public, credential.secret]).encode())


@sensitive_variables()
def _open(venue: Venue, sealed: bytes | memoryview) -> Credential:
    """The key that was sealed. Raises ``KeyUnreadable``."""
    try:
        text = _vault().decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise KeyUnreadable("This account's trading key cannot be opened; connect it again.") from None
    public, _, secret = text.rpartition(PARTS)
    return GATEWAYS[venue].read_key(KeyKind.API_KEY if public else KeyKind.AGENT, public, secret)


def reseal(sealed: bytes) -> bytes:
    """The same key under the newest secret. Raises ``KeyUnreadable``."""
    try:
        return _vault().rotate(sealed)
    except InvalidToken:
        raise KeyUnreadable("A trading key cannot be opened with any of the configured secrets.") from None


def configured_venues() -> tuple[tuple[Venue, Network], ...]:
    """The venues this deployment talks to, each on its one network: those with an address, in the table's order."""
    return tuple((venue, _network(venue)) for venue in GATEWAYS if _url(venue))


def gateway_of(venue: Venue) -> Gateway:
    """What is known of a venue without asking it."""
    return GATEWAYS[venue]


def _url(venue: Venue) -> str:
    url: str = getattr(settings, f"{venue.name}_URL")
    return url


def _network(venue: Venue) -> Network:
    return Network(getattr(settings, f"{venue.name}_NETWORK"))


def public_adapter(venue: Venue) -> Adapter:
    """An adapter that reads what is public, and posts what a trader's own wallet has signed."""
    return onboarding(venue).adapter


def onboarding(venue: Venue, address: str = "", credential: Credential | None = None) -> Onboarding:
    """The venue's side of an account's life, asked with a key that serves for reading alone, or with none."""
    way = _way_to(venue, _network(venue), "")
    return _onboarding(venue, _network(venue), address, credential, way)


def account_onboarding(account: VenueAccount, pending: WalletApproval | None = None) -> Onboarding:
    """``onboarding`` with the key of an account, or with the one that its wallet is being asked for.

    For an account of another network than the deployment's everything asked and sent raises ``OtherNetwork``.
    """
    venue = Venue(account.venue)
    sealed = pending.agent_key if pending is not None and pending.agent_key else account.agent_key
    asks_with_key = bool(sealed) and not GATEWAYS[venue].reads_without_key
    credential = _open(venue, sealed) if asks_with_key else None
    return _onboarding(venue, Network(account.network), account.address, credential, _way_of(account))


def account_adapter(account: VenueAccount) -> Adapter:
    """An adapter that reads the account and posts what was signed for it, and signs no command.

    For an account of another network than the deployment's, every read and every sending raises ``OtherNetwork``, as an
    unreachable venue would: the network connected now may know the same address with other positions. Raises
    ``KeyUnreadable`` where the venue tells an account only to its key and the stored one cannot be opened.
    """
    return account_onboarding(account).adapter


def trading_adapter(account: VenueAccount) -> Adapter:
    """``account_adapter`` with the account's key to sign. Raises ``KeyUnreadable``.

    An account without a key gets an adapter that refuses to sign and says so.
    """
    if not account.agent_key:
        return account_adapter(account)
    venue = Venue(account.venue)
    credential = _open(venue, account.agent_key)
    way = _way_of(account)
    return _onboarding(venue, Network(account.network), account.address, credential, way, may_trade=True).adapter


def stream_of(account: VenueAccount) -> str:
    """The name of the stream that tells of an account: its address where the venue tells it to anybody.

    Elsewhere one that is the row's and its present key's alone, because an API key does not say whose it is and any
    address may be typed beside it; empty without a key.
    """
    if GATEWAYS[Venue(account.venue)].reads_without_key:
        return account.address.lower()
    if not account.agent_key:
        return ""
    return f"{account.operator_id}:{account.pk}:{hashlib.sha256(bytes(account.agent_key)).hexdigest()[:16]}"


def _way_of(account: VenueAccount) -> Transport:
    """The way of one account: what it may send is counted apart from every row whose address was only typed."""
    venue = Venue(account.venue)
    is_proven = GATEWAYS[venue].reads_without_key
    name = account.address.lower() if is_proven else f"{account.operator_id}:{account.pk}"
    return _way_to(venue, Network(account.network), name)


def _way_to(venue: Venue, network: Network, account: str) -> Transport:
    return _way(venue, network, account) if (venue, network) in configured_venues() else ClosedTransport()


def _onboarding(
    venue: Venue,
    network: Network,
    address: str,
    credential: Credential | None,
    way: Transport,
    *,
    may_trade: bool = False,
) -> Onboarding:
    dexes = tuple(getattr(settings, f"{venue.name}_DEXES", ()))
    opening = Opening(
        transport=way,
        network=network,
        address=address,
        credential=credential,
        may_trade=may_trade,
        share_tiers=tiers_of(venue, network),
        dexes=dexes,
        collaterals=partial(_collaterals_of, venue, network, dexes),
    )
    return GATEWAYS[venue].open(opening)


def _collaterals_of(venue: Venue, network: Network, dexes: tuple[str, ...]) -> dict[str, str]:
    """The token that each builder-deployed book uses, where its markets were read (Hyperliquid 1.2)."""
    rows = Market.objects.filter(venue=venue, network=network, spec__dex__in=dexes).order_by()
    return dict(rows.values_list(KT("spec__dex"), KT("spec__collateral")).distinct())
