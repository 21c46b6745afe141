"""How a trader's account comes to the platform and leaves again, whichever venue it is at.

A trading key is made by the server and approved by the trader's wallet, or brought by the trader. Only the wallet can
allow a key or a fee: what it signs is said whole by a ``WalletWish``, so the same wish always makes the same payload.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn, Protocol

from trading.margin.types import TierTable
from trading.venues.base import Adapter, Network, SignedRequest
from trading.venues.transport import Transport

Tiers = Mapping[str, TierTable]
ShareTiers = Callable[[Callable[[], Tiers]], Tiers]
Collaterals = Callable[[], Mapping[str, str]]


class KeyKind(StrEnum):
    """What trades for an account: a key that the account's wallet approved, or a pair made at the venue."""

    AGENT = "agent"
    API_KEY = "api_key"


class KeyRefused(Exception):
    """The address or the key is not taken; the text is one sentence for the trader."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A trading key. ``public`` may be shown: an agent's address, or the name that an API key is sent with."""

    kind: KeyKind
    public: str
    secret: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a trading key is neither pickled nor copied")


class Wish(StrEnum):
    """What a wallet is asked to allow, or to take back."""

    KEY = "key"
    NO_KEY = "no_key"
    FEE = "fee"
    NO_FEE = "no_fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletWish:
    """Everything that a wallet signs. ``nonce`` is ``Adapter.moment`` of when it was asked; ``rate`` is a fraction of
    the notional; ``name`` is the key's at the venue, or the one that a new fee is approved under."""

    wish: Wish
    owner: str
    network: Network
    chain_id: int
    nonce: int
    agent: str = ""
    name: str = ""
    valid_until: datetime | None = None
    builder: str = ""
    rate: Decimal = Decimal(0)


class WalletPayload(Protocol):
    """What the wallet is asked to sign, and the request that carries its signature."""

    @property
    def typed_data(self) -> dict[str, Any]:
        """The payload for ``eth_signTypedData_v4``."""

    def signed(self, signature: str, *, owner: str) -> SignedRequest:
        """The request to post; ``InvalidCommand`` when the signature is not the owner's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an adapter is opened with. Without ``may_trade`` a key serves for reading alone.

    ``share_tiers`` keeps leverage tiers for all accounts where only an account may read them. ``dexes`` are the
    builder-deployed books that are read beside the venue's own, ``collaterals`` tells the tokens that some are known to
    use.
    """

    transport: Transport
    network: Network
    share_tiers: ShareTiers
    address: str = ""
    credential: Credential | None = None
    may_trade: bool = False
    dexes: tuple[str, ...] = ()
    collaterals: Collaterals = dict


class Onboarding(Protocol):
    """One venue's side of an account's life here. All of it but ``adapter`` asks the venue and raises its errors."""

    @property
    def adapter(self) -> Adapter:
        """The adapter that it asks through."""

    def check_address(self, address: str) -> None:
        """Raise ``KeyRefused`` for an address that is known to be no account."""

    def check_key(self, address: str, credential: Credential) -> datetime | None:
        """When the key ends, None where that is not told; ``KeyRefused`` for one that must not be used here."""

    def key_name(self, address: str, agent: str) -> str | None:
        """The name under which the venue knows a key of the account; None where it knows it no more."""

    def is_in_force(self, wish: WalletWish) -> bool:
        """Whether what was asked for is so now."""
