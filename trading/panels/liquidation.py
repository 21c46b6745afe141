"""The two numbers that matter, in words and colour: the liquidation price and how far away it is."""

from decimal import Decimal

from trading.margin.quotes import Readout
from trading.margin.rounding import liquidation_towards_mark
from trading.margin.types import Basis, Liquidation, MarginMode, NoLiquidation, Side
from trading.panels.market import liquidation_text
from trading.panels.numbers import field_text, percent
from trading.panels.view_models import Change, LiquidationCard, Risk, Trend
from trading.venues.snapshots import MarketSpec

VERY_NEAR = Decimal("0.05")
NEAR = Decimal("0.15")
# The gauge's far end: half the price away. Its scale is a square root, so that the near part is wide.
GAUGE_END = Decimal("0.5")

NO_PRICE = {
    NoLiquidation.COVERED: "No liquidation price: the collateral outlasts a fall to zero.",
    NoLiquidation.UNDER_WATER: "No equity is left: this position can be liquidated at any moment.",
    NoLiquidation.BEYOND_REACH: "No liquidation price: it lies beyond any price this market can reach.",
    NoLiquidation.COLLATERAL_OUTSIDE: "Not known: the collateral lies outside what the venue shows us.",
    NoLiquidation.CONTRADICTORY_PRICES: "Not known: the venue's own figures disagree at the moment.",
    NoLiquidation.MULTI_ASSET_COLLATERAL: "Not known: several assets back this account.",
    NoLiquidation.VENUE_GIVES_NONE: "The venue gives no liquidation price for this position.",
    NoLiquidation.FLAT: "No position is left, so there is nothing to liquidate.",
}
BRIEFLY = {
    NoLiquidation.COVERED: "covered down to zero",
    NoLiquidation.UNDER_WATER: "no equity is left",
    NoLiquidation.BEYOND_REACH: "beyond any price",
    NoLiquidation.COLLATERAL_OUTSIDE: "collateral unseen",
    NoLiquidation.CONTRADICTORY_PRICES: "figures disagree",
    NoLiquidation.MULTI_ASSET_COLLATERAL: "several assets back it",
    NoLiquidation.VENUE_GIVES_NONE: "the venue gives none",
    NoLiquidation.FLAT: "no position is left",
}


def risk_of(distance: Decimal | None) -> Risk:
    """How near liquidation is, from its distance as a fraction of the mark."""
    if distance is None:
        return Risk.NONE
    if distance < VERY_NEAR:
        return Risk.VERY_NEAR
    return Risk.NEAR if distance < NEAR else Risk.FAR


def distance_text(side: Side, distance: Decimal | None) -> str:
    """The move of the price that reaches liquidation: down for a long, up for a short."""
    return "" if distance is None else percent(-side.sign * distance, signed=True)


def reason_text(liquidation: Liquidation) -> str:
    """Why there is no price; empty where there is one."""
    return NO_PRICE[liquidation.reason] if liquidation.reason else ""


def absence_word(liquidation: Liquidation) -> str:
    """One word in the place of a price: there is none, or it is not known."""
    return "none" if liquidation.reason and liquidation.reason.is_known else "not known"


def brief_reason(liquidation: Liquidation) -> str:
    """Why there is no price, as short as a table's cell; empty where there is one."""
    return BRIEFLY[liquidation.reason] if liquidation.reason else ""


def gauge_place(distance: Decimal | None) -> int:
    """Where the marker stands, 0 at the price and 100 far away."""
    if distance is None:
        return 100
    return int(100 * (min(max(distance, Decimal(0)), GAUGE_END) / GAUGE_END).sqrt())


def build_card(before: Readout | None, after: Readout | None, spec: MarketSpec) -> LiquidationCard:
    """Before → after of the liquidation price; a position that ends says so."""
    old = _price_of(before, spec)
    if after is None:
        reason = NO_PRICE[NoLiquidation.FLAT]
        return LiquidationCard(
            price=Change(before=old, after=""),
            distance="",
            risk=Risk.NONE,
            risk_words="none left",
            gauge=100,
            reason=reason,
        )
    risk = risk_of(after.distance)
    return LiquidationCard(
        price=Change(before=old, after=_price_of(after, spec), trend=_trend(before, after)),
        distance=distance_text(after.position.side, after.distance),
        risk=risk,
        risk_words=_words(after, risk),
        gauge=gauge_place(after.distance),
        reason=reason_text(after.liquidation),
        price_value=price_value(after.liquidation.price, after.position.mark_price, spec),
        distance_value="" if after.distance is None else f"{-after.position.side.sign * after.distance:.3f}",
    )


def price_value(price: Decimal | None, mark: Decimal, spec: MarketSpec) -> str:
    """The price for the chart's line, rounded as the card shows it; empty where there is none."""
    return field_text(liquidation_towards_mark(price, mark, spec.price_rule)) if price else ""


def empty_card() -> LiquidationCard:
    """The card before a size is known."""
    return LiquidationCard(
        price=Change(after=""), distance="", risk=Risk.NONE, risk_words="", gauge=100,
        reason="Enter a size to see where this position would be liquidated.",
    )  # fmt: skip


def _price_of(readout: Readout | None, spec: MarketSpec) -> str:
    if readout is None or readout.liquidation.price is None:
        return ""
    return liquidation_text(readout.liquidation.price, readout.position.mark_price, spec)


def _words(readout: Readout, risk: Risk) -> str:
    if risk is Risk.NONE:
        return absence_word(readout.liquidation)
    shared = ", shared" if readout.position.mode is MarginMode.CROSS else ""
    source = ", the venue's figure" if readout.liquidation.basis is Basis.VENUE else ""
    return f"{risk.value}{shared}{source}"


def _trend(before: Readout | None, after: Readout) -> Trend:
    if before is None or before.position.side is not after.position.side:
        return Trend.SAME
    if before.distance is None or after.distance is None or before.distance == after.distance:
        return Trend.SAME
    return Trend.BETTER if after.distance > before.distance else Trend.WORSE
