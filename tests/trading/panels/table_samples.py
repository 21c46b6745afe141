"""Rows of the tables, as the builders make them."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.trading.panels.ticket_samples import NOW
from trading.panels.view_models import (
    Change,
    FillRow,
    MarginChangeRow,
    OrderRow,
    PositionRow,
    Risk,
    Tone,
    Trend,
)


def position_rows() -> tuple[PositionRow, ...]:
    """Two isolated positions and a cross one."""
    first = PositionRow(
        id=1,
        market="SOL",
        base="SOL",
        side="Long",
        side_tone=Tone.UP,
        mode="isolated",
        mode_label="Isolated",
        leverage="8x",
        size="64.2",
        value="9,386.04",
        collateral="USDC",
        entry="143.87",
        entry_value="143.87",
        mark="146.20",
        pnl="+149.59",
        pnl_percent="+12.9 %",
        pnl_tone=Tone.UP,
        margin="1,154.55",
        margin_note="+18.20 since open",
        utilisation="31 %",
        utilisation_value=31,
        utilisation_tone=Tone.UP,
        liquidation="130.10",
        liquidation_value="130.10",
        liquidation_reason="",
        distance="−11.0 %",
        risk=Risk.FAR,
        risk_words="far",
        as_of=NOW,
    )
    second = replace(
        first,
        id=2,
        market="DOGE",
        base="DOGE",
        side="Short",
        side_tone=Tone.DOWN,
        leverage="20x",
        size="−5,000",
        value="1,012.50",
        entry="0.20210",
        mark="0.20250",
        pnl="−2.00",
        pnl_percent="−4.0 %",
        pnl_tone=Tone.DOWN,
        margin="50.00",
        margin_note="",
        utilisation="78 %",
        utilisation_value=78,
        utilisation_tone=Tone.WARN,
        liquidation="0.20689",
        liquidation_value="0.20689",
        distance="+2.2 %",
        risk=Risk.NEAR,
        risk_words="near",
    )
    third = replace(
        first,
        id=3,
        market="BTC",
        base="BTC",
        mode="cross",
        mode_label="Cross",
        leverage="5x",
        size="0.12",
        value="11,664.00",
        entry="95,410",
        mark="97,200",
        pnl="+214.80",
        pnl_percent="+9.4 %",
        margin="2,332.80",
        margin_note="",
        utilisation="14 %",
        utilisation_value=14,
        liquidation="21,480",
        liquidation_value="21480",
        distance="−77.9 %",
        add_closed_because="A cross position draws on the whole cross balance.",
        remove_closed_because="A cross position draws on the whole cross balance.",
    )
    return first, second, third


def pending_row() -> PositionRow:
    """A position that is being closed and cannot be adjusted, without a liquidation price."""
    return replace(
        position_rows()[0],
        id=4,
        liquidation="",
        liquidation_value="",
        liquidation_reason="covered at any price",
        risk=Risk.NONE,
        risk_words="None",
        add_closed_because="A change is being checked.",
        remove_closed_because="A change is being checked.",
        close_closed_because="A change is being checked.",
        pending="Checking",
    )


def order_rows() -> tuple[OrderRow, ...]:
    """Two resting orders, one of which is being cancelled."""
    first = OrderRow(
        id=11,
        market="ETH",
        address="ETH",
        side="Buy",
        side_tone=Tone.UP,
        kind="Limit",
        trigger="",
        price="2,950.0",
        size="1.0",
        filled="0.25",
        value="2,950.00",
        mode_label="Isolated",
        placed="22 Nov 10:12:04",
        placed_at=datetime(2026, 11, 22, 10, 12, 4, tzinfo=UTC),
        age="18 min",
        reduce_only=False,
        form_key="2a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b15",
    )
    closing = replace(first, id=12, side="Sell", side_tone=Tone.DOWN, reduce_only=True)
    return first, replace(closing, cancel_closed_because="A cancellation is being checked.")


def fill_rows() -> tuple[FillRow, ...]:
    """An ordinary execution and a liquidation."""
    first = FillRow(
        id=21,
        time="22 Nov 10:12:04",
        market="SOL",
        direction="Open long",
        side_tone=Tone.UP,
        price="143.87",
        size="64.2",
        value="9,236.45",
        fee="4.16",
        pnl="0.00",
        pnl_tone=Tone.MUTED,
    )
    return first, replace(first, id=22, direction="Close long", pnl="−50.00", pnl_tone=Tone.DOWN, note="liquidated")


def margin_change_rows() -> tuple[MarginChangeRow, ...]:
    """Margin that was added."""
    return (
        MarginChangeRow(
            id=31,
            time="22 Nov 10:20:00",
            market="SOL",
            amount="+18.20",
            amount_tone=Tone.UP,
            margin=Change(before="1,136.35", after="1,154.55"),
            liquidation=Change(before="130.38", after="130.10", trend=Trend.BETTER),
            state="accepted",
        ),
    )
