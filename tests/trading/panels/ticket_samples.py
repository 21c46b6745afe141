"""The order form, its quotes, the dialogs and the notes, as the builders make them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trading.panels.closing import CloseDialog, ClosePreview
from trading.panels.exits import ExitsDialog, ExitsPreview
from trading.panels.orders import CancelDialog, ModifyDialog, ModifyPreview
from trading.panels.survival import DayBar, Survival
from trading.panels.view_models import (
    Change,
    Choice,
    CommandNotice,
    ExitNote,
    Freshness,
    FreshnessState,
    LabelledChange,
    LiquidationCard,
    MarginDialog,
    MarginPreview,
    NoticeState,
    Preset,
    Quote,
    Risk,
    Ticket,
    TicketTerms,
    Tone,
    Trend,
)

NOW = datetime(2026, 11, 22, 10, 30, 0, tzinfo=UTC)
LIVE = Freshness(state=FreshnessState.LIVE, as_of=NOW - timedelta(milliseconds=400), text="0.4 s old")
CLOSED = Freshness(
    state=FreshnessState.CLOSED,
    as_of=NOW - timedelta(seconds=42),
    text="42 s old",
    reason="The numbers are 42 s old, so nothing new can be opened. Closing and adding margin still work.",
)
NO_LIQUIDATION = LiquidationCard(
    price=Change(after=""),
    distance="",
    risk=Risk.NONE,
    risk_words="No liquidation price",
    gauge=100,
    reason="At 1x the collateral covers the whole size: the price would have to reach zero.",
)
VERY_NEAR = LiquidationCard(
    price=Change(after="2,767.9"),
    distance="−8.12 %",
    risk=Risk.VERY_NEAR,
    risk_words="very near",
    gauge=41,
    price_value="2767.9",
)
FAR = LiquidationCard(
    price=Change(after="2,050.6"),
    distance="−31.93 %",
    risk=Risk.FAR,
    risk_words="far",
    gauge=86,
    price_value="2050.6",
)


def quote(*, leverage: int = 10) -> Quote:
    """A quote for 1.5 ETH long."""
    risky = leverage >= 10
    return Quote(
        market="ETH",
        side="long",
        margin=Change(after="451.86" if risky else "1,506.20", unit="USDC"),
        liquidation=VERY_NEAR if risky else FAR,
        max_loss="454.34" if risky else "1,508.68",
        max_loss_unit="USDC",
        max_loss_note="The margin of this position and all fees.",
        venue_fee="2.03",
        builder_fee="0.45",
        fee_note="What the venue and this exchange take.",
        free=Change(before="9,316.40", after="8,862.06" if risky else "7,807.72", unit="USDC"),
        button="Buy / Long 1.5 ETH",
        can_submit=True,
        spoken=f"{leverage}x, margin 451.86, liquidation about 2,767.9, maximum loss 454.34",
        freshness=LIVE,
        size_value="1.5",
        size_note="≈ 4,518.60 USDC",
        available_note="9,316.40 available",
        seen_liquidation="2767.9",
        seen_max_loss="454.34",
    )


def refused_quote() -> Quote:
    """A quote whose ticket holds nonsense: words beside the fields, nothing to press."""
    return replace(
        quote(),
        margin=Change(after="not known"),
        liquidation=replace(NO_LIQUIDATION, risk_words="Not known yet", reason="Correct the size to see it."),
        max_loss="not known",
        max_loss_unit="",
        venue_fee="not known",
        builder_fee="",
        free=Change(after="9,316.40", unit="USDC"),
        size_note="",
        button="Correct the size",
        can_submit=False,
        blocked_because="",
        errors={"size": "The size must be a number above zero, with at most 4 decimals."},
    )


def added_quote() -> Quote:
    """A quote that adds to an open position, while the numbers are too old to trade on."""
    return replace(
        quote(),
        liquidation=replace(VERY_NEAR, price=Change(before="2,702.3", after="2,767.9", trend=Trend.WORSE)),
        position_changes=(
            LabelledChange(label="Position size", change=Change(before="0.5", after="2.0", unit="ETH")),
            LabelledChange(label="Entry", change=Change(before="2,990.0", after="3,006.8"), help="Average price."),
        ),
        can_submit=False,
        blocked_because="The numbers are 42 s old.",
        warning="The mark has moved since you pressed the button. Look again.",
        freshness=CLOSED,
    )


def ticket(*, beginners: bool = False) -> Ticket:
    """The order form of a brand."""
    marks = ("1", "2", "3", "4", "5") if beginners else ("1", "5", "10", "15", "20", "25")
    return Ticket(
        market="ETH",
        base="ETH",
        collateral="USDC",
        form_key="0b5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b11",
        terms=TicketTerms(
            modes=(
                Choice(value="isolated", label="Isolated", selected=True),
                Choice(value="cross", label="Cross"),
            ),
            mode_notes=(),
            leverage_note="Capped at 5x by Harbor Markets; the venue allows 25x." if beginners else "",
        ),
        side="long",
        kinds=(Choice(value="market", label="Market", selected=True), Choice(value="limit", label="Limit")),
        price="3012.4",
        trigger="",
        execution="market",
        times=(Choice(value="gtc", label="Until cancelled", selected=True),),
        size="1.5",
        unit="coin",
        percent="",
        leverage="3" if beginners else "10",
        leverage_min=1,
        leverage_max=5 if beginners else 25,
        marks=tuple(
            Preset(label=f"{mark}x cap" if beginners and mark == "5" else f"{mark}x", value=mark) for mark in marks
        ),
        percent_presets=tuple(Preset(label=f"{share} %", value=share) for share in ("10", "25", "50", "75", "100")),
        reduce_only=False,
        protects=False,
        take_profit="",
        stop_loss="",
        quote=quote(leverage=3 if beginners else 10),
        survival=survival(hit=0 if beginners else 2),
    )


def survival(*, hit: int) -> Survival:
    """What the last thirty days say, the first of them hit."""
    return Survival(
        market="ETH",
        words="−8.1 % in a day:",
        result=f"hit on {hit} of 30 days" if hit else "never hit in 30 days",
        tone=Tone.WARN if hit else Tone.UP,
        bars=tuple(DayBar(height=12 if day < hit else 1 + day % 9, is_hit=day < hit) for day in range(30)),
    )


def margin_preview() -> MarginPreview:
    """What 25 USDC more would do for the short."""
    return MarginPreview(
        direction="add",
        amount="25.00",
        collateral="USDC",
        bound="Up to 9,316.40 USDC can be added",
        bound_rule="everything that is free in the account",
        liquidation=LiquidationCard(
            price=Change(before="0.20689", after="0.21177", trend=Trend.BETTER),
            distance="+4.6 %",
            risk=Risk.FAR,
            risk_words="far",
            gauge=60,
            price_value="0.21177",
        ),
        changes=(
            LabelledChange(label="Position margin", change=Change(before="50.00", after="75.00")),
            LabelledChange(
                label="Effective leverage", change=Change(before="20.3x", after="13.5x", trend=Trend.BETTER)
            ),
            LabelledChange(label="Utilisation", change=Change(before="78 %", after="52 %", trend=Trend.BETTER)),
            LabelledChange(label="Free collateral", change=Change(before="9,316.40", after="9,291.40")),
        ),
        button="Add 25.00 USDC",
        can_submit=True,
        spoken="Add 25.00: liquidation moves from 0.20689 to 0.21177",
        freshness=LIVE,
        seen_liquidation="0.21177",
    )


def margin_dialog() -> MarginDialog:
    """The dialog of the short, adding."""
    return MarginDialog(
        position_id=2,
        title="Margin · DOGE short",
        badge="Isolated 20x",
        mode="isolated",
        directions=(Choice(value="add", label="Add", selected=True), Choice(value="remove", label="Remove")),
        amount="25.00",
        target="",
        add_presets=tuple(
            Preset(label=label, value=value)
            for label, value in (("10", "10"), ("25", "25"), ("50", "50"), ("100", "100"), ("Max", "9316.40"))
        ),
        remove_presets=tuple(
            Preset(label=label, value=value) for label, value in (("25 %", "1.2"), ("50 %", "2.4"), ("Max", "4.8"))
        ),
        price_presets=(Preset(label="10 %", value="10%"),),
        form_key="9a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b12",
        preview=margin_preview(),
    )


def close_preview() -> ClosePreview:
    """Closing the short at market."""
    return ClosePreview(
        position_id=2,
        pnl="−2.46 USDC",
        pnl_tone=Tone.DOWN,
        pnl_note="after 0.46 of fees",
        changes=(
            LabelledChange(label="Size", change=Change(before="−5,000", after="0", unit="DOGE")),
            LabelledChange(label="Free collateral", change=Change(before="9,316.40", after="9,363.94")),
        ),
        note="Sent at once as a market order that can only reduce the position; the price may differ by up to 0.5 %.",
        button="Close 5,000 DOGE at market",
        can_submit=True,
        freshness=LIVE,
    )


def close_dialog() -> CloseDialog:
    """The dialog around it."""
    return CloseDialog(
        position_id=2,
        title="Close · DOGE short",
        badge="Isolated 20x",
        mode="isolated",
        base="DOGE",
        collateral="USDC",
        kinds=(Choice(value="market", label="Market", selected=True), Choice(value="limit", label="Limit")),
        percents=(Preset(label="50%", value="50"), Preset(label="100%", value="100")),
        percent="100",
        size="",
        price="",
        form_key="8a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b13",
        preview=close_preview(),
    )


def exits_preview() -> ExitsPreview:
    """A stop that liquidation would come before."""
    return ExitsPreview(
        position_id=2,
        take_profit=ExitNote(text="+120.00 USDC · +240.0 % of margin", tone=Tone.UP),
        errors={"stop_loss": "Liquidation at about 0.20689 comes first: this stop would never fire."},
        button="Check the prices",
        can_submit=False,
        freshness=LIVE,
    )


def exits_dialog() -> ExitsDialog:
    """Take-profit and stop-loss of the short."""
    return ExitsDialog(
        position_id=2,
        title="Take profit and stop loss · DOGE short",
        badge="Isolated 20x",
        mode="isolated",
        take_profit="0.178",
        stop_loss="0.21",
        profit_presets=(Preset(label="+50 %", value="0.2"),),
        loss_presets=(Preset(label="−10 %", value="0.204"),),
        facts=(LabelledChange(label="Entry", change=Change(after="0.20210")),),
        form_key="8a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b16",
        preview=exits_preview(),
    )


def modify_preview() -> ModifyPreview:
    """Another price for a resting order."""
    return ModifyPreview(
        order_id=11,
        changes=(LabelledChange(label="Limit price", change=Change(before="2,950.0", after="2,960.0")),),
        button="Change the order",
        can_submit=True,
        freshness=LIVE,
    )


def modify_dialog() -> ModifyDialog:
    """The dialog around it."""
    return ModifyDialog(
        order_id=11,
        title="Change ETH buy · limit",
        price_label="Limit price",
        price="2960",
        size_label="Left to fill",
        size="1",
        filled="0.5",
        base="ETH",
        collateral="USDC",
        form_key="8a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b17",
        preview=modify_preview(),
    )


def cancel_dialog() -> CancelDialog:
    """Two orders, one of which protects a position."""
    return CancelDialog(
        address="ETH",
        title="Cancel all ETH orders",
        orders=("Buy 1 ETH, limit: at 2,950.0", "Sell whole position, stop market: mark below 2,800.0"),
        warning="Among them is what protects your ETH position.",
        button="Cancel 2 orders",
        form_key="8a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b18",
    )


def notice(state: NoticeState) -> CommandNotice:
    """What became of an order, in each state it can be in."""
    title, detail, step = {
        NoticeState.SENT: ("Order sent", "Buy 1.5 ETH at market, isolated 10x.", ""),
        NoticeState.CHECKING: (
            "Checking with the venue",
            "The venue has not answered. Your order executes at most once.",
            "Nothing to do: this note changes as soon as the venue's own record shows what happened.",
        ),
        NoticeState.ACCEPTED: ("Bought 1.5 ETH", "Filled at 3,012.6, margin 451.89 USDC locked.", ""),
        NoticeState.REJECTED: (
            "The venue refused the order",
            "The margin is not sufficient for this size.",
            "Lower the size or the leverage, then send it again.",
        ),
    }[state]
    return CommandNotice(
        id=f"5d0e6f4e-7f6b-4f0e-8f2e-00000000000{len(title) % 10}",
        state=state,
        title=title,
        detail=detail,
        time="10:30:00",
        next_step=step,
        form_key="1a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b14" if state is NoticeState.ACCEPTED else "",
    )
