"""The command as an operator meets it: alone, stopped cleanly, resumed, refused with one sentence; and its controls."""

import asyncio
import json
import signal
import time
import urllib.error
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from django.core.management import CommandError, call_command
from eth_account import Account
from hyperliquid.exchange import Exchange

from tests.sandbox_process import SandboxProcess
from tests.trading.sandbox.conftest import Clock
from tests.trading.sandbox.orders import isolate, place
from trading.sandbox.control import ControlError
from trading.sandbox.engine import Engine, fresh_state
from trading.sandbox.server import Server
from trading.sandbox.state import Account as Holder
from trading.sandbox.storage import Store

ALICE = "0x" + "a1" * 20


def refused(venue: SandboxProcess, path: str, body: object) -> Any:
    with pytest.raises(urllib.error.HTTPError) as error:
        venue.post(path, body)
    with error.value as response:
        return response.status, response.read().decode()


def test_a_port_in_use_is_one_sentence(venue: SandboxProcess) -> None:
    port = venue.url.rpartition(":")[2]
    sentence = rf"^Port {port} on 127\.0\.0\.1 is already in use\. Choose another with --port\.$"
    with pytest.raises(CommandError, match=sentence) as refusal:
        call_command("sandbox", port=int(port))
    assert refusal.value.returncode == 1


def test_a_state_file_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text('{"paths": ')
    with pytest.raises(CommandError, match=r"ledger\.json holds no sandbox ledger: "):
        call_command("sandbox", port=0, state=tmp_path / "ledger.json")


def test_a_state_file_of_the_first_version_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text('{"paths": {"seed": 1}, "accounts": {}}')
    sentence = r"ledger\.json holds a sandbox ledger of version 1; this sandbox keeps version 3\. Move the file away"
    with pytest.raises(CommandError, match=sentence):
        call_command("sandbox", port=0, state=tmp_path / "ledger.json")


