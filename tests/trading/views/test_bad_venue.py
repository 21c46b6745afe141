"""A venue that answers nonsense, between the trader's page and a sandbox that works: a sentence, never a traceback, and
no order lost or sent twice."""

import gzip
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.trading.conftest import Desk
from tests.trading.venues.misbehaving import Behaviour, MisbehavingServer, answer, cut_in_the_body, serving
from tests.trading.views.forms import ORDER, fields
from trading.connect import account_adapter
from trading.models import Command, Fill, Order, Position
from trading.models.commands import CommandKind, CommandState
from trading.services.reconcile import prove
from trading.services.sync import sync_account
from trading.venues import typed_data
from trading.venues.base import Network
from trading.venues.hyperliquid.approvals import approve_agent
from trading.venues.hyperliquid.signing import ZERO_ADDRESS

Change = Callable[[Any], Any]
PATIENCE = 60.0


def through(url: str, path: str, change: Change = lambda value: value) -> Behaviour:
    """Hand the request on to a venue that works, and its answer back, changed."""

    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                told = change(json.loads(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return answer(error.code, error.read(), kind="text/plain")(handler, body)
        return answer(200, json.dumps(told).encode())(handler, body)

    return behave


def after(url: str, path: str, spoiled: Behaviour) -> Behaviour:
    """The venue does what it is asked; what the caller hears of it is spoiled."""

    def behave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=PATIENCE).close()
        spoiled(handler, body)

    return behave


SPOILED = {
    "malformed": answer(200, b'{"status": ok, }'),
    "truncated": cut_in_the_body,
    "fifty megabytes": answer(200, gzip.compress(b" " * 50_000_000, compresslevel=1), Content_Encoding="gzip"),
    "redirect": answer(307, b"", Location="http://127.0.0.1:1/elsewhere"),
    "wrong content type": answer(200, b"<html>maintenance</html>", kind="text/html"),
    "null": answer(200, b"null"),
    "unknown status": answer(
        200, b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"paused":{"oid":1}}]}}}'
    ),
}


@pytest.fixture
def between(desk: Desk, settings: Settings) -> Iterator[MisbehavingServer]:
    """A server in front of the sandbox that hands everything on, until it is told otherwise."""
    with serving() as server:
        server.paths = {path: through(desk.sandbox.url, path) for path in ("/info", "/exchange")}
        settings.HYPERLIQUID_URL = server.url
        yield server


@pytest.fixture
def ready(desk: Desk, browser: Client, between: MisbehavingServer) -> Client:
    """Leverage is set, so that what follows is the order alone."""
    browser.post(ORDER, fields())
    assert Position.objects.get().size == Decimal("0.01")
    return browser


def last_order() -> Command:
    command: Command = Command.objects.filter(kind=CommandKind.ORDER).order_by("-prepared_at")[0]
    return command


def settled(desk: Desk) -> Command:
    """What becomes of the order once the venue is well again."""
    for _ in range(3):
        command = last_order()
        if command.is_settled or prove(account_adapter(desk.account), command):
            break
    sync_account(account_adapter(desk.account), desk.account)
    return last_order()


def revoke(desk: Desk) -> None:
    """The trader's wallet takes the key back at the venue, with another tool."""
    ledger: Any = desk.at_venue()
    (agent,) = ledger["agents"]
    approval = approve_agent(
        network=Network.TESTNET,
        chain_id=1,
        agent=ZERO_ADDRESS,
        nonce=int(timezone.now().timestamp() * 1000),
        name=agent["name"],
    )
    made = desk.wallet.sign(typed_data.digest(approval.typed_data))
    signature = f"{made['r']}{str(made['s'])[2:]}{int(made['v']):02x}"
    desk.adapter.send(approval.signed(signature, owner=desk.account.address))


