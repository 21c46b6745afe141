"""Leverage and mode of a market without a position, set with another tool at either venue: the page follows them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from tests.trading.aster.another_tool import Elsewhere, trader
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.tickets import ticket
from tests.trading.views.conftest import publish_prices
from trading.margin.types import MarginMode
from trading.models import Command, Difference, FormerPosition, Position, Preference, Setting, SettingChange
from trading.models.commands import CommandKind, CommandState
from trading.recent import forget_desks
from trading.services import available
from trading.services.available import last_available, note_setting_moved
from trading.services.flat_settings import Chosen, Known, followed_by, take_over
from trading.services.orders import close_position, place_order
from trading.venues.base import SetLeverage
from trading.venues.snapshots import MarketSetting

__all__ = ["trader"]

ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS
AT_ONCE = timedelta(0)
ELSEWHERE = "Set outside of this platform; the venue's setting was taken."


@dataclass
class Page:
    """The trader's page of the market."""

    trader: Elsewhere
    browser: Client

    @property
    def address(self) -> str:
        return f"/trade/{self.trader.market.address}/"

    def poll(self) -> tuple[str, str]:
        """Mode and leverage that the open page is told, half a minute after the last answer."""
        trader = self.trader
        known = last_available(trader.account, trader.market)
        if known is not None:
            older = available.Available(known.setting, known.asked_at - available.SETTING_ASKED_EVERY, known.turn)
            cache.set(available._key(trader.account, trader.market), older)
        return self.poll_at_once()

    def poll_at_once(self) -> tuple[str, str]:
        cache.delete(f"{available._key(self.trader.account, self.trader.market)}:asked")
        return read_setting(self.browser.get(f"{self.address}available/").content.decode())

    def fresh(self) -> tuple[str, str]:
        """Mode and leverage that the ticket of a new page has."""
        forget_desks()
        html = self.browser.get(self.address).content.decode()
        mode = re.search(r'name="mode" value="(\w+)" checked', html)
        leverage = re.search(r'id="leverage_slider"[^>]* value="(\d+)"', html)
        assert mode is not None
        assert leverage is not None
        return mode[1], leverage[1]


def read_setting(html: str) -> tuple[str, str]:
    found = re.search(r'data-mode="(\w+)" data-leverage="(\d+)"', html)
    assert found is not None, html
    return found[1], found[2]


