"""The timeline in plain sentences, with the venue's own words behind each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading.models import (
    Command,
    Difference,
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    SettingChange,
    WalletApproval,
)
from trading.models.approvals import ApprovalKind, ApprovalState
from trading.models.commands import CommandState
from trading.models.events import Event, Step
from trading.models.records import DifferenceKind
from trading.panels.market import price_text, tone_of
from trading.panels.notices import describe
from trading.panels.numbers import clock, grouped, money, plain
from trading.panels.records import kind_words, method_words, moved_money, side_of, small_money
from trading.panels.view_models import Tone
from trading.support.timeline import SOURCES, Happened, Steps, TimelinePage

LONGEST_ANSWER = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One line. ``details`` is what stands behind it, a name and a text each; ``liquidation`` leads to a story."""

    time: str
    kind: str
    words: str
    amount: str = ""
    tone: Tone = Tone.PLAIN
    state: str = ""
    details: tuple[tuple[str, str], ...] = ()
    liquidation: int | None = None


def build_timeline(page: TimelinePage) -> tuple[TimelineRow, ...]:
    """The page's entries as they are printed."""
    return tuple(_BUILDERS[SOURCES[entry.rank].name](entry, page.steps) for entry in page.entries)


def _of_command(entry: Happened, steps: Steps) -> TimelineRow:
    command: Command = entry.row
    what = describe(command)
    label = CommandState(command.state).label
    message = f" {command.message}" if command.message else ""
    return TimelineRow(
        time=clock(entry.at),
        kind="Command",
        words=f"{what[:1].upper()}{what[1:]}: {label.lower()}.{message}",
        state=command.state,
        details=(("Command", str(command.pk)), *(_step(event) for event in steps.get(command.pk, ()))),
    )


def _of_approval(entry: Happened, steps: Steps) -> TimelineRow:
    approval: WalletApproval = entry.row
    label = ApprovalState(approval.state).label
    message = f" {approval.message}" if approval.message else ""
    return TimelineRow(
        time=clock(entry.at),
        kind="Approval",
        words=f"{ApprovalKind(approval.kind).label}: {label.lower()}.{message}",
        state=approval.state,
        details=tuple(_step(event) for event in steps.get(approval.pk, ())),
    )


def _step(event: Event) -> tuple[str, str]:
    name = f"{clock(event.happened_at)} {Step(event.step).label}"
    answer = _answer(event)
    status = f"HTTP {event.status}" if event.status else ""
    return name, " ".join(part for part in (event.path, status, event.error, answer) if part) or event.state


def _answer(event: Event) -> str:
    """The venue's words; of long ones the beginning, with the length of the whole."""
    kept = bytes(event.answer)
    words = kept[:LONGEST_ANSWER].decode(errors="replace")
    length = max(event.answer_length, len(kept))
    return words if length <= LONGEST_ANSWER else f"{words}… (cut: the first {LONGEST_ANSWER:,} of {length:,} bytes)"


def _of_fill(entry: Happened, steps: Steps) -> TimelineRow:
    fill: Fill = entry.row
    spec = fill.market.rules
    verb, forced = "Bought" if fill.is_buy else "Sold", " by the venue" if fill.liquidation else ""
    fee = (
        f" Fee {small_money(fill.fee).lstrip('+')}{f' {fill.fee_token}' if fill.fee_token else ''}." if fill.fee else ""
    )
    return TimelineRow(
        time=clock(entry.at),
        kind="Fill",
        words=f"{verb}{forced} {plain(fill.size)} {spec.base} at {price_text(fill.price, spec)}.{fee}",
        amount=small_money(fill.closed_pnl) if fill.closed_pnl else "",
        tone=tone_of(fill.closed_pnl),
        details=(("Venue's key", fill.key), ("Order", str(fill.order_id)), ("Venue's words", fill.direction)),
    )


def _of_funding(entry: Happened, steps: Steps) -> TimelineRow:
    payment: FundingPayment = entry.row
    verb = "received" if payment.amount > 0 else "paid"
    return TimelineRow(
        time=clock(entry.at),
        kind="Funding",
        words=f"Funding {verb} on {payment.market.rules.base}.",
        amount=small_money(payment.amount),
        tone=tone_of(payment.amount),
        details=(("Venue's key", payment.key), ("Rate", f"{payment.rate.normalize():f}")),
    )


def _of_ledger(entry: Happened, steps: Steps) -> TimelineRow:
    row: LedgerEntry = entry.row
    return TimelineRow(
        time=clock(entry.at),
        kind="Money",
        words=f"{kind_words(row.kind)}.",
        amount=moved_money(row),
        tone=tone_of(row.amount) if row.amount is not None else Tone.PLAIN,
        details=(("Venue's key", row.key), ("Venue's record", row.details[:LONGEST_ANSWER])),
    )


def _of_margin(entry: Happened, steps: Steps) -> TimelineRow:
    change: MarginChange = entry.row
    where = "" if change.command_id else ", outside of this platform"
    verb = "added to" if change.amount > 0 else "taken from"
    return TimelineRow(
        time=clock(entry.at),
        kind="Margin",
        words=f"Margin {verb} the {change.market.rules.base} position{where}.",
        amount=money(change.amount, signed=True),
        tone=tone_of(change.amount),
    )


def _of_setting(entry: Happened, steps: Steps) -> TimelineRow:
    change: SettingChange = entry.row
    where = "" if change.command_id else ", outside of this platform"
    return TimelineRow(
        time=clock(entry.at),
        kind="Setting",
        words=(
            f"{change.market.rules.base} went from {change.mode_before} {change.leverage_before}x"
            f" to {change.mode} {change.leverage}x{where}."
        ),
    )


def _of_liquidation(entry: Happened, steps: Steps) -> TimelineRow:
    row: Liquidation = entry.row
    return TimelineRow(
        time=clock(entry.at),
        kind="Deleveraging" if row.is_deleveraging else "Liquidation",
        words=f"{row.market.rules.base} {side_of(row).lower()} of {plain(row.closed_size)} {method_words(row.method)}.",
        amount=money(-row.lost, signed=True) if row.lost is not None else "",
        tone=tone_of(-row.lost) if row.lost is not None else Tone.DOWN,
        liquidation=row.pk,
    )


def _of_difference(entry: Happened, steps: Steps) -> TimelineRow:
    row: Difference = entry.row
    subject = f" {row.subject}" if row.subject else ""
    return TimelineRow(
        time=clock(entry.at),
        kind="Difference",
        words=(
            f"{DifferenceKind(row.kind).label}{subject}: our rows said {grouped(row.ours)},"
            f" the venue {grouped(row.venues)}. {row.explanation or 'Being looked at again.'}"
        ),
        tone=Tone.WARN,
    )


_BUILDERS: Mapping[str, Any] = {
    "approval": _of_approval,
    "command": _of_command,
    "fill": _of_fill,
    "funding": _of_funding,
    "ledger": _of_ledger,
    "margin": _of_margin,
    "setting": _of_setting,
    "liquidation": _of_liquidation,
    "difference": _of_difference,
}
