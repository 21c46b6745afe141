"""Hyperliquid's two signatures.

Orders, cancels, leverage and margin ("L1 actions") are hashed as msgpack and signed with the agent key (5.1):

    connectionId = keccak(msgpack(action) || nonce (8 bytes) || 0x00 [|| 0x00 || expiresAfter (8 bytes)])
    digest       = keccak(0x1901 || domain || keccak(type || keccak(source) || connectionId))

with source "a" on mainnet and "b" on testnet. Approvals are typed data that the owner's wallet shows and signs (5.2).
The network is an argument of both and comes from a setting; no URL is looked at.
"""

from collections.abc import Mapping

import msgspec

from trading.venues.base import Network
from trading.venues.keys import PrivateSigningKey, keccak, signer_of

SOURCE = {Network.MAINNET: b"a", Network.TESTNET: b"b"}
CHAIN_NAME = {Network.MAINNET: "Mainnet", Network.TESTNET: "Testnet"}
USER_SIGNED_DOMAIN = "HyperliquidSignTransaction"
ZERO_ADDRESS = "0x" + "0" * 40

Signature = dict[str, str | int]
TypedData = dict[str, object]


def _domain_separator(name: bytes, chain_id: int) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(keccak(kind) + keccak(name) + keccak(b"1") + chain_id.to_bytes(32, "big") + bytes(32))


_msgpack = msgspec.msgpack.Encoder()
_DOMAIN = b"\x19\x01" + _domain_separator(b"Exchange", 1337)
_AGENT_TYPE = keccak(b"Agent(string source,bytes32 connectionId)")
_AGENT_PREFIX = {network: _AGENT_TYPE + keccak(source) for network, source in SOURCE.items()}


class SigningKey(PrivateSigningKey):
    """A key that signs as Hyperliquid writes it."""

    __slots__ = ()

    def sign(self, digest: bytes) -> Signature:
        """The recoverable signature of a 32-byte digest, r and s padded to 32 bytes."""
        raw = self.sign_raw(digest)
        return {"r": "0x" + raw[:32].hex(), "s": "0x" + raw[32:64].hex(), "v": raw[64] + 27}


def connection_id(
    action: Mapping[str, object], nonce: int, *, vault: str | None = None, expires_after: int | None = None
) -> bytes:
    """The hash of an L1 action (Hyperliquid 5.1, steps 1 to 5)."""
    data = _msgpack.encode(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)


def sign_action(
    key: SigningKey,
    action: Mapping[str, object],
    nonce: int,
    network: Network,
    *,
    vault: str | None = None,
    expires_after: int | None = None,
) -> Signature:
    """The signature of an L1 action, valid on one network only."""
    agent = keccak(_AGENT_PREFIX[network] + connection_id(action, nonce, vault=vault, expires_after=expires_after))
    return key.sign(keccak(_DOMAIN + agent))


def typed_data(
    primary: str, fields: Mapping[str, str], message: Mapping[str, object], network: Network, chain_id: int
) -> TypedData:
    """The payload for a wallet's ``eth_signTypedData_v4`` (Hyperliquid 5.2).

    ``fields`` maps each field to its type in signing order, without the network's name, which is put first.
    ``chain_id`` is the wallet's active chain: wallets refuse any other, and the venue takes them all.
    """
    name = f"HyperliquidTransaction:{primary}"
    members = {"hyperliquidChain": "string", **fields}
    return {
        "domain": {
            "name": USER_SIGNED_DOMAIN,
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": ZERO_ADDRESS,
        },
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            name: [{"name": member, "type": kind} for member, kind in members.items()],
        },
        "primaryType": name,
        "message": {"hyperliquidChain": CHAIN_NAME[network], **message},
    }


def recover(digest: bytes, signature: Signature) -> str | None:
    """The lower-case address that signed a digest, None when the signature is no signature at all."""
    try:
        r, s = (bytes.fromhex(str(signature[part]).removeprefix("0x").zfill(64)) for part in ("r", "s"))
        return signer_of(digest, r + s + bytes([int(signature["v"])]))
    except (ValueError, KeyError, OverflowError):
        return None


def split_signature(text: str) -> Signature:
    """A wallet's 65-byte signature as the venue takes it; ``ValueError`` when it is not one."""
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != 65:
        raise ValueError("a signature is 65 bytes")
    v = raw[64] if raw[64] >= 27 else raw[64] + 27
    if v not in {27, 28}:
        raise ValueError("a signature ends in 27 or 28")
    return {"r": "0x" + raw[:32].hex(), "s": "0x" + raw[32:64].hex(), "v": v}
