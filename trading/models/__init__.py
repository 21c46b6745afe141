"""What we know of the venues and of the traders' accounts there.

Columns that come from a venue are written only by ``trading.services.sync``, with the venue's own time beside ours.
"""

from trading.models.accounts import Fill, MarginChange, Order, Position, Preference, VenueAccount
from trading.models.approvals import ApprovalEvent, BuilderFee, WalletApproval
from trading.models.commands import Command, CommandEvent
from trading.models.markets import Market
from trading.models.nonces import SignerNonce
from trading.models.records import (
    Difference,
    FormerPosition,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    Setting,
    SettingChange,
)

__all__ = [
    "ApprovalEvent",
    "BuilderFee",
    "Command",
    "CommandEvent",
    "Difference",
    "Fill",
    "FormerPosition",
    "FundingPayment",
    "LedgerEntry",
    "Liquidation",
    "MarginChange",
    "Market",
    "Order",
    "Position",
    "Preference",
    "Setting",
    "SettingChange",
    "SignerNonce",
    "VenueAccount",
    "WalletApproval",
]
