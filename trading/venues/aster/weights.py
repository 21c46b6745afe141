"""What a request costs at Aster: weight by its path, and a place in its account's order counts (Aster 5).

>>> [cost("GET", f"/fapi/v3/openOrders?{query}", b"").weight for query in ("symbol=BTCUSDT", "user=0x1")]
[1, 40]
>>> known = cost("POST", "/fapi/v3/order", b"symbol=BTCUSDT")
>>> known.weight, known.orders, known.may_rest
(1, 1, True)
"""

import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl

from trading.venues.allowance import Use
from trading.venues.aster.markets import TRADING
from trading.venues.aster.refusals import TOO_MANY
from trading.venues.decoding import Decoder, Record
from trading.venues.errors import Malformed
from trading.venues.tariff import Cost, Limits, ReadingWeights, Tariff

logger = logging.getLogger(__name__)

# Until the venue says otherwise (Aster 5).
WEIGHT_IN_A_MINUTE, ORDERS_IN_TEN_SECONDS, ORDERS_IN_A_MINUTE = 2400, 300, 1200
SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
ORDER_COUNTS = ("X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M")

# Reads; the second figure is the weight without a symbol, where that is another.
READS: Mapping[str, int | tuple[int, int]] = {
    "positionRisk": 5,
    "balance": 5,
    "account": 5,
    "accountWithJoinMargin": 5,
    "openOrders": (1, 40),
    "allOrders": 5,
    "userTrades": 5,
    "income": 30,
    "commissionRate": 20,
    "forceOrders": (20, 50),
    "adlQuantile": 5,
    "positionSide/dual": 30,
    "multiAssetsMargin": 30,
    "stpMode": 30,
    "historicalTrades": 20,
    "aggTrades": 20,
    "ticker/24hr": (1, 40),
    "ticker/price": (1, 2),
    "ticker/bookTicker": (1, 2),
    "remainingOpenableNotionalValue": 50,
}
COMMANDS = {"batchOrders": 5, "countdownCancelAll": 10, "registerAndApproveAgent": 50, "placeStrategyOrder": 50}
DEPTH = ((50, 2), (100, 5), (500, 10))
KLINES = ((99, 1), (499, 2), (1000, 5))
ORDER_PATHS = ("order", "batchOrders")
STREAM_KEY = "listenKey"
LISTING = "exchangeInfo"  # lists all markets
MEMBER = b"%22symbol%22"  # once in each order of a batch
# What is said of an order that only reduces, alone or in a batch, and of margin that is put in (Aster 3.6, 3.7).
REDUCING = frozenset({b"reduceOnly=true", b"closePosition=true"})
REDUCING_MEMBERS = (b"%22reduceOnly%22%3A%22true%22", b"%22closePosition%22%3A%22true%22")
MARGIN_IN = b"type=1"
# Uses up the nonce of a command whose answer was lost, and does nothing else (Aster 1.3).
NOTHING = "noop"
TOO_MANY_ORDERS = -1015  # of one account, whereas -1003 is about our address (Aster 3.8)


def cost(method: str, path: str, body: bytes) -> Cost:
    """What is known before the answer."""
    address, _, query = path.partition("?")
    name = address.removeprefix("/fapi/").partition("/")[2]
    if method == "GET":
        return Cost(_read(name, dict(parse_qsl(query))))
    if name == STREAM_KEY:
        return Cost(1)
    is_new = name in ORDER_PATHS and method != "DELETE"
    weight = COMMANDS.get(name, 1) if method == "POST" else 5 if (method, name) == ("PUT", "batchOrders") else 1
    orders = max(1, body.count(MEMBER)) if is_new else 0
    return Cost(weight, orders=orders, is_command=True, may_rest=is_new, use=_use(method, name, body, orders))


def _use(method: str, name: str, body: bytes, orders: int) -> Use:
    """Whether a command takes risk away: cancels, orders that all only reduce, margin put in. A changed order does not
    say whether it only reduces. What does nothing adds no risk, and it may be the proof of a close."""
    if method == "DELETE":
        return Use.CANCEL
    if name == NOTHING:
        return Use.RELIEF
    if name == "positionMargin":
        return Use.RELIEF if MARGIN_IN in body.split(b"&") else Use.USUAL
    if name == "batchOrders":
        return Use.RELIEF if orders == sum(body.count(mark) for mark in REDUCING_MEMBERS) else Use.USUAL
    return Use.RELIEF if name == "order" and not REDUCING.isdisjoint(body.split(b"&")) else Use.USUAL


def _read(name: str, parameters: Mapping[str, str]) -> int:
    if name == "depth":
        return _by_limit(parameters, DEPTH, 20)
    if name.lower().endswith("klines"):
        return _by_limit(parameters, KLINES, 10)
    weight = READS.get(name, 5 if name.startswith("builder/") else 1)
    if isinstance(weight, int):
        return weight
    return weight[0] if "symbol" in parameters else weight[1]


