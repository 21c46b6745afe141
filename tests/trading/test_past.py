"""Where the story of a liquidation begins: with the execution that opened the position, however much of it is told."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tenants.scope import operator_scope
from tests.factories import ALICES_ADDRESS, Exchange, make_account
from tests.records import NOW, make_liquidation
from trading import past
from trading.models import Fill, Market, VenueAccount
from trading.past import story_of

# Minutes before the liquidation, the size, and what the execution says it found.
Move = tuple[int, str, str | None]
# A position of before, opened and closed.
EARLIER: list[Move] = [(100, "0.02", None), (90, "-0.02", None)]
EARLIER_TOLD: list[Move] = [(100, "0.02", "0"), (90, "-0.02", "0.02")]


@pytest.fixture
def account(alpha: Exchange) -> VenueAccount:
    with operator_scope(alpha.operator.pk):
        return make_account(alpha.trader, ALICES_ADDRESS)


def began(account: VenueAccount, market: Market, moves: Iterable[Move], **liquidated: Any) -> int:
    """How many minutes before the liquidation its story begins."""
    with operator_scope(account.operator_id):
        for number, (minutes, size, found) in enumerate(moves):
            Fill(
                account=account, market=market, key=f"{number}", order_id=number, price=Decimal(86000),
                happened_at=NOW - timedelta(minutes=minutes), is_buy=Decimal(size) > 0, size=abs(Decimal(size)),
                start_position=None if found is None else Decimal(found), direction="", closed_pnl=Decimal(0),
            ).save()  # fmt: skip
        story = story_of(make_liquidation(account, market, **liquidated))
        return round((NOW - story.fills[0].happened_at) / timedelta(minutes=1))


@pytest.mark.parametrize(
    ("moves", "before", "opened"),
    [
        ([(50, "0.02", None)], "0.02", 50),
        ([(50, "0.02", None), (30, "0.03", None)], "0.05", 50),
        ([(50, "0.02", None), (30, "-0.02", None), (20, "0.02", None)], "0.02", 20),
        ([(50, "0.005", None), (45, "0.025", None), (39, "-0.01", None)], "0.02", 50),
        ([(50, "-0.01", None), (45, "0.03", None)], "0.02", 45),
        ([(50, "-0.02", None), (30, "-0.03", None)], "-0.05", 50),
    ],
    ids=["opened", "grew", "anew", "shrank", "turned", "short that grew"],
)
def test_story_begins_where_the_executions_taken_back_leave_nothing(
    account: VenueAccount, market: Market, moves: list[Move], before: str, opened: int
) -> None:
    sizes = {"size_before": Decimal(before), "closed_size": abs(Decimal(before))}

    assert began(account, market, [*EARLIER, *moves], **sizes) == opened


@pytest.mark.parametrize(
    ("moves", "before", "opened"),
    [
        ([(50, "0.02", "0"), (30, "0.01", "0.03")], "0.04", 50),
        ([(50, "-0.01", "0"), (45, "0.03", "-0.01")], "0.02", 45),
        ([(50, "0.01", "0"), (45, "-0.03", "0.01")], "-0.02", 45),
        ([(0, "0.02", "0")], "0.02", 0),
    ],
    ids=["one is missing", "turned", "turned to a short", "in the same millisecond"],
)
def test_story_begins_where_an_execution_says_that_it_found_nothing(
    account: VenueAccount, market: Market, moves: list[Move], before: str, opened: int
) -> None:
    sizes = {"size_before": Decimal(before), "closed_size": abs(Decimal(before))}

    assert began(account, market, [*EARLIER_TOLD, *moves], **sizes) == opened


def test_story_begins_there_however_many_executions_followed(
    account: VenueAccount, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "LIFE", 2)
    moves = [(50 - number, "0.01", f"{Decimal(number) / 100}") for number in range(5)]
    sizes = {"size_before": Decimal("0.05"), "closed_size": Decimal("0.05")}

    assert began(account, market, [*EARLIER_TOLD, *moves], **sizes) == 50


@pytest.mark.parametrize(
    ("moves", "before"),
    [
        ([(30, "0.01", "0.03")], "0.04"),
        ([(60, "-0.01", "0"), (55, "0.01", "-0.01"), (30, "0.01", "0.03")], "0.04"),
        ([(30, "-0.01", "-0.03")], "-0.04"),
    ],
    ids=["after a long", "after a short", "of a short"],
)
def test_story_whose_opening_is_not_on_record_leaves_earlier_positions_out(
    account: VenueAccount, market: Market, moves: list[Move], before: str
) -> None:
    sizes = {"size_before": Decimal(before), "closed_size": abs(Decimal(before))}

    assert began(account, market, [*EARLIER_TOLD, *moves], **sizes) == 30
