"""Who signed an action: msgpack, keccak and EIP-712 digests re-derived from what arrived (Hyperliquid rules 5.1, 5.2).

Written from the venue's description alone, with no code of a client in it, so that agreement proves something.
"""

from collections.abc import Mapping, Sequence

from trading.sandbox.curve import domain, keccak

TESTNET_SOURCE = "b"
TESTNET_CHAIN = "Testnet"

# primary type -> the fields of its struct in order; nothing else of the posted action is signed
USER_SIGNED: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "approveAgent": ("ApproveAgent", (("agentAddress", "address"), ("agentName", "string"), ("nonce", "uint64"))),
    "approveBuilderFee": (
        "ApproveBuilderFee",
        (("maxFeeRate", "string"), ("builder", "address"), ("nonce", "uint64")),
    ),
    "usdClassTransfer": ("UsdClassTransfer", (("amount", "string"), ("toPerp", "bool"), ("nonce", "uint64"))),
    "usdSend": ("UsdSend", (("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "withdraw3": ("Withdraw", (("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "sendAsset": (
        "SendAsset",
        (
            ("destination", "string"),
            ("sourceDex", "string"),
            ("destinationDex", "string"),
            ("token", "string"),
            ("amount", "string"),
            ("fromSubAccount", "string"),
            ("nonce", "uint64"),
        ),
    ),
    "userSetAbstraction": (
        "UserSetAbstraction",
        (("user", "address"), ("abstraction", "string"), ("nonce", "uint64")),
    ),
}


def msgpack(value: object) -> bytes:
    """Encode texts, booleans, integers, lists and maps; anything else (a float, nil) raises TypeError."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        data = value.encode()
        return _head(len(data), 0xA0, 32, (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, Mapping):
        parts = b"".join(msgpack(key) + msgpack(item) for key, item in value.items())
        return _head(len(value), 0x80, 16, (None, 0xDE, 0xDF)) + parts
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _head(len(value), 0x90, 16, (None, 0xDC, 0xDD)) + b"".join(msgpack(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no place in a signed action")


def _head(length: int, short: int, limit: int, codes: tuple[int | None, int, int]) -> bytes:
    if length < limit:
        return bytes([short | length])
    for code, width in zip(codes, (1, 2, 4), strict=True):
        if code is not None and length < 1 << (8 * width):
            return bytes([code]) + length.to_bytes(width, "big")
    raise TypeError("too long")


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return value.to_bytes(1, "big", signed=value < 0)
    for width, positive, negative in ((1, 0xCC, 0xD0), (2, 0xCD, 0xD1), (4, 0xCE, 0xD2), (8, 0xCF, 0xD3)):
        if 0 <= value < 1 << (8 * width):
            return bytes([positive]) + value.to_bytes(width, "big")
        if -(1 << (8 * width - 1)) <= value < 0:
            return bytes([negative]) + value.to_bytes(width, "big", signed=True)
    raise TypeError("integer beyond 64 bits")


def connection_id(action: Mapping[str, object], nonce: int, vault: str | None, expires_after: int | None) -> bytes:
    """Hash of an L1 action with everything that travels beside it."""
    data = msgpack(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault[2:])
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)


_AGENT_TYPE = keccak(b"Agent(string source,bytes32 connectionId)")
_EXCHANGE_DOMAIN = domain("Exchange", 1337)


def l1_digest(connection: bytes, source: str) -> bytes:
    struct = keccak(_AGENT_TYPE + keccak(source.encode()) + connection)
    return keccak(b"\x19\x01" + _EXCHANGE_DOMAIN + struct)


def user_signed_digest(kind: str, message: Mapping[str, object], *, chain: str, chain_id: int) -> bytes:
    """Digest of a user-signed action of ``kind``; ``message`` holds the fields by their wire names."""
    primary, fields = USER_SIGNED[kind]
    members = ",".join(f"{solidity} {name}" for name, solidity in (("hyperliquidChain", "string"), *fields))
    encoded = keccak(f"HyperliquidTransaction:{primary}({members})".encode()) + keccak(chain.encode())
    for name, solidity in fields:
        encoded += _encode(solidity, message[name])
    return keccak(b"\x19\x01" + domain("HyperliquidSignTransaction", chain_id) + keccak(encoded))


def _encode(solidity: str, value: object) -> bytes:
    if solidity == "string":
        return keccak(str(value).encode())
    if solidity == "address":
        return bytes.fromhex(str(value)[2:]).rjust(32, b"\x00")
    if not isinstance(value, int):
        raise TypeError("a number or a boolean is due")
    return int(value).to_bytes(32, "big")
