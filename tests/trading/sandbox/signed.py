"""Signed requests as the venue's own SDK makes them, and what they are answered."""

from typing import Any

from eth_account import Account as Wallets
from eth_account.signers.local import LocalAccount
from hyperliquid.utils import signing

from trading.sandbox.hyperliquid.exchange import Exchange

OWNER = Wallets.from_key("0x" + "11" * 32)
STRANGER = Wallets.from_key("0x" + "33" * 32)
ADDRESS = OWNER.address.lower()
DONE = {"status": "ok", "response": {"type": "default"}}


def l1(
    wallet: LocalAccount,
    action: dict[str, Any],
    nonce: int,
    *,
    vault: str | None = None,
    expires: int | None = None,
    mainnet: bool = False,
) -> dict[str, Any]:
    """An action of a wallet's, signed."""
    signature = signing.sign_l1_action(wallet, action, vault, nonce, expires, is_mainnet=mainnet)
    return {
        "action": action,
        "nonce": nonce,
        "signature": signature,
        "vaultAddress": vault,
        "expiresAfter": expires,
    }


def refusal(door: Exchange, body: object) -> str:
    """The words with which the venue refuses it."""
    answer = door.handle(body)
    assert answer["status"] == "err"
    return str(answer["response"])


def order(**changes: Any) -> dict[str, Any]:
    """An order for 0.01 BTC at 86,000, but for the changes."""
    row = {"a": 0, "b": True, "p": "86000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Gtc"}}} | changes
    return {"type": "order", "orders": [row], "grouping": "na"}
