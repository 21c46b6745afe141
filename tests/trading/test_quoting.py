"""What stands beside the size when a ticket comes to nothing."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.desks import NOW, make_desk, market, state
from tests.trading.margin.strategies import accounts, decimals
from trading.desk import Desk
from trading.forms import read_order
from trading.live.board import Board
from trading.margin.preview import preview_order
from trading.margin.quotes import MarketTerms, OrderRequest
from trading.margin.rules import HYPERLIQUID
from trading.margin.types import Account, AccountMode, MarginMode, Side, TierTable
from trading.models import Market
from trading.panels.quote import build_quote
from trading.panels.ticket import default_form
from trading.panels.view_models import Quote
from trading.quoting import NO_COLLATERAL, Quoted, concerned, quote_order

SMALLEST = "An order has to be worth at least 10 USDC: 0.00012 BTC or more."


def quoted(equity: int = 10000, mark: str = "86000", **typed: str) -> Quoted:
    desk = make_desk(
        board=Board({"BTC": state("BTC", mark)}, NOW), equity=Decimal(equity), cross_equity=Decimal(equity)
    )
    return quote_order(desk, market(), read_order(typed, market().rules, default_form(desk, market())))


@pytest.mark.parametrize(
    ("equity", "typed", "sentence"),
    [
        (10000, {"size": "0.5", "unit": "usd"}, SMALLEST),
        (10000, {"size": "5", "unit": "usd"}, SMALLEST),
        (10000, {"size": "0.0001"}, SMALLEST),
        (0, {"percent": "50"}, NO_COLLATERAL),
        (1, {"percent": "1", "leverage": "1"}, SMALLEST),
        (
            10000,
            {"percent": "50", "reduce_only": "on"},
            "There is no BTC position to reduce. Untick “Reduce only” to open one.",
        ),
    ],
)
def test_amount_that_comes_to_nothing_says_what_the_least_is(equity: int, typed: dict[str, str], sentence: str) -> None:
    assert quoted(equity, **typed).errors == {"size": sentence}


def test_ticket_without_a_size_is_not_wrong_yet() -> None:
    assert quoted().errors == {}
    assert not quoted().can_place


def test_market_without_a_price_says_so() -> None:
    assert quoted(mark="0", size="0.01").errors == {"size": "There is no price yet."}


STEPS = [
    {"size": size, "leverage": leverage, "mode": mode, "side": side}
    for size in ("0.002", "0.01", "")
    for leverage in ("1", "7", "40")
    for mode in ("isolated", "cross")
    for side in ("long", "short")
]


@pytest.mark.parametrize("held", [(), (market(),)], ids=["flat", "held"])
def test_quotes_of_one_desk_are_those_of_a_desk_for_each(held: tuple[Market, ...]) -> None:
    def fresh() -> Desk:
        return make_desk(*held)

    def drawn(desk: Desk, typed: dict[str, str]) -> Quote:
        form = read_order(typed, market().rules, default_form(desk, market()))
        return build_quote(desk, market(), quote_order(desk, market(), form))

    one = fresh()

    assert [drawn(one, step) for step in STEPS] == [drawn(fresh(), step) for step in STEPS]


def test_work_on_a_market_is_done_once_for_each_of_its_questions() -> None:
    desk, asked = make_desk(), []

    def work(of: Desk, where: Market, question: int) -> int:
        asked.append((of is desk, where.name, question))
        return question * 2

    answers = [desk.once(work, market(name), question) for name in ("BTC", "ETH") for question in (1, 2, 1)]

    assert answers == [2, 4, 2, 2, 4, 2]
    assert asked == [(True, "BTC", 1), (True, "BTC", 2), (True, "ETH", 1), (True, "ETH", 2)]


@settings(max_examples=60)
@given(
    account=accounts(),
    mode=st.sampled_from(AccountMode),
    side=st.sampled_from(Side),
    margin=st.sampled_from(MarginMode),
    size=decimals("0.001", "5", 3),
    name=st.sampled_from(["A", "B", "E"]),
)
def test_positions_that_do_not_concern_an_order_change_no_figure_of_it(
    account: Account, mode: AccountMode, side: Side, margin: MarginMode, size: Decimal, name: str
) -> None:
    held = replace(account, mode=mode)
    order = OrderRequest(MarketTerms(name, TierTable.single(50), HYPERLIQUID), side, size, Decimal(1000), margin, 5)

    assert preview_order(concerned(held, name), order) == preview_order(held, order)
