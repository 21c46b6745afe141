"""What requests cost at each venue, by the venues' own tables (Hyperliquid 7, Aster 2, 3 and 5)."""

import doctest

import pytest

from trading.venues.allowance import Use
from trading.venues.aster import weights as aster
from trading.venues.hyperliquid import weights as hyperliquid
from trading.venues.tariff import Cost


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        ("l2Book", 2), ("allMids", 2), ("clearinghouseState", 2), ("orderStatus", 2), ("spotClearinghouseState", 2),
        ("exchangeStatus", 2), ("userRole", 60), ("meta", 20), ("frontendOpenOrders", 20), ("userFillsByTime", 20),
        ("something new", 20),
    ],
)  # fmt: skip
def test_hyperliquid_read_costs_by_its_type(kind: str, weight: int) -> None:
    assert hyperliquid.cost("POST", "/info", b'{"type":"%s","user":"0x"}' % kind.encode()) == Cost(weight)


@pytest.mark.parametrize(("length", "weight"), [(1, 1), (39, 1), (40, 2), (79, 2), (80, 3)])
def test_hyperliquid_action_costs_by_its_batch(length: int, weight: int) -> None:
    body = b'{"action":{"type":"order","orders":[%s]},"nonce":1}' % b",".join([b"{}"] * length)

    known = hyperliquid.cost("POST", "/exchange", body)
    assert known == Cost(weight, is_command=True, may_rest=True, requests=length)


@pytest.mark.parametrize(
    ("kind", "rows", "weight"),
    [("userFillsByTime", 19, 0), ("userFillsByTime", 45, 2), ("candleSnapshot", 119, 1), ("extraAgents", 45, 0)],
)
def test_hyperliquid_rows_cost_extra(kind: str, rows: int, weight: int) -> None:
    body, answer = b'{"type":"%s"}' % kind.encode(), b"[%s]" % b",".join([b"{}"] * rows)

    assert hyperliquid.surcharge("/info", body, answer) == weight
    assert hyperliquid.surcharge("/info", body, b'{"no":"list"}') == 0


def test_hyperliquid_silences_an_account_that_used_up_its_requests_and_still_takes_its_cancels() -> None:
    refusal = b'{"status":"err","response":"Too many cumulative requests sent (10001 > 10000)"}'

    assert (hyperliquid.rest(refusal), hyperliquid.rest(b'{"status":"ok"}')) == (10.0, 0.0)
    cancel = b'{"action":{"type":"cancelByCloid","cancels":[{}]}}'
    assert hyperliquid.cost("POST", "/exchange", cancel) == Cost(1, is_command=True, requests=1, use=Use.CANCEL)


@pytest.mark.parametrize(
    ("action", "requests", "use"),
    [
        ('"type":"order","orders":[{"r":true},{"r":true}]', 2, Use.RELIEF),
        ('"type":"order","orders":[{"r":false},{"r":true}]', 2, Use.USUAL),
        ('"type":"updateIsolatedMargin","asset":0,"isBuy":true,"ntli":1', 1, Use.RELIEF),
        ('"type":"updateIsolatedMargin","asset":0,"isBuy":true,"ntli":-1', 1, Use.USUAL),
        ('"type":"updateLeverage","asset":0,"isCross":false,"leverage":5', 1, Use.USUAL),
        ('"type":"batchModify","modifies":[{},{},{}]', 3, Use.USUAL),
        ('"type":"batchModify","modifies":[{"oid":7,"order":{"a":0,"r":true}}]', 1, Use.RELIEF),
        ('"type":"batchModify","modifies":[{"oid":7,"order":{"r":true}},{"oid":8,"order":{"r":false}}]', 2, Use.USUAL),
        ('"type":"cancel","cancels":[{},{},{}]', 3, Use.CANCEL),
        ('"type":"noop"', 1, Use.RELIEF),
    ],
)
def test_hyperliquid_action_uses_up_the_accounts_requests(action: str, requests: int, use: Use) -> None:
    known = hyperliquid.cost("POST", "/exchange", b'{"action":{%s}}' % action.encode())

    assert (known.requests, known.use) == (requests, use)


