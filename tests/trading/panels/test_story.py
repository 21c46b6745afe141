"""What the story of a liquidation says of the margin that would have been enough."""

from decimal import Decimal

import pytest

from tests.trading.panels.liquidated import market, story
from trading.margin.liquidation import cash_for_liquidation, liquidation_from_cash
from trading.margin.types import TierTable
from trading.panels.story import build_story

# A position of a coin and more lies in the second tier wherever it is liquidated here.
TIERED = TierTable.from_max_leverages([("0", 40), ("50000", 10)])


@pytest.mark.parametrize(
    ("size", "extreme", "tiers", "more"),
    [
        # |size| · distance · (1 − side · maintenance rate): 1/80 for 40x, 1/20 for 10x (Hyperliquid 3.3).
        ("0.1", "79000", None, "98.75"),
        ("-0.1", "81000", None, "101.25"),
        ("2", "79000", TIERED, "1,900.00"),
        ("-2", "81000", TIERED, "2,100.00"),
    ],
)
def test_margin_that_is_said_to_be_enough_moves_the_liquidation_to_where_the_price_went(
    size: str, extreme: str, tiers: TierTable | None, more: str
) -> None:
    where, held = market(tiers), Decimal(size)

    lesson = build_story(story(where, size, extreme)).lesson

    assert lesson.endswith(f" About {more} USDC more margin would have kept the position open through it.")
    cash = cash_for_liquidation(held, Decimal(80000), where.rules.tiers) + Decimal(more.replace(",", ""))
    assert liquidation_from_cash(held, cash, where.rules.tiers).price == Decimal(extreme)


def test_no_margin_is_named_where_the_whole_account_answered() -> None:
    lesson = build_story(story(market(), "0.1", "79000", mode="cross")).lesson

    assert lesson == "The price fell 1.25\u202f% beyond the liquidation price, to 79,000."