@pytest.mark.parametrize(
    ("name", "arrives"),
    [*((name, True) for name in SPOILED), ("redirect", False), ("wrong content type", False)],
)
def test_an_order_with_a_spoiled_answer_is_checked_and_ends_once(
    desk: Desk, ready: Client, between: MisbehavingServer, name: str, arrives: bool
) -> None:
    sandbox = desk.sandbox.url
    between.paths["/exchange"] = after(sandbox, "/exchange", SPOILED[name]) if arrives else SPOILED[name]
    page = ready.post(ORDER, fields())
    between.paths["/exchange"] = through(sandbox, "/exchange")

    text = page.content.decode()
    assert page.status_code == 200
    assert "being checked" in text or "checking" in text.lower()
    assert not re.search(r"Traceback|Error at|Exception", text)
    assert settled(desk).state == CommandState.ACCEPTED
    assert Position.objects.get().size == Decimal("0.02")


# One kind of nonsense for each form: what is made of an answer is the same for all of them.
FORMS = [
    ("margin", "/positions/{position}/margin/change/", {"direction": "add", "amount": "5"}, "fifty megabytes"),
    ("orders", "/positions/{position}/exits/set/", {"stop_loss": "80000", "take_profit": ""}, "wrong content type"),
    ("order", "/positions/{position}/close/now/", {"kind": "market", "share": "100"}, "redirect"),
    ("cancel", "/orders/{order}/cancel/", {}, "truncated"),
    ("modify", "/orders/{order}/change/now/", {"price": "81000", "size": "0.01"}, "malformed"),
]


@pytest.mark.parametrize(("kind", "path", "typed", "name"), FORMS, ids=[f"{kind} {name}" for kind, *_, name in FORMS])
def test_every_form_with_a_spoiled_answer_is_checked_and_ends_once(
    desk: Desk, ready: Client, between: MisbehavingServer, kind: str, path: str, typed: dict[str, str], name: str
) -> None:
    if "{order}" in path:
        ready.post(ORDER, fields(kind="limit", price="80000"))
    resting = Order.objects.filter(is_open=True).first()
    address = path.format(position=Position.objects.get().pk, order=resting and resting.pk)
    between.paths["/exchange"] = after(desk.sandbox.url, "/exchange", SPOILED[name])
    page = ready.post(address, {"form_key": str(uuid4()), **typed})
    between.paths["/exchange"] = through(desk.sandbox.url, "/exchange")

    assert (page.status_code, "check" in page.content.decode().lower()) == (200, True)
    command = Command.objects.order_by("-prepared_at")[0]
    assert (command.kind, command.state) == (kind, CommandState.UNKNOWN)
    for _ in range(5):
        if prove(account_adapter(desk.account), command):
            break
        command.refresh_from_db()
    command.refresh_from_db()
    assert command.state == CommandState.ACCEPTED


@pytest.mark.parametrize("name", ["malformed", "truncated", "fifty megabytes", "redirect", "wrong content type"])
def test_pages_stay_readable_while_the_venue_answers_nonsense(
    desk: Desk, ready: Client, between: MisbehavingServer, name: str
) -> None:
    between.paths["/info"] = SPOILED[name]
    assert sync_account(account_adapter(desk.account), desk.account) is False

    assert desk.reread().sync_problem.endswith(".")
    for path in ("/trade/BTC/", "/positions/", "/account/", "/trade/BTC/book/", "/trade/BTC/candles/?interval=15m"):
        page = ready.get(path)
        assert page.status_code in (200, 204, 502, 503), path
        assert b"Traceback" not in page.content
    assert Position.objects.get().size == Decimal("0.01")


def test_numbers_in_exponent_form_are_the_same_numbers(desk: Desk, ready: Client, between: MisbehavingServer) -> None:
    def scientific(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: scientific(item) for key, item in value.items()}
        if isinstance(value, list):
            return [scientific(item) for item in value]
        is_number = isinstance(value, str) and re.fullmatch(r"-?\d+\.\d+", value)
        return f"{Decimal(value):E}" if is_number else value

    before = list(Position.objects.values("size", "entry_price", "margin", "cash", "liquidation_price"))
    between.paths["/info"] = through(desk.sandbox.url, "/info", scientific)

    assert sync_account(account_adapter(desk.account), desk.account)

    assert list(Position.objects.values("size", "entry_price", "margin", "cash", "liquidation_price")) == before


