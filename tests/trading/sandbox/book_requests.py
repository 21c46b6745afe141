"""What an owner asks of the books that builders deployed."""

from typing import Any

from hyperliquid.utils import signing

from tests.trading.sandbox.signed import ADDRESS, OWNER

USDC = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"


def send(source: str, target: str, amount: str, nonce: int, *, destination: str = ADDRESS) -> dict[str, Any]:
    """Collateral moved between books, signed by the owner."""
    action = {
        "type": "sendAsset",
        "destination": destination,
        "sourceDex": source,
        "destinationDex": target,
        "token": USDC,
        "amount": amount,
        "fromSubAccount": "",
        "nonce": nonce,
    }
    signature = signing.sign_send_asset_action(OWNER, action, is_mainnet=False)
    return {"action": action, "nonce": nonce, "signature": signature}


def order(asset: int, size: str, price: str, *, tif: str = "Ioc", is_buy: bool = True) -> dict[str, Any]:
    """An order in a book's market, by the market's number."""
    row = {"a": asset, "b": is_buy, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}}
    return {"type": "order", "orders": [row], "grouping": "na"}
