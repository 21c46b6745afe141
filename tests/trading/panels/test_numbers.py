"""Numbers as a trader reads them."""

import doctest
from decimal import ROUND_UP, Decimal

import pytest

from trading.panels import numbers


def test_the_examples_hold() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        ("12480.22", 2, "12,480.22"),
        ("-0.005", 2, "0.00"),
        ("-0.0051", 2, "−0.01"),
        ("1234567.891", 1, "1,234,567.9"),
        ("0.20210", 5, "0.20210"),
        ("1E+6", 0, "1,000,000"),
        ("999.995", 2, "1,000.00"),
        ("0", 2, "0.00"),
    ],
)
def test_a_number_has_fixed_decimals_groups_and_a_real_minus(value: str, decimals: int, text: str) -> None:
    assert numbers.fixed(Decimal(value), decimals) == text


@pytest.mark.parametrize(("value", "text"), [("149.59", "+149.59"), ("-2", "−2.00"), ("0", "0.00"), ("-0.001", "0.00")])
def test_a_result_carries_its_sign_unless_it_is_nothing(value: str, text: str) -> None:
    assert numbers.money(Decimal(value), signed=True) == text


def test_the_direction_of_rounding_can_be_named() -> None:
    assert numbers.money(Decimal("454.331"), rounding=ROUND_UP) == "454.34"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1820000000", "1.82\u202fB"),
        ("914200000", "914.2\u202fM"),
        ("12500", "12.50\u202fK"),
        ("-2500000", "−2.50\u202fM"),
    ],
)
def test_a_large_amount_is_shortened(value: str, text: str) -> None:
    assert numbers.compact(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "field", "shown"), [("1.5000", "1.5", "1.5"), ("9316.40", "9316.4", "9,316.4"), ("5E+3", "5000", "5,000")]
)
def test_a_field_holds_what_can_be_typed_and_the_page_shows_groups(value: str, field: str, shown: str) -> None:
    assert numbers.field_text(Decimal(value)) == field
    assert numbers.plain(Decimal(value)) == shown


@pytest.mark.parametrize("number", [1.5, 3, "2", None])
def test_anything_but_a_decimal_is_refused(number: object) -> None:
    with pytest.raises(TypeError, match="is a Decimal"):
        numbers.money(number)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_shown(number: str) -> None:
    with pytest.raises(ValueError, match="no number to show"):
        numbers.percent(Decimal(number))


def test_an_address_is_shown_by_its_ends() -> None:
    assert numbers.short_address("0x7a3c5f7d2e8b4a6c9d0e1f2a3b4c5d6e7f8091fe") == "0x7a3c…91fe"
    assert numbers.short_address("0x7a3c") == "0x7a3c"
