"""Who signed a request: digests re-derived from the bytes that arrived (Aster rules 1.2, 1.3, 1.5).

Written from the venue's description alone, with no code of a client in it, so that agreement proves something.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from trading.sandbox.curve import BadSignatureError, domain, keccak, recover

NAME = "AsterSignTransaction"
AGENT_CHAIN = 714
CHAIN = "Testnet"

# primary type -> its fields in order with their types; "builder" stands for the three that go together or not at all
_AGENT = (("AgentName", "string"), ("AgentAddress", "string"), ("IpWhitelist", "string"))
_RIGHTS = (("CanSpotTrade", "bool"), ("CanPerpTrade", "bool"), ("CanWithdraw", "bool"))
_BUILDER = (("Builder", "string"), ("MaxFeeRate", "string"), ("BuilderName", "string"))
_END = (("AsterChain", "string"), ("User", "string"), ("Nonce", "uint256"))
Fields = tuple[tuple[str, str], ...]
WALLET_SIGNED: dict[str, Fields] = {
    "ApproveAgent": (*_AGENT, ("Expired", "uint256"), *_RIGHTS, *_END),
    "ApproveAgentAndBuilder": (*_AGENT, ("Expired", "uint256"), *_RIGHTS, *_BUILDER, *_END),
    "UpdateAgent": (("AgentAddress", "string"), ("IpWhitelist", "string"), *_RIGHTS, *_END),
    "DelAgent": (("AgentAddress", "string"), *_END),
    "ApproveBuilder": (*_BUILDER, *_END),
    "UpdateBuilder": (("Builder", "string"), ("MaxFeeRate", "string"), *_END),
    "DelBuilder": (("Builder", "string"), *_END),
}

_SIGNATURE = re.compile(r"(?:0[xX])?([0-9a-fA-F]{130})")
_MESSAGE_TYPE = keccak(b"Message(string msg)")
_TRUTH = {"true": 1, "false": 0}


def text_digest(text: str, chain_id: int = AGENT_CHAIN) -> bytes:
    """What a key signs for the text of a request."""
    struct = keccak(_MESSAGE_TYPE + keccak(text.encode()))
    return keccak(b"\x19\x01" + domain(NAME, chain_id) + struct)


def typed_digest(kind: str, values: Mapping[str, str], chain_id: int) -> bytes:
    """What a wallet signs for an approval; ``values`` are the request's parameters. BadSignatureError for values that
    no wallet could have signed."""
    fields = WALLET_SIGNED[kind]
    primary = "ApproveAgent" if kind == "ApproveAgentAndBuilder" else kind
    encoded = keccak(f"{primary}({','.join(f'{solidity} {name}' for name, solidity in fields)})".encode())
    for name, solidity in fields:
        encoded += _encoded(solidity, values[name[0].lower() + name[1:]])
    return keccak(b"\x19\x01" + domain(NAME, chain_id) + keccak(encoded))


def _encoded(solidity: str, value: str) -> bytes:
    if solidity == "string":
        return keccak(value.encode())
    try:
        number = _TRUTH[value.lower()] if solidity == "bool" else int(value)
        return number.to_bytes(32, "big")
    except (KeyError, ValueError, OverflowError) as error:
        raise BadSignatureError(f"{value} is no {solidity}") from error


def signer(digest: bytes, signature: str) -> str:
    """Address in lower case that signed; hexadecimal in any case, with or without 0x."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        raise BadSignatureError("a signature is 65 bytes in hexadecimal")
    raw = bytes.fromhex(found[1])
    return recover(digest, int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64])


def is_keyed(text: str, secret: str, signature: str) -> bool:
    """Whether an API key's secret made the signature of the text."""
    made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, signature.lower())
