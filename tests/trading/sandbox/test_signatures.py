"""Signers recovered from what arrived: published vectors, byte for byte (Hyperliquid rules 5)."""

import json
from pathlib import Path

import pytest

from trading.sandbox.curve import BadSignatureError, recover
from trading.sandbox.hyperliquid.signatures import (
    USER_SIGNED,
    connection_id,
    l1_digest,
    msgpack,
    user_signed_digest,
)

SIGNER = "0x14791697260e4c9a71f18484c9f997b308e59325"
ORDER = {
    "type": "order",
    "orders": [
        {"a": 4, "b": True, "p": "1670.1", "s": "0.0147", "r": False, "t": {"limit": {"tif": "Ioc"}}},
    ],
    "grouping": "na",
}


def test_the_worked_order_has_its_published_hash_and_signer() -> None:
    connection = connection_id(ORDER, 1677777606040, None, None)
    assert connection.hex() == "0fcbeda5ae3c4950a548021552a4fea2226858c4453571bf3f24ba017eac2908"
    r = 0x54D5CC489D4FA822A2788ECBDFE19D8DD478B9373CF0024B19AEB8452DC15474
    s = 0x0EEF26897CBA04C5670C683B27C3601DEB3189295A5670DDA0B7CB97EFE1B860
    assert recover(l1_digest(connection, "b"), r, s, 28) == SIGNER
    assert recover(l1_digest(connection, "a"), r, s, 28) != SIGNER


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (65535, "cdffff"),
        (100000000000, "cf000000174876e800"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-20000000, "d2feced300"),
        (True, "c3"),
        ("a" * 31, "bf" + "61" * 31),
        ("a" * 32, "d920" + "61" * 32),
        ([1] * 16, "dc0010" + "01" * 16),
        ({"a": []}, "81a16190"),
    ],
)
def test_values_are_packed_in_their_smallest_form(value: object, expected: str) -> None:
    assert msgpack(value).hex() == expected


@pytest.mark.parametrize("value", [1.5, None, b"x", 1 << 64])
def test_what_has_no_place_in_an_action_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        msgpack(value)


def test_a_signature_that_is_no_point_of_the_curve_has_no_signer() -> None:
    with pytest.raises(BadSignatureError):
        recover(bytes(32), 0, 0, 27)
    with pytest.raises(BadSignatureError):
        recover(bytes(32), 1 << 300, 1, 27)


def test_every_published_vector_recovers_its_signer_on_both_networks(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "hyperliquid" / "signing_vectors.json").read_text())["vectors"]
    kinds = {primary: kind for kind, (primary, _) in USER_SIGNED.items()}
    for vector in vectors:
        for network, source, chain in (("mainnet", "a", "Mainnet"), ("testnet", "b", "Testnet")):
            signature = vector[network]
            if vector["kind"] == "l1":
                connection = connection_id(
                    vector["action"], vector["nonce"], vector["vaultAddress"], vector["expiresAfter"]
                )
                assert "0x" + msgpack(vector["action"]).hex() == vector["msgpackHex"], vector["id"]
                assert "0x" + connection.hex() == vector["connectionId"], vector["id"]
                digest = l1_digest(connection, source)
            else:
                kind = kinds[vector["primaryType"].partition(":")[2]]
                chain_id = int(vector["signatureChainId"], 16)
                digest = user_signed_digest(kind, vector["message"], chain=chain, chain_id=chain_id)
            signer = recover(digest, int(signature["r"], 16), int(signature["s"], 16), signature["v"])
            assert signer == vector["signer"], (vector["id"], network)
    assert len(vectors) >= 25
