"""The largest order of a ticket, which goes out, and what stands beside a size that does not."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.desks import NOW, make_desk, market, state
from tests.trading.margin.strategies import accounts, decimals
from tests.trading.quotes import desk_in, placed, tiered
from trading.desk import Desk
from trading.forms import read_order
from trading.live.board import Board
from trading.margin.preview import preview_order
from trading.margin.quotes import MarketTerms, OrderRequest
from trading.margin.rules import HYPERLIQUID
from trading.margin.types import Account, AccountMode, MarginMode, Side, TierTable
from trading.models import Market, Order, Preference
from trading.panels.quote import build_quote
from trading.panels.ticket import default_form
from trading.panels.view_models import Quote
from trading.quoting import NO_COLLATERAL, Quoted, concerned, mode_closed_because, quote_order
from trading.services.available import Available
from trading.services.flat_settings import Chosen
from trading.venues.snapshots import MarketSetting, Venue

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


LOT = Decimal("0.00001")
HELD = {"flat": "0", "long": "0.01", "short": "-0.01"}
TIER = "The venue lowers its maximum leverage for large positions. 25x is the most for this size."
NOT_COVERED = "5x is the lowest for the position you hold. At less it needs more than your free collateral."
LOWEST = (
    "5x is the lowest for the position you hold. "
    "Its equity must cover the initial margin at the lower leverage: add margin first."
)
TICK = " To reduce it, tick “Reduce only”."


@pytest.mark.parametrize("venue", Venue)
@pytest.mark.parametrize("mode", ["isolated", "cross"])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD.keys())
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("leverage", "bound", "less"), [(40, 10000, 25), (26, 10000, 25), (25, 50000, 10)])
def test_whole_share_goes_up_to_the_tiers_bound_and_one_lot_more_is_refused(
    venue: Venue, mode: str, held: str, side: Side, leverage: int, bound: int, less: int
) -> None:
    row = tiered(venue)
    desk = desk_in(row, held, mode)
    # At a price that rests, both venues count the limit; what is bounded is the whole position that it leaves.
    chosen = {"mode": mode, "side": side, "leverage": str(leverage), "kind": "limit", "price": "86000"}

    whole = placed(desk, row, chosen | {"percent": "100"})

    assert (whole.errors, whole.can_place) == ({}, True)
    assert whole.size is not None
    assert whole.size == whole.maximum
    left = whole.size + Decimal(held) * side.sign
    assert left * 86000 < bound <= (left + LOT) * 86000
    more = placed(desk, row, chosen | {"size": f"{whole.size + LOT:f}"})
    sentence = f"The venue lowers its maximum leverage for large positions. {less}x is the most for this size."
    assert more.errors == {"leverage": sentence}


@settings(max_examples=100, deadline=None)
@given(
    venue=st.sampled_from(Venue),
    mode=st.sampled_from(["isolated", "cross"]),
    held=st.sampled_from(list(HELD.values())),
    side=st.sampled_from(Side),
    leverage=st.integers(5, 40),
    equity=decimals("1000", "100000", 2),
    prices=st.sampled_from([{}, {"kind": "limit"}, {"kind": "stop"}, {"kind": "take_profit"}]),
    away=st.integers(-3000, 3000).filter(bool),
)
def test_largest_size_that_is_shown_goes_out(
    venue: Venue, mode: str, held: str, side: Side, leverage: int, equity: Decimal, prices: dict[str, str], away: int
) -> None:
    row, kind = tiered(venue), prices.get("kind", "market")
    desk = desk_in(row, held, mode, f"{equity:f}")
    chosen = {"mode": mode, "side": side, "leverage": str(leverage), "kind": kind}
    if kind == "limit":
        chosen["price"] = str(86000 + away)
    elif kind != "market":
        above = (kind == "stop") == (side is Side.LONG)
        chosen["trigger"] = str(86000 + (abs(away) if above else -abs(away)))

    whole = placed(desk, row, chosen | {"percent": "100"})

    assert (whole.errors, whole.size) == ({}, whole.maximum)
    assert whole.size is not None
    assert placed(desk, row, chosen | {"size": f"{whole.size:f}"}).errors == {}


def test_turning_a_position_counts_what_closing_it_gives_back() -> None:
    """All of the collateral is in the position: 5 × 0.01 coins close it and open as much on the other side, less what
    is kept back (Hyperliquid 3.3)."""
    row = tiered()
    turned = placed(desk_in(row, "0.01", "isolated", "0"), row, {"percent": "100", "side": "short", "leverage": "5"})

    assert (turned.errors, turned.size) == ({}, Decimal("0.01995"))


def test_position_at_its_tiers_bound_says_so_instead_of_asking_for_funds() -> None:
    row = tiered()
    shown = placed(desk_in(row, "0.2"), row, {"percent": "50", "leverage": "40"})

    assert (shown.maximum, shown.size) == (Decimal(0), Decimal(0))
    assert shown.errors == {"leverage": TIER}


@pytest.mark.parametrize(
    ("venue", "held", "mode", "equity", "typed", "sentence"),
    [
        # 860 are held with 172; the lower leverage asks for 215.
        (Venue.HYPERLIQUID, "0.01", "isolated", "1000", {"leverage": "4"}, LOWEST),
        (Venue.HYPERLIQUID, "0.01", "isolated", "1000", {"leverage": "4", "side": "short"}, LOWEST + TICK),
        (Venue.HYPERLIQUID, "0.01", "isolated", "1000", {"leverage": "6"}, ""),
        (Venue.HYPERLIQUID, "0.01", "isolated", "1000", {"leverage": "4", "side": "short", "reduce_only": "on"}, ""),
        (Venue.HYPERLIQUID, "0.01", "cross", "200", {"leverage": "4"}, NOT_COVERED),
        (Venue.HYPERLIQUID, "0.01", "cross", "230", {"leverage": "4"}, ""),
        # There the tier of what is held counts already (Aster 3.4), also for an order that makes it smaller.
        (Venue.ASTER, "0.2", "isolated", "1000", {"leverage": "40", "side": "short"}, TIER + TICK),
        (Venue.HYPERLIQUID, "0.2", "isolated", "1000", {"leverage": "40", "side": "short"}, ""),
    ],
)
def test_leverage_that_what_is_held_cannot_have_is_told_before_it_is_sent(
    venue: Venue, held: str, mode: str, equity: str, typed: dict[str, str], sentence: str
) -> None:
    row = tiered(venue)

    shown = placed(desk_in(row, held, mode, equity), row, {"size": "0.0002", "mode": mode} | typed)

    assert shown.preview is not None
    assert shown.errors == ({"leverage": sentence} if sentence else {})
    waiting = placed(desk_in(row, held, mode, equity), row, {"size": "", "mode": mode} | typed)
    assert waiting.errors == shown.errors


@pytest.mark.parametrize(
    ("side", "held", "told", "most"),
    [
        (Side.LONG, "0", "100", "0.04651"),
        (Side.LONG, "0", "1000", "0.11627"),
        (Side.SHORT, "0", "1000000", "0.11627"),
        (Side.SHORT, "0.001", "100", "0.05551"),
        (Side.SHORT, "0.01", "100", "0.12627"),
    ],
)
def test_what_the_venue_tells_is_bounded_by_its_tiers(side: Side, held: str, told: str, most: str) -> None:
    row, money = tiered(), Decimal(told)
    desk = desk_in(row, held, "cross", account_mode="unified")
    closing, price = Decimal(held), Decimal(86000)
    # Against a position, the venue counts it twice: closed, and opened again (Hyperliquid 2.6).
    size = (money + closing * price / 5) * 40 / price + closing
    setting = MarketSetting("BTC", MarginMode.CROSS, 40, money, money, size, size, price)
    available = Available(setting, NOW, None)
    chosen = {"side": side, "leverage": "40", "mode": "cross"}

    shown = placed(desk, row, chosen, available)

    assert shown.maximum == Decimal(most)
    assert placed(desk, row, chosen | {"size": most}, available).errors == {}
    assert placed(desk, row, chosen | {"percent": "100"}, available).errors == {}
    assert not placed(desk, row, chosen | {"size": f"{Decimal(most) + LOT:f}"}, available).can_place


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


def test_mode_that_is_set_at_the_venue_counts_before_the_one_that_was_chosen_last() -> None:
    """While an order rests the mode cannot change, and what is set may have been set elsewhere."""
    row, closed = market(), "Cancel the open orders to change between isolated and cross."
    chosen = Preference(market=row, mode="isolated", leverage=5)
    desk = replace(
        make_desk(),
        orders=(Order(market=row, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(60000)),),
        preferences={row.pk: chosen},
        settings={row.pk: Chosen(MarginMode.CROSS, 5)},
    )

    assert [mode_closed_because(desk, row, mode) for mode in (MarginMode.CROSS, MarginMode.ISOLATED)] == ["", closed]
    assert default_form(desk, row).mode is MarginMode.CROSS
    assert placed(desk, row, {"size": "0.01"}).errors == {}
    unset = replace(desk, settings={})
    assert mode_closed_because(unset, row, MarginMode.CROSS) == closed
    assert default_form(unset, row).mode is MarginMode.ISOLATED
