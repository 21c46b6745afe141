"""Signatures against the venue's vectors and an independent wallet, and secrets that never show."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from eth_account import Account

from tests.trading.venues.aster.figures import (
    AGENT,
    AGENT_KEY,
    API_KEY,
    API_SECRET,
    ASTER,
    OWNER,
    agent,
    api_key,
    market,
)
from trading.margin.types import MarginMode
from trading.venues import typed_data
from trading.venues.aster import signing
from trading.venues.aster.adapter import AsterAdapter
from trading.venues.aster.doors import AsterDoor
from trading.venues.base import (
    AdjustMargin,
    CancelOrder,
    Command,
    MarketSpec,
    Network,
    PlaceOrder,
    SetLeverage,
    SetMarginMode,
    SignedRequest,
)
from trading.venues.errors import MissingKey
from trading.venues.keys import InvalidKey

NOWHERE = AsterDoor("http://127.0.0.1:9")
BITCOIN = market()
TAIL = f"nonce={{}}&user={OWNER}&signer={AGENT}&signature=0x{{}}"


def buy(spec: MarketSpec, size: str, price: str) -> PlaceOrder:
    return PlaceOrder(spec, is_buy=True, size=Decimal(size), limit_price=Decimal(price))


# network, command, nonce, request line, signed text before the nonce, signature
TABLE: list[tuple[Network, Command, int, str, str, str]] = [
    (
        Network.MAINNET,
        buy(ASTER, "20", "0.5"),
        1790000003000009,
        "POST /fapi/v3/order",
        "symbol=ASTERUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=20&price=0.5&",
        "25304688bb19225d0663b6e25722f134fc915a109f11ada6e674c9668bb9e35e4"
        "6b56b8f366e92e0e9ca6c05264d7b02f0f51cc206daae9d5d437f0b0594cbac1c",
    ),
    (
        Network.MAINNET,
        CancelOrder(BITCOIN, 17338441758),
        1790000012000036,
        "DELETE /fapi/v3/order",
        "symbol=BTCUSDT&orderId=17338441758&",
        "9a5bf8ed0e8b6d30abc664ae8db3edcb597a11d310291ef48023821871a70dcd4"
        "5bf42e6e78a6ab3c05a8deae9ba0dbb7f1915b0a8ad58a8059b0dd99e692bef1c",
    ),
    (
        Network.MAINNET,
        SetLeverage(BITCOIN, MarginMode.ISOLATED, 21),
        1790000016000048,
        "POST /fapi/v3/leverage",
        "symbol=BTCUSDT&leverage=21&",
        "532c8f2a5a5d860eb7249cb6bf089d4dc221ec174aa5b9b24b467fb3c5f24c061"
        "8e22b1dd68063ca3e13eebec5a49a62ab9f119cecc6590ef6400bd125a6dc2b1b",
    ),
    (
        Network.MAINNET,
        SetMarginMode(BITCOIN, MarginMode.ISOLATED),
        1790000017000051,
        "POST /fapi/v3/marginType",
        "symbol=BTCUSDT&marginType=ISOLATED&",
        "53e8c4ab471d8bc5bd7083b9cd30351ac538985e8b91300396ceff0eb55a46ac1"
        "95742f29d8f7fa2f7cf63fe2d54f9f695674caa70e7b13eb4a897fa9d3532251c",
    ),
    (
        Network.MAINNET,
        AdjustMargin(BITCOIN, is_buy=True, amount=Decimal("3.5")),
        1790000019000057,
        "POST /fapi/v3/positionMargin",
        "symbol=BTCUSDT&amount=3.5&type=1&",
        "dda91b15c20934ce8ad4a3bb4de1b254e4b5b77814eb4fba7256472c88b8d8e66"
        "de151b7387bd7d8ff4a56429e6518d43fe66e2bf3109a07d89fe83c30dbcebf1c",
    ),
    (
        Network.TESTNET,
        buy(BITCOIN, "0.001", "50000"),
        1790000027000081,
        "POST /fapi/v3/order",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&",
        "486dd6b07d47aeffc524684c8ee2b3d8df91c4412cc7c157fc704ef675f516307"
        "6e0e45bfc1c9b3e96c3ee0a8b6079bb563c32090e7039be1664cf7c103959561c",
    ),
]


@pytest.mark.parametrize(("network", "command", "nonce", "line", "text", "signature"), TABLE)
def test_a_command_is_signed_byte_for_byte(
    network: Network, command: Command, nonce: int, line: str, text: str, signature: str
) -> None:
    adapter = AsterAdapter(NOWHERE, network, agent())
    signed = adapter.sign(command, nonce=nonce)
    method, path = line.split()
    body = (text + TAIL.format(nonce, signature)).encode()
    dead_at = datetime.fromtimestamp(nonce // 1_000_000, UTC) + timedelta(minutes=1, microseconds=nonce % 1_000_000)
    assert signed == SignedRequest(path, body, nonce, method, dead_at)
    assert signed == adapter.sign(command, nonce=nonce, expires_after=1)


@pytest.mark.parametrize("network", list(Network))
def test_an_independent_wallet_signs_a_text_alike(network: Network) -> None:
    text = "batchOrders=%5B%7B%22symbol%22%3A%22ASTERUSDT%22%7D%5D&note=±"
    payload = signing.typed_data("Message", {"msg": text}, signing.AGENT_CHAIN[network])
    expected = Account.sign_typed_data(AGENT_KEY, full_message=payload).signature
    digest = signing.text_digest(text, network)
    assert signing.SigningKey.from_hex(AGENT_KEY).sign(digest) == "0x" + expected.hex()
    assert digest == typed_data.digest(payload)


def test_the_documents_order_is_signed_with_an_api_key_byte_for_byte() -> None:
    text = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )
    signature = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    assert signing.hmac_signature(API_SECRET, text) == signature
    start = text.removesuffix("&recvWindow=5000&timestamp=1591702613943")
    login = api_key()
    assert login.authorise(start, 1591702613943_999, Network.MAINNET) == f"{text}&signature={signature}"
    assert login.dead_after(1591702613943_000) == 1591702618943_000


def test_an_api_keys_request_goes_to_the_older_path_with_its_header() -> None:
    adapter = AsterAdapter(NOWHERE, Network.MAINNET, api_key())
    signed = adapter.sign(CancelOrder(BITCOIN, 7), nonce=1591702613943_000)
    assert (signed.method, signed.path) == ("DELETE", "/fapi/v1/order")
    assert signed.body.startswith(b"symbol=BTCUSDT&orderId=7&recvWindow=5000&timestamp=1591702613943&signature=")
    assert dict(api_key().headers) == {"X-MBX-APIKEY": API_KEY}


def test_every_vector_of_the_venue_holds(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "aster" / "signature_vectors.json").read_text())["vectors"]
    proven = [vector["id"] for vector in vectors if PROOFS[vector["scheme"]](vector)]
    assert len(proven) == len(vectors) - 1 > 0  # the retired scheme is not built


def proves_message(vector: dict[str, Any]) -> bool:
    network = next(name for name, chain in signing.AGENT_CHAIN.items() if chain == vector["domain"]["chainId"])
    key = signing.SigningKey.from_hex(vector["private_key"])
    digest = signing.text_digest(vector["message"]["msg"], network)
    assert key.address == vector["address"].lower(), vector["id"]
    assert ("0x" + digest.hex(), key.sign(digest)) == (vector["digest"], vector["signature"]), vector["id"]
    named = dict(map(tuple, vector["params_in_order"]))
    if "user" in named:
        business = [pair for pair in named.items() if pair[0] not in {"nonce", "user", "signer"}]
        login = signing.AgentLogin(named["user"], key, named["signer"])
        assert login.authorise(urlencode(business), int(named["nonce"]), network) == vector["wire"], vector["id"]
    return True


def proves_wallet(vector: dict[str, Any]) -> bool:
    payload = signing.typed_data(vector["primary_type"], vector["message"], vector["domain"]["chainId"])
    made = payload["types"][vector["primary_type"]]  # type: ignore[index]
    assert [[field["name"], field["type"]] for field in made] == vector["types"], vector["id"]
    digest = typed_data.digest(payload)
    assert "0x" + digest.hex() == vector["digest"], vector["id"]
    signature = dict(map(tuple, vector["params_in_order"]))["signature"]
    key = signing.SigningKey.from_hex(vector["private_key"])
    assert key.sign(digest) == signature, vector["id"]
    assert signing.recover(digest, signature) == key.address
    return True


def proves_hmac(vector: dict[str, Any]) -> bool:
    signature = signing.hmac_signature(vector["secret_key"], vector["signed_text"])
    assert vector["wire"] == f"{vector['signed_text']}&signature={signature}"
    return True


PROOFS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "v3-message": proves_message,
    "v3-main-wallet": proves_wallet,
    "v3-register-and-approve": proves_wallet,
    "v1-hmac": proves_hmac,
    "v3-legacy-abi (retired)": lambda _: False,
}


def test_the_network_decides_the_signature_and_the_url_does_not() -> None:
    mainnet_url = AsterDoor("https://fapi.asterdex.com")
    command = SetLeverage(BITCOIN, MarginMode.ISOLATED, 21)
    bodies = {
        (door.base_url, network): AsterAdapter(door, network, agent()).sign(command, nonce=1).body
        for door in (NOWHERE, mainnet_url)
        for network in Network
    }
    for network in Network:
        assert bodies[NOWHERE.base_url, network] == bodies[mainnet_url.base_url, network]
    assert bodies[NOWHERE.base_url, Network.MAINNET] != bodies[NOWHERE.base_url, Network.TESTNET]


def test_an_adapter_without_a_login_refuses_to_sign_and_to_read_accounts() -> None:
    adapter = AsterAdapter(NOWHERE, Network.TESTNET)
    with pytest.raises(MissingKey, match="Connect a trading key"):
        adapter.sign(SetLeverage(BITCOIN, MarginMode.ISOLATED, 1), nonce=1)
    with pytest.raises(MissingKey):
        adapter.account(OWNER)


def test_secrets_never_show() -> None:
    digits = AGENT_KEY.removeprefix("0x")
    agents, keys = agent(), api_key()
    adapters = [AsterAdapter(NOWHERE, Network.MAINNET, login) for login in (agents, keys)]
    shown = [repr(thing) + str(thing) + f"{[thing]}" for thing in (agents, keys, agents.key, *adapters)]
    for wrong in (digits + "0", digits[:-1] + "g", digits[:-2], "0" * 64, "f" * 64):
        with pytest.raises(InvalidKey) as caught:
            signing.SigningKey.from_hex(wrong)
        shown.append("".join(traceback.format_exception(caught.value)))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        for secret in (keys, agents.key):
            with pytest.raises(TypeError) as refused:
                attempt(secret)
            shown.append("".join(traceback.format_exception(refused.value)))
    shown += [str(adapter.sign(CancelOrder(BITCOIN, 1), nonce=5)) for adapter in adapters]
    canaries = (digits[2:40], repr(bytes.fromhex(digits))[2:-1], API_SECRET[2:40], API_KEY)
    assert [text for text in shown if any(canary in text for canary in canaries)] == []
    assert AGENT in shown[0]


def test_fresh_keys_differ_and_know_their_address() -> None:
    first, second = signing.SigningKey.generate(), signing.SigningKey.generate()
    assert first.address != second.address
    assert first.address == Account.from_key(first.reveal()).address.lower()


@pytest.mark.parametrize("broken", ["", "0x", "zz", "0x" + "00" * 64, "0x" + "00" * 65, "0x" + "11" * 64 + "63"])
def test_a_broken_signature_recovers_nobody(broken: str) -> None:
    assert signing.recover(bytes(32), broken) is None


def test_nonces_rise_even_when_the_clock_stands_or_steps_back() -> None:
    times = iter([5, 5, 4, 9])
    nonces = signing.Nonces(lambda: datetime.fromtimestamp(next(times), UTC))
    assert [nonces() for _ in range(4)] == [5_000_000, 5_000_001, 5_000_002, 9_000_000]
