"""Who may act: agents, wallets, keys, nonces and windows, from the bytes that arrive (Aster rules 1.2 to 1.6)."""

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.sandbox.aster.trader import MAINNET, TESTNET, Trader, refusal, sign_typed
from tests.trading.sandbox.conftest import Clock
from trading.sandbox.aster.doors import Answer, Doors, Incoming
from trading.sandbox.state import ApiKey

NONCE_EXPIRED = (-4225, "Nonce Expired")
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
NOT_PERMITTED = (-2015, "Invalid API-key, IP, or permissions for action.")
UNDEPOSITED = (-5050, "This function can only be used after deposit")
CHECK_FAILED = (-1130, "Signature check failed")
DAY = 86_400_000


def test_an_approved_agent_reads_and_trades(trader: Trader) -> None:
    assert trader.say("GET", "multiAssetsMargin") == {"multiAssetsMargin": False}
    assert trader.order("BTCUSDT", "BUY", quantity="0.01")["status"] == "NEW"


def test_a_main_wallet_signs_for_itself(trader: Trader) -> None:
    assert trader.say("GET", "positionSide/dual", signer=trader.wallet) == {"dualSidePosition": False}


def test_an_agent_of_nobody_is_refused(trader: Trader) -> None:
    stranger = Trader(trader.doors, wallet=trader.wallet)
    assert stranger.refused("GET", "balance") == NOT_PERMITTED


def test_a_signer_without_a_user_names_its_account(trader: Trader) -> None:
    message = f"nonce={trader.next_nonce()}&signer={trader.agent.address}"
    signature = sign_typed(trader.agent, "Message", {"msg": message}, TESTNET)
    answer = trader.send("GET", "agent", f"{message}&signature={signature}")
    assert [row["agentAddress"] for row in json.loads(answer.text)] == [trader.agent.address.lower()]


def test_a_changed_byte_of_the_text_is_a_bad_signature(trader: Trader) -> None:
    text = trader.text(symbol="BTCUSDT", leverage=21)
    assert refusal(trader.send("POST", "leverage", text.replace("leverage=21", "leverage=22"))) == BAD_SIGNATURE
    assert refusal(trader.send("POST", "leverage", text.replace("&leverage", "&&leverage"))) == BAD_SIGNATURE


def test_the_signed_bytes_count_and_not_what_they_mean(trader: Trader) -> None:
    text = trader.text(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="op:12/a")
    assert "op%3A12%2Fa" in text
    assert refusal(trader.send("POST", "order", text.replace("%3A", ":"))) == BAD_SIGNATURE
    assert json.loads(trader.send("POST", "order", text).text)["clientOrderId"] == "op:12/a"


def test_a_command_may_travel_in_the_query(trader: Trader) -> None:
    text = trader.text(symbol="BTCUSDT", leverage=21)
    answer = trader.doors.handle(Incoming("POST", "/fapi/v3/leverage", query=text))
    assert json.loads(answer.text)["leverage"] == 21


def test_a_signature_of_the_main_network_is_refused(trader: Trader) -> None:
    assert trader.refused("GET", "balance", chain=MAINNET) == BAD_SIGNATURE


def test_an_agent_without_the_right_reads_and_does_not_trade(doors: Doors) -> None:
    reader = Trader(doors)
    doors.engine.fund(reader.address, Decimal(100))
    assert reader.approve_agent(may_trade=False).status == 200
    assert len(reader.say("GET", "balance")) == 4
    assert reader.refused("POST", "leverage", symbol="BTCUSDT", leverage=5) == NOT_PERMITTED


def test_an_agent_ends_with_its_time_and_with_its_removal(trader: Trader, clock: Clock) -> None:
    trader.approve_agent(valid_until=clock() + 1000)
    clock.now += 1000
    assert trader.refused("GET", "balance") == NOT_PERMITTED
    assert trader.approve_agent().status == 200
    trader.say("GET", "balance")
    text = trader.approval("DelAgent", {"agentAddress": trader.agent.address})
    assert json.loads(trader.send("DELETE", "agent", text).text) == {"code": 200, "msg": "success"}
    assert trader.refused("GET", "balance") == NOT_PERMITTED


