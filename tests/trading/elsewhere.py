"""What a trader does past this platform, and what our records say of it."""

from datetime import UTC, datetime
from decimal import Decimal

import urllib3
from django.utils import timezone

from tests.trading.conftest import Desk
from trading.management.commands.seed_demo import CHAIN_ID
from trading.models import Difference
from trading.services import nonces
from trading.services.readings import EVERYTHING
from trading.services.sync import sync_account
from trading.venues import typed_data
from trading.venues.base import Network, PlaceOrder, market_order
from trading.venues.hyperliquid import signing
from trading.venues.hyperliquid.approvals import SET_ABSTRACTION


def elsewhere(desk: Desk, command: object) -> None:
    """Carry out a command as another program with the same key would: nothing of it is in our rows."""
    nonce = nonces.draw(desk.account, int(datetime.now(UTC).timestamp() * 1000))
    signed = desk.adapter.sign(command, nonce=nonce)  # type: ignore[arg-type]
    desk.adapter.send(signed)


def settled(desk: Desk, times: int = 1) -> list[tuple[str, str, str, str]]:
    """Read everything so often; the differences on record."""
    for _ in range(times):
        assert sync_account(desk.adapter, desk.reread(), EVERYTHING)
    rows = Difference.objects.order_by("pk")
    return list(rows.values_list("kind", "ours", "venues", "explanation"))


def trade_elsewhere(desk: Desk, size: str = "0.01") -> None:
    """An order of the trader's own, sent past this platform."""
    wanted: PlaceOrder = market_order(
        desk.market.rules, is_buy=True, size=Decimal(size), mark=Decimal(86000), slippage=Decimal("0.05")
    )
    nonce = int(timezone.now().timestamp() * 1000)
    desk.adapter.send(desk.adapter.sign(wanted, nonce=nonce))


def choose_mode(desk: Desk, mode: str) -> None:
    """What the owner's wallet signs at the venue's own page."""
    wallet, nonce = desk.wallet, desk.adapter.moment(timezone.now())
    fields: dict[str, object] = {"user": wallet.address, "abstraction": mode, "nonce": nonce}
    payload = signing.typed_data("UserSetAbstraction", SET_ABSTRACTION, fields, Network.TESTNET, CHAIN_ID)
    action = {
        "type": "userSetAbstraction", "hyperliquidChain": signing.CHAIN_NAME[Network.TESTNET],
        "signatureChainId": hex(CHAIN_ID), **fields,
    }  # fmt: skip
    signature = wallet.sign(typed_data.digest(payload))
    answer = urllib3.request(
        "POST", f"{desk.sandbox.url}/exchange", json={"action": action, "nonce": nonce, "signature": signature}
    )
    assert answer.json()["status"] == "ok"
