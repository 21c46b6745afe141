"""Records of orders, executions and payments, written back field by field: nothing that is read is changed."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading.venues.base import Fill, FundingPayment, OpenOrder, OrderReport, OrderState, TimeInForce, TriggerKind
from trading.venues.hyperliquid import history, orders

Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIFS = {"Gtc": TimeInForce.GOOD_TILL_CANCELLED, "Ioc": TimeInForce.IMMEDIATE_OR_CANCEL, "Alo": TimeInForce.POST_ONLY}
KINDS = {"Stop": TriggerKind.STOP_LOSS, "Take": TriggerKind.TAKE_PROFIT}


def recording(folder: Path, name: str) -> Any:
    return json.loads((folder / "hyperliquid" / name).read_text())


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def text(figure: Decimal | None) -> str | None:
    return None if figure is None else str(figure)


def order_written(order: OpenOrder) -> Row:
    trigger = order.trigger
    return {
        "coin": order.market,
        "oid": order.order_id,
        "cloid": order.client_id,
        "side": "B" if order.is_buy else "A",
        "limitPx": str(order.limit_price),
        "sz": str(order.size),
        "origSz": str(order.original_size),
        "tif": order.time_in_force,
        "reduceOnly": order.reduce_only,
        "timestamp": milliseconds(order.placed_at),
        "orderType": order.order_type,
        "isTrigger": trigger is not None,
        "triggerPx": str(trigger.price) if trigger else "0.0",
        "triggerCondition": trigger.condition if trigger else "N/A",
        "kind": (trigger.kind, trigger.is_market) if trigger else None,
        "isPositionTpsl": order.covers_position,
        "children": [order_written(child) for child in order.children],
    }


def order_recorded(row: Row) -> Row:
    """The row with what the venue leaves out in plain lists, and our words for its labels."""
    kind = row.get("orderType", "Limit")
    left_out = {"cloid": None, "origSz": row["sz"], "reduceOnly": False, "orderType": kind, "isTrigger": False}
    left_out |= {"triggerPx": "0.0", "triggerCondition": "N/A", "isPositionTpsl": False}
    return (
        left_out
        | row
        | {
            "tif": TIFS[row["tif"]] if row.get("tif") else None,
            "kind": (KINDS[kind.split()[0]], kind.endswith("Market")) if row.get("isTrigger") else None,
            "children": [order_recorded(child) for child in row.get("children", [])],
        }
    )


@pytest.mark.parametrize("name", ["frontend_open_orders.json", "open_orders.json"])
def test_every_recorded_order_is_kept_whole(venue_data: Path, name: str) -> None:
    rows = recording(venue_data, name)

    assert [order_written(order) for order in orders.open_orders(encoded(rows))] == [
        order_recorded(row) for row in rows
    ]


def test_order_of_a_whole_position_says_so(venue_data: Path) -> None:
    found = orders.open_orders(encoded(recording(venue_data, "frontend_open_orders.json")))

    assert [order.order_id for order in found if order.covers_position] == [501149851930]


def report_written(report: OrderReport) -> Row:
    assert report.order
    assert report.changed_at
    changed_at = milliseconds(report.changed_at)
    return {"status": report.label, "statusTimestamp": changed_at, "order": order_written(report.order)}


def test_every_recorded_order_of_the_past_is_kept_whole(venue_data: Path) -> None:
    rows = recording(venue_data, "historical_orders.json")
    status = recording(venue_data, "order_status.json")
    found = [*orders.order_history(encoded(rows)), orders.order_report(encoded(status["found"]))]

    assert [report_written(report) for report in found] == [
        row | {"order": order_recorded(row["order"])} for row in [*rows, status["found"]["order"]]
    ]
    states = [OrderState.REJECTED] * 3 + [OrderState.CANCELLED] * 2 + [OrderState.OPEN]
    assert [report.state for report in found] == states
    assert orders.order_report(encoded(status["missing"])) == OrderReport(OrderState.UNKNOWN, "unknownOid")


def fill_written(fill: Fill) -> Row:
    mark = fill.liquidation
    written = {
        "coin": fill.market,
        "oid": fill.order_id,
        "cloid": fill.client_id,
        "side": "B" if fill.is_buy else "A",
        "px": str(fill.price),
        "sz": str(fill.size),
        "time": milliseconds(fill.time),
        "closedPnl": str(fill.closed_pnl),
        "fee": text(fill.fee),
        "builderFee": str(fill.builder_fee),
        "feeToken": fill.fee_token,
        "crossed": fill.is_taker,
        "startPosition": text(fill.start_position),
        "dir": fill.direction,
        "key": fill.key,
    }
    return written | {"liquidation": mark and (mark.account, str(mark.mark), mark.method)}


def fill_recorded(row: Row) -> Row:
    tail = row["tid"] if "tid" in row else f"{row.get('hash', '')}-{row['oid']}-{row.get('startPosition')}"
    mark = row.get("liquidation")
    left_out = {"cloid": None, "fee": None, "builderFee": "0", "feeToken": "USDC", "startPosition": None}
    kept = left_out | {key: value for key, value in row.items() if key not in {"tid", "hash", "twapId"}}
    return kept | {
        "key": f"{row['time']}-{row['coin']}-{tail}",
        "liquidation": mark and (mark["liquidatedUser"], mark["markPx"], mark["method"]),
    }


def test_every_recorded_fill_is_kept_whole(venue_data: Path) -> None:
    recorded = recording(venue_data, "user_fills.json")
    lists = [recorded[name] for name in ("current_shape", "special_dirs", "old_shape_2023")]
    lists.append(recorded["ws_user_channel_liquidation_counterparty"]["data"]["fills"])
    for rows in lists:
        found = history.fills(encoded(rows))
        assert [fill.time for fill in found] == sorted(fill.time for fill in found)
        assert {fill.key: fill_written(fill) for fill in found} == {row["key"]: row for row in map(fill_recorded, rows)}
        assert len(found) == len(rows)


def payment_written(payment: FundingPayment) -> tuple[object, ...]:
    figures = (str(payment.amount), str(payment.size), str(payment.rate))
    return (payment.market, milliseconds(payment.time), *figures, payment.key)


def test_every_recorded_funding_payment_is_kept_whole(venue_data: Path) -> None:
    for name, rows in recording(venue_data, "user_funding.json").items():
        deltas = [(row["time"], row["delta"]) for row in rows]
        assert sorted(map(payment_written, history.funding(encoded(rows)))) == sorted(
            (paid["coin"], time, paid["usdc"], paid["szi"], paid["fundingRate"], f"{time}-{paid['coin']}")
            for time, paid in deltas
        ), name
