"""The curve and the hash that both venues' signatures rest on: keccak-256, EIP-712 domains, recovery of a signer."""

import coincurve
import sha3

DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class BadSignatureError(Exception):
    """The signature is no point of the curve, so nobody signed."""


def keccak(data: bytes) -> bytes:
    return bytes(sha3.keccak_256(data).digest())


def domain(name: str, chain_id: int) -> bytes:
    """Separator of a domain of version 1 whose verifying contract is zero."""
    return keccak(keccak(DOMAIN_TYPE) + keccak(name.encode()) + keccak(b"1") + chain_id.to_bytes(32, "big") + bytes(32))


def recover(digest: bytes, r: int, s: int, v: int) -> str:
    """Address in lower case whose key made the signature."""
    try:
        data = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v - 27 if v >= 27 else v])
        key = coincurve.PublicKey.from_signature_and_message(data, digest, hasher=None)
    except (ValueError, OverflowError) as error:
        raise BadSignatureError(str(error)) from error
    except Exception as error:  # coincurve raises a bare Exception when the library cannot recover
        if type(error) is not Exception:
            raise
        raise BadSignatureError(str(error)) from error
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()
