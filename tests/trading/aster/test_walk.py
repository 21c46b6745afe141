"""A trader's whole way on the second venue: connect, choose mode and leverage, buy, move margin, close."""

from decimal import Decimal

from tests.trading.aster.people import AsterTrader
from trading.models import Command, Market, Position
from trading.models.commands import CommandKind, CommandState
from trading.venues.base import Venue

DONE = CommandState.ACCEPTED.value


def test_account_is_read_once_its_key_is_approved(alice: AsterTrader) -> None:
    alice.connect()
    before = (alice.panel(), alice.account.synced_at, Market.objects.filter(venue=Venue.ASTER).count())

    alice.approve("key")

    account = alice.account
    assert before == ("connected", None, 0)
    assert (alice.panel(), account.equity) == ("ready", Decimal(10000))
    assert account.taker_fee > account.maker_fee > 0
    assert Market.objects.filter(venue=Venue.ASTER, name="BTCUSDT", max_leverage=125).count() == 1
    assert alice.at_venue()["agents"][0]["address"] == account.agent_address


def test_wallet_signs_on_the_chain_that_the_venue_wants(alice: AsterTrader) -> None:
    alice.connect()
    alice.ask("key", chain="0x1")

    payload = alice.payload()

    assert (payload["primaryType"], payload["domain"]["chainId"]) == ("ApproveAgent", 56)
    assert (payload["message"]["CanPerpTrade"], payload["message"]["CanWithdraw"]) == (True, False)
    assert payload["message"]["User"] == alice.address


def test_order_is_mode_leverage_and_order_each_by_itself(ready: AsterTrader) -> None:
    words = ready.order()

    assert "Filled: buy 0.01 BTC" in words
    assert ready.commands() == [("mode", DONE), ("leverage", DONE), ("order", DONE)]
    assert ready.held() == [("BTCUSDT", Decimal("0.01"))]
    position = ready.position
    assert (position.size, position.mode, position.leverage) == (Decimal("0.01"), "isolated", 10)
    assert position.estimated_liquidation_price is not None
    assert position.liquidation_price is not None
    assert abs(position.estimated_liquidation_price / position.liquidation_price - 1) < Decimal("0.000001")


def test_second_order_at_the_same_leverage_sets_nothing(ready: AsterTrader) -> None:
    ready.order()

    ready.order(size="0.02")

    assert ready.commands()[3:] == [("order", DONE)]
    assert ready.held() == [("BTCUSDT", Decimal("0.03"))]


def test_margin_is_added_and_removed_to_the_cent(ready: AsterTrader) -> None:
    ready.order()
    before = ready.position.cash

    added, between = ready.move_margin("add", "25"), ready.position.cash
    removed, after = ready.move_margin("remove", "10.50"), ready.position.cash

    assert "Done: add 25 margin, BTC" in added
    assert "Done: remove 10.5 margin, BTC" in removed
    assert (between - before, after - before) == (Decimal(25), Decimal("14.5"))


def test_leverage_of_an_open_isolated_position_cannot_be_lowered(ready: AsterTrader) -> None:
    ready.order()

    words = ready.order(leverage="5")
    raised = ready.order(leverage="20")

    assert "Leverage of an open isolated position cannot be lowered. Add margin instead, or close it." in words
    assert "Filled: buy 0.01 BTC" in raised
    assert ready.position.leverage == 20


def test_mode_of_an_open_position_cannot_be_switched(ready: AsterTrader) -> None:
    ready.order()

    words = ready.order(mode="cross")

    assert "Close the position to change between isolated and cross." in words
    assert Command.objects.filter(kind=CommandKind.MODE).count() == 1


def test_close_ends_the_position_at_the_venue(ready: AsterTrader) -> None:
    ready.order()

    words = ready.close()

    assert "Filled: sell 0.01 BTC" in words
    assert (ready.held(), Position.objects.count()) == ([], 0)
