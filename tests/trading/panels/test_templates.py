"""Every fragment renders from its view model alone, with missing values refused, and its root carries its name."""

import re
from dataclasses import replace

import pytest
from django.conf import settings
from jinja2 import Environment, FileSystemLoader

from branding.jinja import environment
from tests.trading.panels import samples, table_samples, ticket_samples
from tests.trading.panels.page import HEAD, Elements
from trading.panels.view_models import NoticeState, TerminalPage

PAGES = {
    "full": samples.full_page(),
    "beginners": samples.full_page(beginners=True),
    "empty": samples.empty_page(),
    "troubled": samples.troubled_page(),
}
FRAGMENTS = {
    "_account": {"account": samples.account()},
    "_banner": {"banner": samples.troubled_page().banner},
    "_book": {"book": samples.book()},
    "_market_bar": {"bar": samples.market_bar()},
    "_ticket": {"ticket": ticket_samples.ticket()},
    "_quote": {"quote": ticket_samples.quote()},
    "_positions": {"positions": samples.full_page().positions},
    "_orders": {"orders": table_samples.order_rows()},
    "_fills": {"fills": table_samples.fill_rows()},
    "_margin_changes": {"margin_changes": table_samples.margin_change_rows()},
    "_margin_dialog": {"dialog_view": ticket_samples.margin_dialog()},
    "_margin_preview": {"preview": ticket_samples.margin_preview(), "position_id": 2},
    "_close_dialog": {"dialog_view": ticket_samples.close_dialog()},
    "_close_preview": {"preview": ticket_samples.close_preview()},
    "_exits_dialog": {"dialog_view": ticket_samples.exits_dialog()},
    "_exits_preview": {"preview": ticket_samples.exits_preview()},
    "_modify_dialog": {"dialog_view": ticket_samples.modify_dialog()},
    "_modify_preview": {"preview": ticket_samples.modify_preview()},
    "_cancel_dialog": {"dialog_view": ticket_samples.cancel_dialog()},
}


@pytest.fixture(scope="module")
def pages() -> Environment:
    return environment(loader=FileSystemLoader(settings.BASE_DIR / "templates"))


@pytest.fixture(params=list(PAGES.values()), ids=list(PAGES))
def page(request: pytest.FixtureRequest) -> TerminalPage:
    chosen: TerminalPage = request.param
    return chosen


def test_the_terminal_renders_whole_in_every_state(pages: Environment, page: TerminalPage) -> None:
    elements = Elements(pages.get_template("trading/terminal.html").render(HEAD, page=page))
    assert elements.open == []
    ids = elements.ids()
    assert sorted(ids) == sorted(set(ids))


def test_nothing_on_the_terminal_needs_a_looser_content_policy(pages: Environment, page: TerminalPage) -> None:
    text = pages.get_template("trading/terminal.html").render(HEAD, page=page)
    for tag, attributes in Elements(text).found:
        assert "style" not in attributes
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name.startswith(("on", "hx-on"))]
    assert "js:" not in text
    assert re.search(r'hx-trigger="[^"]*\[', text) is None


@pytest.mark.parametrize(("name", "context"), FRAGMENTS.items(), ids=FRAGMENTS.keys())
def test_a_fragments_root_is_its_file(pages: Environment, name: str, context: dict[str, object]) -> None:
    elements = Elements(pages.get_template(f"trading/{name}.html").render(HEAD | context))
    assert elements.open == []
    assert elements.found[0][1]["id"] == name.removeprefix("_")


def test_a_books_own_fee_stands_beside_the_others(pages: Environment) -> None:
    told = replace(ticket_samples.quote(), book_fee="xyz's own")
    with_it, without = (
        pages.get_template("trading/_quote.html").render(HEAD, quote=quote) for quote in (told, ticket_samples.quote())
    )
    assert '<span class="number">0.45</span> <span class="unit">+ xyz&#39;s own</span></dd>' in with_it
    assert '<span class="number">0.45</span></dd>' in without


