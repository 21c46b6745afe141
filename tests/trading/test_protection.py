"""Which side of the mark a price has to lie on, and what an exit leaves: by the venues' rules, in exact numbers."""

from decimal import Decimal

import pytest

from tests.factories import make_spec
from tests.trading.desks import NOW, make_desk, market, state
from trading.forms import read_order
from trading.live.board import Board
from trading.margin.types import FeeRates, Side
from trading.panels.quote import build_quote
from trading.panels.ticket import default_form
from trading.protection import at_once, is_narrow, never_fires, result_at, wrong_end
from trading.quoting import Quoted, quote_order
from trading.venues.snapshots import TriggerKind

SPEC = make_spec("BTC", 40)
MARK = Decimal(86000)
STOP, TAKE = TriggerKind.STOP_LOSS, TriggerKind.TAKE_PROFIT
LONG, SHORT = Side.LONG, Side.SHORT


@pytest.mark.parametrize(
    ("kind", "side", "waits", "goes_at_once"),
    [(STOP, LONG, 86001, 86000), (STOP, SHORT, 85999, 86000), (TAKE, LONG, 85999, 86000), (TAKE, SHORT, 86001, 86000)],
)
def test_trigger_waits_on_its_own_side_of_the_mark_only(
    kind: TriggerKind, side: Side, waits: int, goes_at_once: int
) -> None:
    assert at_once(kind, side, Decimal(waits), MARK, SPEC) == ""
    assert "would trigger at once" in at_once(kind, side, Decimal(goes_at_once), MARK, SPEC)


def test_sentence_names_the_mark_and_the_way_out() -> None:
    assert at_once(STOP, LONG, Decimal(80000), MARK, SPEC) == (
        "BTC is at 86,000: a buy stop at 80,000 would trigger at once. Choose a price above the mark."
    )


@pytest.mark.parametrize(
    ("kind", "side", "price", "sentence"),
    [
        (TAKE, LONG, 86001, ""),
        (TAKE, LONG, 86000, "A long takes its profit above its entry at about 86,000."),
        (STOP, LONG, 86001, "A long stops its loss below its entry at about 86,000."),
        (STOP, SHORT, 86001, ""),
        (TAKE, SHORT, 86001, "A short takes its profit below its entry at about 86,000."),
    ],
)
def test_exit_lies_on_the_side_where_it_gains_or_loses(
    kind: TriggerKind, side: Side, price: int, sentence: str
) -> None:
    assert wrong_end(kind, side, Decimal(price), MARK) == sentence


def test_stop_at_or_beyond_liquidation_never_fires() -> None:
    ends = Decimal("78418.94")

    assert never_fires(LONG, Decimal(78419), ends, SPEC) == ""
    assert never_fires(LONG, Decimal(78418), ends, SPEC).startswith("Liquidation at about 78,419 comes first")
    assert never_fires(LONG, ends, ends, SPEC) != ""
    assert never_fires(SHORT, Decimal(78419), ends, SPEC) != ""
    assert never_fires(LONG, Decimal(1), None, SPEC) == ""
    assert (is_narrow(LONG, Decimal(79000), ends), is_narrow(LONG, Decimal(80000), ends)) == (True, False)


def test_result_is_after_all_fees_and_over_the_margin_put_up() -> None:
    fees = FeeRates(taker=Decimal("0.00045"), builder=Decimal("0.0001"))

    result = result_at(Decimal("0.01"), MARK, Decimal(90000), 10, fees, Decimal("0.473"))

    # 0.01 · 4,000 = 40; closing 900 costs 0.495, opening 860 cost 0.473; 86 of margin were put up.
    assert result is not None
    assert result.profit == Decimal("39.032")
    assert result.share == Decimal("39.032") / 86


def quoted(**typed: str) -> Quoted:
    desk = make_desk(board=Board({"BTC": state("BTC")}, NOW))
    form = {"size": "0.01", "leverage": "10", **typed}
    return quote_order(desk, market(), read_order(form, market().rules, default_form(desk, market())))


def test_stop_entry_is_quoted_as_it_stands_at_its_trigger() -> None:
    preview = quoted(kind="stop", trigger="90000").preview

    assert preview is not None
    assert preview.after is not None
    assert (preview.fill.price, preview.after.position.entry_price) == (Decimal(90000), Decimal(90000))  # type: ignore[union-attr]
    assert preview.margin_needed == Decimal(90)


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"kind": "stop"}, {"trigger": "Enter the trigger price."}),
        ({"kind": "stop", "trigger": "90000.5"}, {"trigger": "steps of 1"}),
        ({"kind": "stop", "trigger": "85000"}, {"trigger": "would trigger at once"}),
        ({"kind": "take_profit", "trigger": "87000"}, {"trigger": "would trigger at once"}),
        ({"kind": "take_profit", "trigger": "87000", "side": "short"}, {}),
        ({"kind": "stop", "trigger": "90000", "execution": "limit"}, {"price": "Enter the limit price."}),
        ({"kind": "limit", "price": "80000", "time_in_force": "fok"}, {"time_in_force": "does not offer"}),
        ({"kind": "limit", "price": "80000", "time_in_force": "post_only"}, {}),
        ({"protects": "on"}, {}),
        ({"protects": "on", "take_profit": "85000"}, {"take_profit": "above its entry"}),
        ({"protects": "on", "stop_loss": "87000"}, {"stop_loss": "below its entry"}),
        ({"protects": "on", "stop_loss": "70000"}, {"stop_loss": "would never fire"}),
        ({"protects": "on", "stop_loss": "80000", "take_profit": "90000"}, {}),
        ({"protects": "on", "stop_loss": "x"}, {"stop_loss": "has to be a number"}),
        ({"kind": "stop", "trigger": "90000", "protects": "on", "stop_loss": "x"}, {}),
    ],
)
def test_what_the_venue_would_refuse_is_said_beside_its_field(typed: dict[str, str], errors: dict[str, str]) -> None:
    found = quoted(**typed)

    assert list(found.errors) == list(errors)
    assert all(words in found.errors[name] for name, words in errors.items())
    assert found.can_place is not bool(errors)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"kind": "limit", "price": "87000"}, "fills at once"),
        ({"kind": "limit", "price": "87000", "time_in_force": "post_only"}, "likely to be refused"),
        ({"kind": "limit", "price": "80000", "time_in_force": "ioc"}, "likely to be cancelled"),
        ({"kind": "limit", "price": "80000"}, ""),
        ({"protects": "on", "stop_loss": "78900"}, "less than 1 %"),
    ],
)
def test_what_a_trader_may_not_mean_is_pointed_out(typed: dict[str, str], words: str) -> None:
    desk = make_desk(board=Board({"BTC": state("BTC")}, NOW))

    assert words in (shown := build_quote(desk, market(), quoted(**typed)).warning)
    assert bool(shown) is bool(words)


@pytest.mark.parametrize(("size", "entry"), [("0.01", "0"), ("0", "86000"), ("0.01", "-1")])
def test_nothing_is_said_of_a_position_without_cost_or_size(size: str, entry: str) -> None:
    assert result_at(Decimal(size), Decimal(entry), Decimal(90000), 10, FeeRates(Decimal(0)), Decimal(0)) is None
