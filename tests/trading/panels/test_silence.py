"""A venue that says nothing, second by second: every figure that somebody risks money on bears the mark of its age."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.conf import settings
from jinja2 import Environment, FileSystemLoader

from branding.jinja import environment
from tests.trading.desks import NOW, make_desk, market, state
from tests.trading.panels.page import HEAD, Elements
from trading.desk import UNREADABLE, Desk
from trading.forms import CloseForm, CloseKind, read_order
from trading.live.board import Board
from trading.markets import stale_limits
from trading.models import Order
from trading.moving import unmoved
from trading.panels.closing import build_close_preview
from trading.panels.dialogs import build_margin_preview
from trading.panels.exits import build_exits_preview
from trading.panels.history import build_account
from trading.panels.market import build_market_bar, freshness
from trading.panels.orders import build_modify_preview
from trading.panels.positions import build_positions
from trading.panels.quote import build_quote
from trading.panels.sweep import build_close_all
from trading.panels.ticket import default_form
from trading.panels.view_models import FreshnessState
from trading.panels.working import build_working
from trading.quoting import quote_order
from trading.services.drafts import Exits

RISK = (
    "_positions", "_account", "_market_bar", "_quote", "_close_preview", "_margin_preview", "_exits_preview",
    "_modify_preview", "_close_all_list", "_working_dialog",
)  # fmt: skip


def quiet_desk(*, read_ago: float = 0, heard_ago: float = 0) -> Desk:
    """A trader with an open position: so many seconds ago it was last read, and a price last streamed."""
    board = Board({"BTC": state("BTC")}, NOW - timedelta(seconds=heard_ago))
    return make_desk(market(), board=board, synced_at=NOW - timedelta(seconds=read_ago))


def resting() -> Order:
    """A limit order in the book."""
    return Order(
        pk=1, market=market(), venue_id=1, is_buy=True, kind="Limit", limit_price=Decimal(80_000),
        size=Decimal("0.01"), original_size=Decimal("0.01"), placed_at=NOW,
    )  # fmt: skip


def contexts(desk: Desk) -> dict[str, dict[str, object]]:
    """What each fragment with a figure of risk is rendered from."""
    held, traded = desk.positions[0], market()
    form = read_order({"size": "0.01", "leverage": "5"}, traded.rules, default_form(desk, traded))
    prices = freshness(desk.marked_at(traded), desk.now, stale_limits())
    close = CloseForm(CloseKind.MARKET, Decimal("0.01"))
    return {
        "_positions": {"positions": build_positions(desk)},
        "_account": {"account": build_account(desk)},
        "_market_bar": {"bar": build_market_bar(traded, desk.board.states["BTC"], (), prices, desk.now, desk.policy)},
        "_quote": {"quote": build_quote(desk, traded, quote_order(desk, traded, form))},
        "_close_preview": {"preview": build_close_preview(desk, held, close)},
        "_margin_preview": {
            "preview": build_margin_preview(desk, held, "add", None, unmoved(desk, held), ""), "position_id": held.pk,
        },
        "_exits_preview": {"preview": build_exits_preview(desk, held, Exits(stop_loss=Decimal(80_000)), {})},
        "_modify_preview": {"preview": build_modify_preview(desk, resting(), Decimal(81_000), Decimal("0.01"), {})},
        "_close_all_list": {"dialog_view": build_close_all([desk], uuid4())},
        "_working_dialog": {"dialog_view": build_working(desk, held), "problem": ""},
    }  # fmt: skip


@pytest.fixture(scope="module")
def pages() -> Environment:
    return environment(loader=FileSystemLoader(settings.BASE_DIR / "templates"))


@pytest.mark.parametrize("name", RISK)
@pytest.mark.parametrize(
    ("seconds", "mark"), [(4.9, "live"), (5, "stale"), (10, "stale"), (15, "closed"), (600, "closed")]
)
def test_figures_say_that_they_are_old_long_before_ten_seconds_are_over(
    pages: Environment, name: str, seconds: float, mark: str
) -> None:
    context = contexts(quiet_desk(read_ago=seconds, heard_ago=seconds))[name]
    found = Elements(pages.get_template(f"trading/{name}.html").render(HEAD | context)).found

    ages = [attributes for tag, attributes in found if tag == "time" and "age" in (attributes["class"] or "").split()]
    assert [(age["class"], age["datetime"]) for age in ages] == [
        (f"age age-{mark}", (NOW - timedelta(seconds=seconds)).isoformat())
    ]


@pytest.mark.parametrize(("seconds", "mark"), [(4.9, "is-live"), (10, "is-stale"), (600, "is-closed")])
def test_rows_of_old_positions_bear_the_mark_themselves(pages: Environment, seconds: float, mark: str) -> None:
    shown = contexts(quiet_desk(read_ago=seconds, heard_ago=seconds))["_positions"]
    found = Elements(pages.get_template("trading/_positions.html").render(HEAD | shown)).found

    assert [attributes["class"] for tag, attributes in found if tag == "tbody"] == [mark]


@pytest.mark.parametrize("name", [name for name in RISK if name.endswith(("_quote", "_preview", "_list"))])
def test_button_that_old_figures_have_closed_opens_by_itself(pages: Environment, name: str) -> None:
    context = contexts(quiet_desk(read_ago=600, heard_ago=600))[name]
    found = Elements(pages.get_template(f"trading/{name}.html").render(HEAD | context)).found

    assert [attributes["hx-trigger"] for _, attributes in found if "every 2s" in (attributes.get("hx-trigger") or "")]


def test_every_reason_under_the_positions_names_the_figures_it_is_about(pages: Environment) -> None:
    panel = replace(build_positions(quiet_desk(read_ago=600)), problem=UNREADABLE)
    text = pages.get_template("trading/_positions.html").render(HEAD, positions=panel)
    found = [attributes for _, attributes in Elements(text).found]

    reasons = [attributes for attributes in found if attributes.get("class") == "table-reason"]
    assert len(reasons) == 2
    assert {attributes.get("data-old") for attributes in reasons} == {f"positions-{panel.key}"}


@pytest.mark.parametrize("silence", [{"heard_ago": 10}, {"read_ago": 10}])
def test_either_silence_alone_marks_what_is_worked_out_from_both(silence: dict[str, float]) -> None:
    desk = quiet_desk(**silence)
    form = read_order({"size": "0.01", "leverage": "5"}, market().rules, default_form(desk, market()))
    shown = (build_positions(desk), build_account(desk), build_quote(desk, market(), quote_order(desk, market(), form)))

    assert [panel.freshness.state for panel in shown] == [FreshnessState.STALE] * 3
