"""What a trader types becomes an exact decimal or a sentence; nothing in between."""

from decimal import Decimal

import pytest

from trading.forms import OrderForm, OrderKind, SizeUnit, Unreadable, read_form_key, read_number, read_order
from trading.margin.rounding import PriceRule
from trading.margin.types import MarginMode, MarginRestriction, Side, TierTable
from trading.venues.snapshots import MarketSpec, Venue

BITCOIN = MarketSpec(
    venue=Venue.HYPERLIQUID,
    name="BTC",
    base="BTC",
    index=0,
    size_decimals=5,
    price_rule=PriceRule.significant(5),
    tiers=TierTable.single(40),
    restriction=MarginRestriction.NONE,
    max_leverage=40,
    min_notional=Decimal(10),
    delisted=False,
    collateral="USDC",
)
DEFAULTS = OrderForm(side=Side.LONG, kind=OrderKind.MARKET, mode=MarginMode.ISOLATED, leverage=3)


def read(**data: str) -> OrderForm:
    return read_order(data, BITCOIN, DEFAULTS)


@pytest.mark.parametrize(
    ("typed", "number"),
    [("1.5", "1.5"), (" 0.00001 ", "0.00001"), ("10\u202f000", "10000"), ("+2", "2"), ("1.5000000", "1.5")],
)
def test_number_is_exactly_what_was_typed(typed: str, number: str) -> None:
    assert read_number(typed, "The size") == Decimal(number)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("abc", "The size has to be a number, such as 1.5."),
        ("NaN", "The size has to be a plain number, such as 1.5."),
        ("Infinity", "The size has to be a plain number, such as 1.5."),
        ("1e3", "The size has to be a plain number, such as 1.5."),
        ("-1", "The size has to be above zero."),
        ("0", "The size has to be above zero."),
        ("0.000001", "The size takes at most 5 decimals here."),
        ("1,5", "Write decimals with a point and thousands without a comma, such as 1234.5."),
        ("9" * 30, "The size is too large to be meant."),
        ("9" * 5000, "The size is too large to be meant."),
        ("1." + "0" * 33 + "1", "The size has more digits than can be meant."),
        ("0." + "0" * 33 + "1", "The size takes at most 5 decimals here."),
    ],
)
def test_number_that_is_none_gets_its_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as problem:
        read_number(typed, "The size", 5)

    assert str(problem.value) == sentence


def test_empty_ticket_falls_back_on_the_defaults() -> None:
    assert read() == DEFAULTS


def test_whole_ticket_is_read() -> None:
    form = read(
        side="short",
        kind="limit",
        mode="cross",
        leverage="10x",
        price="86000",
        size="250.5",
        unit="usd",
        reduce_only="on",
    )

    assert form == OrderForm(
        side=Side.SHORT,
        kind=OrderKind.LIMIT,
        mode=MarginMode.CROSS,
        leverage=10,
        price=Decimal(86000),
        amount=Decimal("250.5"),
        unit=SizeUnit.USD,
        reduce_only=True,
    )


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"side": "up"}, "side"),
        ({"mode": "shared"}, "mode"),
        ({"leverage": "ten"}, "leverage"),
        ({"leverage": "0"}, "leverage"),
        ({"leverage": "2.5"}, "leverage"),
        ({"leverage": "²"}, "leverage"),
        ({"size": "x"}, "size"),
        ({"size": "10.001", "unit": "usd"}, "size"),
        ({"percent": "150"}, "size"),
        ({"percent": "9" * 5000}, "size"),
        ({"leverage": "9" * 5000}, "leverage"),
        ({"kind": "limit", "price": "86000." + "0" * 33 + "1"}, "price"),
        ({"kind": "limit"}, "price"),
        ({"kind": "limit", "price": "86000.5"}, "price"),
        ({"kind": "limit", "price": "-1"}, "price"),
    ],
)
def test_unreadable_field_is_named_and_the_rest_is_kept(data: dict[str, str], field: str) -> None:
    form = read(**({"leverage": "7"} | data))

    assert list(form.errors) == [field]


def test_price_off_the_tick_is_told_the_step() -> None:
    assert read(kind="limit", price="86000.5").errors == {
        "price": "BTC prices near this one move in steps of 1: 86000 or 86001."
    }


def test_share_stands_in_for_the_size() -> None:
    form = read(percent="25", size="999")

    assert (form.percent, form.amount) == (25, None)


def test_form_without_a_key_has_expired() -> None:
    with pytest.raises(Unreadable):
        read_form_key("not-a-key")
