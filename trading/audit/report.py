"""Findings written down: a table for people, a list of objects for programs.

In JSON prices are text, every digit of them, as the venues write theirs; the relative difference, a ratio, is a
number.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from trading.audit.judging import Finding, Verdict

RATIO_FIGURES = 3
# Ours is exact: two decimals more than the venue printed show where it lies, the rest is noise to a reader.
EXTRA_DECIMALS = 2
HEADINGS = ("Market", "Mode", "Venue's price", "Our price", "Difference", "Finding")
NUMBER_COLUMNS = frozenset({2, 3, 4})

_encoder = msgspec.json.Encoder(decimal_format="number")


class _Row(msgspec.Struct, frozen=True):
    market: str
    mode: str
    venue_price: str | None
    our_price: str | None
    relative_difference: Decimal | None
    reason: str | None


def as_json(findings: Iterable[Finding]) -> str:
    """A JSON list with one object per position."""
    rows = [
        _Row(
            market=finding.market,
            mode=finding.mode.value,
            venue_price=_every_digit(finding.venue_price),
            our_price=_every_digit(finding.our_price),
            relative_difference=_ratio(finding.relative_difference),
            reason=finding.reason,
        )
        for finding in findings
    ]
    return msgspec.json.format(_encoder.encode(rows), indent=2).decode()


def as_table(findings: Sequence[Finding]) -> str:
    """Aligned columns, and a line that sums up."""
    if not findings:
        return "No open positions."
    rows = [HEADINGS, *(_cells(finding) for finding in findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(_aligned(cell, width, column) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines), "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """How many positions agree, differ and cannot be known.

    >>> from trading.margin.types import MarginMode
    >>> summary([Finding("BTC", MarginMode.CROSS, Verdict.AGREES)])
    '1 position: 1 agrees, 0 differ, 0 not knowable.'
    """
    agreeing, differing, unknown = (
        sum(finding.verdict is verdict for finding in findings)
        for verdict in (Verdict.AGREES, Verdict.DIFFERS, Verdict.NOT_KNOWABLE)
    )
    positions = "position" if len(findings) == 1 else "positions"
    return (
        f"{len(findings)} {positions}: {agreeing} {'agrees' if agreeing == 1 else 'agree'}, "
        f"{differing} {'differs' if differing == 1 else 'differ'}, {unknown} not knowable."
    )


def _cells(finding: Finding) -> tuple[str, ...]:
    apart = _ratio(finding.relative_difference)
    return (
        finding.market,
        finding.mode.value,
        _every_digit(finding.venue_price) or "none",
        _readable(finding.our_price, finding.venue_price) or "none",
        "" if apart is None else f"{apart:.1e}",
        finding.reason or finding.verdict.value,
    )


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in NUMBER_COLUMNS else cell.ljust(width)


def _every_digit(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"


def _readable(ours: Decimal | None, venue_price: Decimal | None) -> str | None:
    if ours is None or venue_price is None:
        return _every_digit(ours)
    return f"{round(ours, max(0, -int(venue_price.as_tuple().exponent)) + EXTRA_DECIMALS):f}"


def _ratio(ratio: Decimal | None) -> Decimal | None:
    return None if ratio is None else Decimal(f"{ratio:.{RATIO_FIGURES - 1}e}")
