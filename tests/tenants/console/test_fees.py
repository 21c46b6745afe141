"""The exchange's fee: what an owner may charge, where, and that it is in force and on record at once."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tenants.models import AuditEvent
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at
from trading.models import BuilderFee, VenueAccount

PAGE = "/console/fees/"
ADDRESS = "0x" + "fe" * 20


@pytest.fixture
def owner(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.owner)


@pytest.fixture(autouse=True)
def nothing_charged(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        BuilderFee.objects.all().delete()


def charged(exchange: Exchange) -> list[tuple[str, str, Decimal]]:
    with operator_scope(exchange.operator.pk):
        return [(row.venue, row.address, row.rate) for row in BuilderFee.objects.all()]


def events(exchange: Exchange) -> list[Any]:
    with operator_scope(exchange.operator.pk):
        return [(row.action, row.subject, row.before, row.after) for row in AuditEvent.objects.order_by("id")]


def put(owner: Client, percent: str, address: str = ADDRESS, venue: str = "hyperliquid") -> Any:
    return owner.post(PAGE, {"venue": venue, "percent": percent, "address": address})


def test_a_fee_is_put_in_force_changed_and_taken_away_on_record(alpha: Exchange, owner: Client) -> None:
    assert put(owner, "0.025").status_code == 302
    assert charged(alpha) == [("hyperliquid", ADDRESS, Decimal("0.00025"))]
    put(owner, "0,05 %", ADDRESS.upper().replace("X", "x"))
    put(owner, "0.05")
    assert charged(alpha) == [("hyperliquid", ADDRESS, Decimal("0.0005"))]
    put(owner, "", "")
    assert charged(alpha) == []
    assert events(alpha) == [
        ("exchange fee changed", "Hyperliquid", {"fee": "none"}, {"fee": "0.025 %", "paid to": ADDRESS}),
        (
            "exchange fee changed",
            "Hyperliquid",
            {"fee": "0.025 %", "paid to": ADDRESS},
            {"fee": "0.05 %", "paid to": ADDRESS},
        ),
        ("exchange fee changed", "Hyperliquid", {"fee": "0.05 %", "paid to": ADDRESS}, {"fee": "none"}),
    ]


@pytest.mark.parametrize(
    ("percent", "address", "sentence"),
    [
        ("0.101", ADDRESS, "The venue allows 0 % to 0.1 %."),
        ("-0.01", ADDRESS, "The venue allows 0 % to 0.1 %."),
        ("NaN", ADDRESS, "The venue allows 0 % to 0.1 %."),
        ("0.0255", ADDRESS, "Fees have steps of 0.001 %."),
        ("much", ADDRESS, "This is not a number. Type a rate such as 0.025."),
        ("0.05", "", "Say which address the fee is paid to."),
        ("", ADDRESS, "Say how much. To charge nothing, empty both fields."),
        ("0.05", "0x12", "An account address is 0x and 40 digits from 0 to f. Copy it whole."),
    ],
)
def test_what_cannot_be_charged_is_a_sentence_and_changes_nothing(
    alpha: Exchange, owner: Client, percent: str, address: str, sentence: str
) -> None:
    answer = put(owner, percent, address)
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert (charged(alpha), events(alpha)) == ([], [])


def test_page_says_how_many_have_approved(alpha: Exchange, owner: Client, alices: Belongings) -> None:
    put(owner, "0.025")
    assert "0 / 1" in owner.get(PAGE).content.decode()
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.update(builder=ADDRESS, builder_fee=Decimal("0.0005"))
    assert "1 / 1" in owner.get(PAGE).content.decode()


def test_a_venue_that_is_not_connected_has_no_fee(alpha: Exchange, owner: Client) -> None:
    assert put(owner, "0.025", venue="elsewhere").status_code == 404


def test_one_operators_fee_is_not_anothers(alpha: Exchange, beta: Exchange, owner: Client) -> None:
    put(owner, "0.025")
    with operator_scope(beta.operator.pk):
        assert not BuilderFee.objects.filter(address=ADDRESS).exists()
