"""View models as the builders make them, for rendering: one full page and the variants a trader meets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trading.panels.view_models import (
    AccountPanel,
    Book,
    BookRow,
    Change,
    Choice,
    CloseDialog,
    CommandNotice,
    FillRow,
    Freshness,
    FreshnessState,
    LabelledChange,
    LiquidationCard,
    MarginChangeRow,
    MarginDialog,
    MarginPreview,
    MarketBar,
    MarketLink,
    NoticeState,
    OrderRow,
    PositionRow,
    PositionsPanel,
    Preset,
    Quote,
    Risk,
    TerminalPage,
    Ticket,
    Tone,
    Trend,
    VenueBanner,
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
        modes=(
            Choice(value="isolated", label="Isolated", selected=True),
            Choice(value="cross", label="Cross"),
        ),
        mode_note="",
        side="long",
        kind="market",
        price="3012.4",
        size="1.5",
        unit="coin",
        percent="",
        leverage="3" if beginners else "10",
        leverage_min=1,
        leverage_max=5 if beginners else 25,
        leverage_note="Capped at 5x by Harbor Markets; the venue allows 25x." if beginners else "",
        marks=tuple(
            Preset(label=f"{mark}x cap" if beginners and mark == "5" else f"{mark}x", value=mark) for mark in marks
        ),
        percent_presets=tuple(Preset(label=f"{share} %", value=share) for share in ("10", "25", "50", "75", "100")),
        reduce_only=False,
        quote=quote(leverage=3 if beginners else 10),
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
        add_presets=tuple(
            Preset(label=label, value=value)
            for label, value in (("10", "10"), ("25", "25"), ("50", "50"), ("100", "100"), ("Max", "9316.40"))
        ),
        remove_presets=tuple(
            Preset(label=label, value=value) for label, value in (("25 %", "1.2"), ("50 %", "2.4"), ("Max", "4.8"))
        ),
        form_key="9a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b12",
        preview=margin_preview(),
    )


def close_dialog() -> CloseDialog:
    """Closing the short at market."""
    return CloseDialog(
        position_id=2,
        title="Close · DOGE short",
        badge="Isolated 20x",
        mode="isolated",
        pnl="−2.46 USDC",
        pnl_tone=Tone.DOWN,
        pnl_note="after 0.46 of fees",
        changes=(
            LabelledChange(label="Size", change=Change(before="−5,000", after="0", unit="DOGE")),
            LabelledChange(label="Expected price", change=Change(after="0.20251")),
            LabelledChange(label="Free collateral", change=Change(before="9,316.40", after="9,363.94")),
        ),
        note="Sent at once as a market order that can only reduce the position; the price may differ by up to 0.5 %.",
        form_key="8a5d9f0c-6f50-4f86-9d0e-5a2f1c7f3b13",
        button="Close 5,000 DOGE at market",
        can_submit=True,
        freshness=LIVE,
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


def order_rows() -> tuple[OrderRow, ...]:
    """Two resting orders, one of which is being cancelled."""
    first = OrderRow(
        id=11,
        market="ETH",
        side="Buy",
        side_tone=Tone.UP,
        kind="Limit",
        price="2,950.0",
        size="1.0",
        filled="0.25",
        value="2,950.00",
        mode_label="Isolated",
        placed="22 Nov 10:12:04",
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


def book() -> Book:
    """Eleven levels on each side."""
    sizes = ("20.88", "15.23", "27.15", "38.57", "18.60", "31.54", "10.90", "17.71", "2.16", "17.71", "39.77")
    asks = tuple(
        BookRow(price=f"{3013.5 - step / 10:,.1f}", size=size, total=f"{240.2 - step * 20:.1f}", depth=100 - step * 8)
        for step, size in enumerate(sizes)
    )
    bids = tuple(
        BookRow(
            price=f"{3012.3 - step / 10:,.1f}",
            size=size,
            total=f"{23.6 + step * 20:.1f}",
            depth=10 + step * 8,
            is_own=step == 3,
        )
        for step, size in enumerate(sizes)
    )
    return Book(
        market="ETH",
        asks=asks,
        bids=bids,
        mark="3,012.4",
        mark_tone=Tone.UP,
        spread="0.2 · 0.007 %",
        tick="0.1",
        freshness=LIVE,
    )


def market_bar() -> MarketBar:
    """ETH-PERP."""
    link = MarketLink(
        name="ETH",
        label="ETH-PERP",
        max_leverage="25x",
        mark="3,012.4",
        change="+2.14 %",
        change_tone=Tone.UP,
        is_current=True,
    )
    return MarketBar(
        market="ETH",
        label="ETH-PERP",
        max_leverage="25x max",
        mark="3,012.4",
        mark_tone=Tone.UP,
        index="3,011.8",
        change="+2.14 %",
        change_tone=Tone.UP,
        volume="1.82 B",
        open_interest="914.2 M",
        funding="0.0041 %",
        funding_at=NOW + timedelta(minutes=22, seconds=14),
        funding_in="22:14",
        freshness=LIVE,
        markets=(
            link,
            replace(link, name="BTC", label="BTC-PERP", max_leverage="40x", mark="97,200", is_current=False),
            replace(link, name="SOL", label="SOL-PERP", max_leverage="20x", mark="146.20", is_current=False),
        ),
    )


def account() -> AccountPanel:
    """The account in four numbers."""
    return AccountPanel(
        equity="12,480.22",
        free="9,316.40",
        isolated_locked="1,204.55",
        cross_usage="14 %",
        cross_usage_words="low",
        cross_usage_tone=Tone.UP,
        collateral="USDC",
        address="0x7a3c…91fe",
        freshness=LIVE,
    )


def full_page(*, beginners: bool = False) -> TerminalPage:
    """The terminal with everything on it."""
    return TerminalPage(
        title="3,012.4 ETH-PERP",
        venue_label="Hyperliquid · live",
        venue_state=FreshnessState.LIVE,
        market_bar=market_bar(),
        account=account(),
        ticket=ticket(beginners=beginners),
        book=book(),
        positions=PositionsPanel(rows=position_rows(), freshness=LIVE),
        orders=order_rows(),
        fills=fill_rows(),
        margin_changes=margin_change_rows(),
        price_decimals=1,
        now=NOW,
        live_url="/live/?ticket=sample",
    )


def empty_page() -> TerminalPage:
    """The terminal of a newcomer."""
    page = full_page()
    return replace(
        page,
        positions=PositionsPanel(rows=(), freshness=LIVE),
        orders=(),
        fills=(),
        margin_changes=(),
        live_url="",
        account=replace(page.account, problem="No account is connected yet."),
        book=replace(page.book, problem="The venue has not sent one yet."),
        ticket=replace(page.ticket, size="", quote=refused_quote()),
    )


def troubled_page() -> TerminalPage:
    """The terminal while the venue does not answer."""
    page = full_page()
    return replace(
        page,
        venue_label="Hyperliquid · not answering",
        venue_state=FreshnessState.CLOSED,
        banner=VenueBanner(
            tone=Tone.WARN,
            title="Hyperliquid does not answer.",
            detail="Numbers are 42 s old. New orders wait; closing and adding margin are still tried.",
        ),
        positions=PositionsPanel(rows=(*position_rows(), pending_row()), freshness=CLOSED),
        ticket=replace(
            page.ticket,
            modes=(
                Choice(value="isolated", label="Isolated", selected=True),
                Choice(
                    value="cross",
                    label="Cross",
                    closed_because="Cross is closed here while you hold an isolated ETH position. Close it first.",
                ),
            ),
            quote=added_quote(),
        ),
        notices=tuple(notice(state) for state in NoticeState),
    )