def test_an_approval_is_the_wallets_alone(trader: Trader) -> None:
    thief = Trader(trader.doors, wallet=trader.wallet)
    text = thief.approval("DelAgent", {"agentAddress": trader.agent.address})
    stolen = text.replace(str(trader.agent.address), str(thief.agent.address))
    assert refusal(trader.send("DELETE", "agent", stolen)) == CHECK_FAILED
    other_network = text.replace("asterChain=Testnet", "asterChain=Mainnet")
    assert refusal(trader.send("DELETE", "agent", other_network)) == CHECK_FAILED
    other_chain = text.replace("signatureChainId=56", "signatureChainId=1")
    assert refusal(trader.send("DELETE", "agent", other_chain)) == CHECK_FAILED


def test_before_a_deposit_only_approvals_and_their_reading_work(doors: Doors) -> None:
    newcomer = Trader(doors)
    assert newcomer.approve_agent().status == 200
    assert newcomer.refused("GET", "balance") == UNDEPOSITED
    (agent,) = newcomer.say("GET", "agent")
    assert (agent["agentName"], agent["canPerpTrade"], agent["canWithdraw"]) == ("desk", True, False)
    doors.engine.fund(newcomer.address, Decimal(5))
    assert newcomer.say("GET", "balance")[0]["balance"] == "5.00000000"


def test_a_newcomer_registers_with_its_agent_in_one_call(doors: Doors, clock: Clock) -> None:
    newcomer = Trader(doors)
    message = (
        f"user={newcomer.wallet.address}&nonce={newcomer.next_nonce()}&agentName=desk"
        f"&agentAddress={newcomer.agent.address}&expired={clock() + DAY}&signatureChainId=56"
        "&canSpotTrade=false&canPerpTrade=true&canWithdraw=false&ipWhitelist="
    )
    signature = sign_typed(newcomer.wallet, "Message", {"msg": message}, 56)
    answer = newcomer.send("POST", "registerAndApproveAgent", f"{message}&signature={signature}")
    assert json.loads(answer.text) == {"code": 200, "msg": "success"}
    assert len(newcomer.say("GET", "agent")) == 1


# nonces


def test_a_nonce_serves_once(trader: Trader) -> None:
    text = trader.text(symbol="BTCUSDT", leverage=21)
    assert trader.send("POST", "leverage", text).status == 200
    assert refusal(trader.send("POST", "leverage", text)) == NONCE_EXPIRED


@pytest.mark.parametrize(("shift", "is_taken"), [(-60_000, True), (-60_001, False), (59_999, True), (60_000, False)])
def test_a_nonce_lies_within_a_minute_of_the_venues_clock(
    trader: Trader, clock: Clock, shift: int, is_taken: bool
) -> None:
    """The nonce is a microsecond past its millisecond."""
    text = trader.text()
    clock.now = trader.nonce // 1000 - shift
    answer = trader.send("GET", "balance", text)
    assert (answer.status == 200) is is_taken
    if not is_taken:
        assert refusal(answer) == NONCE_EXPIRED


def test_of_a_hundred_nonces_none_below_the_lowest_is_taken(trader: Trader) -> None:
    late = trader.text()
    for _ in range(100):
        trader.say("GET", "positionSide/dual")
    assert refusal(trader.send("GET", "balance", late)) == NONCE_EXPIRED


def test_nonces_are_the_keys_own(trader: Trader) -> None:
    nonce = trader.next_nonce()
    for signer in (trader.agent, trader.wallet):
        trader.nonce = nonce
        trader.say("GET", "positionSide/dual", signer=signer)


