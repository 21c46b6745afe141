"""What a quote's numbers are as old as, and what that closes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.trading.desks import HOUR_AGO, NOW, THREE_HOURS_AGO, make_desk, market, state
from trading.desk import Desk
from trading.forms import read_order
from trading.live.board import Board
from trading.panels.quote import build_quote
from trading.panels.ticket import default_form
from trading.panels.view_models import FreshnessState, Quote
from trading.quoting import quote_order

FRESH = Board({"BTC": state("BTC")}, NOW)


def quote(desk: Desk, **typed: str) -> Quote:
    form = read_order({"size": "0.01", "leverage": "5", **typed}, market().rules, default_form(desk, market()))
    return build_quote(desk, market(), quote_order(desk, market(), form))


def test_fresh_numbers_open_the_button() -> None:
    shown = quote(make_desk())

    assert (shown.freshness.state, shown.can_submit) == (FreshnessState.LIVE, True)


@pytest.mark.parametrize(
    ("desk", "words", "age"),
    [
        (make_desk(synced_at=THREE_HOURS_AGO), "Account figures are too old", "3 h old"),
        (make_desk(synced_at=None), "Account figures have not arrived yet", "no data yet"),
        (make_desk(board=Board({"BTC": state("BTC")}, NOW, {"BTC": HOUR_AGO})), "Prices are too old", "1 h old"),
        (make_desk(board=Board()), "Prices are too old", "3 h old"),
    ],
)
def test_whichever_number_is_oldest_closes_what_opens(desk: Desk, words: str, age: str) -> None:
    shown = quote(desk)

    assert (shown.freshness.state, shown.can_submit) == (FreshnessState.CLOSED, False)
    assert (words in shown.blocked_because, shown.freshness.text) == (True, age)


def test_reducing_is_tried_on_old_figures() -> None:
    desk = make_desk(market(), synced_at=THREE_HOURS_AGO, board=FRESH)
    opens, reduces = quote(desk, side="long"), quote(desk, side="short", reduce_only="on")

    assert (opens.can_submit, opens.reduces) == (False, False)
    assert (reduces.can_submit, reduces.reduces) == (True, True)


def test_stale_account_says_so_under_a_live_price() -> None:
    desk = make_desk(synced_at=NOW - timedelta(seconds=7))

    assert quote(desk).freshness.state is FreshnessState.STALE
    assert quote(replace(desk, account=None)).freshness.state is FreshnessState.LIVE


def test_fee_of_a_builder_deployed_book_is_said_to_come_on_top() -> None:
    """The venue multiplies its rates by a share of the book's (Hyperliquid 3.11), which no reading names."""
    row = market()
    row.spec |= {"dex": "xyz"}
    form = read_order({"size": "0.01", "leverage": "5"}, row.rules, default_form(make_desk(), row))
    there, here = build_quote(make_desk(), row, quote_order(make_desk(), row, form)), quote(make_desk())

    assert (there.venue_fee, there.book_fee, here.book_fee) == (here.venue_fee, "xyz's own", "")
    assert there.fee_note.startswith(f"{here.fee_note} The book xyz adds a share of its own")


def test_open_position_stands_in_the_ticket_before_a_size_is_typed() -> None:
    desk = make_desk(market())
    waiting, typed = quote(desk, size=""), quote(desk)

    assert [(row.label, row.change.after) for row in waiting.position_changes] == [
        (row.label, row.change.before) for row in typed.position_changes
    ]
    assert [row.change.after for row in waiting.position_changes] == ["0.01", "5x", "6\u202f%"]


def test_ticket_of_a_market_without_a_position_has_the_same_rows() -> None:
    waiting, typed = quote(make_desk(), size=""), quote(make_desk())

    assert [(row.change.before, row.change.after) for row in waiting.position_changes] == [
        ("", "0"), ("", "none"), ("", "none")
    ]  # fmt: skip
    assert [(row.change.before, row.change.after) for row in typed.position_changes] == [
        ("", "0.01"), ("", "5x"), ("", "6\u202f%")
    ]  # fmt: skip
