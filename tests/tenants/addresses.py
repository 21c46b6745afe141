"""Every named address of an operator's host, with its arguments and who may use it: read from the URLconf.

An address that has no policy here fails the tests that walk them, so nobody can add one and forget to decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.factories import Belongings, Exchange, secret_of

OPEN, MEMBERS = "open", "members"
TRADER, OWNER, SUPPORT = "trader", "owner", "support"
ROLES = (TRADER, OWNER, SUPPORT)

# Who may use an address: everybody, whoever signed in, or these roles.
POLICY: dict[str, tuple[str, ...]] = {
    "sign_in": (OPEN,),
    "sign_out": (OPEN,),
    "join": (OPEN,),
    "invitation": (OPEN,),
    "password": (MEMBERS,),
    "wallet_message": (OPEN,),
    "wallet_sign_in": (OPEN,),
    "connect": (TRADER,),
    "connect_address": (TRADER,),
    "connect_key": (TRADER,),
    "ask_approval": (TRADER,),
    "sign_approval": (TRADER,),
    "check_approval": (TRADER,),
    "withdraw_approval": (TRADER,),
    "forget_key": (TRADER,),
    "leave_account": (TRADER,),
    "theme_css": (OPEN,),
    "brand_logo": (OPEN,),
    "favicon": (OPEN,),
    "home": (MEMBERS,),
    "terminal": (TRADER,),
    "quote": (TRADER,),
    "available": (TRADER,),
    "place_order": (TRADER,),
    "book": (TRADER,),
    "candles": (TRADER,),
    "survival": (TRADER,),
    "market_bar": (TRADER,),
    "account_panel": (TRADER,),
    "banner": (TRADER,),
    "positions": (TRADER,),
    "collateral_dialog": (TRADER,),
    "collateral_preview": (TRADER,),
    "move_collateral": (TRADER,),
    "margin_dialog": (TRADER,),
    "margin_preview": (TRADER,),
    "change_margin": (TRADER,),
    "working": (TRADER,),
    "exits_dialog": (TRADER,),
    "exits_preview": (TRADER,),
    "set_exits": (TRADER,),
    "close_dialog": (TRADER,),
    "close_preview": (TRADER,),
    "close_position": (TRADER,),
    "close_all": (TRADER,),
    "close_all_now": (TRADER,),
    "cancel_all": (TRADER,),
    "cancel_all_now": (TRADER,),
    "sweep": (TRADER,),
    "cancel_order": (TRADER,),
    "modify_dialog": (TRADER,),
    "modify_preview": (TRADER,),
    "modify_order": (TRADER,),
    "cancel_dialog": (TRADER,),
    "cancel_orders": (TRADER,),
    "orders": (TRADER,),
    "fills": (TRADER,),
    "margin_changes": (TRADER,),
    "funding": (TRADER,),
    "transfers": (TRADER,),
    "liquidations": (TRADER,),
    "liquidation": (TRADER,),
    "liquidation_notices": (TRADER,),
    "put_liquidation_away": (TRADER,),
    "command": (TRADER,),
    "console": (OWNER,),
    "console_freshness": (OWNER,),
    "console_brand": (OWNER,),
    "console_brand_preview": (OWNER,),
    "console_margin": (OWNER,),
    "console_margin_preview": (OWNER,),
    "console_markets": (OWNER,),
    "console_markets_preview": (OWNER,),
    "console_fees": (OWNER,),
    "console_domains": (OWNER,),
    "console_domain_check": (OWNER,),
    "console_domain_remove": (OWNER,),
    "console_team": (OWNER,),
    "console_member": (OWNER,),
    "console_invitation": (OWNER,),
    "console_audit": (OWNER,),
    "console_frame_terminal": (OWNER,),
    "console_frame_ticket": (OWNER,),
    "console_frame_theme": (OWNER,),
    "console_frame_logo": (OWNER,),
    "console_frame_candles": (OWNER,),
    "support": (OWNER, SUPPORT),
    "support_trader": (OWNER, SUPPORT),
    "support_timeline": (OWNER, SUPPORT),
    "support_liquidation": (OWNER, SUPPORT),
    "support_open": (OWNER, SUPPORT),
}


@dataclass(frozen=True)
class Address:
    """A named pattern and the names of its arguments."""

    name: str
    arguments: tuple[str, ...]

    @property
    def policy(self) -> tuple[str, ...]:
        """Who may use it; nobody where that was not decided."""
        return POLICY.get(self.name, ())

    def path(self, values: dict[str, Any]) -> str:
        return reverse(self.name, kwargs={name: values[name] for name in self.arguments})


def addresses() -> list[Address]:
    """Every address of the operator's URLconf."""
    return list(_walk(get_resolver("perpsstudio.urls"), ()))


def _walk(resolver: URLResolver, outer: tuple[str, ...]) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        arguments = (*outer, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            assert pattern.name, f"{pattern} has no name, so no test can reach it"
            yield Address(pattern.name, arguments)
        else:
            yield from _walk(pattern, arguments)


def ids_of(exchange: Exchange, belongings: Belongings) -> dict[str, Any]:
    """A value for every argument that an address may have. Markets are the same for everybody."""
    return {
        "market_name": "BTC",
        "venue": "hyperliquid",
        "position_id": belongings.position.pk,
        "order_id": belongings.order.pk,
        "command_id": belongings.command.pk,
        "liquidation_id": belongings.liquidation.pk,
        "trader_id": exchange.trader.pk,
        "member_id": exchange.owner.pk,
        "claim_id": belongings.claim.pk,
        "invitation_id": belongings.invitation.pk,
        "secret": secret_of(exchange),
    }
