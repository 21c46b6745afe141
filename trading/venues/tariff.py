"""How a venue counts requests: what each costs, what one address and one account may spend, and what answers say of it.

A venue's tariff is data and pure functions, so whoever keeps budgets knows nothing of venues.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trading.margin.types import AccountMode
from trading.venues.allowance import Lifetime, Use
from trading.venues.snapshots import RequestAllowance
from trading.venues.weather import Door


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs: weight for our address, and how many orders it is for its account.

    ``is_usual``: an order that a halted venue would refuse, so that its answer tells whether the venue is.
    ``may_rest``: a command that an account without requests left may not send now; what takes risk away still may.
    ``use``: what a command is for. ``requests``: how many of the account's it uses up where the venue counts them for
    life.
    ``tells``: the account whose requests the answer tells of.
    """

    weight: int
    orders: int = 0
    is_command: bool = False
    is_usual: bool = False
    may_rest: bool = False
    requests: int = 0
    use: Use = Use.USUAL
    tells: str = ""

    @property
    def door(self) -> Door:
        """What kind of request it is, to whoever judges how the venue is doing."""
        return Door.COMMAND if self.is_command else Door.READ


@dataclass(frozen=True, slots=True)
class Limits:
    """What a venue says of its limits: the weight of one address in 60 seconds, and the orders of one account as
    (number, seconds)."""

    weight: int
    orders: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingWeights:
    """What it costs to read one account, in the venue's weight.

    ``account``: money and positions; ``pooled``: the same where balances of other kinds back them. ``executions``: what
    was executed in one market; ``explaining``: that and all orders. ``whole``: all there is besides money and
    positions, with funding, ledger and what changes seldom.
    """

    account: int
    pooled: int
    executions: int
    explaining: int
    whole: int

    def of(self, mode: AccountMode) -> int:
        """Money and positions of an account in this mode."""
        return self.account if mode is AccountMode.STANDARD else self.pooled


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How a venue counts. All functions are pure.

    ``weight``: what one address of ours may spend in 60 seconds. ``orders``: how many orders one account may send, as
    (number, seconds). Both hold until the venue says otherwise: ``limits`` is what an answer, by path and body, says of
    them. ``cost`` judges a request by method, path and body; ``surcharge`` is what its answer adds, from
    path, request body and answer body; ``reported`` are the venue's own counts in an answer's headers, of the weight
    and then of ``orders``; ``rest`` is for how many seconds an answer (body) silences its account, ``is_halt`` whether
    it says that the venue takes no usual orders now. ``has_open_market`` is what a list of all markets, by path and
    body, says of a halt, and None of every other answer. ``lifetime`` is the rule of an account's requests, ``told``
    what an answer says of them, ``is_used_up`` whether it refuses because there are none. ``readings`` is what all
    requests of a reading come to, by the number of builder-deployed books that are shown.
    """

    weight: int
    orders: tuple[tuple[int, float], ...] = ()
    cost: Callable[[str, str, bytes], Cost]
    readings: Callable[[int], ReadingWeights]
    surcharge: Callable[[str, bytes, bytes], int] = lambda path, body, answer: 0
    reported: Callable[[Mapping[str, str]], tuple[int | None, ...]] = lambda headers: ()
    rest: Callable[[bytes], float] = lambda answer: 0.0
    is_halt: Callable[[bytes], bool] = lambda answer: False
    has_open_market: Callable[[str, bytes], bool | None] = lambda path, answer: None
    lifetime: Lifetime | None = None
    told: Callable[[bytes], RequestAllowance | None] = lambda answer: None
    is_used_up: Callable[[bytes], bool] = lambda answer: False
    limits: Callable[[str, bytes], Limits | None] = lambda path, answer: None