def test_a_noop_with_its_nonce_keeps_a_late_order_out(trader: Trader) -> None:
    order = trader.text(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    trader.nonce -= 1
    assert trader.say("POST", "noop") == {"code": 200, "msg": "success"}
    assert refusal(trader.send("POST", "order", order)) == NONCE_EXPIRED
    assert trader.say("GET", "allOrders", symbol="BTCUSDT") == []


# the older login


def keyed(trader: Trader, method: str, path: str, text: str, key: str | None = "key") -> Answer:
    signature = hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
    return trader.doors.handle(Incoming(method, path, f"{text}&signature={signature}", api_key=key))


@pytest.fixture
def holder(trader: Trader) -> Trader:
    """A trader with a key of the older login as well."""
    trader.doors.engine.state.api_keys["key"] = ApiKey(trader.address, "secret")
    return trader


@pytest.mark.parametrize("path", ["/fapi/v2/balance", "/fapi/v2/positionRisk", "/fapi/v4/account", "/fapi/v1/income"])
def test_a_key_reads_on_the_older_paths(holder: Trader, clock: Clock, path: str) -> None:
    assert keyed(holder, "GET", path, f"timestamp={clock()}").status == 200


@pytest.mark.parametrize("path", ["/fapi/v1/balance", "/fapi/v1/noop", "/fapi/v2/order", "/fapi/v1/agent", "/nowhere"])
def test_paths_that_do_not_exist_are_pages(holder: Trader, clock: Clock, path: str) -> None:
    answer = keyed(holder, "GET", path, f"timestamp={clock()}")
    assert (answer.status, answer.content_type) == (404, "text/html")


@pytest.mark.parametrize(
    ("shift", "window", "code"),
    [
        (-5000, "", 0),
        (-5001, "", -1021),
        (-9000, "&recvWindow=10000", 0),
        (999, "", 0),
        (1000, "", -1021),
        (0, "&recvWindow=60001", -1130),
    ],
)
def test_a_timestamp_has_a_window(holder: Trader, clock: Clock, shift: int, window: str, code: int) -> None:
    answer = keyed(holder, "GET", "/fapi/v2/balance", f"timestamp={clock() + shift}{window}")
    assert json.loads(answer.text)["code"] == code if code else answer.status == 200


def test_a_keys_request_passes_twice_for_it_has_no_nonce(holder: Trader, clock: Clock) -> None:
    text = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&timestamp={clock()}"
    for _ in range(2):
        assert keyed(holder, "POST", "/fapi/v1/order", text).status == 200
    assert holder.position()["positionAmt"] == "0.020"


def test_query_and_body_of_a_key_are_one_text(holder: Trader, clock: Clock) -> None:
    query, body = "symbol=BTCUSDT&leverage=7", f"timestamp={clock()}"
    signature = hmac.new(b"secret", f"{query}{body}".encode(), hashlib.sha256).hexdigest()
    request = Incoming("POST", "/fapi/v1/leverage", query, f"{body}&signature={signature}", "key")
    assert json.loads(holder.doors.handle(request).text)["leverage"] == 7


@pytest.mark.parametrize(("key", "refused"), [(None, -2014), ("other", -2015)])
def test_an_unknown_key_is_refused(holder: Trader, clock: Clock, key: str | None, refused: int) -> None:
    answer = keyed(holder, "GET", "/fapi/v2/balance", f"timestamp={clock()}", key)
    assert refusal(answer)[0] == refused


def test_a_wrong_signature_of_a_key_is_refused(holder: Trader, clock: Clock) -> None:
    text = f"timestamp={clock()}&signature={'0' * 64}"
    request = Incoming("GET", "/fapi/v2/balance", text, api_key="key")
    assert refusal(holder.doors.handle(request)) == BAD_SIGNATURE


# builders


def approve_builder(trader: Trader, builder: str, rate: str) -> Any:
    fields = {"builder": builder, "maxFeeRate": rate, "builderName": "desk"}
    return json.loads(trader.send("POST", "approveBuilder", trader.approval("ApproveBuilder", fields)).text)


def test_a_builders_fee_is_charged_once_it_is_approved(trader: Trader) -> None:
    builder = Trader(trader.doors)
    order: dict[str, Any] = {"quantity": "0.01", "builder": builder.wallet.address, "feeRate": "0.0005"}
    assert trader.refused_order("BTCUSDT", "BUY", **order)[0] == -1130
    assert approve_builder(trader, builder.wallet.address, "0.0005")["code"] == -1130
    trader.doors.engine.fund(builder.address, Decimal(100))
    assert approve_builder(trader, builder.wallet.address, "0.0011")["code"] == -1130
    assert approve_builder(trader, builder.wallet.address, "0.0005")["code"] == 200
    (row,) = trader.say("GET", "builder")
    assert (row["builderAddress"], row["maxFeeRate"]) == (builder.address, "0.0005")
    assert trader.refused_order("BTCUSDT", "BUY", **order | {"feeRate": "0.0006"})[0] == -1130
    assert trader.refused_order("BTCUSDT", "BUY", **order | {"feeRate": None})[0] == -1102
    trader.order("BTCUSDT", "BUY", **order)
    (fill,) = trader.say("GET", "userTrades", symbol="BTCUSDT")
    value = Decimal(fill["quoteQty"])
    assert Decimal(fill["commission"]) == -value * Decimal("0.00085")
    assert trader.doors.engine.state.builder_rewards == {builder.address: value * Decimal("0.0005")}
