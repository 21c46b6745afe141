"""What a request costs at Hyperliquid: weight by its kind, and more by the rows of its answer (Hyperliquid 7).

>>> cost("POST", "/info", b'{"type":"clearinghouseState","user":"0x1"}').weight
2
>>> known = cost("POST", "/exchange", b'{"action":{"type":"cancel","cancels":[{},{}]}}')
>>> known.weight, known.requests, known.use.name
(1, 2, 'CANCEL')
>>> surcharge("/info", b'{"type":"userFills"}', b"[1,2,3]")
0
"""

import msgspec

from trading.venues.allowance import Lifetime, Use
from trading.venues.errors import Malformed
from trading.venues.hyperliquid.parse import request_allowance
from trading.venues.hyperliquid.wire import EXCHANGE_PATH
from trading.venues.snapshots import RequestAllowance
from trading.venues.tariff import Cost, ReadingWeights, Tariff

USUAL = 20
LIGHT = 2
WEIGHTS = {
    "l2Book": LIGHT,
    "allMids": LIGHT,
    "clearinghouseState": LIGHT,
    "orderStatus": LIGHT,
    "spotClearinghouseState": LIGHT,
    "exchangeStatus": LIGHT,
    "userRole": 60,
}
ROWS_PER_WEIGHT = dict.fromkeys(
    (
        "recentTrades",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "userNonFundingLedgerUpdates",
        "userTwapSliceFills",
        "userTwapSliceFillsByTime",
    ),
    20,
) | {"candleSnapshot": 60}
BATCH_PER_WEIGHT = 40
# An address that has used up its requests may send one in ten seconds; cancels have a limit of their own.
USED_UP, ONE_REQUEST_IN = b"Too many cumulative requests sent", 10.0
UPGRADED = b"Only post-only orders allowed immediately after a network upgrade"
POST_ONLY = "Alo"
CANCELS = ("cancel", "cancelByCloid")
# Uses up the nonce of a command whose answer was lost, and does nothing else (Hyperliquid 4.2).
NOTHING = "noop"
MORE_CANCELS = 100_000
# So many of an account's requests are left to what takes risk away.
RESERVE = 50
ALLOWANCE = "userRateLimit"


class _Limit(msgspec.Struct, frozen=True):
    tif: str = POST_ONLY


class _Terms(msgspec.Struct, frozen=True):
    limit: _Limit = _Limit()


class _Order(msgspec.Struct, frozen=True):
    r: bool = False
    t: _Terms = _Terms()

    @property
    def is_usual(self) -> bool:
        """Whether it is refused in the minutes after an upgrade: it may be executed at once."""
        return self.t.limit.tif != POST_ONLY


class _Modify(msgspec.Struct):
    order: _Order = _Order()


class _Action(msgspec.Struct):
    type: str = ""
    orders: list[_Order] = []
    cancels: list[msgspec.Raw] = []
    modifies: list[_Modify] = []
    ntli: int = 0


class _Body(msgspec.Struct):
    type: str = ""
    user: str = ""
    action: _Action | None = None


_body = msgspec.json.Decoder(_Body)
_rows = msgspec.json.Decoder(list[msgspec.Raw])


def cost(method: str, path: str, body: bytes) -> Cost:
    """What is known before the answer: an action by the length of its batch, a read by its type."""
    known = _body.decode(body)
    if path != EXCHANGE_PATH:
        return Cost(WEIGHTS.get(known.type, USUAL), tells=known.user.lower() if known.type == ALLOWANCE else "")
    action = known.action or _Action()
    longest = max(len(action.orders), len(action.cancels), len(action.modifies))
    return Cost(
        1 + longest // BATCH_PER_WEIGHT,
        is_command=True,
        is_usual=any(order.is_usual for order in action.orders),
        may_rest=action.type not in CANCELS,
        requests=max(1, longest),
        use=_use(action),
    )


def _use(action: _Action) -> Use:
    """Whether an action takes risk away: cancels, reduce-only orders alone (new or changed), margin put into a
    position. What does nothing adds none, and it may be the proof of a close."""
    if action.type in CANCELS:
        return Use.CANCEL
    orders = [*action.orders, *(change.order for change in action.modifies)]
    reduces = bool(orders) and all(order.r for order in orders)
    return Use.RELIEF if reduces or action.ntli > 0 or action.type == NOTHING else Use.USUAL


def most_cancels(cap: int) -> int:
    """How many requests may be sent as long as they are cancels.

    >>> most_cancels(10_000), most_cancels(250_000)
    (20000, 350000)
    """
    return min(cap + MORE_CANCELS, 2 * cap)


def told(answer: bytes) -> RequestAllowance | None:
    """What an answer says of an address's requests; None where it cannot be read."""
    try:
        return request_allowance(answer)
    except Malformed:
        return None


def surcharge(path: str, body: bytes, answer: bytes) -> int:
    """What the rows of an answer cost; nothing for one that is no list."""
    if path == EXCHANGE_PATH:
        return 0
    rows_per_weight = ROWS_PER_WEIGHT.get(_body.decode(body).type)
    if rows_per_weight is None:
        return 0
    try:
        return len(_rows.decode(answer)) // rows_per_weight
    except msgspec.DecodeError:
        return 0


def rest(answer: bytes) -> float:
    """Seconds for which an account has to rest whose request was refused as one too many."""
    return ONE_REQUEST_IN if USED_UP in answer else 0.0


def is_halt(answer: bytes) -> bool:
    """Whether the venue takes no usual orders, because it has just been upgraded."""
    return UPGRADED in answer


def is_used_up(answer: bytes) -> bool:
    """Whether the venue refused a request as one too many."""
    return USED_UP in answer


def readings(books: int) -> ReadingWeights:
    """What readings cost with so many builder-deployed books beside the main one: each is asked for its positions and
    its orders; executions, funding and ledger are of all books. Lists are taken to be short.

    >>> readings(0).account, readings(2).account, readings(0).whole
    (2, 6, 120)
    """
    account, orders = LIGHT * (1 + books), USUAL * (1 + books)
    # The fills, the funding, the ledger, the account's mode and the requests it has left.
    lists = 5 * USUAL
    return ReadingWeights(
        account=account, pooled=account + LIGHT, executions=USUAL, explaining=USUAL + orders, whole=orders + lists
    )


TARIFF = Tariff(
    weight=1200,
    cost=cost,
    surcharge=surcharge,
    rest=rest,
    is_halt=is_halt,
    lifetime=Lifetime(cancels=most_cancels, reserve=RESERVE, slot=ONE_REQUEST_IN),
    told=told,
    is_used_up=is_used_up,
    readings=readings,
)
