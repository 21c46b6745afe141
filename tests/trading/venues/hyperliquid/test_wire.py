"""Numbers, ids and actions as the venue writes them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.venues.hyperliquid.figures import market
from trading.margin.types import MarginMode
from trading.venues.base import (
    AdjustMargin,
    Attachment,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    ModifyOrder,
    MoveCollateral,
    Noop,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    TimeInForce,
    Trigger,
    TriggerKind,
    market_order,
)
from trading.venues.errors import InvalidCommand
from trading.venues.hyperliquid import markets, wire

BITCOIN = market()
CLIENT_ID = "0x0000000000000000000000000000abcd"


def limit(price: str = "86400", size: str = "0.001", **changes: object) -> PlaceOrder:
    order = PlaceOrder(BITCOIN, is_buy=True, size=Decimal(size), limit_price=Decimal(price))
    return replace(order, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("0.00076000", "0.00076"),
        ("1e-8", "0.00000001"),
        ("987654321.00000000", "987654321"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("-1.50", "-1.5"),
    ],
)
def test_a_number_has_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    assert wire.number(Decimal(value)) == text


@pytest.mark.parametrize("value", ["0.000000001", "1.123456789", "NaN", "Infinity", "-Infinity"])
def test_a_number_that_the_text_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(InvalidCommand):
        wire.number(Decimal(value))


def test_a_float_is_refused_and_not_converted() -> None:
    with pytest.raises(TypeError, match="not float"):
        wire.number(0.1)  # type: ignore[arg-type]


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=8))
def test_a_number_reads_back_as_itself(value: Decimal) -> None:
    text = wire.number(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert "." not in text or text[-1] not in "0."


def test_every_number_vector_of_the_venue_holds(venue_data: Path) -> None:
    vectors = json.loads((venue_data / "hyperliquid" / "number_vectors.json").read_text())
    assert [wire.number(Decimal(value)) for value, _ in vectors["toWire"]] == [text for _, text in vectors["toWire"]]
    for value in vectors["toWireMustFail"]:
        with pytest.raises(InvalidCommand):
            wire.number(Decimal(value))
    for row in vectors["perpPrice"]:
        rule = market(size_decimals=row["szDecimals"]).price_rule
        assert rule.is_valid(Decimal(row["px"])) is row["ok"], row
    for row in vectors["size"]:
        assert market(size_decimals=row["szDecimals"]).accepts_size(Decimal(row["sz"])) is row["ok"], row
    assert [markets.asset_id(row["dexIndex"], row["index"]) for row in vectors["assetId"]] == [
        row["asset"] for row in vectors["assetId"]
    ]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (
            limit(client_id=CLIENT_ID),
            '{"type":"order","orders":[{"a":0,"b":true,"p":"86400","s":"0.001","r":false,"t":{"limit":{"tif":"Gtc"}},'
            f'"c":"{CLIENT_ID}"}}],"grouping":"na"}}',
        ),
        (
            limit(
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
                builder=BuilderFee("0x8C967E73E6B15087C42A10D344CFF4C96D877F1D", Decimal("0.0005")),
            ),
            '{"type":"order","orders":[{"a":0,"b":true,"p":"86400","s":"0.001","r":false,"t":{"limit":{"tif":"Ioc"}}}],'
            '"grouping":"na","builder":{"b":"0x8c967e73e6b15087c42a10d344cff4c96d877f1d","f":50}}',
        ),
        (
            PlaceOrders(
                (
                    limit(time_in_force=TimeInForce.POST_ONLY),
                    limit("80000", reduce_only=True, trigger=Trigger(Decimal("81000"), TriggerKind.STOP_LOSS)),
                ),
                Attachment.PARENT,
            ),
            '{"type":"order","orders":[{"a":0,"b":true,"p":"86400","s":"0.001","r":false,"t":{"limit":{"tif":"Alo"}}},'
            '{"a":0,"b":true,"p":"80000","s":"0.001","r":true,'
            '"t":{"trigger":{"isMarket":true,"triggerPx":"81000","tpsl":"sl"}}}],"grouping":"normalTpsl"}',
        ),
        (CancelOrder(BITCOIN, 82382), '{"type":"cancel","cancels":[{"a":0,"o":82382}]}'),
        (
            CancelOrders((CancelOrder(BITCOIN, CLIENT_ID),)),
            f'{{"type":"cancelByCloid","cancels":[{{"asset":0,"cloid":"{CLIENT_ID}"}}]}}',
        ),
        (
            ModifyOrder(551170248684, limit("86000")),
            '{"type":"batchModify","modifies":[{"oid":551170248684,"order":{"a":0,"b":true,"p":"86000","s":"0.001",'
            '"r":false,"t":{"limit":{"tif":"Gtc"}}}}]}',
        ),
        (
            SetLeverage(BITCOIN, MarginMode.ISOLATED, 20),
            '{"type":"updateLeverage","asset":0,"isCross":false,"leverage":20}',
        ),
        (
            AdjustMargin(BITCOIN, is_buy=True, amount=Decimal("-12.345678")),
            '{"type":"updateIsolatedMargin","asset":0,"isBuy":true,"ntli":-12345678}',
        ),
        (Noop(), '{"type":"noop"}'),
    ],
)
def test_a_command_becomes_its_action_key_by_key(command: Command, text: str) -> None:
    assert json.dumps(wire.action(command), separators=(",", ":")) == text


def test_a_move_of_collateral_becomes_its_action_key_by_key_and_goes_to_the_account_itself() -> None:
    move = MoveCollateral("", "xyz", "USDC:0x6d1e7cde53ba9467b783cb7c530ce054", Decimal("250.500000"))
    made = wire.action(move, "0xE5CA49FB3BD9A581F0D1EF9CB5D7177DA08BF901", 1_788_220_800_001)
    assert json.dumps(made, separators=(",", ":")) == (
        '{"type":"agentSendAsset","destination":"0xe5ca49fb3bd9a581f0d1ef9cb5d7177da08bf901","sourceDex":"",'
        '"destinationDex":"xyz","token":"USDC:0x6d1e7cde53ba9467b783cb7c530ce054","amount":"250.5",'
        '"fromSubAccount":"","nonce":1788220800001}'
    )


def test_a_move_of_nobodys_collateral_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="account address"):
        wire.action(MoveCollateral("", "xyz", "USDC:0x6d1e", Decimal(1)))


def test_margin_below_a_millionth_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="6 decimals"):
        wire.action(AdjustMargin(BITCOIN, is_buy=True, amount=Decimal("0.0000001")))


def test_cancels_by_id_and_by_client_id_do_not_mix() -> None:
    with pytest.raises(InvalidCommand):
        wire.action(CancelOrders((CancelOrder(BITCOIN, 1), CancelOrder(BITCOIN, CLIENT_ID))))


@pytest.mark.parametrize("text", ["", "0x", "abcd", "0x0000000000000000000000000000ABCD", CLIENT_ID + "0"])
def test_a_client_id_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidCommand):
        wire.action(limit(client_id=text))


def test_a_moment_is_told_in_whole_milliseconds() -> None:
    assert wire.milliseconds(datetime(2026, 9, 1, 0, 0, 0, 1999, tzinfo=UTC)) == 1788220800001


def test_a_commands_uuid_is_a_client_id() -> None:
    assert wire.client_id(UUID(int=0xABCD)) == CLIENT_ID


@pytest.mark.parametrize(
    ("is_buy", "mark", "slippage", "bound"),
    [
        (True, "86319.4", "0.05", "90635"),
        (False, "86319.4", "0.05", "82004"),
        (True, "9999.9", "0", "9999.9"),
        (True, "100000", "0.00000001", "100000"),
        (False, "0.16502", "0.01", "0.16337"),
    ],
)
def test_a_market_order_is_bounded_inside_the_slippage(is_buy: bool, mark: str, slippage: str, bound: str) -> None:
    order = market_order(
        market(size_decimals=1) if mark.startswith("0") else BITCOIN,
        is_buy=is_buy,
        size=Decimal("0.5"),
        mark=Decimal(mark),
        slippage=Decimal(slippage),
    )
    assert order.limit_price == Decimal(bound)
    assert order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL


@pytest.mark.parametrize("slippage", ["-0.01", "1", "NaN"])
def test_a_slippage_outside_its_range_is_refused(slippage: str) -> None:
    with pytest.raises(InvalidCommand):
        market_order(BITCOIN, is_buy=True, size=Decimal(1), mark=Decimal(100), slippage=Decimal(slippage))
