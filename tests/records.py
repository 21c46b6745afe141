"""Rows of what happened to an account, as its readings would have written them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.models import (
    Difference,
    FormerPosition,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    Market,
    Setting,
    SettingChange,
    VenueAccount,
)
from trading.models.records import DifferenceKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_funding(account: VenueAccount, market: Market, key: str = "1", **changes: Any) -> FundingPayment:
    """An hour's funding of the recorded long, which paid it."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "key": key,
        "happened_at": NOW,
        "amount": Decimal("-0.001619"),
        "size": Decimal("0.002"),
        "rate": Decimal("0.0000125"),
    }
    row = FundingPayment(**(values | changes))
    row.save()
    return row


def make_ledger_entry(account: VenueAccount, key: str = "1", **changes: Any) -> LedgerEntry:
    """A deposit of 10 000."""
    values: dict[str, Any] = {
        "account": account,
        "key": key,
        "kind": "deposit",
        "happened_at": NOW,
        "amount": Decimal(10_000),
        "details": '{"type":"deposit","usdc":"10000.0"}',
    }
    row = LedgerEntry(**(values | changes))
    row.save()
    return row


def make_setting(account: VenueAccount, market: Market) -> Setting:
    """Isolated five, as the venue told it."""
    row = Setting(account=account, market=market, mode="isolated", leverage=5, told_at=NOW)
    row.save()
    return row


def make_setting_change(account: VenueAccount, market: Market, **changes: Any) -> SettingChange:
    """Leverage lowered from ten to five somewhere else."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "mode_before": "isolated",
        "leverage_before": 10,
        "mode": "isolated",
        "leverage": 5,
        "happened_at": NOW,
    }
    row = SettingChange(**(values | changes))
    row.save()
    return row


def make_former_position(account: VenueAccount, market: Market, **changes: Any) -> FormerPosition:
    """The recorded long before it went."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "size": Decimal("0.002"),
        "entry_price": Decimal(64815),
        "mark_price": Decimal(52600),
        "mode": "isolated",
        "leverage": 5,
        "margin": Decimal("1.468067"),
        "cash": Decimal("-103.731933"),
        "unrealised_pnl": Decimal("-24.43"),
        "liquidation_price": Decimal("52522.4977215"),
        "estimated_liquidation_price": Decimal("52522.4977215"),
        "max_leverage": 40,
        "venue_time": NOW,
        "ended_at": NOW,
    }
    row = FormerPosition(**(values | changes))
    row.save()
    return row


def make_liquidation(account: VenueAccount, market: Market, key: str = "1", **changes: Any) -> Liquidation:
    """The recorded long, sold into the book at 52 500."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "key": key,
        "happened_at": NOW,
        "ended_at": NOW,
        "mode": "isolated",
        "method": "market",
        "size_before": Decimal("0.002"),
        "closed_size": Decimal("0.002"),
        "mark_price": Decimal(52520),
        "average_price": Decimal(52500),
        "closed_pnl": Decimal("-24.63"),
        "fee": Decimal("0.04725"),
        "entry_price": Decimal(64815),
        "leverage": 5,
        "margin": Decimal("25.898067"),
        "returned": Decimal("1.220817"),
        "lost": Decimal("24.67725"),
        "remained": Decimal("9975.322750"),
        "liquidation_price": Decimal("52522.4977215"),
        "estimated_liquidation_price": Decimal("52522.4977215"),
        "seen_at": NOW,
    }
    row = Liquidation(**(values | changes))
    row.save()
    return row


def make_difference(account: VenueAccount, market: Market, **changes: Any) -> Difference:
    """A position that the venue showed larger than our rows explain."""
    values: dict[str, Any] = {
        "account": account,
        "market": market,
        "kind": DifferenceKind.POSITION,
        "subject": market.name,
        "ours": "0.001",
        "venues": "0.002",
        "found_at": NOW,
    }
    row = Difference(**(values | changes))
    row.save()
    return row


def make_records(account: VenueAccount, market: Market) -> Liquidation:
    """One row of every kind; the liquidation is returned."""
    make_funding(account, market)
    make_ledger_entry(account)
    make_setting(account, market)
    make_setting_change(account, market)
    make_former_position(account, market)
    make_difference(account, market)
    return make_liquidation(account, market)
