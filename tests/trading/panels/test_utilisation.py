"""Utilisation never flatters: what is not known says so, and an account without equity is not at 0 %."""

from decimal import Decimal

import pytest

from tests.trading.desks import make_desk, market
from trading.panels.history import build_account
from trading.panels.positions import build_positions
from trading.panels.utilisation import utilisation
from trading.panels.view_models import Tone


@pytest.mark.parametrize(
    ("maintenance", "equity", "shown"),
    [
        ("10", None, ("not known", "", Tone.PLAIN, 0)),
        ("10", "-5", ("over 100\u202f%", "high", Tone.DOWN, 100)),
        ("10", "0", ("over 100\u202f%", "high", Tone.DOWN, 100)),
        ("0", "0", ("0\u202f%", "low", Tone.UP, 0)),
        ("10", "8", ("125\u202f%", "high", Tone.DOWN, 100)),
        ("8", "10", ("80\u202f%", "high", Tone.DOWN, 80)),
        ("4", "10", ("40\u202f%", "medium", Tone.WARN, 40)),
        ("1", "10", ("10\u202f%", "low", Tone.UP, 10)),
    ],
)
def test_usage_of_an_account(maintenance: str, equity: str | None, shown: tuple[str, str, Tone, int]) -> None:
    used = utilisation(Decimal(maintenance), None if equity is None else Decimal(equity))

    assert (used.text, used.words, used.tone, used.gauge) == shown


def test_account_without_equity_is_over_its_limit() -> None:
    desk = make_desk(market(), cross_equity=Decimal(-5), equity=Decimal(-5), position_mode="cross")

    panel, (row,) = build_account(desk), build_positions(desk).rows
    assert (panel.cross_usage, panel.cross_usage_words, panel.cross_usage_tone) == (
        "over 100\u202f%", "high", Tone.DOWN,
    )  # fmt: skip
    assert (row.utilisation, row.utilisation_tone) == ("over 100\u202f%", Tone.DOWN)


def test_account_whose_equity_nobody_knows_claims_nothing() -> None:
    desk = make_desk(market(), mode="portfolio", position_mode="cross")

    panel, (row,) = build_account(desk), build_positions(desk).rows
    assert (panel.equity, panel.cross_usage, panel.cross_usage_tone) == ("not known", "not known", Tone.PLAIN)
    assert (row.utilisation, row.utilisation_tone, row.utilisation_value) == ("not known", Tone.PLAIN, 0)
