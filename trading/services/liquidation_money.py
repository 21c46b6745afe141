"""What a liquidation does to the money of one isolated position, execution by execution. Pure.

An execution that leaves something of the position releases its share of the equity to the account and takes its fee out
of what stays; one that takes the last of it releases all there is, less the fee. Below zero the venue bears the rest. A
backstop keeps whatever is still in the position (Hyperliquid 3.3, 3.10).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

# A millionth of the collateral (Hyperliquid 2.3).
UNIT = Decimal("0.000001")
# The smallest amount that Aster books (Aster 3.7).
BOOKED = Decimal("0.00000001")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution that a venue forced; ``size`` is unsigned."""

    size: Decimal
    price: Decimal
    fee: Decimal = ZERO
    is_backstop: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A liquidation in money. ``margin`` is what the position held without open profit; None stands for not known.
    ``settled`` is what the venue bore (above zero) or took beyond the executions."""

    margin: Decimal | None
    returned: Decimal | None
    settled: Decimal
    lost: Decimal | None


def released(cash: Decimal, size: Decimal, executions: Iterable[Execution]) -> tuple[Decimal, Decimal]:
    """What came back to the account from a position of signed ``size`` with this cash leg, and what the venue bore.

    >>> released(Decimal(-90), Decimal(1), [Execution(Decimal(1), Decimal(100), Decimal(1))])
    (Decimal('9'), Decimal('0'))
    >>> released(Decimal(-90), Decimal(1), [Execution(Decimal(1), Decimal(88))])
    (Decimal('0'), Decimal('2'))
    >>> half = Execution(Decimal("0.5"), Decimal(100), Decimal(1))
    >>> released(Decimal(-90), Decimal(1), [half, Execution(Decimal("0.5"), Decimal(95), is_backstop=True)])
    (Decimal('5.000000'), Decimal('0'))
    """
    left, returned, borne = abs(size), ZERO, ZERO
    for execution in executions:
        if execution.is_backstop:
            break
        proceeds = execution.size * execution.price * (1 if size > 0 else -1)
        if execution.size < left:
            kept = (cash * (left - execution.size) / left).quantize(UNIT, ROUND_HALF_EVEN)
            release, cash = cash - kept + proceeds, kept - execution.fee
        else:
            release = cash + proceeds - execution.fee
        left -= execution.size
        returned, borne = returned + max(ZERO, release), borne + max(ZERO, -release)
    return returned, borne


def isolated_outcome(
    *, margin: Decimal, profit: Decimal, fee: Decimal, moved: tuple[Decimal, Decimal], is_whole: bool, is_told: bool
) -> Outcome:
    """What became of ``margin``. ``profit`` is the closed profit of all executions, ``moved`` what ``released`` says.

    Where the venue itself books what it takes and bears (``is_told``), nothing is left to settle.

    >>> isolated_outcome(margin=Decimal(100), profit=Decimal(-90), fee=Decimal(1), moved=(Decimal(9), Decimal(0)),
    ...     is_whole=True, is_told=False)
    Outcome(margin=Decimal('100'), returned=Decimal('9'), settled=Decimal('0'), lost=Decimal('91'))
    >>> isolated_outcome(margin=Decimal(100), profit=Decimal(-95), fee=Decimal(0), moved=(Decimal(0), Decimal(0)),
    ...     is_whole=True, is_told=False)
    Outcome(margin=Decimal('100'), returned=Decimal('0'), settled=Decimal('-5'), lost=Decimal('100'))
    """
    returned, borne = moved
    if not is_whole:
        return Outcome(margin, returned, ZERO if is_told else borne, fee - profit)
    end = margin + profit - fee
    if is_told:
        returned = max(ZERO, end)
    return Outcome(margin, returned, ZERO if is_told else returned - end, margin - returned)


def shares(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``amount`` in parts that stand to each other as the weights do; the last takes what rounding leaves.

    >>> shares(Decimal("-10"), [Decimal(2), Decimal(1)])
    [Decimal('-6.66666667'), Decimal('-3.33333333')]
    >>> shares(Decimal("7"), [Decimal(0)])
    [Decimal('7')]
    """
    total = sum(weights, ZERO)
    parts = [(amount * weight / total if total else ZERO).quantize(BOOKED, ROUND_HALF_EVEN) for weight in weights[:-1]]
    return [*parts, amount - sum(parts, ZERO)]
