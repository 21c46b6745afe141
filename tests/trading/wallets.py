"""A trader's own client at the venue, and his account read again."""

from eth_account import Account as Wallets
from hyperliquid.exchange import Exchange

from tests.trading.conftest import Desk
from trading.connect import trading_adapter
from trading.recent import forget_desks
from trading.services.sync import sync_account


def wallet_of(desk: Desk) -> Exchange:
    """The venue's own client in the hands of the wallet."""
    return Exchange(Wallets.from_key(desk.wallet.reveal()), desk.sandbox.url)


def reread(desk: Desk) -> None:
    """Read the account from the venue; nothing older is remembered."""
    assert sync_account(trading_adapter(desk.account), desk.account)
    desk.account.refresh_from_db()
    forget_desks()