def test_hyperliquid_tells_whose_requests_an_answer_counts() -> None:
    assert hyperliquid.cost("POST", "/info", b'{"type":"userRateLimit","user":"0xAB"}') == Cost(20, tells="0xab")
    told = hyperliquid.told(b'{"cumVlm":"1.0","nRequestsUsed":3,"nRequestsCap":10001,"nRequestsSurplus":0}')
    assert told is not None
    assert (told.used, told.cap, hyperliquid.told(b"{}")) == (3, 10_001, None)


@pytest.mark.parametrize(
    ("method", "path", "weight"),
    [
        ("GET", "/fapi/v3/positionRisk?user=0x1", 5), ("GET", "/fapi/v2/balance", 5), ("GET", "/fapi/v1/time", 1),
        ("GET", "/fapi/v3/openOrders?symbol=BTCUSDT", 1), ("GET", "/fapi/v3/openOrders?user=0x1", 40),
        ("GET", "/fapi/v3/ticker/24hr", 40), ("GET", "/fapi/v3/forceOrders?autoCloseType=ADL", 50),
        ("GET", "/fapi/v3/income?limit=1000", 30), ("GET", "/fapi/v3/depth?symbol=X&limit=20", 2),
        ("GET", "/fapi/v3/depth?symbol=X", 10), ("GET", "/fapi/v3/depth?symbol=X&limit=1000", 20),
        ("GET", "/fapi/v3/klines?symbol=X&limit=99", 1), ("GET", "/fapi/v3/markPriceKlines?limit=1500", 10),
        ("GET", "/fapi/v3/builder/userPositionRisk?limit=1000", 5), ("GET", "/fapi/v3/positionSide/dual", 30),
        ("POST", "/fapi/v3/listenKey", 1),
    ],
)  # fmt: skip
def test_aster_read_costs_by_its_path(method: str, path: str, weight: int) -> None:
    assert aster.cost(method, path, b"") == Cost(weight)


@pytest.mark.parametrize(
    ("method", "name", "body", "cost"),
    [
        ("POST", "order", b"symbol=X", Cost(1, 1, is_command=True, may_rest=True)),
        ("PUT", "order", b"symbol=X", Cost(1, 1, is_command=True, may_rest=True)),
        ("POST", "order", b"quantity=1&reduceOnly=true", Cost(1, 1, is_command=True, may_rest=True, use=Use.RELIEF)),
        ("POST", "order", b"closePosition=true&x=1", Cost(1, 1, is_command=True, may_rest=True, use=Use.RELIEF)),
        ("DELETE", "order", b"symbol=X", Cost(1, 0, is_command=True, use=Use.CANCEL)),
        (
            "POST",
            "batchOrders",
            b"batchOrders=%7B%22symbol%22%7D%2C%7B%22symbol%22%7D",
            Cost(5, 2, is_command=True, may_rest=True),
        ),
        ("DELETE", "batchOrders", b"", Cost(1, 0, is_command=True, use=Use.CANCEL)),
        ("POST", "positionMargin", b"symbol=X&type=1", Cost(1, 0, is_command=True, use=Use.RELIEF)),
        ("POST", "positionMargin", b"symbol=X&type=2&clientTranId=type1", Cost(1, 0, is_command=True)),
        ("POST", "leverage", b"symbol=X&leverage=5", Cost(1, 0, is_command=True)),
        ("POST", "noop", b"user=0x1&nonce=1", Cost(1, 0, is_command=True, use=Use.RELIEF)),
    ],
)
def test_aster_command_costs_weight_and_orders(method: str, name: str, body: bytes, cost: Cost) -> None:
    assert aster.cost(method, f"/fapi/v3/{name}", body) == cost


def test_aster_tells_what_was_used() -> None:
    headers = {"X-MBX-USED-WEIGHT-1M": "41", "X-MBX-ORDER-COUNT-1M": "7"}

    assert (aster.reported(headers), aster.reported({"X-MBX-USED-WEIGHT-1M": "?"})) == ((41, None, 7), (None,) * 3)


@pytest.mark.parametrize("module", [aster, hyperliquid])
def test_tables_open_with_examples_that_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
