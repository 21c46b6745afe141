"""What opens with the settings that it finds, a reversal and an order that grows, obeys the operator's limits too."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tenants.models import MarginPolicy
from tests.trading.conftest import Desk
from tests.trading.tickets import ticket
from tests.trading.views.closed_market import cap_market
from trading.margin.types import MarginMode
from trading.models import BuilderFee, Order, Position, Setting
from trading.recent import forget_desks
from trading.services.orders import place_order, remember_choice
from trading.services.sync import sync_account
from trading.venues.base import PlaceOrder

FEE = "Approve this exchange&#39;s fee to open positions. Closing works without it."


def allow_isolated_only() -> None:
    MarginPolicy.objects.update_or_create(defaults={"offers_cross": False})
    forget_desks()


def ask_fee() -> None:
    """A fee that the account has not approved."""
    rate = Decimal("0.0005")
    BuilderFee(venue="hyperliquid", network="testnet", address="0x" + "ab" * 20, rate=rate).save()
    forget_desks()


def set_limit(limit: str) -> None:
    if limit == "cap":
        cap_market(4)
    elif limit == "mode":
        allow_isolated_only()
    else:
        ask_fee()


def reverse(browser: Client) -> tuple[int, str]:
    address = f"/positions/{Position.objects.get().pk}/close/now/"
    answer = browser.post(address, {"form_key": str(uuid4()), "kind": "flip"})
    return answer.status_code, answer.content.decode()


def rest(desk: Desk, mode: MarginMode = MarginMode.ISOLATED) -> Order:
    """0.01 BTC to buy below the market at 10x."""
    remember_choice(desk.account, desk.market, mode, 10)
    place_order(desk.adapter, desk.account, desk.market, ticket(limit_price=Decimal(80_000), mode=mode))
    order: Order = Order.objects.get(is_open=True)
    return order


def rest_elsewhere(desk: Desk) -> Order:
    """The same order, placed at the venue's own page."""
    wanted = PlaceOrder(desk.market.rules, is_buy=True, size=Decimal("0.01"), limit_price=Decimal(80_000))
    desk.adapter.send(desk.adapter.sign(wanted, nonce=int(timezone.now().timestamp() * 1000)))
    sync_account(desk.adapter, desk.account)
    order: Order = Order.objects.get(is_open=True)
    return order


def tell(desk: Desk, leverage: int) -> None:
    """The venue says what is set."""
    told = {"mode": "isolated", "leverage": leverage, "told_at": timezone.now()}
    Setting.objects.update_or_create(account=desk.account, market=desk.market, defaults=told)


def change(browser: Client, order: Order, size: str, price: str = "80000") -> tuple[int, str]:
    typed = {"form_key": str(uuid4()), "price": price, "size": size}
    answer = browser.post(f"/orders/{order.pk}/change/now/", typed)
    return answer.status_code, answer.content.decode()


def test_reversal_above_the_cap_is_refused_and_closing_is_not(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    cap_market(4)

    status, page = reverse(browser)
    sentence = "This exchange allows at most 4x here; your position has 10x. Close it, or reduce."
    assert (status, sentence in page) == (422, True)
    assert Position.objects.get().size == Decimal("0.01")
    closed = browser.post(f"/positions/{Position.objects.get().pk}/close/now/", {"form_key": str(uuid4())})
    assert (closed.status_code, Position.objects.exists()) == (200, False)


def test_reversal_in_cross_is_refused_where_isolated_alone_is_offered(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket(mode=MarginMode.CROSS))
    allow_isolated_only()

    status, page = reverse(browser)
    sentence = "This exchange offers isolated margin only here; your position is in cross. Close it, or reduce."
    assert (status, sentence in page) == (422, True)
    assert Position.objects.get().size == Decimal("0.01")


def test_reversal_waits_for_the_fee(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    ask_fee()

    status, page = reverse(browser)
    assert (status, FEE in page) == (422, True)
    assert Position.objects.get().size == Decimal("0.01")


def test_reversal_within_the_limits_is_sent(desk: Desk, browser: Client) -> None:
    place_order(desk.adapter, desk.account, desk.market, ticket())
    cap_market(10)

    assert (reverse(browser)[0], Position.objects.get().size) == (200, Decimal("-0.01"))


@pytest.mark.parametrize("limit", ["cap", "mode", "fee"])
def test_resting_order_outside_the_limits_does_not_grow(desk: Desk, browser: Client, limit: str) -> None:
    order = rest(desk, MarginMode.CROSS if limit == "mode" else MarginMode.ISOLATED)
    way_out = "Cancel it, or make it smaller."
    sentence = {
        "cap": f"This exchange allows at most 4x here; your order has 10x. {way_out}",
        "mode": f"This exchange offers isolated margin only here; your order is in cross. {way_out}",
        "fee": FEE,
    }[limit]
    set_limit(limit)

    status, page = change(browser, order, "0.5")
    assert (status, sentence in page) == (422, True)
    assert Order.objects.get(is_open=True).size == Decimal("0.01")


def test_resting_order_above_the_cap_may_move_and_shrink(desk: Desk, browser: Client) -> None:
    order = rest(desk)
    cap_market(4)

    assert change(browser, order, "0.005", "79000")[0] == 200
    changed = Order.objects.get(is_open=True)
    assert (changed.size, changed.limit_price) == (Decimal("0.005"), Decimal(79_000))


def test_resting_order_grows_within_the_limits(desk: Desk, browser: Client) -> None:
    order = rest(desk)
    cap_market(10)

    assert change(browser, order, "0.02")[0] == 200
    assert Order.objects.get(is_open=True).size == Decimal("0.02")


def test_order_whose_last_ticket_failed_has_the_leverage_that_is_set(desk: Desk, browser: Client) -> None:
    order = rest(desk)
    remember_choice(desk.account, desk.market, MarginMode.ISOLATED, 3)
    cap_market(4)

    status, page = change(browser, order, "0.02")
    assert (status, "your order has 10x" in page) == (422, True)
    assert Order.objects.get(is_open=True).size == Decimal("0.01")


def test_order_made_elsewhere_grows_only_by_what_the_venue_tells_of_its_leverage(desk: Desk, browser: Client) -> None:
    order = rest_elsewhere(desk)
    remember_choice(desk.account, desk.market, MarginMode.ISOLATED, 3)
    cap_market(4)

    Setting.objects.all().delete()
    status, page = change(browser, order, "0.02")
    assert (status, "the venue has not told yet what your order has" in page) == (422, True)
    tell(desk, 20)
    status, page = change(browser, order, "0.02")
    assert (status, "This exchange allows at most 4x here; your order has 20x." in page) == (422, True)
    assert Order.objects.get(is_open=True).size == Decimal("0.01")
    tell(desk, 4)
    assert change(browser, order, "0.02")[0] == 200
    assert Order.objects.get(is_open=True).size == Decimal("0.02")


def test_order_made_elsewhere_grows_where_nothing_is_limited(desk: Desk, browser: Client) -> None:
    order = rest_elsewhere(desk)
    Setting.objects.all().delete()

    assert change(browser, order, "0.02")[0] == 200
    assert Order.objects.get(is_open=True).size == Decimal("0.02")
