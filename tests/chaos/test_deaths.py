"""Who dies where: the points of a path, which of them are the same code, and how a death is told from an end."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tenants.scope import operator_scope
from tests.chaos.deaths import chosen
from tests.chaos.forks import End, ends_of
from tests.chaos.killing import Cut, Points, WatchedTransport
from tests.chaos.walks import PATHS, Walk, names_of, walks_of
from tests.factories import make_account, make_exchange
from trading.models import VenueAccount
from trading.venues.errors import OutcomeUnknown
from trading.venues.transport import Response

READ, WRITTEN = "before SELECT a", "after UPDATE b"
SENT = "before REQUEST POST /exchange"


class Wire:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def request(self, method: str, path: str, *_: Any) -> Response:
        self.sent.append(f"{method} {path}")
        return Response(200, b"{}")


def sent_and_passed(method: str, path: str, *, arrives: bool | None = None) -> tuple[list[str], list[str], bool]:
    """What was sent, the points passed, and whether the answer was lost."""
    wire, points = Wire(), Points(is_on=True)
    way = WatchedTransport(wire, points, Cut(arrives))
    try:
        way.request(method, path)
    except OutcomeUnknown:
        return wire.sent, points.passed, True
    return wire.sent, points.passed, False


def test_what_reads_has_one_point_and_what_changes_has_two() -> None:
    asked, before, after = "before REQUEST GET /fapi/v#/time", SENT, "after REQUEST POST /exchange"
    assert sent_and_passed("GET", "/fapi/v3/time?nonce=1") == (["GET /fapi/v3/time?nonce=1"], [asked], False)
    assert sent_and_passed("POST", "/exchange") == (["POST /exchange"], [before, after], False)
    # Cut, it ends as if nobody had answered; what only asks is not cut.
    assert sent_and_passed("POST", "/exchange", arrives=True) == (["POST /exchange"], [before], True)
    assert sent_and_passed("POST", "/exchange", arrives=False) == ([], [before], True)
    assert sent_and_passed("POST", "/info", arrives=False) == (["POST /info"], ["before REQUEST POST /info"], False)


def test_statements_are_points_while_they_count(db: None) -> None:
    points, exchange = Points(), make_exchange("alpha", "alice", "olivia", "sam")
    with operator_scope(exchange.operator.pk):
        account = make_account(exchange.trader, "0xa")
        with points.counted():
            VenueAccount.objects.filter(pk=account.pk).update(sync_problem="")
            VenueAccount.objects.filter(pk=account.pk).exists()
        VenueAccount.objects.filter(pk=account.pk).exists()

    assert [point.split()[:2] for point in points.passed] == [
        ["before", "UPDATE"],
        ["after", "UPDATE"],
        ["before", "SELECT"],
    ]


def died(point: int) -> Callable[[], list[str]]:
    def work() -> list[str]:
        points = Points(point, is_on=True)
        for name in ("one", "two"):
            points.pass_one(name)
        return points.passed

    return work


def failing() -> None:
    raise ArithmeticError


def test_a_death_is_neither_an_end_nor_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    assert ends_of([died(0), died(2), failing], seconds=30) == [
        End(["one", "two"], is_killed=False),
        End(None, is_killed=True),
        End(None, is_killed=False),
    ]
    assert "ArithmeticError" in capfd.readouterr().err


def test_kinds_take_turns_where_the_code_is_the_same() -> None:
    market, leverage = Walk("aster", "submit", "market"), Walk("aster", "submit", "leverage")
    assert names_of(market, [READ, SENT]) == [
        ("aster", "submit", "", READ, "1"),
        ("aster", "submit", "market", SENT, "1"),
    ]
    passed = {market: [READ, SENT, READ, WRITTEN], leverage: [READ, SENT, WRITTEN]}

    errands = chosen(passed, random.Random(1))

    # Both requests, and of each statement one: the second reading is market's alone.
    assert len(errands) == 5
    assert {(market, 2), (market, 3), (leverage, 2)} <= set(errands)
    assert errands == sorted(errands, key=lambda one: (one[0] is leverage, one[1]))


def test_every_kind_is_proven_at_every_point_of_its_own() -> None:
    cancel, margin, unmargin = (Walk("aster", "arrived", kind) for kind in ("cancel", "margin", "unmargin"))
    errands = chosen({way: [READ, SENT, WRITTEN] for way in (cancel, margin, unmargin)}, random.Random(1))
    # Margin is proven by the same questions whether it was put in or taken out.
    assert [way.kind for way, _ in errands].count("cancel") == 3
    assert len(errands) == 6


def test_every_path_is_walked_with_every_kind_that_its_venue_has() -> None:
    for venue, own in (("hyperliquid", {"move", "exits", "no_key"}), ("aster", {"mode", "entry"})):
        ways = walks_of(venue)
        assert {way.path for way in ways} == set(PATHS)
        usual = {"market", "limit", "batch", "modify", "cancel", "cancel_all", "leverage", "margin", "unmargin"}
        assert {way.kind for way in ways} == usual | own | {"key", "fee", "no_fee"}
