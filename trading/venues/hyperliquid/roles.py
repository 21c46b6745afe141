"""What an address is at the venue: an account, a trading key of one, or nothing yet (Hyperliquid 2.7, 5.3)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trading.venues.decoding import Decoder, Record
from trading.venues.hyperliquid import wire
from trading.venues.hyperliquid.questions import Question

WEIGHT = 60


class RoleKind(StrEnum):
    """The venue's own words."""

    USER = "user"
    MISSING = "missing"
    AGENT = "agent"
    SUB_ACCOUNT = "subAccount"
    VAULT = "vault"


@dataclass(frozen=True, slots=True)
class Role:
    """``master`` is the account that a trading key or a sub-account belongs to, in lower case; empty for others."""

    kind: RoleKind
    master: str = ""

    def trades_for(self, address: str) -> bool:
        """Whether this is a trading key of the account."""
        return self.kind is RoleKind.AGENT and self.master == address.lower()


class _Master(Record, frozen=True):
    user: str = ""
    master: str = ""


class _Role(Record, frozen=True):
    role: RoleKind
    data: _Master | None = None


_decode = Decoder(_Role, "userRole")


def role(address: str) -> Question[Role]:
    """What the address is. An unnamed trading key is known here and is listed nowhere else."""
    return Question(wire.question("userRole", user=wire.address(address)), _parse, WEIGHT)


def _parse(body: bytes, _received_at: datetime) -> Role:
    row = _decode(body)
    master = row.data.user or row.data.master if row.data else ""
    return Role(row.role, master.lower())
