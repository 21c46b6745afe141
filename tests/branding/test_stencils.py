"""A fragment filled into its stencil is the fragment that its template renders, to the letter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.template.loader import render_to_string
from jinja2 import TemplateError

from branding import stencils
from branding.stencils import MARK, Place, drawn, forget_stencils
from tests.trading.panels import table_samples, ticket_samples
from trading.panels.view_models import Change, FreshnessState, MoveTo, Quote, Risk, Tone, Trend

QUOTE, ROW = "trading/_quote.html", "trading/_position_row.html"


@pytest.fixture(autouse=True)
def nothing_drawn_yet() -> Iterator[None]:
    forget_stencils()
    yield
    forget_stencils()


def rendered(template: str, name: str, shown: Any) -> str:
    """What the template itself says."""
    return str(render_to_string(template, {name: shown}))


def quotes() -> dict[str, Quote]:
    quote = ticket_samples.quote()
    card = quote.liquidation
    return {
        "plain": quote,
        "refused": ticket_samples.refused_quote(),
        "added": ticket_samples.added_quote(),
        "no price": replace(quote, liquidation=replace(card, price=Change(after=""), risk=Risk.NONE, gauge=0)),
        "near": replace(quote, liquidation=replace(card, risk=Risk.VERY_NEAR, gauge=3)),
        "worse": replace(quote, free=Change(after="1", before="2", unit="USDC", trend=Trend.WORSE)),
        "old": replace(quote, freshness=replace(quote.freshness, state=FreshnessState.CLOSED, text="2 min old")),
        "sent": replace(quote, must_start_over=True, can_submit=False, blocked_because="Sent already."),
        "without a key": replace(quote, must_connect=True, button="Connect an account to trade"),
        "elsewhere": replace(quote, move_to=MoveTo("hyperliquid", "xyz"), warning="Moves another price."),
        "nothing to say": replace(quote, max_loss_unit="", builder_fee="", position_changes=(), spoken=""),
    }


@pytest.mark.parametrize("name", list(quotes()))
def test_quote_is_what_its_template_renders(name: str) -> None:
    quote = quotes()[name]

    assert [drawn(QUOTE, "quote", quote), drawn(QUOTE, "quote", quote)] == [rendered(QUOTE, "quote", quote)] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "cross", "mode_label": "Cross"},
        {"venue": "Aster"},
        {"pending": "checking"},
        {"liquidation": "", "liquidation_reason": "covered down to zero", "risk": Risk.NONE},
        {"take_profit": "120"},
        {"stop_loss": "80", "close_closed_because": "Closed <by> the venue."},
        {"add_closed_because": "no", "remove_closed_because": "no", "utilisation_value": 0, "pnl_tone": Tone.DOWN},
    ],
)
def test_row_is_what_its_template_renders(changes: dict[str, Any]) -> None:
    row = replace(table_samples.position_rows()[0], **changes)

    assert drawn(ROW, "row", row) == rendered(ROW, "row", row)


def test_one_stencil_serves_every_text_of_its_shape() -> None:
    quote = ticket_samples.quote()
    later = replace(
        quote,
        max_loss="1.23",
        button="Buy / Long 7 BTC",
        freshness=replace(quote.freshness, as_of=datetime(2026, 11, 22, 9, tzinfo=UTC), text="9 s old"),
        liquidation=replace(quote.liquidation, gauge=97),
    )
    drawn(QUOTE, "quote", quote)

    assert drawn(QUOTE, "quote", later) == rendered(QUOTE, "quote", later)
    assert len(stencils._stencils) == 1


@pytest.mark.parametrize("text", ["<b>&'\"", "{{ quote }}", "%s {0}", f"a{MARK}0{MARK}b", MARK])
def test_text_is_escaped_and_never_read_as_anything_else(text: str) -> None:
    quote = replace(ticket_samples.quote(), warning=text, errors={"size": text})

    assert drawn(QUOTE, "quote", quote) == rendered(QUOTE, "quote", quote)


def test_rows_of_two_positions_share_no_address() -> None:
    first, second = table_samples.position_rows()[0], replace(table_samples.position_rows()[0], id=77)
    drawn(ROW, "row", first)

    assert drawn(ROW, "row", second) == rendered(ROW, "row", second)


def test_stencils_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stencils, "REMEMBERED_SHAPES", 3)
    row = table_samples.position_rows()[0]

    for number in range(1, 8):
        drawn(ROW, "row", replace(row, id=number))

    assert len(stencils._stencils) <= 3


@dataclass(frozen=True, slots=True)
class Told:
    word: str


@pytest.mark.parametrize(
    "source", ["{{ told.word == 'a' }}", "{{ told.word < 'a' }}", "{{ told.word[0] }}", "{{ told.word | length }}"]
)
def test_template_that_decides_by_a_text_fails_at_its_first_drawing(source: str) -> None:
    from django.template import engines  # noqa: PLC0415  # the pages' own environment

    template = engines["jinja2"].from_string(source)

    with pytest.raises((TypeError, TemplateError)):
        template.render({"told": Told(word=Place(0))})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Span:
    began: datetime | None
    ended: datetime | None


def test_shape_tells_which_of_two_moments_is_there() -> None:
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    shapes: list[list[object]] = [[], []]
    for span, shape in zip([Span(moment, None), Span(None, moment)], shapes, strict=True):
        stencils._read(span, shape, [])

    assert shapes[0] != shapes[1]
