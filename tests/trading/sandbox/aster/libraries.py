"""A general exchange library as the client of a running sandbox."""

import ccxt

from tests.sandbox_process import SandboxProcess

SYMBOL = "BTC/USDT:USDT"


def connected(venue: SandboxProcess, key: str, **options: object) -> ccxt.aster:
    """The library's client of a wallet, which signs for itself on the test network."""
    client = ccxt.aster(
        {
            "privateKey": key,
            "enableRateLimit": False,
            "options": {"v3ChainId": 714, "defaultType": "swap", **options},
        }
    )
    futures, spot = f"{venue.url}/fapi", f"{venue.url}/api"
    client.urls["api"] = {"fapiPublic": futures, "fapiPrivate": futures, "sapiPublic": spot, "sapiPrivate": spot}
    return client
