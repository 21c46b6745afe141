"""Private keys that never show themselves, and the hash and addresses of the Ethereum world that both venues use."""

import secrets
from typing import NoReturn, Self

import sha3
from coincurve import PrivateKey, PublicKey


def keccak(data: bytes) -> bytes:
    """The 32-byte hash that Ethereum uses."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


def address_of(public_key: PublicKey) -> str:
    """The lower-case address that a public key controls."""
    return "0x" + keccak(public_key.format(compressed=False)[1:])[-20:].hex()


def checksummed(address: str) -> str:
    """The address with its check in the case of its letters (EIP-55)."""
    digits = address.removeprefix("0x").lower()
    check = keccak(digits.encode()).hex()[: len(digits)]
    return "0x" + "".join(
        digit.upper() if int(sign, 16) >= 8 else digit for digit, sign in zip(digits, check, strict=True)
    )


def personal_digest(text: str) -> bytes:
    """The 32 bytes that a wallet signs for a text shown to its owner (EIP-191)."""
    message = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The lower-case address that signed a digest, None for what is no signature.

    ``signature`` is 65 bytes: r, s, and 0 or 1 (some wallets say 27 or 28).
    """
    if len(signature) != 65:
        return None
    parity = signature[64] - 27 if signature[64] >= 27 else signature[64]
    try:
        return address_of(PublicKey.from_signature_and_message(signature[:64] + bytes([parity]), digest, hasher=None))
    except ValueError:
        return None


class InvalidKey(ValueError):
    """A text that is not a private key. The text itself is never repeated."""

    def __init__(self) -> None:
        super().__init__("A private key is 64 hexadecimal digits.")


class PrivateSigningKey:
    """A private key that can sign and never shows itself: not in repr, not in str, not in a pickle or a copy.

    Each venue writes a signature in its own way, so each has a key of its own that says how.
    """

    __slots__ = ("_private", "address")

    def __init__(self, secret: bytes) -> None:
        try:
            self._private = PrivateKey(secret)
        except (ValueError, TypeError):
            raise InvalidKey from None
        self.address = address_of(self._private.public_key)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """The key of 64 hexadecimal digits, with or without 0x; ``InvalidKey`` for anything else."""
        digits = text.strip().removeprefix("0x")
        try:
            secret = bytes.fromhex(digits)
        except ValueError:
            raise InvalidKey from None
        if len(secret) != 32 or len(digits) != 64:
            raise InvalidKey
        return cls(secret)

    @classmethod
    def generate(cls) -> Self:
        """A fresh key. An agent's key is never used again after it was replaced (Hyperliquid 5.3)."""
        return cls(secrets.token_bytes(32))

    def __repr__(self) -> str:
        return f"SigningKey(address={self.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is neither pickled nor copied")

    def reveal(self) -> bytes:
        """The secret, to be encrypted at once and by nobody but the keeper of keys."""
        return self._private.secret

    def sign_raw(self, digest: bytes) -> bytes:
        """The 65 bytes of a recoverable signature: r, s, and 0 or 1."""
        return self._private.sign_recoverable(digest, hasher=None)
