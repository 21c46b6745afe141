"""The signed door: signers, nonces, agents and refusals in the venue's own words. The SDK's signer is the client."""

from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account as Wallets
from eth_account.signers.local import LocalAccount
from hyperliquid.utils import signing

from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.signed import ADDRESS, DONE, OWNER, STRANGER, l1, order, refusal
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid.actions import MalformedError
from trading.sandbox.hyperliquid.exchange import Exchange
from trading.sandbox.hyperliquid.info import Info

AGENT = Wallets.from_key("0x" + "22" * 32)
DAY = 86_400_000
LEVERAGE = {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 5}


def approval(address: str, name: str | None, nonce: int, wallet: LocalAccount = OWNER) -> dict[str, Any]:
    action = {"type": "approveAgent", "agentAddress": address, "agentName": name or "", "nonce": nonce}
    signature = signing.sign_agent(wallet, action, is_mainnet=False)
    if name is None:
        del action["agentName"]
    return {"action": action, "nonce": nonce, "signature": signature}


@pytest.fixture
def door(engine: Engine) -> Exchange:
    engine.fund(ADDRESS, Decimal(10_000))
    return Exchange(engine)


def test_the_main_wallet_signs_for_itself(door: Exchange, clock: Clock) -> None:
    assert door.handle(l1(OWNER, LEVERAGE, clock.now)) == DONE


def test_a_stranger_a_mainnet_signature_and_a_changed_action_have_unknown_signers(door: Exchange, clock: Clock) -> None:
    stranger = refusal(door, l1(STRANGER, LEVERAGE, clock.now))
    assert stranger == f"User or API Wallet {STRANGER.address.lower()} does not exist."
    for body in (
        l1(OWNER, LEVERAGE, clock.now, mainnet=True),
        l1(OWNER, LEVERAGE, clock.now) | {"action": LEVERAGE | {"leverage": 6}},
        l1(OWNER, LEVERAGE, clock.now) | {"nonce": clock.now + 1},
        l1(OWNER, LEVERAGE, clock.now) | {"expiresAfter": clock.now + 1000},
        l1(OWNER, LEVERAGE, clock.now) | {"vaultAddress": "0x" + "44" * 20},
    ):
        text = refusal(door, body)
        assert text.startswith("User or API Wallet 0x")
        assert text.endswith(" does not exist.")
        assert ADDRESS not in text


@pytest.mark.parametrize(
    "action",
    [
        {"type": "updateLeverage", "leverage": 5, "isCross": False, "asset": 0},
        order(p="86000.0"),
        order(s="0.010"),
        {"orders": order()["orders"], "type": "order", "grouping": "na"},
        order() | {"extra": 1},
        order(c="0x" + "AB" * 16),
    ],
    ids=["keys out of order", "trailing zero", "zero in size", "type not first", "unknown key", "upper case"],
)
def test_what_is_signed_in_another_form_than_the_venues_has_an_unknown_signer(
    door: Exchange, clock: Clock, action: dict[str, Any]
) -> None:
    assert refusal(door, l1(OWNER, action, clock.now)).startswith("User or API Wallet 0x")


def test_a_vault_that_is_none_is_not_registered(door: Exchange, clock: Clock) -> None:
    assert refusal(door, l1(OWNER, LEVERAGE, clock.now, vault=ADDRESS)) == f"Vault not registered: {ADDRESS}"


def test_the_same_bytes_execute_once(door: Exchange, clock: Clock) -> None:
    body = l1(OWNER, order(), clock.now)
    assert "resting" in door.handle(body)["response"]["data"]["statuses"][0]
    assert refusal(door, body) == f"Invalid nonce: duplicate nonce {clock.now}"
    assert len(door.engine.state.accounts[ADDRESS].open_orders) == 1


def test_a_refused_action_has_used_its_nonce(door: Exchange, clock: Clock) -> None:
    body = l1(OWNER, LEVERAGE | {"leverage": 100}, clock.now)
    assert refusal(door, body) == "Invalid leverage value"
    assert refusal(door, body) == f"Invalid nonce: duplicate nonce {clock.now}"


@pytest.mark.parametrize(
    ("offset", "accepted"), [(-2 * DAY + 1, True), (-2 * DAY, False), (DAY - 1, True), (DAY, False)]
)
def test_a_nonce_lies_in_the_window(door: Exchange, clock: Clock, offset: int, accepted: bool) -> None:
    assert (door.handle(l1(OWNER, {"type": "noop"}, clock.now + offset)) == DONE) is accepted


