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
