"""Bad days over real HTTP: what the caller sees, and whether the venue acted."""

import http.client
import json
import time
import urllib.error
from collections.abc import Iterator

import pytest
from eth_account import Account
from hyperliquid.utils import signing

from tests.sandbox_process import SandboxProcess

READ = {"type": "allMids"}


@pytest.fixture
def faulty(venue: SandboxProcess) -> Iterator[SandboxProcess]:
    yield venue
    venue.clear_faults()


def post_order(venue: SandboxProcess) -> tuple[str, dict[str, object]]:
    """A signed order of a fresh account, not yet sent."""
    wallet = Account.create()
    venue.fund(wallet.address, "1000")
    nonce = time.time_ns() // 1_000_000
    action = {
        "type": "order",
        "orders": [
            {"a": 5, "b": True, "p": "100", "s": "1", "r": False, "t": {"limit": {"tif": "Gtc"}}},
        ],
        "grouping": "na",
    }
    signature = signing.sign_l1_action(wallet, action, None, nonce, None, is_mainnet=False)
    return wallet.address, {"action": action, "nonce": nonce, "signature": signature}


def open_orders(venue: SandboxProcess, address: str) -> int:
    return len(venue.info("openOrders", user=address))


@pytest.mark.parametrize(("kind", "executed"), [("drop_before", 0), ("drop_after", 1)])
def test_a_cut_connection_leaves_the_caller_without_an_answer(faulty: SandboxProcess, kind: str, executed: int) -> None:
    address, body = post_order(faulty)
    faulty.fault(kind, "order")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        faulty.post("/exchange", body)
    assert open_orders(faulty, address) == executed
    again = faulty.post("/exchange", body)
    assert (again["status"] == "ok") is (executed == 0)
    assert open_orders(faulty, address) == 1


@pytest.mark.parametrize(
    ("kind", "status", "executed"),
    [("too_many_requests", 429, 0), ("error_before", 500, 0), ("error_after", 500, 1)],
)
def test_a_refusal_by_status_says_nothing_about_execution(
    faulty: SandboxProcess, kind: str, status: int, executed: int
) -> None:
    address, body = post_order(faulty)
    faulty.fault(kind, "exchange")
    with pytest.raises(urllib.error.HTTPError) as error:
        faulty.post("/exchange", body)
    with error.value as response:
        assert response.status == status
    assert open_orders(faulty, address) == executed


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_nonsense_is_no_json(faulty: SandboxProcess, kind: str) -> None:
    faulty.fault(kind, "allMids", count=2)
    for _ in range(2):
        with pytest.raises(json.JSONDecodeError):
            faulty.post("/info", READ)
    assert "BTC" in faulty.post("/info", READ)


def test_a_delay_holds_one_request_and_no_other(faulty: SandboxProcess) -> None:
    # Longer than anybody here waits for an answer.
    faulty.fault("delay", "allMids", seconds=120)
    assert faulty.info("meta")["universe"]
    faulty.clear_faults()
    began = time.monotonic()
    faulty.fault("delay", "allMids", seconds=0.3)
    faulty.post("/info", READ)
    assert time.monotonic() - began >= 0.3


def test_a_fault_by_chance_strikes_alike_for_one_seed(faulty: SandboxProcess) -> None:
    def strikes() -> list[bool]:
        faulty.fault("error_before", "allMids", probability=0.5, seed=4)
        result = []
        for _ in range(12):
            try:
                faulty.post("/info", READ)
                result.append(False)
            except urllib.error.HTTPError as error:
                error.close()
                result.append(True)
        faulty.clear_faults()
        return result

    first = strikes()
    assert first == strikes()
    assert 0 < sum(first) < 12