def _by_limit(parameters: Mapping[str, str], steps: tuple[tuple[int, int], ...], most: int) -> int:
    limit = int(parameters.get("limit", "500"))
    return next((weight for bound, weight in steps if limit <= bound), most)


def reported(headers: Mapping[str, str]) -> tuple[int | None, ...]:
    """The weight used in the running minute, and the account's orders in ten seconds and in a minute."""
    texts = [headers.get(name, "") for name in (USED_WEIGHT, *ORDER_COUNTS)]
    return tuple(int(text) if text.isdecimal() else None for text in texts)


class _Failure(Record, frozen=True):
    code: int | str = ""


_decode_failure = Decoder(_Failure, "error")


def rest(answer: bytes) -> float:
    """Seconds for which an account has to rest that sent too many orders. Our address goes on for all others.

    >>> [rest(answer) for answer in (b'{"code": -1015, "msg": "Too many new orders."}', b'{"code": -1003}', b"[]")]
    [10.0, 0.0, 0.0]
    """
    try:
        is_this = str(_decode_failure(answer).code) == str(TOO_MANY_ORDERS)
    except Malformed:
        return 0.0
    return TOO_MANY[TOO_MANY_ORDERS] if is_this else 0.0


class _RateLimit(Record, frozen=True):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _Rules(Record, frozen=True):
    rate_limits: list[_RateLimit] = []


_decode_rules = Decoder(_Rules, LISTING)


def limits(path: str, answer: bytes) -> Limits | None:
    """What ``exchangeInfo`` says of the weight in a minute and of the orders in ten seconds and in a minute, which are
    those that headers count (Aster 2.1, 5); None from other answers, and from one that names no weight."""
    if not _is_listing(path):
        return None
    try:
        rows = _decode_rules(answer).rate_limits
    except Malformed as error:
        logger.warning("Aster's limits are not understood: %s", error)
        return None
    told = {
        (row.rate_limit_type, row.interval_num * SECONDS.get(row.interval, 0)): row.limit
        for row in rows
        if row.limit > 0
    }
    weight = told.get(("REQUEST_WEIGHT", 60))
    if weight is None:
        logger.warning("Aster names no weight for a minute: %s", told)
        return None
    in_ten, in_a_minute = told.get(("ORDERS", 10)), told.get(("ORDERS", 60))
    return Limits(weight, ((in_ten or ORDERS_IN_TEN_SECONDS, 10.0), (in_a_minute or ORDERS_IN_A_MINUTE, 60.0)))


class _Listed(Record, frozen=True):
    status: str = ""


class _Listing(Record, frozen=True):
    symbols: list[_Listed] = []


_decode_listing = Decoder(_Listing, LISTING)


def has_open_market(path: str, answer: bytes) -> bool | None:
    """Whether one of all markets that are listed is open; None of an answer that does not tell: one that lists none, or
    none as open and one without its status.

    >>> has_open_market("/fapi/v3/exchangeInfo", b'{"symbols": [{"status": "CLOSE"}, {"status": "TRADING"}]}')
    True
    >>> has_open_market("/fapi/v3/exchangeInfo", b'{"symbols": [{"status": "CLOSE"}, {"status": "PRE_SETTLE"}]}')
    False
    >>> has_open_market("/fapi/v3/exchangeInfo", b'{"symbols": []}')
    >>> has_open_market("/fapi/v3/exchangeInfo", b'{"symbols": [{"status": "CLOSE"}, {"symbol": "BTCUSDT"}]}')
    """
    if not _is_listing(path):
        return None
    try:
        found = {row.status for row in _decode_listing(answer).symbols}
    except Malformed:
        return None
    if TRADING in found:
        return True
    return False if found and all(found) else None


def _is_listing(path: str) -> bool:
    return path.partition("?")[0].endswith(f"/{LISTING}")


def readings(_books: int) -> ReadingWeights:
    """What readings cost: the clock, the money and the positions; executions are listed by market, and which markets
    those are the positions say. The venue has no builder-deployed books, and its figures are complete in every mode.

    >>> readings(0).account, readings(0).explaining
    (11, 50)
    """
    account = _sum("time", "accountWithJoinMargin", "positionRisk")
    executions = _sum("positionRisk", "userTrades")
    explaining = executions + _sum("openOrders")
    # Funding and all bookings, two kinds of forced orders, and whether assets back positions together.
    whole = explaining + _sum("income", "income", "forceOrders", "forceOrders", "multiAssetsMargin")
    return ReadingWeights(account=account, pooled=account, executions=executions, explaining=explaining, whole=whole)


def _sum(*names: str) -> int:
    return sum(_read(name, {}) for name in names)


# No order is told that the whole venue is halted: -4140 and -4141 speak of one market (Aster 3.8). The list of markets
# tells it.
TARIFF = Tariff(
    weight=WEIGHT_IN_A_MINUTE,
    orders=((ORDERS_IN_TEN_SECONDS, 10.0), (ORDERS_IN_A_MINUTE, 60.0)),
    cost=cost,
    reported=reported,
    rest=rest,
    limits=limits,
    has_open_market=has_open_market,
    readings=readings,
)
