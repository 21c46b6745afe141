"""A position while a command on it is not proven: what protects it stays within reach."""

import re

import pytest
from django.conf import settings
from jinja2 import Environment, FileSystemLoader

from branding.jinja import environment
from tests.trading.desks import make_desk, market
from tests.trading.panels.page import HEAD
from trading.models import Command
from trading.panels.positions import build_positions


@pytest.fixture(scope="module")
def pages() -> Environment:
    return environment(loader=FileSystemLoader(settings.BASE_DIR / "templates"))


def actions(pages: Environment, mode: str, *, pending: bool) -> list[str]:
    """The words of a position's last cell, and which of them lead anywhere."""
    desk = make_desk(market(), position_mode=mode)
    panel = build_positions(desk, [Command(market_id=1)] if pending else [])
    page = pages.get_template("trading/_positions.html").render(HEAD, positions=panel)
    cell = page.partition('<td class="cell-actions">')[2].partition("</td>")[0]
    links = re.findall(
        r"<(a|span|button)[^>]* class=\"(?:button|checking)[^>]*>(.*?)</\1>(?=\s*(?:<|$))", cell, re.DOTALL
    )
    return [f"{tag} {re.sub(r'<[^>]+>', '', words).strip()}" for tag, words in links]


@pytest.mark.parametrize(
    ("mode", "pending", "shown"),
    [
        ("isolated", False, ["a + Margin", "a − Margin", "a Close"]),
        ("isolated", True, ["a + Margin", "span checking", "a Close"]),
        ("cross", False, ["button shared", "a Close"]),
        ("cross", True, ["span checking", "a Close"]),
    ],
)
def test_margin_can_be_added_and_the_position_closed_while_a_command_is_checked(
    pages: Environment, mode: str, pending: bool, shown: list[str]
) -> None:
    assert actions(pages, mode, pending=pending) == shown
