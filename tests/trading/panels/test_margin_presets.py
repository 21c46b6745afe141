"""“Max” of the margin dialog: what can still be moved when the mark has moved a little."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.trading.desks import make_desk, market, position
from trading.desk import Desk
from trading.moving import unmoved
from trading.panels.dialogs import build_margin_dialog, build_margin_preview


def with_cross(*coins: str) -> Desk:
    """0.01 BTC isolated at 5x, with 0.01 of other coins in cross beside it."""
    desk = make_desk(market())
    return replace(desk, positions=(*desk.positions, *(position(market(coin), mode="cross") for coin in coins)))


def most_to_add(desk: Desk) -> tuple[Decimal, Decimal]:
    """What “Max” fills in, and the bound."""
    held, base = desk.positions[0], unmoved(desk, desk.positions[0])
    assert base is not None
    assert base.addable is not None
    assert base.addable.amount is not None
    preview = build_margin_preview(desk, held, "add", None, base, "")
    typed = {"direction": "add", "amount": "", "target": ""}
    preset = build_margin_dialog(desk, held, typed, preview, base, uuid4()).add_presets[-1]
    assert preset.label == "Max"
    return Decimal(preset.value), base.addable.amount


@pytest.mark.parametrize(("coins", "cushion"), [((), "0"), (("ETH",), "8.60")])
def test_max_to_add_leaves_what_cross_positions_may_take_meanwhile(coins: tuple[str, ...], cushion: str) -> None:
    shown, bound = most_to_add(with_cross(*coins))

    assert shown == (bound - Decimal(cushion)).quantize(Decimal("0.01"), "ROUND_FLOOR")