def test_only_the_hundred_highest_nonces_are_kept(door: Exchange, clock: Clock) -> None:
    for step in range(100):
        assert door.handle(l1(OWNER, {"type": "noop"}, clock.now + 10 + step)) == DONE
    assert refusal(door, l1(OWNER, {"type": "noop"}, clock.now)).endswith("is too low")
    assert refusal(door, l1(OWNER, {"type": "noop"}, clock.now + 10)).startswith("Invalid nonce: duplicate")
    assert door.handle(l1(OWNER, {"type": "noop"}, clock.now + 200)) == DONE
    assert len(door.engine.state.nonces[ADDRESS]) == 100


def test_an_action_that_comes_too_late_is_refused_and_costs_five_requests(door: Exchange, clock: Clock) -> None:
    body = l1(OWNER, order(), clock.now, expires=clock.now + 5000)
    clock.now += 5001
    assert refusal(door, body) == "Action already expired"
    assert door.engine.state.accounts[ADDRESS].requests == 5
    in_time = l1(OWNER, order(), clock.now, expires=clock.now)
    assert door.handle(in_time)["status"] == "ok"


def test_agents_are_replaced_by_name_and_revoked_by_address_zero(door: Exchange, clock: Clock) -> None:
    info, engine = Info(door.engine), door.engine
    assert door.handle(approval(AGENT.address, "desk", clock.now)) == DONE
    assert door.handle(l1(AGENT, LEVERAGE, clock.now)) == DONE
    listed = {"name": "desk", "address": AGENT.address.lower(), "validUntil": clock.now + 90 * DAY}
    assert info.handle({"type": "extraAgents", "user": ADDRESS}) == [listed]
    assert door.handle(approval(STRANGER.address, "desk", clock.now + 1)) == DONE
    assert refusal(door, l1(AGENT, LEVERAGE, clock.now + 1)).startswith("User or API Wallet")
    assert door.handle(l1(STRANGER, LEVERAGE, clock.now + 1)) == DONE
    assert door.handle(approval("0x" + "00" * 20, "desk", clock.now + 2)) == DONE
    assert refusal(door, l1(STRANGER, LEVERAGE, clock.now + 2)).startswith("User or API Wallet")
    assert engine.state.accounts[ADDRESS].agents == []
    assert refusal(door, approval(AGENT.address, "again", clock.now + 3)) == "Extra agent already used."


def test_an_unnamed_agent_is_known_by_its_role_alone(door: Exchange, clock: Clock) -> None:
    info = Info(door.engine)
    assert door.handle(approval(AGENT.address, None, clock.now)) == DONE
    assert info.handle({"type": "extraAgents", "user": ADDRESS}) == []
    role = info.handle({"type": "userRole", "user": AGENT.address})
    assert role == {"role": "agent", "data": {"user": ADDRESS}}


def test_an_agent_ends_at_its_own_time(door: Exchange, clock: Clock) -> None:
    name = f"desk valid_until {clock.now + 60_000}"
    assert door.handle(approval(AGENT.address, name, clock.now)) == DONE
    clock.now += 59_999
    assert door.handle(l1(AGENT, LEVERAGE, clock.now)) == DONE
    clock.now += 1
    assert refusal(door, l1(AGENT, LEVERAGE, clock.now)).startswith("User or API Wallet")


@pytest.mark.parametrize("ahead", [-1, 180 * DAY + 1])
def test_an_expiry_in_the_past_or_too_far_ahead_is_refused(door: Exchange, clock: Clock, ahead: int) -> None:
    name = f"desk valid_until {clock.now + ahead}"
    assert refusal(door, approval(AGENT.address, name, clock.now)) == "Agent valid_until already expired."


def test_a_fourth_named_agent_is_one_too_many(door: Exchange, clock: Clock) -> None:
    for number in range(3):
        wallet = Wallets.from_key("0x" + f"{number + 5:02x}" * 32)
        assert door.handle(approval(wallet.address, f"desk {number}", clock.now + number)) == DONE
    text = refusal(door, approval(AGENT.address, "desk 4", clock.now + 4))
    assert text == "Too many extra agents for cumulative volume traded. Current limit is 3"


def test_an_agent_cannot_sign_for_the_owner(door: Exchange, clock: Clock) -> None:
    door.handle(approval(AGENT.address, "desk", clock.now))
    text = refusal(door, approval(STRANGER.address, "more", clock.now + 1, wallet=AGENT))
    assert text == f"Must deposit before performing actions. User: {AGENT.address.lower()}"


def test_statuses_come_one_per_order_with_the_asset(door: Exchange, clock: Clock) -> None:
    rows = [*order()["orders"], *order(s="0.0001")["orders"], *order(p="86000.5")["orders"]]
    rows += order(b=False, r=True, t={"trigger": {"isMarket": True, "triggerPx": "90000", "tpsl": "sl"}})["orders"]
    answer = door.handle(l1(OWNER, {"type": "order", "orders": rows, "grouping": "na"}, clock.now))
    statuses = answer["response"]["data"]["statuses"]
    assert list(statuses[0]) == ["resting"]
    assert statuses[1:] == [
        {"error": "Order must have minimum value of $10. asset=0"},
        {"error": "Price must be divisible by tick size. asset=0"},
        {"error": "Invalid TP/SL price. asset=0"},
    ]


