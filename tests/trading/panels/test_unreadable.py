"""Rows from which no figure may be computed: every panel says so, and none fails."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.desks import NOW, make_desk, market, state
from trading.desk import UNREADABLE, Desk
from trading.forms import read_close, read_order
from trading.live.board import Board
from trading.panels.closing import build_close_preview
from trading.panels.dialogs import build_margin_dialog
from trading.panels.exits import build_exits_preview
from trading.panels.history import build_account
from trading.panels.positions import build_positions
from trading.panels.quote import build_quote
from trading.panels.sweep import build_close_all
from trading.panels.ticket import default_form
from trading.quoting import quote_order
from trading.services.drafts import Exits
from trading.views.margin import _preview as margin_preview


@pytest.fixture
def desk() -> Desk:
    """A position whose mark the venue gave as zero, beside a sound one."""
    desk = make_desk(market("BTC"), market("ETH"))
    desk.positions[0].mark_price = Decimal(0)
    return desk


def test_positions_stay_listed_and_can_be_closed(desk: Desk) -> None:
    panel = build_positions(desk)

    assert panel.problem == UNREADABLE
    assert [(row.base, row.size, row.entry, row.pnl, row.close_closed_because) for row in panel.rows] == [
        ("BTC", "0.01", "86,000", "not known", ""),
        ("ETH", "0.01", "86,000", "not known", ""),
    ]
    assert [(row.add_closed_because, row.remove_closed_because) for row in panel.rows] == [("", UNREADABLE)] * 2


def test_no_unit_stands_behind_words() -> None:
    board = Board({"BTC": state("BTC", "0"), "ETH": state("ETH")}, NOW)
    desk = make_desk(market("BTC"), market("ETH"), board=board)
    desk.positions[0].mark_price = Decimal(0)
    dialog = build_close_all([desk], uuid4())

    assert [(row.value, row.unit) for row in dialog.rows] == [("not known", ""), ("860.00", "USDC")]
    assert (dialog.value, dialog.unit) == ("not known", "")


def test_account_says_that_it_cannot_be_read(desk: Desk) -> None:
    panel = build_account(desk)

    assert (panel.problem, panel.equity, panel.cross_usage) == (UNREADABLE, "", "")


def test_ticket_says_why_there_is_no_estimate(desk: Desk) -> None:
    form = read_order({"size": "0.01"}, market().rules, default_form(desk, market()))
    quote = build_quote(desk, market(), quote_order(desk, market(), form))

    assert (quote.blocked_because, quote.button, quote.can_submit) == (UNREADABLE, "No estimate right now", False)


def test_position_is_closed_without_estimates(desk: Desk) -> None:
    row = desk.positions[0]
    close, flip = (read_close({"kind": kind}, row.market.rules, row.size) for kind in ("market", "flip"))
    preview = build_close_preview(desk, row, close)

    assert (preview.can_submit, preview.pnl, preview.pnl_note) == (True, "not known", UNREADABLE)
    assert [change.label for change in preview.changes] == ["Position"]
    # What would open a new position waits for figures.
    assert not build_close_preview(desk, row, flip).can_submit


def test_margin_is_added_without_figures(desk: Desk) -> None:
    row = desk.positions[0]
    preview = margin_preview(desk, row, {"direction": "add", "amount": "5", "target": ""})
    dialog = build_margin_dialog(desk, row, {"direction": "add", "amount": "5", "target": ""}, preview, None, uuid4())

    assert (preview.error, preview.liquidation.reason, preview.can_submit) == ("", UNREADABLE, True)
    assert preview.button == f"Add 5 {row.market.rules.collateral}"
    assert (dialog.add_presets, dialog.remove_presets) == ((), ())


@pytest.mark.parametrize(("direction", "typed"), [("remove", "5"), ("price", "80000"), ("add", ""), ("add", "much")])
def test_margin_is_neither_taken_out_nor_moved_to_a_price_without_figures(
    desk: Desk, direction: str, typed: str
) -> None:
    fields = {"direction": direction, "amount": typed, "target": typed}
    preview = margin_preview(desk, desk.positions[0], fields)

    assert (preview.liquidation.reason, preview.can_submit) == (UNREADABLE, False)


@pytest.mark.parametrize(("entry_price", "mark"), [("0", "86000"), ("86000", "0"), ("0", "0")])
def test_exits_can_be_set_on_a_position_whose_figures_make_no_sense(entry_price: str, mark: str) -> None:
    desk = make_desk(market("BTC"))
    row = desk.positions[0]
    row.entry_price, row.mark_price = Decimal(entry_price), Decimal(mark)
    preview = build_exits_preview(desk, row, Exits(Decimal(90000), Decimal(80000)), {})

    assert preview.can_submit
    assert bool(preview.take_profit.text) is (entry_price != "0")
