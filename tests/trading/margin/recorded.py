"""Recorded venue rows turned into the engine's data, by hand and without the venue adapters."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading.margin.types import Account, AccountMode, Liquidation, MarginMode, NoLiquidation, Position, TierTable

Row = dict[str, Any]


def read(path: Path) -> Any:
    return json.loads(path.read_text(), parse_float=Decimal)


def hyperliquid_tables(market_data: list[Any]) -> dict[str, TierTable]:
    """The tier table of every market of a metaAndAssetCtxs answer."""
    meta = market_data[0]
    tiered = {
        key: TierTable.from_max_leverages((row["lowerBound"], row["maxLeverage"]) for row in table["marginTiers"])
        for key, table in meta["marginTables"]
    }
    return {
        row["name"]: tiered[row["marginTableId"]]
        if row["marginTableId"] in tiered
        else TierTable.single(row["maxLeverage"])
        for row in meta["universe"]
    }


def hyperliquid_position(row: Row, tables: dict[str, TierTable]) -> Position:
    value, size, shown = Decimal(row["positionValue"]), Decimal(row["szi"]), row["maxLeverage"]
    mode = MarginMode(row["leverage"]["type"])
    price = row["liquidationPx"]
    return Position(
        market=row["coin"],
        size=size,
        entry_price=Decimal(row["entryPx"]),
        mark_price=value / abs(size),
        mode=mode,
        leverage=row["leverage"]["value"],
        tiers=tables.get(row["coin"], TierTable.single(shown)).as_shown(shown, value),
        cash=Decimal(row["leverage"]["rawUsd"]) if mode is MarginMode.ISOLATED else None,
        venue_liquidation=Liquidation(None, NoLiquidation.VENUE_GIVES_NONE)
        if price is None
        else Liquidation(Decimal(price)),
    )


def hyperliquid_account(response: Row, tables: dict[str, TierTable], mode: AccountMode) -> Account:
    rows = [entry["position"] for entry in response["assetPositions"]]
    summary = response.get("crossMarginSummary", {"accountValue": "0", "totalMarginUsed": "0"})
    return Account(
        positions=tuple(hyperliquid_position(row, tables) for row in rows),
        cross_equity=Decimal(summary["accountValue"]),
        mode=mode,
        cross_maintenance=Decimal(response.get("crossMaintenanceMarginUsed", "0")),
        cross_initial_margin=Decimal(summary["totalMarginUsed"]),
    )


def relative_difference(ours: Decimal | None, theirs: Decimal) -> Decimal:
    assert ours is not None
    return abs(ours - theirs) / theirs
