"""Whose turn it is, worked out without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading.margin.types import AccountMode
from trading.services.risk import distance, nearest_liquidations
from trading.services.schedule import (
    Candidate,
    Need,
    OpenCommand,
    choose,
    is_abandoned,
    is_proof_due,
    turn_weight,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def candidate(account_id: int, waited: float | None = 100_000.0, **changes: object) -> Candidate:
    idle = Candidate(
        operator_id=1,
        account_id=account_id,
        mode=AccountMode.STANDARD,
        attempted_at=None if waited is None else ago(waited),
        is_looked_at=False,
        has_unsettled=False,
        distance=None,
    )
    return replace(idle, **changes)  # type: ignore[arg-type]


def chosen(candidates: list[Candidate], weight: int = 1000) -> list[int]:
    return [one.account_id for one in choose(candidates, NOW, weight)]


@pytest.mark.parametrize(
    ("changes", "need"),
    [
        ({"is_looked_at": True, "has_unsettled": True, "distance": Decimal("0.001")}, Need.LOOKED_AT),
        ({"has_unsettled": True, "distance": Decimal("0.001")}, Need.UNSETTLED),
        ({"distance": Decimal("0.02")}, Need.VERY_NEAR),
        ({"distance": Decimal("0.0201")}, Need.NEAR),
        ({"distance": Decimal("0.05")}, Need.NEAR),
        ({"distance": Decimal("0.0501")}, Need.OPEN),
        ({"distance": Decimal(1)}, Need.OPEN),
        ({}, Need.IDLE),
    ],
)
def test_need_is_the_most_urgent_that_applies(changes: dict[str, Any], need: Need) -> None:
    assert candidate(1, **changes).need is need


def test_urgent_accounts_come_first_whatever_order_they_stand_in() -> None:
    rows = [
        candidate(6),
        candidate(5, distance=Decimal("0.3")),
        candidate(4, distance=Decimal("0.04")),
        candidate(3, distance=Decimal("0.01")),
        candidate(2, has_unsettled=True),
        candidate(1, is_looked_at=True),
    ]

    assert chosen(rows) == [1, 2, 3, 4, 5, 6]


def test_account_whose_time_has_not_come_is_left_alone() -> None:
    rows = [
        candidate(1, waited=1.4, is_looked_at=True),
        candidate(2, waited=1.5, is_looked_at=True),
        candidate(3, waited=3599),
        candidate(4, waited=3600),
        candidate(5, waited=None),
    ]

    assert chosen(rows) == [2, 5, 4]


def test_turn_never_costs_more_than_its_weight() -> None:
    rows = [candidate(number, is_looked_at=True) for number in range(50)]
    unified = [candidate(number, is_looked_at=True, mode=AccountMode.UNIFIED) for number in range(50)]

    assert len(chosen(rows, weight=24)) == 12
    assert len(chosen(unified, weight=24)) == 6
    assert len(chosen(unified, weight=23)) == 5
    assert chosen(rows, weight=1) == []


def test_nobody_starves_while_others_are_looked_at() -> None:
    """Forty accounts are always looked at and one idle account waits: a tenth of each turn is for the longest wait."""
    watched = [candidate(number, waited=2, is_looked_at=True) for number in range(40)]

    assert 99 in chosen([*watched, candidate(99, waited=36_000)], weight=24)


def test_two_seconds_of_turns_stay_within_the_venues_minute() -> None:
    assert turn_weight(2) * 30 <= 1200 * 0.6


@pytest.mark.parametrize(
    ("mark", "liquidation", "expected"),
    [
        ("100", "90", Decimal("0.1")),
        ("100", "110", Decimal("0.1")),
        ("100", "900", Decimal(1)),
        ("100", None, Decimal(1)),
        (None, "90", Decimal(0)),
        ("0", "90", Decimal(0)),
    ],
)
def test_distance_to_liquidation(mark: str | None, liquidation: str | None, expected: Decimal) -> None:
    assert distance(Decimal(mark) if mark else None, Decimal(liquidation) if liquidation else None) == expected


def test_account_is_as_near_as_its_nearest_position() -> None:
    held = [(1, "BTC", Decimal(90)), (1, "ETH", Decimal(49)), (2, "BTC", None), (3, "unknown", Decimal(5))]
    marks = {"BTC": Decimal(100), "ETH": Decimal(50)}

    assert nearest_liquidations(held, marks) == {1: Decimal("0.02"), 2: Decimal(1), 3: Decimal(0)}


def command(prepared: float, sent: float | None, attempts: int, *, doubted: bool = True) -> OpenCommand:
    return OpenCommand(ago(prepared), None if sent is None else ago(sent), attempts, doubted)


@pytest.mark.parametrize(
    ("row", "abandoned", "due"),
    [
        (command(1.9, None, 0), False, False),
        (command(2.0, None, 0), True, False),
        (command(0.1, 0.1, 1), False, True),
        (command(5, 5, 1, doubted=False), False, False),
        (command(10, 10, 1, doubted=False), False, True),
        (command(1, 0.9, 2), False, False),
        (command(1, 1.0, 2), False, True),
        (command(9, 6.9, 4), False, False),
        (command(9, 7.0, 4), False, True),
        (command(900, 900, 10), False, True),
    ],
)
def test_open_command_is_sent_or_proven_in_its_time(row: OpenCommand, abandoned: bool, due: bool) -> None:
    assert (is_abandoned(row, NOW), is_proof_due(row, NOW)) == (abandoned, due)
