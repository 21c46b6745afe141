"""What goes on record as the leverage and mode before a change: the venue's last word and what it accepted since."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from tenants.scope import operator_scope
from tests.crowd import analyze, copy_row, most_read, plans
from tests.factories import Exchange, make_account, make_command, make_market, make_position
from tests.records import make_former_position
from trading.models import Command, FormerPosition, Market, Setting, VenueAccount
from trading.models.commands import CommandKind, CommandState
from trading.services.effects import set_before
from trading.services.flat_settings import expected, expected_in

HELD = {"mode": "isolated", "leverage": "5"}
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DOUBTFUL = (CommandState.PREPARED, CommandState.UNKNOWN, CommandState.UNPROVEN)
VAIN = (CommandState.REJECTED, CommandState.DEAD)


@dataclass
class Book:
    """One account in one market, and what was asked there, a second apart."""

    account: VenueAccount
    market: Market
    seconds: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(
        self, leverage: int, state: CommandState, kind: CommandKind = CommandKind.LEVERAGE, **changes: Any
    ) -> Command:
        number = next(self.seconds)
        settled = None if state in (CommandState.PREPARED, CommandState.UNKNOWN) else self.at(number)
        mode = changes.pop("mode", "isolated")
        values = {"kind": kind, "state": state, "settled_at": settled, "nonce": number, **changes}
        return make_command(self.account, self.market, intent={"mode": mode, "leverage": str(leverage)}, **values)

    def at(self, second: int) -> Any:
        return timezone.now() - timedelta(minutes=10) + timedelta(seconds=second)

    def tell(self, leverage: int, second: int = 0) -> None:
        """The venue's word where nothing is held."""
        here = {"account": self.account, "market": self.market}
        Setting(**here, mode="isolated", leverage=leverage, told_at=self.at(second)).save()

    @property
    def before(self) -> dict[str, str]:
        """What goes on record; pages, which ask for many markets at once, are told the same."""
        alone, number = expected(self.account, self.market), self.market.pk
        assert expected_in(self.account, [number]) == ({} if alone is None else {number: alone})
        return set_before(self.account, self.market)


@pytest.fixture
def book(alpha: Exchange) -> Iterator[Book]:
    with operator_scope(alpha.operator.pk):
        yield Book(make_account(alpha.trader, "0xa11ce00000000000000000000000000000000001"), make_market())


@pytest.fixture
def held(book: Book) -> Book:
    """With an isolated position at 5x."""
    make_position(book.account, book.market)
    return book


def test_position_tells_what_is_set(held: Book) -> None:
    held.tell(40)

    assert held.before == HELD


def test_accepted_change_that_no_reading_has_shown_yet_counts_before_the_positions_row(held: Book) -> None:
    held.ask(7, CommandState.ACCEPTED)
    held.ask(9, CommandState.ACCEPTED)

    assert held.before == {"mode": "isolated", "leverage": "9"}


def test_change_that_a_reading_has_shown_is_in_the_positions_row(held: Book) -> None:
    held.ask(7, CommandState.ACCEPTED, shown_at=timezone.now())

    assert held.before == HELD


@pytest.mark.parametrize("state", [*DOUBTFUL, *VAIN])
def test_change_of_a_position_that_was_not_accepted_sets_nothing(held: Book, state: CommandState) -> None:
    held.ask(7, state)

    assert held.before == HELD


@pytest.mark.parametrize("state", [*DOUBTFUL, *VAIN])
def test_change_that_was_not_accepted_takes_nothing_away_of_what_the_venue_told(
    book: Book, state: CommandState
) -> None:
    book.tell(10)
    book.ask(7, state)

    assert book.before == {"mode": "isolated", "leverage": "10"}


@pytest.mark.parametrize("state", [*DOUBTFUL, *VAIN])
def test_accepted_change_stands_whatever_was_asked_in_vain_after_it(book: Book, state: CommandState) -> None:
    book.tell(10)
    book.ask(7, CommandState.ACCEPTED)
    book.ask(9, state)

    assert book.before == {"mode": "isolated", "leverage": "7"}


def test_venues_word_counts_before_what_was_accepted_earlier(book: Book) -> None:
    book.ask(7, CommandState.ACCEPTED)
    book.tell(10, second=60)

    assert book.before == {"mode": "isolated", "leverage": "10"}


def test_position_that_ended_tells_more_than_an_older_word_of_the_venue(book: Book) -> None:
    book.tell(10)
    figures = make_position(book.account, book.market)
    values = {name: getattr(figures, name) for name in FIGURES}
    figures.delete()
    FormerPosition(account=book.account, market=book.market, ended_at=book.at(60), **values).save()

    assert book.before == HELD


FIGURES = ("size", "entry_price", "mark_price", "mode", "leverage", "margin", "cash", "unrealised_pnl",
           "liquidation_price", "max_leverage", "venue_time")  # fmt: skip


def test_accepted_mode_changes_the_mode_alone(book: Book) -> None:
    book.tell(10)
    book.ask(7, CommandState.ACCEPTED, CommandKind.MODE, mode="cross")

    assert book.before == {"mode": "cross", "leverage": "10"}


def test_accepted_change_tells_where_the_venue_never_did(book: Book) -> None:
    assert book.before == {}
    book.ask(7, CommandState.UNPROVEN)
    assert book.before == {}

    book.ask(9, CommandState.ACCEPTED)

    assert book.before == {"mode": "isolated", "leverage": "9"}


@pytest.mark.parametrize("is_told", [False, True])
def test_what_is_set_is_found_without_reading_all_that_was_ever_asked(book: Book, is_told: bool) -> None:
    """Whether the venue told it long ago, or never."""
    if is_told:
        Setting(account=book.account, market=book.market, mode="isolated", leverage=3, told_at=LONG_AGO).save()
    held = make_former_position(book.account, book.market, ended_at=LONG_AGO, venue_time=LONG_AGO)
    copy_row(held, "generate_series(1, 5000) AS n", ended_at="original.ended_at - n * interval '1 minute'")
    last = book.ask(7, CommandState.ACCEPTED)
    earlier = "original.settled_at - n * interval '1 minute'"
    copy_row(
        last,
        "generate_series(10, 5000) AS n",
        id="gen_random_uuid()",
        form_key="gen_random_uuid()",
        nonce="n",
        kind="CASE mod(n, 2) WHEN 0 THEN 'leverage' ELSE 'order' END",
        intent="""'{"mode": "isolated", "leverage": "9"}'::jsonb""",
        prepared_at=earlier,
        settled_at=earlier,
    )
    analyze()

    with plans(analyzed=True) as found:
        assert book.before == {"mode": "isolated", "leverage": "7"}
    assert most_read(found) < 10