@pytest.fixture
def page(trader: Elsewhere, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Alice looks at the market; she holds nothing there. Her venue shows at once what was set."""
    monkeypatch.setattr(type(trader.adapter), "settling", AT_ONCE)
    if trader.venue == "aster":
        ready = request.getfixturevalue("ready")
        ready.keep_hearing_prices()
        return Page(trader, ready.browser)
    desk = request.getfixturevalue("desk")
    publish_prices(desk)
    client = Client(HTTP_HOST="alpha.localhost")
    client.force_login(desk.trader)
    return Page(trader, client)


def records(trader: Elsewhere) -> list[tuple[str, str, str]]:
    """What is on record of settings: before, after, and whose; each counted as a healed difference."""
    rows = list(SettingChange.objects.filter(account=trader.account_id).order_by("pk"))
    counted = Difference.objects.filter(account=trader.account_id, kind="setting", healed_at__isnull=False)
    told = [(f"{row.mode_before} {row.leverage_before}x", f"{row.mode} {row.leverage}x") for row in rows]
    assert [row.command for row in rows] == [None] * len(rows)
    assert sorted(counted.values_list("ours", "venues", "explanation")) == sorted((*pair, ELSEWHERE) for pair in told)
    return [(*pair, "elsewhere") for pair in told]


def test_flat_setting_made_elsewhere_reaches_page_rows_and_records(trader: Elsewhere, page: Page) -> None:
    assert page.poll() == page.fresh() == ("isolated", "5")
    first = Setting.objects.get(account=trader.account_id)
    assert records(trader) == []
    trader.do(SetLeverage(trader.market.rules, CROSS, 7))

    assert page.poll() == page.fresh() == ("cross", "7")
    assert page.poll() == ("cross", "7")
    assert records(trader) == [(f"{first.mode} {first.leverage}x", "cross 7x", "elsewhere")]
    row = Setting.objects.get(account=trader.account_id)
    assert (row.mode, row.leverage, row.told_at > first.told_at) == ("cross", 7, True)


def test_setting_of_ours_is_not_taken_for_one_made_elsewhere(trader: Elsewhere, page: Page) -> None:
    page.poll()
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8))
    held = Position.objects.select_related("market").get(account=trader.account_id)
    page.poll()
    close_position(trader.adapter, trader.account, held, mark=Decimal(86000), form_key=uuid4())
    assert not Position.objects.filter(account=trader.account_id).exists()

    page.poll()
    assert records(trader) == []
    trader.do(SetLeverage(trader.market.rules, ISOLATED, 3))
    assert page.poll() == ("isolated", "3")
    assert records(trader) == [("isolated 8x", "isolated 3x", "elsewhere")]


def test_setting_made_elsewhere_is_found_although_nobody_looked_before(trader: Elsewhere, page: Page) -> None:
    """What the last position showed, or our own command set, is what was known."""
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8))
    held = Position.objects.select_related("market").get(account=trader.account_id)
    close_position(trader.adapter, trader.account, held, mark=Decimal(86000), form_key=uuid4())
    trader.do(SetLeverage(trader.market.rules, ISOLATED, 3))

    assert page.poll() == ("isolated", "3")
    assert records(trader) == [("isolated 8x", "isolated 3x", "elsewhere")]


@pytest.mark.parametrize(
    ("shown", "seconds", "now_set", "is_elsewhere"),
    [(8, -5, 12, False), (8, 5, 12, False), (5, 5, 5, False), (5, -5, 5, False), (8, -90, 8, True), (12, 90, 8, True)],
)
def test_setting_of_ours_and_a_position_seen_at_nearly_the_same_time_may_have_come_in_either_order(
    trader: Elsewhere, shown: int, seconds: int, now_set: int, *, is_elsewhere: bool
) -> None:
    """We set 12x; the last reading before the position was gone showed something else, so long before or after."""
    for leverage in (8, 12):
        place_order(trader.adapter, trader.account, trader.market, ticket(form_key=uuid4(), leverage=leverage))
    held = Position.objects.select_related("market").get(account=trader.account_id)
    close_position(trader.adapter, trader.account, held, mark=Decimal(86000), form_key=uuid4())
    ours = Command.objects.filter(account=trader.account_id, kind=CommandKind.LEVERAGE).latest("settled_at")
    assert ours.settled_at is not None
    seen_at = ours.settled_at + timedelta(seconds=seconds)
    gone_at = seen_at + timedelta(minutes=2)
    FormerPosition.objects.filter(account=trader.account_id).update(
        leverage=shown, venue_time=seen_at, ended_at=gone_at
    )

    setting = told(trader.market.name, ISOLATED, now_set)
    assert take_over(trader.account, trader.market, setting, timezone.now(), AT_ONCE) is is_elsewhere
    assert Difference.objects.filter(kind="setting").count() == is_elsewhere


def test_change_of_an_open_position_is_recorded_once(trader: Elsewhere, page: Page) -> None:
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8))
    trader.do(SetLeverage(trader.market.rules, ISOLATED, 12))
    page.poll()
    assert records(trader) == []

    assert [row[:3] for row in trader.read()] == [("setting", "isolated 8x", "isolated 12x")]
    page.poll()
    assert records(trader) == [("isolated 8x", "isolated 12x", "elsewhere")]


def test_venue_is_asked_every_half_minute_or_when_something_was_set(trader: Elsewhere, page: Page) -> None:
    page.poll()
    trader.do(SetLeverage(trader.market.rules, ISOLATED, 7))
    assert page.poll_at_once() == ("isolated", "5")

    note_setting_moved(trader.account)
    assert page.poll_at_once() == ("isolated", "7")


def test_answer_from_before_a_command_of_ours_says_nothing(trader: Elsewhere, page: Page) -> None:
    page.poll()
    known = last_available(trader.account, trader.market)
    assert known is not None
    asked_at = timezone.now()
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8, limit_price=Decimal(80000)))

    assert not take_over(trader.account, trader.market, known.setting, asked_at, AT_ONCE)
    Command.objects.filter(kind=CommandKind.LEVERAGE).update(state=CommandState.UNKNOWN, settled_at=None)
    assert not take_over(trader.account, trader.market, known.setting, timezone.now(), AT_ONCE)
    assert records(trader) == []


@pytest.mark.parametrize(("after", "is_elsewhere"), [(0.3, False), (0.999, False), (1.001, True)])
def test_answer_soon_after_a_command_of_ours_may_be_of_before_it(
    trader: Elsewhere, page: Page, after: float, *, is_elsewhere: bool
) -> None:
    page.poll()
    known = last_available(trader.account, trader.market)
    assert known is not None
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8, limit_price=Decimal(80000)))
    ours = Command.objects.filter(account=trader.account_id, kind=CommandKind.LEVERAGE).latest("settled_at")
    assert ours.settled_at is not None

    asked_at, settling = ours.settled_at + timedelta(seconds=after), timedelta(seconds=1)
    assert take_over(trader.account, trader.market, known.setting, asked_at, settling) is is_elsewhere
    assert len(records(trader)) == is_elsewhere
    assert Setting.objects.filter(account=trader.account_id, told_at=asked_at).exists() is is_elsewhere


def test_page_asks_as_the_venue_needs_its_time_to_show_what_was_set(
    trader: Elsewhere, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.poll()
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8, limit_price=Decimal(80000)))
    trader.do(SetLeverage(trader.market.rules, ISOLATED, 5))

    monkeypatch.setattr(type(trader.adapter), "settling", timedelta(hours=1))
    page.poll()
    assert records(trader) == []
    monkeypatch.setattr(type(trader.adapter), "settling", AT_ONCE)
    page.poll()
    assert records(trader) == [("isolated 8x", "isolated 5x", "elsewhere")]


def test_command_that_cannot_be_proven_may_have_set_it(trader: Elsewhere, page: Page) -> None:
    page.poll()
    place_order(trader.adapter, trader.account, trader.market, ticket(leverage=8, limit_price=Decimal(80000)))
    Command.objects.filter(kind__in=[CommandKind.LEVERAGE, CommandKind.MODE]).update(state=CommandState.UNPROVEN)

    page.poll()
    assert records(trader) == []


def told(market: str, mode: MarginMode, leverage: int) -> MarketSetting:
    zero = Decimal(0)
    return MarketSetting(market, mode, leverage, zero, zero, zero, zero, zero)


def test_older_answer_never_overwrites_a_newer_one(trader: Elsewhere) -> None:
    account, market, now = trader.account, trader.market, timezone.now()
    assert not take_over(account, market, told(market.name, ISOLATED, 5), now, AT_ONCE)
    assert not take_over(account, market, told(market.name, ISOLATED, 9), now - timedelta(seconds=1), AT_ONCE)
    assert Setting.objects.get(account=account).leverage == 5
    assert take_over(account, market, told(market.name, ISOLATED, 9), now + timedelta(seconds=1), AT_ONCE)
    assert Preference.objects.get(trader=account.trader).leverage == 9


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], Chosen(CROSS, 20)),
        ([("mode", "isolated", "5")], Chosen(ISOLATED, 20)),
        ([("mode", "isolated", "5"), ("leverage", "isolated", "5")], Chosen(ISOLATED, 5)),
    ],
)
def test_mode_may_be_set_although_the_leverage_was_refused(kinds: list[tuple[str, str, str]], expected: Chosen) -> None:
    commands = [Command(kind=kind, intent={"mode": mode, "leverage": leverage}) for kind, mode, leverage in kinds]
    assert followed_by(Known(Chosen(CROSS, 20), timezone.now()), commands) == expected
    assert followed_by(None, []) is None