def test_a_state_file_of_before_asters_wire_is_read_on(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    engine.fund(ALICE, Decimal(500))
    Store(file).save(engine.state)
    saved = json.loads(file.read_text())
    for ledger in (saved, *saved["others"].values()):
        ledger["version"] = 2
    del saved["accounts"][ALICE]["deposited"]
    file.write_text(json.dumps(saved))
    assert Store(file).load() == engine.state


@pytest.mark.parametrize(
    "fund",
    ["0x12=5", f"nowhere:{ALICE}=5", f"aster:{ALICE}=-5", f"{ALICE}=-5", f"{ALICE}=x", ALICE, f"{ALICE}=0.0000001"],
)
def test_a_bad_fund_option_is_one_sentence(fund: str) -> None:
    with pytest.raises(CommandError, match=f"^--fund {fund}: "):
        call_command("sandbox", port=0, fund=[fund])


def test_a_ledger_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file, wallet = tmp_path / "ledger.json", Account.create()
    options = ("--state", str(file), "--fund", f"{wallet.address}=5000")
    with SandboxProcess(*options) as sandbox:
        client = Exchange(wallet, sandbox.url)
        client.update_leverage(5, "BTC", is_cross=False)
        client.market_open("BTC", is_buy=True, sz=0.01)
        client.order("BTC", is_buy=True, sz=0.01, limit_px=80000, order_type={"limit": {"tif": "Gtc"}})
        sandbox.mark("BTC", "81234")
        sandbox.mark("BTCUSDT", "81000", venue="aster")
        sandbox.post("/sandbox/fund", {"venue": "aster", "address": ALICE, "amount": "250.5"})
        nonce_used = client.update_leverage(10, "BTC", is_cross=False)
        client.session.close()
        client.info.session.close()
        before = sandbox.state()
        assert sandbox.stop(signal.SIGINT) == 0
    assert nonce_used["status"] == "ok"
    with SandboxProcess(*options) as sandbox:
        after = sandbox.state()
        assert sandbox.stop(signal.SIGTERM) == 0
    for state in (before, after):
        del state["time"], state["others"]["aster"]["time"]
    assert after == before
    assert after["marks"]["BTC"] == "81234.0"
    assert after["others"]["aster"]["marks"]["BTCUSDT"] == "81000.0"
    assert {address: row["cash"] for address, row in after["others"]["aster"]["accounts"].items()} == {ALICE: "250.5"}
    assert ALICE not in after["accounts"]
    assert len(after["accounts"][wallet.address.lower()]["orders"]) == 1
    with pytest.raises(CommandError, match=r"^The saved ledger was kept still; start it the same way\.$"):
        call_command("sandbox", port=0, state=file)
    with pytest.raises(CommandError, match=r"^The saved ledger has seed 1; start it without --seed"):
        call_command("sandbox", port=0, state=file, still=True, seed=2)


def test_a_killed_sandbox_leaves_the_ledger_it_had_saved(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    with SandboxProcess("--state", str(file)) as sandbox:
        sandbox.fund(ALICE, "100")
        deadline = time.monotonic() + 30
        while not (file.exists() and ALICE in file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        sandbox.stop(signal.SIGKILL)
    state = Store(file).load()
    assert state is not None
    assert state.accounts[ALICE].cash == 100


def test_a_moving_metered_sandbox_moves_each_second_and_refuses_who_asks_too_much() -> None:
    with SandboxProcess("--metered", still=False) as sandbox:
        first = second = sandbox.info("allMids")
        # Each costs 2 of the 1200 that a minute has, and 19 at 60 come after them.
        for _ in range(25):
            if sum(first[name] != second[name] for name in first) > 8:
                break
            time.sleep(0.6)
            second = sandbox.info("allMids")
        sandbox.mark("BTC", "50000")
        third = sandbox.info("allMids")
        for _ in range(19):
            sandbox.info("userRole", user=ALICE)
        assert refused(sandbox, "/info", {"type": "userRole", "user": ALICE}) == (429, "429 Too Many Requests")
    assert sum(first[name] != second[name] for name in first) > 8
    assert abs(float(third["BTC"]) - 50000) < 50


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("fund", {"address": "0x12", "amount": "5"}, "The address is 0x and 40 hexadecimal digits."),
        ("fund", {"address": ALICE, "amount": 1.5}, 'The amount is a decimal number in quotes, such as "100.5".'),
        ("fund", {"address": ALICE, "amount": "NaN"}, 'The amount is a decimal number in quotes, such as "100.5".'),
        ("mark", {"venue": "nowhere", "market": "BTC", "price": "5"}, "There is no venue 'nowhere'; there are hyper"),
        ("mark", {"venue": ["aster"], "market": "BTCUSDT", "price": "5"}, "There is no venue ['aster']"),
        ("mark", {"venue": "aster", "market": "BTC", "price": "5"}, "There is no market 'BTC'; there are BTCUSDT,"),
        ("mark", {"market": "BTCUSDT", "price": "5"}, "There is no market 'BTCUSDT'; there are BTC,"),
        ("mark", {"venue": "hyperliquid", "market": "XXX", "price": "5"}, "There is no market 'XXX'; there are BTC,"),
        ("mark", {"venue": "hyperliquid", "market": "BTC", "price": "-5"}, "The price is above zero"),
        ("deleverage", {"address": ALICE, "market": "SOL"}, f"{ALICE} holds nothing in SOL."),
        ("fault", {"fault": "fire"}, "The fault is one of delay, drop_before"),
        ("fault", {"fault": "delay", "count": 0}, "The count is a whole number above zero."),
        ("fund", [], "The body is not a JSON object."),
    ],
)
def test_a_bad_control_is_refused_with_a_sentence(
    venue: SandboxProcess, path: str, body: object, sentence: str
) -> None:
    status, text = refused(venue, f"/sandbox/{path}", body)
    assert status == 400
    assert json.loads(text)["error"].startswith(sentence)


def test_a_mark_of_aster_liquidates_on_its_ledger_and_on_no_other(clock: Clock) -> None:
    server = Server(Engine(fresh_state(7, clock.now, still=True), clock))
    aster = server.others["aster"]
    for engine, market in ((server.engine, "BTC"), (aster, "BTCUSDT")):
        account = engine.fund(ALICE, Decimal(1000))
        isolate(engine, account, market, 20)
        place(engine, account, market, "0.1", "87000", time_in_force="Ioc")
    body = {"venue": "aster", "market": "BTCUSDT", "price": "80000"}
    answer = {"venue": "aster", "market": "BTCUSDT", "mark": "80000.0"}
    assert server.control.handle("mark", json.dumps(body).encode()) == answer
    shown = server.control.state()
    assert [row["market"] for row in shown["accounts"][ALICE]["positions"]] == ["BTC"]
    assert shown["others"]["aster"]["accounts"][ALICE]["positions"] == []
    assert [event["kind"] for event in shown["others"]["aster"]["events"]] == ["liquidation"]


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({"size": "0.04", "price": "88000"}, {"market": "BTC", "closed": "0.04", "price": "88000.0"}),
        ({}, {"market": "BTC", "closed": "0.1", "price": "86320.0"}),
        ({"size": "0.2"}, "The size is in lots and at most the position's, 0.1; the price above zero."),
        ({"size": "0.0000001"}, "The size is in lots and at most the position's, 0.1; the price above zero."),
        ({"price": "-1"}, "The size is in lots and at most the position's, 0.1; the price above zero."),
    ],
)
def test_the_deleverage_control_closes_at_most_the_position(
    engine: Engine, alice: Holder, more: dict[str, str], answer: object
) -> None:
    isolate(engine, alice, "BTC", 20)
    place(engine, alice, "BTC", "0.1", "87000", time_in_force="Ioc")
    body = json.dumps({"address": ALICE, "market": "BTC"} | more).encode()
    control = Server(engine).control
    if isinstance(answer, str):
        with pytest.raises(ControlError, match=answer):
            control.handle("deleverage", body)
    else:
        assert control.handle("deleverage", body) == answer


@pytest.mark.parametrize(("remote", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404), ("", 404)])
def test_controls_answer_on_loopback_only(engine: Engine, remote: str, status: int) -> None:
    request = make_mocked_request("GET", "/sandbox/state").clone(remote=remote)
    answer = asyncio.run(Server(engine)._controlled(request))
    assert answer.status == status


@pytest.mark.parametrize(("method", "path"), [("POST", "/info"), ("POST", "/exchange"), ("DELETE", "/fapi/v3/order")])
def test_a_caller_who_hangs_up_in_the_middle_of_a_request_is_no_failure(engine: Engine, method: str, path: str) -> None:
    async def ask() -> int:
        app, body = Server(engine).application(), StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        app.freeze()
        body.set_exception(ConnectionResetError("Connection lost"))
        return (await app._handle(make_mocked_request(method, path, payload=body, app=app))).status

    assert asyncio.run(ask()) == 499


def test_a_malformed_body_is_answered_422_and_a_huge_one_413(venue: SandboxProcess) -> None:
    status, text = refused(venue, "/info", {"type": "nothing"})
    assert (status, text.partition(":")[0]) == (422, "Failed to deserialize the JSON body into the target type")
    status, _ = refused(venue, "/exchange", {"action": {"type": "order"}})
    assert status == 422
    status, _ = refused(venue, "/info", {"type": "x" * 2_000_000})
    assert status == 413
