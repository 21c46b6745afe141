"""What one trader has a venue asked for uses up what all others need: how often he may, and what is asked at all."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest
from django.http import HttpResponse
from django.utils import timezone
from eth_account import Account
from pytest_django.fixtures import Settings

from tenants.attempts import ATTEMPTS
from tenants.models import Operator
from tests.sandbox_process import SandboxProcess
from tests.trading.accounts.conftest import Trader, sit_down
from trading.models import VenueAccount
from trading.services import accounts

TOO_OFTEN = "You have asked the venue for accounts too often. Wait five minutes, then try again."


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what was read in a test was just read."""
    monkeypatch.setattr(accounts, "JUST_READ", timedelta(hours=1))


def silence(venue: SandboxProcess) -> None:
    """Whatever is asked of the venue from now on is not answered."""
    venue.fault("error_before", "info", probability=1.0)


def test_account_that_was_just_read_is_shown_without_asking_for_it_again(alice: Trader, venue: SandboxProcess) -> None:
    alice.connect()
    silence(venue)

    assert alice.connect().status_code == 302
    assert (alice.panel(), len(alice.audit())) == ("connected", 1)


@pytest.mark.parametrize("ago", [timedelta(hours=2), None])
def test_account_whose_figures_are_old_or_were_never_read_is_asked_for(
    alice: Trader, venue: SandboxProcess, ago: timedelta | None
) -> None:
    alice.connect()
    synced_at = None if ago is None else timezone.now() - ago
    VenueAccount.objects.filter(pk=alice.account.pk).update(synced_at=synced_at)
    silence(venue)

    assert alice.connect().status_code == 422


def test_account_that_was_left_is_asked_for_when_it_is_shown_again(alice: Trader, venue: SandboxProcess) -> None:
    alice.connect()
    alice.post("leave")
    silence(venue)

    assert alice.connect().status_code == 422
    assert alice.panel() == "not_connected"


def ask_for_another(trader: Trader) -> HttpResponse:
    """A key that is none of the account's, which the venue has to say."""
    return trader.post("key", address=trader.address, agent_key=Account.create().key.hex())


@pytest.mark.parametrize("ask", [Trader.connect, ask_for_another])
def test_one_user_has_the_venue_asked_for_ten_accounts_and_no_more(
    alice: Trader, venue: SandboxProcess, ask: Callable[[Trader], HttpResponse]
) -> None:
    for _ in range(ATTEMPTS):
        assert TOO_OFTEN not in ask(alice).content.decode()
    silence(venue)

    refused = ask(alice)

    assert (refused.status_code, TOO_OFTEN in refused.content.decode()) == (422, True)
    venue.clear_faults()
    assert sit_down(venue, "bob@alpha.example").connect().status_code == 302


def test_what_one_trader_looks_at_leaves_the_venue_to_all_others(
    operator: Operator, alice: Trader, venue: SandboxProcess, settings: Settings
) -> None:
    """Candles cost 20, and 5 more for their number, of 200: one trader has a fifth once half is used."""
    settings.EGRESS = f"{settings.EGRESS}, where nothing is used"
    settings.HYPERLIQUID_WEIGHT_PER_MINUTE = 200
    bob = sit_down(venue, "bob@alpha.example")

    answers = [look(alice, interval) for interval in ("5m", "15m", "1h", "4h", "1d")]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 503]
    assert "The venue lets us ask again in" in answers[-1].content.decode()
    assert look(bob, "1d").status_code == 200


def look(trader: Trader, interval: str) -> HttpResponse:
    return cast(HttpResponse, trader.browser.get("/trade/BTC/candles/", {"interval": interval}))