def test_repeated_fills_out_of_order_are_stored_once_and_in_order(
    desk: Desk, ready: Client, between: MisbehavingServer
) -> None:
    def muddled(value: Any) -> Any:
        is_fills = isinstance(value, list) and value and isinstance(value[0], dict) and "tid" in value[0]
        return [*reversed(value), *value, value[0]] if is_fills else value

    ready.post(ORDER, fields(size="0.02"))
    before = list(Fill.objects.order_by("happened_at", "key").values_list("key", "size"))
    between.paths["/info"] = through(desk.sandbox.url, "/info", muddled)

    assert sync_account(account_adapter(desk.account), desk.account)

    assert list(Fill.objects.order_by("happened_at", "key").values_list("key", "size")) == before
    assert [size for _, size in before] == [Decimal("0.01"), Decimal("0.02")]


@pytest.mark.parametrize(
    ("minutes", "status", "sentence"),
    [(-10, 200, "The clock of this exchange differs from the venue&#39;s"), (10, 422, "")],
    ids=["behind", "ahead: no price looks fresh"],
)
def test_a_clock_ten_minutes_off_places_nothing_by_accident(
    desk: Desk, ready: Client, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int, sentence: str
) -> None:
    real: Callable[[], datetime] = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(minutes=minutes))
    page = ready.post(ORDER, fields())
    monkeypatch.setattr(timezone, "now", real)

    assert (page.status_code, sentence in page.content.decode()) == (status, True)
    assert last_order().state == (CommandState.REJECTED if minutes < 0 else CommandState.ACCEPTED)
    assert Command.objects.filter(kind=CommandKind.ORDER).count() == (2 if minutes < 0 else 1)
    if minutes < 0:
        assert last_order().evidence["clock offset"] == pytest.approx(600, abs=60)
        assert offset_on_the_metrics() == pytest.approx(600, abs=60)
    assert settled(desk).is_settled
    assert Position.objects.get().size == Decimal("0.01")


def offset_on_the_metrics() -> float:
    lines = Client(HTTP_HOST="localhost").get("/metrics").content.decode().splitlines()
    (line,) = [line for line in lines if line.startswith("perpsstudio_venue_clock_offset_seconds{")]
    return float(line.rpartition(" ")[2])


def test_a_key_revoked_between_two_orders_is_a_sentence_and_closes_the_buttons(desk: Desk, ready: Client) -> None:
    revoke(desk)

    page = ready.post(ORDER, fields())

    assert page.status_code == 200
    assert last_order().state == CommandState.REJECTED
    assert "The venue does not accept the trading key" in page.content.decode()
    assert Position.objects.get().size == Decimal("0.01")
    assert desk.reread().agent_refused_at is not None
    assert "no longer accepts your trading key" in ready.get("/trade/BTC/").content.decode()


def test_history_that_was_read_is_kept_while_the_venue_is_silent_and_nobody_asks_it_in_a_loop(
    ready: Client, between: MisbehavingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, honest = "/trade/BTC/candles/?interval=15m", between.paths["/info"]
    between.paths["/info"] = SPOILED["malformed"]
    between.received.clear()
    assert [ready.get(path).status_code for _ in range(3)] == [503, 503, 503]
    assert len(between.received) == 1

    between.paths["/info"] = honest
    cache.clear()
    read = ready.get(path).json()["candles"]
    assert len(read) > 100
    between.paths["/info"] = SPOILED["malformed"]
    monkeypatch.setattr("trading.views.market.CANDLES_SECONDS", 0)
    assert ready.get(path).json()["candles"] == read
