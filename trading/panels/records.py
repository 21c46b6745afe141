"""Funding, transfers and liquidations as a trader's tables and support's print them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trading.models import Fill, FundingPayment, LedgerEntry, Liquidation, VenueAccount
from trading.models.records import DELEVERAGED
from trading.panels.market import liquidation_text, price_text, tone_of
from trading.panels.numbers import clock, money, percent, plain
from trading.panels.view_models import Tone

# The venues' words for what moves a balance (Hyperliquid 2.5, Aster 3.7), in ours; others are spelt out as they are.
KINDS = {
    "deposit": "Deposit",
    "liquidation": "The venue's own record of a liquidation",
    "LIQUIDATION": "The venue's own record of a liquidation",
    "ADL": "Closed by the venue against a liquidated account (auto-deleveraging)",
    "withdraw": "Withdrawal",
    "accountClassTransfer": "Between spot and perpetuals",
    "internalTransfer": "Transfer to or from another account",
    "subAccountTransfer": "Transfer to or from a sub-account",
    "spotTransfer": "Transfer of a token",
    "send": "Transfer",
    "rewardsClaim": "Rewards",
    "TRANSFER": "Transfer between wallets",
    "INTERNAL_TRANSFER": "Transfer between accounts",
    "INSURANCE_CLEAR": "Liquidation fee and insurance fund",
    "COMMISSION_REBATE": "Rebate of fees",
    "REFERRAL_KICKBACK": "Referral reward",
    "WELCOME_BONUS": "Bonus",
    "AUTO_EXCHANGE": "Automatic exchange of assets",
    "CROSS_COLLATERAL_TRANSFER": "Transfer of collateral",
}
FUNDING_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow:
    """One funding payment. ``size`` and ``rate`` are empty where the venue does not tell them."""

    id: int
    time: str
    market: str
    size: str
    rate: str
    amount: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow:
    """Money that came or went."""

    id: int
    time: str
    kind: str
    amount: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationRow:
    """One liquidation or auto-deleveraging. ``returned`` is empty where the whole account backed it;
    ``result`` is what the trader has more (or less) for it."""

    id: int
    time: str
    market: str
    side: str
    side_tone: Tone
    mode_label: str
    size: str
    price: str
    liquidation: str
    result: str
    result_tone: Tone
    returned: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationNotice:
    """What a trader is told as soon as it is known."""

    id: int
    title: str
    detail: str
    time: str


def build_funding(payments: Iterable[FundingPayment]) -> tuple[FundingRow, ...]:
    """Funding payments, in the order given."""
    return tuple(
        FundingRow(
            id=row.pk,
            time=clock(row.happened_at),
            market=row.market.rules.label,
            size=plain(row.size) if row.size else "",
            rate=percent(row.rate, 5, signed=True) if row.size else "",
            amount=small_money(row.amount),
            tone=tone_of(row.amount),
        )
        for row in payments
    )


def small_money(amount: Decimal) -> str:
    """An amount that may be less than a cent, to its last digit: never shown as nothing, and no digit left out.

    >>> small_money(Decimal("-0.001619000000")), small_money(Decimal("12480.5"))
    ('−0.001619', '+12,480.50')
    """
    digits = max(2, min(FUNDING_DECIMALS, -int(amount.normalize().as_tuple().exponent)))
    from_cents = plain(amount.quantize(Decimal(1).scaleb(-digits)))
    text = money(amount, signed=True) if digits == 2 else from_cents
    return f"+{text}" if amount > 0 and not text.startswith("+") else text


def fee_text(fill: Fill) -> str:
    """What an execution cost: in the collateral to the cent, in another coin to its last digit, with its name."""
    if fill.fee is None:
        return "not told"
    if fill.fee_token:
        return f"{plain(fill.fee)} {fill.fee_token}"
    return money(fill.fee, rounding=ROUND_CEILING)


def build_transfers(entries: Iterable[LedgerEntry]) -> tuple[TransferRow, ...]:
    """Ledger entries, in the order given."""
    return tuple(
        TransferRow(
            id=row.pk,
            time=clock(row.happened_at),
            kind=kind_words(row.kind),
            amount=moved_money(row) or "amount not told",
            tone=tone_of(row.amount) if row.amount is not None else Tone.PLAIN,
        )
        for row in entries
    )


def moved_money(row: LedgerEntry) -> str:
    """What a ledger entry brought or took, with its asset where that is not the collateral; empty where not told."""
    if row.amount is None:
        return ""
    return f"{small_money(row.amount)} {row.asset}".rstrip()


def kind_words(kind: str) -> str:
    """A venue's name for a ledger entry, in words.

    >>> kind_words("deposit"), kind_words("vaultWithdraw"), kind_words("API_REBATE")
    ('Deposit', 'Vault withdraw', 'Api rebate')
    """
    if kind in KINDS:
        return KINDS[kind]
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", kind).capitalize()


def build_liquidations(rows: Iterable[Liquidation]) -> tuple[LiquidationRow, ...]:
    """Liquidations, in the order given."""
    return tuple(_liquidation_row(row) for row in rows)


def _liquidation_row(row: Liquidation) -> LiquidationRow:
    spec = row.market.rules
    shown, mark = row.liquidation_price, row.mark_price or row.average_price or Decimal(0)
    return LiquidationRow(
        id=row.pk,
        time=clock(row.happened_at),
        market=spec.label,
        side=side_of(row),
        side_tone=Tone.UP if row.size_before > 0 else Tone.DOWN,
        mode_label=f"{row.mode.title()} {row.leverage}x" if row.leverage else row.mode.title(),
        size=plain(row.closed_size),
        price=price_text(row.average_price, spec) if row.average_price else "",
        liquidation=liquidation_text(shown, mark, spec) if shown else "none shown",
        result=money(-row.lost, rounding=ROUND_FLOOR, signed=True) if row.lost is not None else "not known",
        result_tone=tone_of(-row.lost) if row.lost is not None else Tone.PLAIN,
        returned=_returned(row),
        kind="Auto-deleveraged" if row.is_deleveraging else "",
    )


def _returned(row: Liquidation) -> str:
    if row.returned is None:
        return "not known" if row.mode == "isolated" else ""
    return money(row.returned, rounding=ROUND_FLOOR)


def side_of(row: Liquidation) -> str:
    """Which side it was."""
    return "Long" if row.size_before > 0 else "Short"


def method_words(method: str) -> str:
    """How a venue closed it, in words."""
    if method == DELEVERAGED:
        return "closed against a liquidated position"
    if method == "backstop":
        return "taken over by the venue"
    return "sold in the market" if method == "market" else "partly in the market, the rest taken over"


def result_words(row: Liquidation) -> str:
    """What was lost or gained, as the end of a sentence; empty where that is not known."""
    if row.lost is None:
        return ""
    unit, is_gain = row.market.rules.collateral, row.lost < 0
    amount = money(abs(row.lost), rounding=ROUND_FLOOR if is_gain else ROUND_CEILING)
    return f"{amount} {unit} were {'gained' if is_gain else 'lost'}"


def build_liquidation_notices(rows: Iterable[Liquidation]) -> tuple[LiquidationNotice, ...]:
    """What is told at once, newest first."""
    return tuple(_notice(row) for row in rows)


def _notice(row: Liquidation) -> LiquidationNotice:
    base, side = row.market.rules.base, side_of(row).lower()
    verb = "Auto-deleveraged" if row.is_deleveraging else "Liquidated"
    sentences = _deleveraged_words(row) if row.is_deleveraging else _liquidated_words(row)
    return LiquidationNotice(
        id=row.pk,
        title=f"{verb}: {base} {side} of {plain(row.closed_size)}",
        detail=" ".join(sentence for sentence in sentences if sentence),
        time=f"{row.happened_at:%H:%M:%S}",
    )


def _liquidated_words(row: Liquidation) -> tuple[str, ...]:
    lost = result_words(row)
    return (
        f"{lost}." if lost else "",
        f"{money(row.returned, rounding=ROUND_FLOOR)} came back." if row.returned else "",
        "Only the margin of this position was touched." if row.mode == "isolated" else "",
    )


def _deleveraged_words(row: Liquidation) -> tuple[str, ...]:
    spec, result = row.market.rules, result_words(row)
    price = f" at {price_text(row.average_price, spec)}" if row.average_price else ""
    return (
        f"The venue closed it{price} against a liquidated position. You did nothing wrong.",
        f"{result}." if result else "",
        remaining_words(row),
    )


def remaining_words(row: Liquidation) -> str:
    """What was left of a position that was closed in part or whole; empty where we had not seen it before."""
    left = abs(row.size_before) - row.closed_size
    if left:
        return f"{plain(left)} {row.market.rules.base} remained open."
    return "Nothing of it remained open." if row.seen_at else ""


def history_note(accounts: Iterable[VenueAccount]) -> datetime | None:
    """When funding and transfers were read last: the oldest of the accounts; None where one never was."""
    moments = [account.history_read_at for account in accounts]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None