def test_a_quote_brings_its_satellites_and_every_sentence(pages: Environment) -> None:
    text = pages.get_template("trading/_quote.html").render(HEAD, quote=ticket_samples.refused_quote())
    outside = [attributes["id"] for _, attributes in Elements(text).found if "hx-swap-oob" in attributes]
    parts = ("take_profit", "stop_loss")
    fields = ("mode", "trigger", "price", "size", "leverage", "time_in_force", "protects", *parts)
    assert outside == [
        "quote_margin", "size_note", *(f"note_{name}" for name in parts), *(f"error_{name}" for name in fields)
    ]  # fmt: skip
    assert "The size must be a number above zero, with at most 4 decimals.</p>" in text
    assert re.search(r'id="place_order"[^>]*disabled', text)


def test_a_quote_sends_no_token_and_no_key_in_its_address(pages: Environment) -> None:
    text = pages.get_template("trading/_quote.html").render(HEAD, quote=ticket_samples.quote())
    assert Elements(text).found[0][1]["hx-include"] == "#ticket_form [name]:not([type=hidden])"


@pytest.mark.parametrize("state", list(NoticeState))
def test_only_an_unproven_command_keeps_asking(pages: Environment, state: NoticeState) -> None:
    text = pages.get_template("trading/_notice.html").render(HEAD, notice=ticket_samples.notice(state))
    asks = "hx-trigger" in Elements(text).found[0][1]
    assert asks is (state in (NoticeState.SENT, NoticeState.CHECKING))


def test_an_accepted_order_re_arms_the_form(pages: Environment) -> None:
    notice = ticket_samples.notice(NoticeState.ACCEPTED)
    elements = Elements(pages.get_template("trading/_notice.html").render(HEAD, notice=notice))
    key = next(attributes for _, attributes in elements.found if attributes.get("id") == "ticket_form_key")
    assert key["value"] == notice.form_key


def test_what_a_trader_or_a_venue_wrote_is_escaped(pages: Environment) -> None:
    notice = replace(ticket_samples.notice(NoticeState.REJECTED), detail="<script>alert(1)</script>")
    text = pages.get_template("trading/_notice.html").render(HEAD, notice=notice)
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_closed_mode_says_why(pages: Environment) -> None:
    text = pages.get_template("trading/terminal.html").render(HEAD, page=samples.troubled_page())
    assert "Cross is closed here while you hold an isolated ETH position. Close it first.</p>" in text


@pytest.mark.parametrize("name", ["403", "404", "platform"])
def test_a_page_of_words_renders_with_a_brand_alone(pages: Environment, name: str) -> None:
    assert Elements(pages.get_template(f"{name}.html").render(HEAD)).open == []


@pytest.mark.parametrize("name", ["400", "500", "503"])
def test_a_page_for_the_worst_renders_from_nothing(pages: Environment, name: str) -> None:
    elements = Elements(pages.get_template(f"{name}.html").render())
    assert elements.open == []
    assert [attributes["href"] for tag, attributes in elements.found if tag == "link"] == ["/static/css/error.css"]


def test_the_sign_in_page_says_what_is_wrong(pages: Environment) -> None:
    context = {
        "errors": {"form": "E-mail or password is not right."},
        "email": "trader@example.com",
        "next": "/trade/ETH/",
    }
    text = pages.get_template("registration/sign_in.html").render(HEAD | context)
    assert 'role="alert">E-mail or password is not right.</p>' in text
    assert 'name="next" value="/trade/ETH/"' in text


def test_units_step_back_behind_their_figures(pages: Environment) -> None:
    shown = pages.from_string("{{ '12,480.22 USDC' | muted_unit }} {{ 'covered at any price' | muted_unit }}").render()
    assert shown == '12,480.22 <span class="unit">USDC</span> covered at any price'