def test_scheduled_cancels_go_off_ten_times_a_day(door: Exchange, clock: Clock) -> None:
    account = door.engine.state.accounts[ADDRESS]
    account.volume = Decimal(1_000_000)
    clock.now += 86_400_000 - clock.now % 86_400_000  # at midnight
    for _ in range(10):
        assert door.handle(l1(OWNER, {"type": "scheduleCancel", "time": clock.now + 5_000}, clock.now)) == DONE
        clock.now += 5_000
        door.engine.advance()
    once_more = {"type": "scheduleCancel", "time": clock.now + 5_000}
    assert refusal(door, l1(OWNER, once_more, clock.now)) == "Scheduled cancels are limited to 10 triggers a day."
    assert door.handle(l1(OWNER, {"type": "scheduleCancel"}, clock.now + 1)) == DONE
    clock.now += 86_400_000
    assert door.handle(l1(OWNER, once_more | {"time": clock.now + 5_000}, clock.now)) == DONE


def test_a_scheduled_cancel_needs_volume(door: Exchange, clock: Clock) -> None:
    text = refusal(door, l1(OWNER, {"type": "scheduleCancel", "time": clock.now + 10_000}, clock.now))
    assert text == ("Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $0.0")


def test_a_unified_account_keeps_one_balance_and_needs_no_transfer(door: Exchange, clock: Clock) -> None:
    info = Info(door.engine)
    action = {"type": "userSetAbstraction", "user": ADDRESS, "abstraction": "unifiedAccount", "nonce": clock.now}
    signature = signing.sign_user_set_abstraction_action(OWNER, action, is_mainnet=False)
    assert door.handle({"action": action, "nonce": clock.now, "signature": signature}) == DONE
    assert info.handle({"type": "userAbstraction", "user": ADDRESS}) == "unifiedAccount"
    spot = info.handle({"type": "spotClearinghouseState", "user": ADDRESS})
    assert spot == {
        "balances": [{"coin": "USDC", "token": 0, "total": "10000.0", "hold": "0.0", "entryNtl": "0.0"}],
        "tokenToAvailableAfterMaintenance": [[0, "10000.0"]],
    }
    transfer = {"type": "usdClassTransfer", "amount": "5", "toPerp": True, "nonce": clock.now + 1}
    signature = signing.sign_usd_class_transfer_action(OWNER, transfer, is_mainnet=False)
    text = refusal(door, {"action": transfer, "nonce": clock.now + 1, "signature": signature})
    assert text == "Action disabled when unified account is active"
    door.handle(l1(OWNER, LEVERAGE, clock.now + 2))
    assert "resting" in door.handle(l1(OWNER, order(), clock.now + 3))["response"]["data"]["statuses"][0]


def test_a_standard_account_moves_dollars_between_spot_and_perp(door: Exchange, clock: Clock) -> None:
    for number, (amount, to_perp) in enumerate([("250.5", False), ("50.5", True)]):
        action = {"type": "usdClassTransfer", "amount": amount, "toPerp": to_perp, "nonce": clock.now + number}
        signature = signing.sign_usd_class_transfer_action(OWNER, action, is_mainnet=False)
        assert door.handle({"action": action, "nonce": clock.now + number, "signature": signature}) == DONE
    account = door.engine.state.accounts[ADDRESS]
    assert (account.cash, account.spot) == (Decimal(9800), Decimal(200))


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "1"},
        {"nonce": 1.5},
        {"nonce": -1},
        {"signature": {"r": "0x1", "s": "0x1"}},
        {"signature": {"r": "x", "s": "0x1", "v": 27}},
        {"action": {"type": "mint"}},
        {"action": {}},
        {"action": []},
        {"action": LEVERAGE | {"leverage": "5"}},
        {"action": LEVERAGE | {"leverage": True}},
        {"action": order(p=86000)},
        {"action": order(p="1e5")},
        {"action": order(t={"limit": {"tif": "Fok"}})},
        {"action": order(t={})},
        {"action": order() | {"grouping": "all"}},
        {"action": {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": 5}},
        {"vaultAddress": "0x12"},
    ],
)
def test_what_does_not_deserialize_is_malformed(door: Exchange, clock: Clock, change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        door.handle(l1(OWNER, LEVERAGE, clock.now) | change)


def test_a_signature_of_nobody_is_an_unknown_wallet(door: Exchange, clock: Clock) -> None:
    body = l1(OWNER, LEVERAGE, clock.now) | {"signature": {"r": "0x0", "s": "0x0", "v": 27}}
    assert refusal(door, body) == f"User or API Wallet 0x{'00' * 20} does not exist."
