"""Accounts that are set up in a way this exchange does not trade: recognised, shown whole, closed with the way out."""

from decimal import Decimal
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.trading.aster.people import BITCOIN, AsterTrader, elsewhere
from trading.models import Command, Position, VenueAccount

HEDGE = "This account holds longs and shorts side by side (hedge mode), which this exchange does not trade."
ONE_WAY = "Switch to one-way mode at the venue."
MULTI_ASSET = "This account is in multi-asset mode, which has cross margin only."


@pytest.fixture
def hedged(ready: AsterTrader) -> AsterTrader:
    """Alice with a long and a short of Bitcoin, made elsewhere."""
    assert elsewhere(ready, "POST", "positionSide/dual", "dualSidePosition=true")["code"] == 200
    assert elsewhere(ready, "POST", "marginType", "symbol=BTCUSDT&marginType=ISOLATED")["code"] == 200
    for side, leg, size in (("BUY", "LONG", "0.02"), ("SELL", "SHORT", "0.01")):
        text = f"symbol=BTCUSDT&side={side}&positionSide={leg}&type=MARKET&quantity={size}"
        assert elsewhere(ready, "POST", "order", text)["symbol"] == "BTCUSDT"
    ready.sync()
    return ready


def test_both_sides_of_a_hedge_are_kept_and_shown(hedged: AsterTrader) -> None:
    page = hedged.browser.get("/positions/").content.decode()

    rows = Position.objects.filter(account=hedged.account).order_by("position_side")
    assert [(row.position_side, row.size) for row in rows] == [("long", Decimal("0.02")), ("short", Decimal("-0.01"))]
    assert page.count('data-market="aster:BTCUSDT"') == 2
    assert (">Long<" in page, ">Short<" in page) == (True, True)
    assert page.count(ONE_WAY) == 4
    assert hedged.account.hedge_mode is True


def test_orders_of_a_hedge_account_are_closed_with_the_way_out(hedged: AsterTrader) -> None:
    page = hedged.browser.get(f"/trade/{BITCOIN}/").content.decode()

    words = hedged.order()

    assert HEDGE in page
    assert HEDGE in words
    assert Command.objects.count() == 0


def test_margin_of_a_hedge_is_not_moved(hedged: AsterTrader) -> None:
    position = Position.objects.filter(account=hedged.account).first()
    assert position is not None
    form = {"form_key": "5c5b1f5e-95b2-4a52-b45a-6d2a9f3f1f11", "direction": "add", "amount": "5"}

    answer = hedged.browser.post(f"/positions/{position.pk}/margin/change/", form, headers={"HX-Request": "true"})

    assert (answer.status_code in (404, 422), Command.objects.count()) == (True, 0)


def test_account_of_a_hedge_shows_the_venues_figures(hedged: AsterTrader) -> None:
    account = hedged.account
    page = hedged.browser.get("/account/").content.decode()

    assert f"{account.equity:,.2f}"[:5] in page


def test_account_of_one_way_again_trades_again(hedged: AsterTrader) -> None:
    for side, leg, size in (("SELL", "LONG", "0.02"), ("BUY", "SHORT", "0.01")):
        elsewhere(hedged, "POST", "order", f"symbol=BTCUSDT&side={side}&positionSide={leg}&type=MARKET&quantity={size}")
    assert elsewhere(hedged, "POST", "positionSide/dual", "dualSidePosition=false")["code"] == 200
    hedged.sync()
    hedged.hear_prices()

    assert "Filled: buy 0.01 BTC" in hedged.order()


def test_multi_asset_account_has_cross_margin_only(ready: AsterTrader) -> None:
    assert elsewhere(ready, "POST", "multiAssetsMargin", "multiAssetsMargin=true")["code"] == 200
    VenueAccount.objects.update(history_read_at=None)  # the next reading asks for the mode as well
    ready.sync()

    page = ready.browser.get(f"/trade/{BITCOIN}/").content.decode()
    words = ready.order(mode="isolated")

    assert ready.account.mode == "multi_asset"
    assert MULTI_ASSET in page
    assert MULTI_ASSET in words
    assert 'value="cross" checked' in page.replace("  ", " ")
    assert Command.objects.count() == 0


def test_both_sides_of_a_hedge_are_listed_and_neither_is_closed_with_the_rest(hedged: AsterTrader) -> None:
    page = hedged.browser.get("/positions/all/close/").content.decode()
    parts = [f"position-{row.pk}" for row in Position.objects.filter(account=hedged.account)]

    words = hedged.send("/positions/all/close/now/", {"form_key": str(uuid4()), "part": parts})

    assert [f'id="close-{part}"' in page for part in parts] == [True, True]
    assert page.count(HEDGE) == 2
    assert "Nothing can be closed here" in page
    assert words.count(HEDGE) == 2
    assert "0 of 2 done, 2 not done." in words
    assert (Command.objects.count(), len(hedged.held())) == (0, 2)


def test_leg_whose_liquidation_price_is_passed_is_very_near_it(hedged: AsterTrader) -> None:
    long = Position.objects.get(account=hedged.account, position_side="long")
    assert long.liquidation_price is not None
    mark = long.liquidation_price * Decimal("0.95")
    hedged.states = tuple(replace(state, mark=mark) if state.name == "BTCUSDT" else state for state in hedged.states)
    hedged.keep_hearing_prices()

    page = hedged.browser.get("/positions/").content.decode()

    assert "+5.26" in page
    assert "very near, the venue" in page
