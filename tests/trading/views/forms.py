"""The ticket as a page sends it."""

from uuid import uuid4

ORDER = "/trade/BTC/order/"
QUOTE = "/trade/BTC/quote/"


def fields(**changes: str) -> dict[str, str]:
    """0.01 BTC long at market in isolated margin at 10x, but for the changes."""
    values = {
        "form_key": str(uuid4()),
        "side": "long",
        "kind": "market",
        "size": "0.01",
        "unit": "coin",
        "mode": "isolated",
        "leverage": "10",
    }
    return values | changes
