"""Leverage brackets that the venue changes while a quote of the former ones is on the trader's screen."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox_process import SandboxProcess
from tests.trading.aster.people import BITCOIN, AsterTrader, sit_down
from trading import recent
from trading.connect import account_adapter
from trading.models import Command, Market
from trading.recent import recent_desk, recent_market
from trading.services.sync import sync_markets
from trading.services.terms import TIERS_CHANGED, TiersChanged, refuse_replaced_tiers
from trading.tiers import SharedTiers
from trading.venues.snapshots import Network, Venue

TICKET = {"side": "long", "kind": "market", "size": "0.01", "unit": "coin", "mode": "isolated", "leverage": "10"}
SEEN = re.compile(r'name="(seen_\w+)" value="([^"]*)"')
HARDER: dict[str, Any] = {"brackets": [["0", 20, "0.03"], ["100000", 5, "0.05"]], "cap": "1000000"}
LOWER: dict[str, Any] = {"brackets": [["0", 5, "0.05"]], "cap": "1000000"}


@pytest.fixture(autouse=True)
def brackets_as_they_were(ready: AsterTrader, aster: SandboxProcess) -> Iterator[None]:
    """Other tests trade on the same venue."""
    table = ready.market.rules.tiers
    former = [[f"{tier.lower_bound:f}", tier.max_leverage, f"{tier.maintenance_rate:f}"] for tier in table.tiers]
    yield
    aster.change_market("BTCUSDT", brackets=former, cap=f"{table.notional_cap:f}")


def seen(fragment: str) -> dict[str, str]:
    """The estimates that a quote sends along with the order."""
    return dict(SEEN.findall(fragment))


def quoted(trader: AsterTrader) -> dict[str, str]:
    answer = trader.browser.get(f"/trade/{BITCOIN}/quote/", TICKET, headers={"HX-Request": "true"})
    return seen(answer.content.decode())


def press(trader: AsterTrader, estimates: dict[str, str]) -> tuple[int, str]:
    fields: dict[str, Any] = {"form_key": str(uuid4())} | TICKET | estimates
    answer = trader.browser.post(f"/trade/{BITCOIN}/order/", fields, headers={"HX-Request": "true"})
    return answer.status_code, answer.content.decode()


def test_order_of_a_former_quote_is_asked_about_again_under_the_new_brackets(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    before = quoted(ready)
    aster.change_market("BTCUSDT", **HARDER)

    status, words = press(ready, before)

    assert (status, TIERS_CHANGED in words, ready.commands()) == (422, True, [])
    after = seen(words)
    assert Decimal(after["seen_liquidation"]) > Decimal(before["seen_liquidation"]) * Decimal("1.01")

    assert "Filled: buy 0.01 BTC" in press(ready, after)[1]
    venues = ready.position.liquidation_price
    assert venues is not None
    assert abs(venues / Decimal(after["seen_liquidation"]) - 1) < Decimal("0.005")


def test_leverage_that_the_venue_no_longer_gives_is_said_and_not_lowered(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    before = quoted(ready)
    aster.change_market("BTCUSDT", **LOWER)

    first, second = press(ready, before), press(ready, before)

    assert (first[0], TIERS_CHANGED in first[1]) == (422, True)
    assert (second[0], "5x is the venue&#39;s maximum on BTC." in second[1]) == (422, True)
    assert ready.commands() == []
    assert (Market.objects.get(pk=ready.market.pk).max_leverage, ready.held()) == (5, [])


def test_brackets_that_a_reading_found_first_are_asked_about_as_well(ready: AsterTrader, aster: SandboxProcess) -> None:
    before = quoted(ready)
    aster.change_market("BTCUSDT", **HARDER)
    assert press(ready, before)[0] == 422  # somebody's order found out
    sync_markets(account_adapter(ready.account))

    status, words = press(ready, before)

    assert (status, "The estimate moved while you decided." in words, ready.commands()) == (422, True, [])


def test_brackets_that_one_worker_found_changed_hold_in_all_of_them(ready: AsterTrader, aster: SandboxProcess) -> None:
    another = SharedTiers(Venue.ASTER, Network.TESTNET)
    former = another(dict)["BTCUSDT"]
    aster.change_market("BTCUSDT", **HARDER)

    with pytest.raises(TiersChanged):
        refuse_replaced_tiers(account_adapter(ready.account), ready.market)

    stored = ready.market.rules.tiers
    assert (stored != former, another(dict)["BTCUSDT"] == stored) == (True, True)
    sync_markets(account_adapter(ready.account))
    assert ready.market.rules.tiers == stored


def test_brackets_are_all_that_an_order_writes_of_a_market(ready: AsterTrader, aster: SandboxProcess) -> None:
    known = ready.market
    Market.objects.filter(pk=known.pk).update(spec=known.spec | {"delisted": True, "funding_hours": 4})
    aster.change_market("BTCUSDT", **LOWER)

    with pytest.raises(TiersChanged):
        refuse_replaced_tiers(account_adapter(ready.account), known)

    rules = ready.market.rules
    assert (rules.delisted, rules.funding_hours, rules.max_leverage, ready.market.max_leverage) == (True, 4, 5, 5)


def test_changed_brackets_are_quoted_at_once_and_leave_other_traders_desks_alone(
    ready: AsterTrader, aster: SandboxProcess
) -> None:
    other = sit_down(ready.sandbox, "bob@alpha.example")
    before = quoted(ready)
    recent_desk(other.user, Venue.ASTER)
    aster.change_market("BTCUSDT", **HARDER)

    press(ready, before)

    assert {trader for _, trader, _ in recent._recent} == {other.user.pk}
    assert recent_market(ready.user.operator_id, BITCOIN).rules.tiers.max_leverage == 20


def test_venue_that_does_not_tell_its_brackets_has_the_last_word(ready: AsterTrader, aster: SandboxProcess) -> None:
    before = quoted(ready)
    aster.change_market("BTCUSDT", **LOWER)
    aster.fault("error_before", "GET leverageBracket", count=1)

    _, words = press(ready, before)
    aster.clear_faults()

    assert "The leverage is outside what this market allows. Choose a lower one." in words
    assert [row.state for row in Command.objects.all()] == ["rejected"]
    assert ready.held() == []


def test_closing_waits_for_no_brackets(ready: AsterTrader, aster: SandboxProcess) -> None:
    press(ready, quoted(ready))
    aster.change_market("BTCUSDT", **HARDER)

    assert "Filled: sell 0.01 BTC" in ready.close()
    assert ready.held() == []
