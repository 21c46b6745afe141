"""Whole terminals: everything on it, a newcomer's, and one whose venue does not answer."""

from dataclasses import replace
from datetime import timedelta

from tests.trading.panels.table_samples import fill_rows, margin_change_rows, order_rows, pending_row, position_rows
from tests.trading.panels.ticket_samples import CLOSED, LIVE, NOW, added_quote, notice, refused_quote, ticket
from trading.panels.view_models import (
    AccountPanel,
    Book,
    BookRow,
    Choice,
    FreshnessState,
    MarketBar,
    MarketLink,
    NoticeState,
    PositionsPanel,
    TerminalPage,
    Tone,
    VenueBanner,
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
        max_leverage="25x",
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
        stale_after_seconds=5,
        closed_after_seconds=15,
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
            title="Hyperliquid does not answer.",
            detail="Numbers are 42 s old. New orders wait; closing and adding margin are still tried.",
        ),
        positions=PositionsPanel(rows=(*position_rows(), pending_row()), freshness=CLOSED),
        ticket=replace(
            page.ticket,
            terms=replace(
                page.ticket.terms,
                modes=(
                    Choice(value="isolated", label="Isolated", selected=True),
                    Choice(
                        value="cross",
                        label="Cross",
                        closed_because="Cross is closed here while you hold an isolated ETH position. Close it first.",
                    ),
                ),
            ),
            quote=added_quote(),
        ),
        notices=tuple(replace(notice(state), form_key="") for state in NoticeState),
    )
