"""Collateral between the books of one account: what may be asked, and what the venue's ledger tells of it."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.venues.hyperliquid.figures import PYTHON_SDK_KEY, market
from trading.margin.types import AccountMode
from trading.venues.base import MoveCollateral, Network
from trading.venues.errors import InvalidCommand
from trading.venues.hyperliquid import history, rules
from trading.venues.hyperliquid.adapter import HyperliquidAdapter
from trading.venues.hyperliquid.signing import SigningKey
from trading.venues.pools import CollateralMove
from trading.venues.transport import BlockingTransport

OWNER, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20
TOKEN = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"


def adapter(account: str) -> HyperliquidAdapter:
    transport = BlockingTransport("http://127.0.0.1:1")
    return HyperliquidAdapter(transport, Network.TESTNET, SigningKey.from_hex(PYTHON_SDK_KEY), account=account)


def test_the_only_receiver_is_the_account_that_the_key_trades_for() -> None:
    signed = adapter(OWNER.upper().replace("X", "x")).sign(MoveCollateral("", "xyz", TOKEN, Decimal(5)), nonce=7)
    action = json.loads(signed.body)["action"]
    assert (action["destination"], action["fromSubAccount"], action["nonce"]) == (OWNER, "", 7)
    # nobody can even say where to
    assert [field.name for field in fields(MoveCollateral)] == ["source", "target", "token", "amount"]


def test_an_adapter_of_no_account_moves_nothing() -> None:
    with pytest.raises(InvalidCommand, match="account address"):
        adapter("").sign(MoveCollateral("", "xyz", TOKEN, Decimal(5)), nonce=7)


@pytest.mark.parametrize(
    ("source", "target", "token", "amount", "sentence"),
    [
        ("", "spot", TOKEN, "5", "between the books of perpetuals only"),
        ("spot", "", TOKEN, "5", "between the books of perpetuals only"),
        ("", "xyz", "", "5", "between the books of perpetuals only"),
        ("xyz", "xyz", TOKEN, "5", "in this book already"),
        ("", "xyz", TOKEN, "0", "above zero"),
        ("", "xyz", TOKEN, "-5", "above zero"),
        ("", "xyz", TOKEN, "0.0000001", "at most 6 decimals"),
        ("", "xyz", TOKEN, "NaN", "above zero"),
        ("", "xyz", TOKEN, "Infinity", "above zero"),
    ],
)
def test_a_move_that_cannot_be_is_never_signed(
    source: str, target: str, token: str, amount: str, sentence: str
) -> None:
    with pytest.raises(InvalidCommand, match=sentence):
        adapter(OWNER).sign(MoveCollateral(source, target, token, Decimal(amount)), nonce=7)


@pytest.mark.parametrize(
    ("mode", "token", "is_allowed", "reason"),
    [
        (AccountMode.STANDARD, TOKEN, True, ""),
        (AccountMode.STANDARD, "", False, "not told what this book's collateral is"),
        (AccountMode.UNIFIED, TOKEN, False, "nothing has to be moved"),
        (AccountMode.PORTFOLIO, TOKEN, False, "nothing has to be moved"),
    ],
)
def test_only_a_standard_account_has_anything_to_move(
    mode: AccountMode, token: str, is_allowed: bool, reason: str
) -> None:
    spec = msgspec.structs.replace(market(), dex="xyz", token=token)
    told = rules.capabilities(spec, has_position=False, has_orders=False, account_mode=mode).move_collateral
    assert told.allowed is is_allowed
    assert reason in told.reason


def row(time: int, **delta: Any) -> dict[str, Any]:
    usual = {
        "type": "send",
        "user": OWNER,
        "destination": OWNER,
        "sourceDex": "",
        "destinationDex": "xyz",
        "token": "USDC",
        "amount": "5.25",
        "fee": "0.0",
    }
    return {"time": time, "hash": "0x00", "delta": usual | delta}


def test_what_moved_within_the_account_is_told_from_what_left_it_or_came() -> None:
    body = json.dumps(
        [
            row(2000, sourceDex="xyz", destinationDex="", nonce=41),
            row(1000),
            row(3000, destination=OTHER, nonce=42),
            row(4000, user=OTHER, nonce=43),
            row(5000, type="deposit", usdc="5"),
        ]
    ).encode()
    assert history.moves(body, OWNER) == (
        CollateralMove(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "", "xyz", "USDC", Decimal("5.25")),
        CollateralMove(datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC), "xyz", "", "USDC", Decimal("5.25"), 41),
    )
