"""Aster's signatures: an agent's over the request's text, an API key's over the same, and a wallet's over typed data.

A request of the current scheme is its own text, signed as EIP-712 (Aster 1.3):

    digest = keccak(0x1901 || domain || keccak(keccak("Message(string msg)") || keccak(text)))

with chain id 1666 on the main network and 714 on the test network in the domain, which therefore is a constant. The
text that is signed is the text that is sent, byte for byte. The older scheme for traders who bring an API key is
HMAC-SHA256 over the same kind of text (Aster 1.2). Approvals are typed data that the owner's wallet shows and signs,
on the chain that the wallet is on (Aster 1.5).
"""

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from trading.venues.aster.wire import microseconds
from trading.venues.base import Network
from trading.venues.keys import PrivateSigningKey, keccak, signer_of

AGENT_CHAIN = {Network.MAINNET: 1666, Network.TESTNET: 714}
CHAIN_NAME = {Network.MAINNET: "Mainnet", Network.TESTNET: "Testnet"}
DOMAIN_NAME = "AsterSignTransaction"
ZERO_ADDRESS = "0x" + "0" * 40
MICROSECONDS = 1_000_000
NONCE_WINDOW = 60 * MICROSECONDS
RECEIVE_WINDOW = 5000  # milliseconds; the API key scheme's own default (Aster 1.2)

TypedData = dict[str, object]


def _domain_separator(chain_id: int) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    name = keccak(DOMAIN_NAME.encode())
    return keccak(keccak(kind) + name + keccak(b"1") + chain_id.to_bytes(32, "big") + bytes(32))


_MESSAGE_TYPE = keccak(b"Message(string msg)")
_PREFIX = {network: b"\x19\x01" + _domain_separator(chain) for network, chain in AGENT_CHAIN.items()}


class SigningKey(PrivateSigningKey):
    """A key that signs as Aster writes it."""

    __slots__ = ()

    def sign(self, digest: bytes) -> str:
        """The 65 bytes r, s, v of a 32-byte digest: 0x and 130 digits, v 27 or 28."""
        raw = self.sign_raw(digest)
        return f"0x{raw[:64].hex()}{raw[64] + 27:02x}"


def text_digest(text: str, network: Network) -> bytes:
    """The 32 bytes that an agent signs for a request's text, valid on one network only."""
    return keccak(_PREFIX[network] + keccak(_MESSAGE_TYPE + keccak(text.encode())))


class Login(Protocol):
    """How requests of one account are authorised.

    ``replay_safe``: the venue refuses the same bytes a second time, so they may be repeated after an unknown outcome.
    """

    @property
    def user(self) -> str:
        """The main account's address: the only one whose private data this login reads."""

    @property
    def is_current(self) -> bool:
        """Whether paths and parameters are those of the current scheme (Aster 1.2)."""

    @property
    def replay_safe(self) -> bool:
        """As the class says."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What is sent beside the text."""

    def authorise(self, text: str, nonce: int, network: Network) -> str:
        """The complete text to send. ``nonce`` is in microseconds since 1970."""

    def dead_after(self, nonce: int) -> int:
        """The venue's time in microseconds past which the text cannot be accepted any more."""


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """The current scheme: an agent's key signs for the main account ``user`` (Aster 1.3)."""

    user: str
    key: SigningKey
    signer: str = ""

    @property
    def is_current(self) -> bool:
        """Always."""
        return True

    @property
    def replay_safe(self) -> bool:
        """A used nonce is refused (Aster 1.3)."""
        return True

    @property
    def headers(self) -> Mapping[str, str]:
        """None."""
        return {}

    def authorise(self, text: str, nonce: int, network: Network) -> str:
        """The text with nonce, user and signer, and the signature over all of it."""
        start = f"{text}&" if text else ""
        message = f"{start}nonce={nonce}&user={self.user}&signer={self.signer or self.key.address}"
        return f"{message}&signature={self.key.sign(text_digest(message, network))}"

    def dead_after(self, nonce: int) -> int:
        """A nonce may be 60 seconds old (Aster 1.3)."""
        return nonce + NONCE_WINDOW


@dataclass(frozen=True, slots=True)
class ApiKeyLogin:
    """The older scheme, for a trader who brings an API key made before 2026-03-25 (Aster 1.2). Secrets never show."""

    user: str
    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def is_current(self) -> bool:
        """Never."""
        return False

    @property
    def replay_safe(self) -> bool:
        """Nothing keeps the venue from carrying out the same text twice within its window."""
        return False

    @property
    def headers(self) -> Mapping[str, str]:
        """The key's public half."""
        return {"X-MBX-APIKEY": self.api_key}

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is neither pickled nor copied")

    def authorise(self, text: str, nonce: int, network: Network) -> str:
        """The text with window and time (milliseconds), and its HMAC. The network is decided by the key itself."""
        start = f"{text}&" if text else ""
        message = f"{start}recvWindow={RECEIVE_WINDOW}&timestamp={nonce // 1000}"
        return f"{message}&signature={hmac_signature(self.secret, message)}"

    def dead_after(self, nonce: int) -> int:
        """The window of the request."""
        return nonce + RECEIVE_WINDOW * 1000


def utc_now() -> datetime:
    """The present, aware."""
    return datetime.now(UTC)


class Nonces:
    """Strictly rising microseconds for this process: an agent's nonce is used once (Aster 1.3)."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """The next nonce: the present, or one more than the last."""
        with self._lock:
            self._last = max(self._last + 1, microseconds(self._clock()))
            return self._last


NONCES = Nonces()


def hmac_signature(secret: str, text: str) -> str:
    """HMAC-SHA256 as lower-case digits (Aster 1.2)."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def typed_data(primary: str, message: Mapping[str, str | int | bool], chain_id: int) -> TypedData:
    """The payload for a wallet's ``eth_signTypedData_v4`` (Aster 1.5): field types follow the values.

    ``chain_id`` is the wallet's active chain and is posted as ``signatureChainId``: the two must be equal.
    """
    return {
        "domain": {"name": DOMAIN_NAME, "version": "1", "chainId": chain_id, "verifyingContract": ZERO_ADDRESS},
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            primary: [{"name": name, "type": _kind(value)} for name, value in message.items()],
        },
        "primaryType": primary,
        "message": dict(message),
    }


def _kind(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "bool"
    return "uint256" if isinstance(value, int) else "string"


def recover(digest: bytes, signature: str) -> str | None:
    """The lower-case address that signed a digest, None when the signature is no signature at all."""
    try:
        return signer_of(digest, bytes.fromhex(signature.removeprefix("0x")))
    except ValueError:
        return None


def normalised(signature: str) -> str:
    """A wallet's 65-byte signature as the venue takes it, v 27 or 28; ``ValueError`` when it is not one."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    if len(raw) != 65:
        raise ValueError("a signature is 65 bytes")
    v = raw[64] if raw[64] >= 27 else raw[64] + 27
    if v not in {27, 28}:
        raise ValueError("a signature ends in 27 or 28")
    return f"0x{raw[:64].hex()}{v:02x}"
