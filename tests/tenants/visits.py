"""Every page of an exchange, who may open it, and what it answers."""

from collections.abc import Iterator

from tests.factories import Belongings, Exchange
from tests.tenants.addresses import MEMBERS, OPEN, ROLES, Address, addresses, ids_of

# What a page answers to a plain GET where it is not 200: those that take forms say so; frames without a draft in their
# address, a brand without a logo, and the books of an account that has but one, are missing; a chart without its venue
# says so; some lead on; whoever was not invited joins nothing.
ANSWERS = (
    dict.fromkeys(("place_order", "change_margin", "close_position", "cancel_order", "sign_out"), 405)
    | dict.fromkeys(("set_exits", "modify_order", "cancel_orders", "put_liquidation_away"), 405)
    | dict.fromkeys(("close_all_now", "cancel_all_now"), 405)
    | dict.fromkeys(("console_brand_preview", "console_margin_preview", "console_markets_preview"), 405)
    | dict.fromkeys(("wallet_message", "wallet_sign_in", "connect_address", "connect_key"), 405)
    | dict.fromkeys(("ask_approval", "sign_approval", "check_approval", "withdraw_approval"), 405)
    | dict.fromkeys(("forget_key", "leave_account", "move_collateral"), 405)
    | dict.fromkeys(("console_domain_check", "console_domain_remove", "console_member", "console_invitation"), 405)
    | dict.fromkeys(("console_frame_terminal", "console_frame_ticket", "console_frame_theme"), 404)
    | dict.fromkeys(("collateral_dialog", "collateral_preview"), 404)
    | {"console_frame_logo": 404, "brand_logo": 404, "candles": 503, "home": 302, "sign_in": 302, "command": 302}
    | {"invitation": 302, "join": 404}
)


def visited(alpha: Exchange, alices: Belongings) -> Iterator[tuple[Address, str, str]]:
    """Every address with its path and a role that may see it."""
    place = {"market_name": f"{alices.position.market.venue}:BTC", "venue": alices.position.market.venue}
    for address in addresses():
        is_form = ANSWERS.get(address.name) == 405
        if not is_form and address.policy != (OPEN,):
            path = address.path(ids_of(alpha, alices) | place)
            for role in ROLES:
                if {role, MEMBERS} & set(address.policy):
                    yield address, path, role
