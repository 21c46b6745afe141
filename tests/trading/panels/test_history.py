"""What an execution cost, as the tables and the story of a liquidation print it."""

from decimal import Decimal

import pytest

from tests.trading.desks import HOUR_AGO
from tests.trading.panels.liquidated import market, story
from trading.models import Fill
from trading.panels.history import build_fills
from trading.panels.story import build_story


@pytest.mark.parametrize(
    ("fee", "token", "told", "in_story"),
    [
        ("0.0312", "", "0.04", ", fee 0.04"),
        ("0.000005120000", "HYPE", "0.00000512 HYPE", ", fee 0.00000512 HYPE"),
        (None, "", "not told", ""),
    ],
)
def test_fee_in_another_coin_names_it(fee: str | None, token: str, told: str, in_story: str) -> None:
    where = market()
    fill = Fill(
        pk=1, market=where, key="1", order_id=1, happened_at=HOUR_AGO, is_buy=True, price=Decimal(86000),
        size=Decimal("0.1"), direction="Open Long", closed_pnl=Decimal(0), fee=None if fee is None else Decimal(fee),
        fee_token=token,
    )  # fmt: skip

    (row,) = build_fills([fill])
    bought, *_ = build_story(story(where, "0.1", "79000", fill)).rows

    assert (row.fee, bought.words) == (told, f"Bought 0.1 BTC at 86,000{in_story}.")
