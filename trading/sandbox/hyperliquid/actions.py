"""Signed actions as the venue understands them: types checked, keys in signing order, numbers in wire form.

The venue hashes the action it understood, not the text it received: a key in the wrong place, a trailing zero or an
upper-case address therefore recovers a signer nobody knows (Hyperliquid rules 4 and 9, first row).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from trading.sandbox.numbers import parse, wire

Json = dict[str, Any]
Reader = Callable[[object], object]

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_CLIENT_ID = re.compile(r"0x[0-9a-fA-F]{32}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")
MILLISECONDS_BITS = 64
DEFAULT: Json = {"type": "default"}


class MalformedError(Exception):
    """The body does not deserialize: HTTP 422."""


def integer(value: object) -> int:
    if type(value) is not int or not -(1 << 63) <= value < 1 << MILLISECONDS_BITS:
        raise MalformedError("an integer is due")
    return value


def unsigned(value: object) -> int:
    if integer(value) < 0:
        raise MalformedError("an unsigned integer is due")
    return integer(value)


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedError("a boolean is due")
    return value


def text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedError("a text is due")
    return value


def number(value: object) -> str:
    """A decimal number as text; its trailing zeros do not survive."""
    try:
        return wire(parse(value))
    except ValueError as error:
        raise MalformedError(str(error)) from error


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedError("a hexadecimal text is due")
    return value.lower()


def address(value: object) -> str:
    return _matching(_ADDRESS, value)


def client_id(value: object) -> str:
    return _matching(_CLIENT_ID, value)


def hexadecimal(value: object) -> int:
    return int(_matching(_HEX, value), 16)


def choice(*allowed: str) -> Reader:
    def read(value: object) -> str:
        if value not in allowed:
            raise MalformedError(f"one of {', '.join(allowed)} is due")
        return text(value)

    return read


def mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedError("an object is due")
    return value


def struct(value: object, required: Mapping[str, Reader], optional: Mapping[str, Reader] | None = None) -> Json:
    """The named fields in the order given here, required ones first; what is unknown is dropped, null is absent."""
    raw = mapping(value)
    missing = [name for name in required if name not in raw]
    if missing:
        raise MalformedError(f"missing field {missing[0]}")
    result = {name: read(raw[name]) for name, read in required.items()}
    return result | {name: read(raw[name]) for name, read in (optional or {}).items() if raw.get(name) is not None}


def many(read: Reader) -> Reader:
    def read_all(value: object) -> list[object]:
        if not isinstance(value, list):
            raise MalformedError("a list is due")
        return [read(item) for item in value]

    return read_all


def oid_or_client_id(value: object) -> int | str:
    return client_id(value) if isinstance(value, str) else unsigned(value)


def _order_type(value: object) -> Json:
    raw = mapping(value)
    if len(raw) != 1:
        raise MalformedError("one order type is due")
    if "limit" in raw:
        return {"limit": struct(raw["limit"], {"tif": choice("Alo", "Ioc", "Gtc", "FrontendMarket")})}
    trigger = {"isMarket": boolean, "triggerPx": number, "tpsl": choice("tp", "sl")}
    return {"trigger": struct(raw.get("trigger"), trigger)}


def order(value: object) -> Json:
    fields: dict[str, Reader] = {"a": unsigned, "b": boolean, "p": number, "s": number, "r": boolean, "t": _order_type}
    return struct(value, fields, {"c": client_id})


def _cancel(value: object) -> Json:
    return struct(value, {"a": unsigned, "o": unsigned}, {"f": boolean})


def _cancel_by_client_id(value: object) -> Json:
    return struct(value, {"asset": unsigned, "cloid": client_id})


def _modify(value: object) -> Json:
    return struct(value, {"oid": oid_or_client_id, "order": order}, {"a": boolean})


def _builder(value: object) -> Json:
    return struct(value, {"b": address, "f": unsigned})


_SEND: dict[str, Reader] = {
    "destination": address,
    "sourceDex": text,
    "destinationDex": text,
    "token": text,
    "amount": text,
    "fromSubAccount": text,
    "nonce": unsigned,
}
GROUPINGS = ("na", "normalTpsl", "positionTpsl")
_Fields = tuple[dict[str, Reader], dict[str, Reader]]

# type -> (required fields, optional fields) in signing order
L1: dict[str, _Fields] = {
    "order": ({"orders": many(order), "grouping": choice(*GROUPINGS)}, {"builder": _builder}),
    "cancel": ({"cancels": many(_cancel)}, {}),
    "cancelByCloid": ({"cancels": many(_cancel_by_client_id)}, {}),
    "modify": ({"oid": oid_or_client_id, "order": order}, {"a": boolean}),
    "batchModify": ({"modifies": many(_modify)}, {}),
    "updateLeverage": ({"asset": unsigned, "isCross": boolean, "leverage": unsigned}, {}),
    "updateIsolatedMargin": ({"asset": unsigned, "isBuy": boolean, "ntli": integer}, {}),
    "topUpIsolatedOnlyMargin": ({"asset": unsigned, "leverage": number}, {}),
    "scheduleCancel": ({}, {"time": unsigned}),
    "agentSetAbstraction": ({"abstraction": choice("i", "u", "p")}, {}),
    "agentSendAsset": (_SEND, {}),
    "reserveRequestWeight": ({"weight": unsigned}, {}),
    "noop": ({}, {}),
}

_CHAIN: dict[str, Reader] = {"signatureChainId": hexadecimal, "hyperliquidChain": choice("Mainnet", "Testnet")}
_MODES = ("disabled", "unifiedAccount", "portfolioMargin")
USER: dict[str, _Fields] = {
    "approveAgent": (_CHAIN | {"agentAddress": address, "nonce": unsigned}, {"agentName": text}),
    "approveBuilderFee": (_CHAIN | {"maxFeeRate": text, "builder": address, "nonce": unsigned}, {}),
    "usdClassTransfer": (_CHAIN | {"amount": text, "toPerp": boolean, "nonce": unsigned}, {}),
    "sendAsset": (_CHAIN | _SEND, {}),
    "usdSend": (_CHAIN | {"destination": address, "amount": text, "time": unsigned}, {}),
    "withdraw3": (_CHAIN | {"destination": address, "amount": text, "time": unsigned}, {}),
    "userSetAbstraction": (_CHAIN | {"user": address, "abstraction": choice(*_MODES), "nonce": unsigned}, {}),
}


def understand(value: object) -> Json:
    """The action as the venue understands it; an unknown type or a wrong field raises MalformedError."""
    kind = text(mapping(value).get("type"))
    fields = L1.get(kind) or USER.get(kind)
    if fields is None:
        raise MalformedError("unknown action type")
    return {"type": kind} | struct(value, *fields)


def envelope(value: object) -> Json:
    """The request around an action, its optional parts filled with None."""
    signature: dict[str, Reader] = {"r": hexadecimal, "s": hexadecimal, "v": unsigned}
    required: dict[str, Reader] = {
        "action": understand,
        "nonce": unsigned,
        "signature": lambda raw: struct(raw, signature),
    }
    optional: dict[str, Reader] = {"vaultAddress": address, "expiresAfter": unsigned}
    empty: Json = {"vaultAddress": None, "expiresAfter": None}
    return empty | struct(value, required, optional)
