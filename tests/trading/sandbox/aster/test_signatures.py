"""Who signed, against printed and shared signatures: every one is recognised, and none after a byte was changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from trading.sandbox.aster import signatures
from trading.sandbox.aster.authority import REGISTRATION
from trading.sandbox.aster.parameters import cut, pairs
from trading.sandbox.curve import BadSignatureError

AGENT, WALLET = "0x21cf8ae13bb72632562c6fff438652ba1a151bb0", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
MAINNET = 1666
# The venue's worked example of a request, and the sample of an approval with its digest (Aster rules 1.3, 1.5).
MARGIN = (
    "symbol=BTCUSDT&amount=3.5&type=1&nonce=1790000019000057&user=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    "&signer=0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
)
MARGIN_DIGEST = "692d1f44e04ba08e3f903dc1c3f88f800e4a0ab32d1b0bae325d6260d6d5b869"
MARGIN_SIGNATURE = (
    "0xdda91b15c20934ce8ad4a3bb4de1b254e4b5b77814eb4fba7256472c88b8d8e6"
    "6de151b7387bd7d8ff4a56429e6518d43fe66e2bf3109a07d89fe83c30dbcebf1c"
)
APPROVAL = {
    "agentName": "perps-desk",
    "agentAddress": "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0",
    "ipWhitelist": "",
    "expired": "1967945395040",
    "canSpotTrade": "false",
    "canPerpTrade": "true",
    "canWithdraw": "false",
    "asterChain": "Mainnet",
    "user": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "nonce": "1790000029000087",
}
APPROVAL_DIGEST = "e6e34b79ad8e7aa184175486ef0ab43f2ff6372fe7f26df7ba58cf7457b15ff5"
# The documents' key of the older login and what it signs (Aster rules 1.2).
SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
KEYED = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
KEYED_SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


@pytest.mark.parametrize("written", [str, str.upper, lambda text: text.removeprefix("0x")])
def test_the_printed_request_is_recognised_however_its_signature_is_written(written: Any) -> None:
    digest = signatures.text_digest(MARGIN, MAINNET)
    assert digest.hex() == MARGIN_DIGEST
    assert signatures.signer(digest, written(MARGIN_SIGNATURE)) == AGENT


def test_a_request_of_the_main_network_is_nobodys_here() -> None:
    assert signatures.signer(signatures.text_digest(MARGIN), MARGIN_SIGNATURE) != AGENT


@pytest.mark.parametrize("place", range(0, len(MARGIN), 7))
def test_a_changed_byte_is_somebody_elses(place: int) -> None:
    changed = MARGIN[:place] + chr(ord(MARGIN[place]) ^ 1) + MARGIN[place + 1 :]
    assert signatures.signer(signatures.text_digest(changed, MAINNET), MARGIN_SIGNATURE) != AGENT


@pytest.mark.parametrize("nonsense", ["", "0x12", MARGIN_SIGNATURE[:-1], "0x" + "00" * 65, "0x" + "ff" * 65])
def test_nonsense_is_no_signature(nonsense: str) -> None:
    with pytest.raises(BadSignatureError):
        signatures.signer(signatures.text_digest(MARGIN), nonsense)


def test_the_printed_approval_has_the_printed_digest() -> None:
    assert signatures.typed_digest("ApproveAgent", APPROVAL, 56).hex() == APPROVAL_DIGEST
    assert signatures.typed_digest("ApproveAgent", APPROVAL | {"canWithdraw": "true"}, 56).hex() != APPROVAL_DIGEST


def test_the_printed_keyed_request_is_recognised() -> None:
    assert signatures.is_keyed(KEYED, SECRET, KEYED_SIGNATURE)
    assert not signatures.is_keyed(KEYED.replace("9000", "9001"), SECRET, KEYED_SIGNATURE)


def test_a_signature_is_cut_out_wherever_it_stands() -> None:
    for text in ("signature=0x1&a=%3A&b=", "a=%3A&signature=0x1&b=", "a=%3A&b=&signature=0x1"):
        signed = cut(text)
        assert (signed.text, signed.signature) == ("a=%3A&b=", "0x1")


def test_every_shared_vector_is_recognised(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "aster" / "signature_vectors.json").read_text())["vectors"]
    seen = [_recognised(vector) for vector in vectors if not vector["scheme"].startswith("v3-legacy")]
    assert len(seen) >= 20
    assert all(seen)


def _recognised(vector: dict[str, Any]) -> bool:
    signed, values = cut(vector["wire"]), pairs(vector["wire"])
    if vector["scheme"] == "v1-hmac":
        return signatures.is_keyed(signed.text, vector["secret_key"], signed.signature)
    chain = vector["domain"]["chainId"]
    if vector["scheme"] == "v3-main-wallet":
        digest = signatures.typed_digest(vector["primary_type"], values, chain)
    elif vector["scheme"] == "v3-register-and-approve":
        text = "&".join(f"{name}={values[name]}" for name in REGISTRATION)
        digest = signatures.text_digest(text, chain)
    else:
        digest = signatures.text_digest(signed.text, chain)
    owner = {"agent": AGENT, "main wallet": WALLET}[vector["signed_by"]]
    return digest.hex() == vector["digest"][2:] and signatures.signer(digest, signed.signature) == owner
