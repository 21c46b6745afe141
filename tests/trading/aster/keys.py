"""Keys that a trader pastes, and keys that go away."""

from typing import Any

from django.utils import timezone

from tests.trading.accounts.conftest import signature
from tests.trading.aster.people import AsterTrader
from trading.connect import public_adapter
from trading.venues.aster.approvals import Wallet, revoke_agent
from trading.venues.base import Network, Venue

API_KEY, SECRET = "k" * 40 + "PUBLIC", "s" * 40 + "SECRET"


def revoke_elsewhere(trader: AsterTrader) -> None:
    """The wallet takes the agent back at the venue's own page: nothing of it is in our rows."""
    adapter = public_adapter(Venue.ASTER)
    approval = revoke_agent(
        Wallet(trader.address, Network.TESTNET),
        agent=trader.account.agent_address,
        nonce=adapter.moment(timezone.now()),
    )
    adapter.send(approval.signed(signature(approval.typed_data, trader.wallet), owner=trader.address))


def paste_api_key(trader: AsterTrader, public: str = API_KEY, secret: str = SECRET) -> Any:
    """An API key typed into the page."""
    return trader.post("key", address=trader.wallet.address, api_key=public, api_secret=secret)
