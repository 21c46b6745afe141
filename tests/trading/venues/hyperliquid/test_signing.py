"""Signatures against vectors of the official SDKs, on both networks, and keys that never show."""

import copy
import json
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tests.trading.venues.hyperliquid.figures import PYTHON_SDK_KEY, RUST_SDK_KEY, market
from trading.margin.types import MarginMode
from trading.venues import typed_data
from trading.venues.base import (
    AdjustMargin,
    BuilderFee,
    CancelOrder,
    Command,
    MarketSpec,
    Network,
    PlaceOrder,
    SetLeverage,
    SignedRequest,
    TimeInForce,
)
from trading.venues.errors import MissingKey
from trading.venues.hyperliquid import signing, wire
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.keys import InvalidKey
from trading.venues.transport import BlockingTransport

NOWHERE = BlockingTransport("http://127.0.0.1:9")
BUILDER = BuilderFee("0x8c967e73e6b15087c42a10d344cff4c96d877f1d", Decimal("0.0005"))


def buy(
    spec: MarketSpec,
    size: str,
    price: str,
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED,
    builder: BuilderFee | None = None,
) -> PlaceOrder:
    return PlaceOrder(
        spec, is_buy=True, size=Decimal(size), limit_price=Decimal(price), time_in_force=time_in_force, builder=builder
    )


# key, nonce, expires, command, signature on mainnet, signature on testnet (r, s, v)
TABLE: list[tuple[str, int, int | None, Command, str, str]] = [
    (
        PYTHON_SDK_KEY,
        1677777606040,
        None,
        buy(market(index=4, size_decimals=4), "0.0147", "1670.1", TimeInForce.IMMEDIATE_OR_CANCEL),
        "e302c107c0048633293299b066317048f69f685aa4f536fe56c050efaf04996c"
        "70e01d4d26e3d724fb8f8ab54b3f2544a37ea1b092f83532349405274f3f39621c",
        "54d5cc489d4fa822a2788ecbdfe19d8dd478b9373cf0024b19aeb8452dc15474"
        "0eef26897cba04c5670c683b27c3601deb3189295a5670dda0b7cb97efe1b8601c",
    ),
    (
        RUST_SDK_KEY,
        1583838,
        None,
        CancelOrder(market(index=1), 82382),
        "02f76cc5b16e0810152fa0e14e7b219f49c361e3325f771544c6f54e157bf9fa"
        "17ed0afc11a98596be85d5cd9f86600aad515337318f7ab346e5ccc1b03425d51b",
        "6ffebadfd48067663390962539fbde76cfa36f53be65abe2ab72c9db6d0db444"
        "57720db9d7c4860f142a484f070c84eb4b9694c3a617c83f0d698a27e55fd5e01c",
    ),
    (
        "822e9959e022b78423eb653a62ea0020cd283e71a2a8133a6ff2aeffaf373cff",
        1234567890,
        1234567890,
        buy(market(), "0.1", "30000"),
        "162a52128fb58bc6adb783e3d36913c53127851144fc45c5603a51e97b9202fd"
        "469571eb0a2101a32f81f9584e15fd35c723a6089e106f4f33798dbccf7cd4161c",
        "5094989a7c0317db6553f21dd7f90d43415e8bd01af03829de249d4ea0aa5f66"
        "491d04966e81662bd4e70d607fac30e71803c01733f4f66ff7299b0470675b8b1b",
    ),
    (
        PYTHON_SDK_KEY,
        1790000000000,
        None,
        SetLeverage(market(), MarginMode.ISOLATED, 20),
        "4c7a4a654396a4af1ad6838f22a561a7ac41b2d24be40ab9850a143b52f64975"
        "7ec07363e26af69557630bac500fe6efe3d4a7c1c5bd40de3a63828d5c19f7731b",
        "09d56347b381df1ff470a3dae98ae7ace34c3f5b4f8f9829cc204de014fdca75"
        "7b11bbadd3679f6bfe9c05b95a42cc16b3eb4ba833f9d181a89ac8e9005263b41c",
    ),
    (
        PYTHON_SDK_KEY,
        1790000000002,
        None,
        AdjustMargin(market(index=1), is_buy=True, amount=Decimal(20)),
        "ea7f6dd21dc926e9f15361f9d1d01755e5317b0adf3c483ce5b54046f9f3ff7f"
        "7e16250490dc8e67c1546a42cbe6d40be76086810d1ea762e96ac6d94f956a191b",
        "1ee619b01cd5dfb424d0ea0d866f23674a0c4093e6718a5653fbc5f176bb0cdc"
        "2e8ecc1c60b009db9010a2a12b6e48ba5aee914fbd41d92c1e1f3ed9ea2adac31b",
    ),
    (
        PYTHON_SDK_KEY,
        1790000000006,
        None,
        buy(market(), "0.001", "86400", TimeInForce.IMMEDIATE_OR_CANCEL, BUILDER),
        "1d87b1adf3ffa8b2bf187473b983d73e175462cce94050c4675866b803009c92"
        "39e6f0b892cae33c5e0dc92ffc2c1d697ab6b57573548398d35c4a22ae7485941b",
        "8a0544d07b94acb3dddad3010a5fbaae2137ff47ad77ef697ee4c7b0d9e86e1d"
        "5a89d2b224b4ba1def6dd72ef894d88e10743a7cc6ea9c9ec30831c6adc598c21b",
    ),
    (
        PYTHON_SDK_KEY,
        1790000000010,
        None,
        CancelOrder(market(index=1), "0x0000000000000000000000000000abcd"),
        "b6f4caebe86af8971a6aff20f5077a8828d73d1284e1265ffde7d4e45517283c"
        "5d6cccb0bd41e311a145ca952a37e7b263981d581adde76616caab1f7cefe4de1b",
        "39dd872014973172aa6d215514bc718a79f59ac48ab8ba691d1ecee5e7517c6e"
        "2b1e74c96379dbbae9daa34e9e61220c1e86a936b34db6138e35bd43ee871d3d1c",
    ),
]


