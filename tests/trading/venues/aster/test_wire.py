"""Numbers, ids and parameters as the venue writes them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote_plus
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.venues.aster.cases import BITCOIN, CASES, limit
from tests.trading.venues.aster.figures import OWNER, market
from trading.margin.types import MarginMode
from trading.venues.allowance import Use
from trading.venues.aster import wire
from trading.venues.aster.weights import cost
from trading.venues.base import (
    AdjustMargin,
    BuilderFee,
    CancelOrder,
    CancelOrders,
    Command,
    ModifyOrder,
    MoveCollateral,
    PlaceOrder,
    PlaceOrders,
    SetLeverage,
    Trigger,
    TriggerKind,
    market_order,
)
from trading.venues.errors import InvalidCommand


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("0.00010000", "0.0001"),
        ("1e-5", "0.00001"),
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


@given(st.text(max_size=20))
def test_every_value_is_encoded_as_a_form_does(value: str) -> None:
    assert wire.encoded((("a", value), ("b", "1"))) == f"a={quote_plus(value)}&b=1"


@pytest.mark.parametrize(("command", "line", "text"), CASES)
def test_a_command_is_written_in_the_venues_words(command: Command, line: str, text: str) -> None:
    call = wire.call(command)
    assert (f"{call.method} {call.name}", call.text) == (line, text)


@pytest.mark.parametrize(
    "command",
    [
        MoveCollateral("", "other", "USDT", Decimal(1)),
        CancelOrders((CancelOrder(BITCOIN, 1), CancelOrder(BITCOIN, "b"))),
        CancelOrders((CancelOrder(BITCOIN, 1), CancelOrder(market("ETHUSDT"), 2))),
        CancelOrder(BITCOIN, "a" * 37),
        CancelOrder(BITCOIN, "with space"),
        limit(builder=BuilderFee("0x12", Decimal(0))),
    ],
)
def test_what_the_venue_does_not_have_is_refused_in_words(command: Command) -> None:
    with pytest.raises(InvalidCommand) as caught:
        wire.call(command)
    assert caught.value.explanation.endswith((".", ")"))


def test_a_commands_id_is_a_client_order_id() -> None:
    text = wire.client_id(UUID(int=1))
    assert text == "0" * 31 + "1"
    assert wire.call(CancelOrder(BITCOIN, text)).text == f"symbol=BTCUSDT&origClientOrderId={text}"


def test_paths_follow_the_scheme() -> None:
    names = ("order", "balance", "positionRisk", "accountWithJoinMargin")
    assert [wire.path(name, is_current=True) for name in names] == [f"/fapi/v3/{name}" for name in names]
    assert [wire.path(name, is_current=False) for name in names] == [
        "/fapi/v1/order",
        "/fapi/v2/balance",
        "/fapi/v2/positionRisk",
        "/fapi/v4/account",
    ]


def test_times_are_whole_numbers_of_an_aware_moment() -> None:
    moment = datetime(2026, 11, 22, 12, 0, 0, 1999, tzinfo=UTC)
    assert (wire.milliseconds(moment), wire.microseconds(moment)) == (1795348800001, 1795348800001999)
    for function in (wire.milliseconds, wire.microseconds):
        with pytest.raises(ValueError, match="aware"):
            function(moment.replace(tzinfo=None))


def test_an_address_is_kept_as_it_is_written() -> None:
    assert wire.address(OWNER) == OWNER
    with pytest.raises(InvalidCommand):
        wire.address(OWNER[:-1])


def test_what_takes_risk_away_is_told_from_the_bytes_that_are_sent() -> None:
    order = PlaceOrder(BITCOIN, is_buy=True, size=Decimal(1), limit_price=Decimal(50000))
    reducing = replace(order, reduce_only=True)
    stop = replace(reducing, size=Decimal(0), trigger=Trigger(Decimal(9), is_market=True, kind=TriggerKind.STOP_LOSS))
    at_market = market_order(BITCOIN, is_buy=True, size=Decimal(1), mark=Decimal(50000), slippage=Decimal("0.03"))
    margin = AdjustMargin(BITCOIN, is_buy=True, amount=Decimal(5))
    uses: dict[Use, list[Command]] = {
        Use.USUAL: [
            order, PlaceOrders((order, reducing)), ModifyOrder(7, reducing), SetLeverage(BITCOIN, MarginMode.CROSS, 5),
            replace(margin, amount=Decimal(-5)), at_market,
        ],
        Use.RELIEF: [
            reducing, stop, PlaceOrders((reducing, stop)), replace(at_market, reduce_only=True), margin,
        ],
        Use.CANCEL: [CancelOrder(BITCOIN, 7), CancelOrders((CancelOrder(BITCOIN, 7),))],
    }  # fmt: skip

    assert {use: [_use(command) for command in commands] for use, commands in uses.items()} == {
        use: [use] * len(commands) for use, commands in uses.items()
    }


def _use(command: Command) -> Use:
    call = wire.call(command)
    return cost(call.method, f"/fapi/v3/{call.name}", call.text.encode()).use
