"""A request as its handler meets it, and what the venue asks of whoever sends it (Aster rules 1.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from trading.sandbox.aster.authority import Caller
from trading.sandbox.aster.parameters import Parameters, Signed
from trading.sandbox.state import Account

FAR = 1 << 62


class Access(Enum):
    """Who may ask: everybody, a login, a login that may trade, a key without a signature (older scheme only), a wallet,
    a wallet that is new."""

    PUBLIC = auto()
    READ = auto()
    TRADE = auto()
    KEYED = auto()
    WALLET = auto()
    NEWCOMER = auto()


PUBLIC, READ, TRADE, KEYED = Access.PUBLIC, Access.READ, Access.TRADE, Access.KEYED


@dataclass(frozen=True)
class Call:
    """``caller`` is None for what needs no login, and for approvals, which name their account themselves."""

    parameters: Parameters
    signed: Signed
    caller: Caller | None = None

    @property
    def account(self) -> Account:
        if self.caller is None:
            raise TypeError("nobody has logged in")
        return self.caller.account

    def span(self) -> tuple[int, int]:
        """Milliseconds from startTime to endTime, both included."""
        start, end = (self.parameters.optional_integer(name) for name in ("startTime", "endTime"))
        return start or 0, FAR if end is None else end


@dataclass(frozen=True)
class Route:
    """``counts`` orders against the account's own limits; ``kind`` is the typed data that a wallet signs."""

    answer: Callable[[Call], object]
    access: Access
    weight: int | Callable[[Call], int] = 1
    counts: bool = False
    kind: str = ""

    def cost(self, call: Call) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(call)