def signature(packed: str) -> dict[str, Any]:
    return {"r": "0x" + packed[:64], "s": "0x" + packed[64:128], "v": int(packed[128:], 16)}


@pytest.mark.parametrize(("key", "nonce", "expires", "command", "mainnet", "testnet"), TABLE)
def test_a_command_is_signed_byte_for_byte(
    key: str, nonce: int, expires: int | None, command: Command, mainnet: str, testnet: str
) -> None:
    for network, expected in ((Network.MAINNET, mainnet), (Network.TESTNET, testnet)):
        adapter = HyperliquidAdapter(NOWHERE, network, signing.SigningKey.from_hex(key))
        signed = adapter.sign(command, nonce=nonce, expires_after=expires)
        assert json.loads(signed.body) == {
            "action": wire.action(command),
            "nonce": nonce,
            "signature": signature(expected),
            "vaultAddress": None,
            "expiresAfter": expires,
        }
        dead_at = None if expires is None else datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=expires)
        assert signed == SignedRequest("/exchange", signed.body, nonce, dead_at=dead_at)
        assert signed == adapter.sign(command, nonce=nonce, expires_after=expires)


def test_every_vector_of_the_venue_holds_on_both_networks(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "hyperliquid" / "signing_vectors.json").read_text())["vectors"]
    proven = 0
    for vector in vectors:
        key = signing.SigningKey.from_hex(vector["privateKey"])
        assert key.address == vector["signer"], vector["id"]
        for network in Network:
            expected = {part: vector[network.value][part] for part in ("r", "s", "v")}
            assert sign_vector(key, vector, network) == expected, (vector["id"], network)
            proven += 1
    assert proven == 2 * len(vectors) > 0


def sign_vector(key: signing.SigningKey, vector: dict[str, Any], network: Network) -> signing.Signature:
    if vector["kind"] == "l1":
        options = {"vault": vector["vaultAddress"], "expires_after": vector["expiresAfter"]}
        hashed = signing.connection_id(vector["action"], vector["nonce"], **options)
        assert "0x" + hashed.hex() == vector["connectionId"], vector["id"]
        return signing.sign_action(key, vector["action"], vector["nonce"], network, **options)
    primary = vector["primaryType"]
    fields = {row["name"]: row["type"] for row in vector["types"][primary][1:]}
    payload = signing.typed_data(
        primary.partition(":")[2], fields, vector["message"], network, int(vector["signatureChainId"], 16)
    )
    assert payload["types"][primary] == vector["types"][primary]  # type: ignore[index]
    digest = typed_data.digest(payload)
    made = key.sign(digest)
    assert signing.recover(digest, made) == key.address
    return made


def test_the_network_decides_the_signature_and_the_url_does_not() -> None:
    key = signing.SigningKey.from_hex(PYTHON_SDK_KEY)
    command = SetLeverage(market(), MarginMode.ISOLATED, 20)
    mainnet_url = BlockingTransport("https://api.hyperliquid.xyz")
    bodies = {
        (transport.base_url, network): HyperliquidAdapter(transport, network, key).sign(command, nonce=1).body
        for transport in (NOWHERE, mainnet_url)
        for network in Network
    }
    for network in Network:
        assert bodies[NOWHERE.base_url, network] == bodies[mainnet_url.base_url, network]
    assert bodies[mainnet_url.base_url, Network.MAINNET] != bodies[mainnet_url.base_url, Network.TESTNET]


def test_an_adapter_without_a_key_refuses_to_sign() -> None:
    with pytest.raises(MissingKey, match="Connect a trading key"):
        HyperliquidAdapter(NOWHERE, Network.TESTNET).sign(SetLeverage(market(), MarginMode.CROSS, 1), nonce=1)


def test_a_key_never_shows() -> None:
    secret = PYTHON_SDK_KEY.removeprefix("0x")
    key = signing.SigningKey.from_hex(secret)
    adapter = HyperliquidAdapter(NOWHERE, Network.MAINNET, key)
    shown = [repr(key), str(key), f"{key}", repr(adapter), repr([key]), repr(key._private)]
    for wrong in (secret + "0", secret[:-1] + "g", secret[:-2], "0" * 64, "f" * 64):
        with pytest.raises(InvalidKey) as caught:
            signing.SigningKey.from_hex(wrong)
        shown.append("".join(traceback.format_exception(caught.value)))
        shown.append(repr(caught.value.args))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            attempt(key)
        shown.append("".join(traceback.format_exception(refused.value)))
    assert key.address in shown[0]
    assert [text for text in shown if secret[2:40] in text or repr(bytes.fromhex(secret))[2:-1] in text] == []


def test_fresh_keys_differ_and_know_their_address() -> None:
    first, second = signing.SigningKey.generate(), signing.SigningKey.generate()
    assert first.address != second.address
    assert first.address == Account.from_key(first.reveal()).address.lower()


@pytest.mark.parametrize("broken", [{}, {"r": "0x1", "s": "0x1", "v": 99}, {"r": "zz", "s": "0x1", "v": 27}])
def test_a_broken_signature_recovers_nobody(broken: signing.Signature) -> None:
    assert signing.recover(bytes(32), broken) is None
