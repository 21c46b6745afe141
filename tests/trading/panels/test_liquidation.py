"""Where a liquidation price is so far away that no market comes to it, the panels say so."""

from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.desks import make_desk, market
from trading.desk import Desk
from trading.forms import read_order
from trading.panels.exits import build_exits_dialog, build_exits_preview
from trading.panels.positions import build_positions
from trading.panels.quote import build_quote
from trading.panels.ticket import default_form
from trading.panels.view_models import Risk
from trading.panels.working import build_working
from trading.quoting import quote_order
from trading.services.drafts import NO_EXITS

OUT_OF_REACH = "No liquidation price: it lies beyond any price this market can reach."
BOUND = 86000 * 1000


def short(away: str, *, hedge_mode: bool = False) -> Desk:
    """0.01 coins short at 86,000, isolated, with so much behind it that it is liquidated at ``away``."""
    desk = make_desk(market(), hedge_mode=hedge_mode)
    held = desk.positions[0]
    held.size = Decimal("-0.01")
    held.cash = Decimal("0.01") * Decimal(away) * (1 + Decimal(1) / 80)
    held.liquidation_price = Decimal(away)
    return desk


@pytest.mark.parametrize("hedge_mode", [False, True])
def test_short_that_is_liquidated_at_a_thousand_times_its_mark_is_told_as_out_of_reach(hedge_mode: bool) -> None:
    near, far = (build_positions(short(str(price), hedge_mode=hedge_mode)).rows[0] for price in (BOUND - 100, BOUND))

    assert (near.liquidation, near.liquidation_reason, near.risk) == ("85,999,900", "", Risk.FAR)
    assert (far.liquidation, far.liquidation_value, far.distance, far.risk) == ("", "", "", Risk.NONE)
    assert (far.liquidation_reason, far.risk_words) == ("beyond any price", "none")


def test_ticket_dialog_and_working_say_it_as_the_table_does() -> None:
    desk = short(str(2 * BOUND))
    row, typed = desk.positions[0], {"size": "0.005", "side": "long", "reduce_only": "on"}
    form = read_order(typed, market().rules, default_form(desk, market()))

    card = build_quote(desk, market(), quote_order(desk, market(), form)).liquidation
    working = build_working(desk, row)
    empty = {"take_profit": "", "stop_loss": ""}
    dialog = build_exits_dialog(desk, row, empty, build_exits_preview(desk, row, NO_EXITS, {}), uuid4())

    assert (card.price.before, card.price.after, card.distance, card.risk_words) == ("", "", "", "none")
    assert (card.reason, working.ours) == (OUT_OF_REACH, OUT_OF_REACH)
    assert dialog.facts[-1].change.after == "none"
    # The steps still show what the formula comes to.
    assert "172,000,000" in [step.result for step in working.steps]
