"""What we know of the venues and of the traders' accounts there.

Columns that come from a venue are written only by ``trading.services.sync``, with the venue's own time beside ours.
"""

from trading.models.accounts import Fill, MarginChange, Order, Position, Preference, VenueAccount
from trading.models.approvals import BuilderFee, WalletApproval
from trading.models.commands import Command
from trading.models.markets import Market

__all__ = [
    "BuilderFee",
    "Command",
    "Fill",
    "MarginChange",
    "Market",
    "Order",
    "Position",
    "Preference",
    "VenueAccount",
    "WalletApproval",
]
