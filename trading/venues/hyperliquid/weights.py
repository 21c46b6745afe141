"""What a request costs at Hyperliquid: weight by its kind, and more by the rows of its answer (Hyperliquid 7).

>>> cost("POST", "/info", b'{"type":"clearinghouseState","user":"0x1"}').weight
2
>>> cost("POST", "/exchange", b'{"action":{"type":"cancel","cancels":[]}}')
Cost(weight=1, orders=0, is_command=True, may_rest=False)
>>> surcharge("/info", b'{"type":"userFills"}', b"[1,2,3]")
0
"""

import msgspec

from trading.venues.hyperliquid.wire import EXCHANGE_PATH
from trading.venues.metered import Cost, Tariff

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
CANCELS = ("cancel", "cancelByCloid")


class _Action(msgspec.Struct):
    type: str = ""
    orders: list[msgspec.Raw] = []
    cancels: list[msgspec.Raw] = []
    modifies: list[msgspec.Raw] = []


class _Body(msgspec.Struct):
    type: str = ""
    action: _Action | None = None


_body = msgspec.json.Decoder(_Body)
_rows = msgspec.json.Decoder(list[msgspec.Raw])


def cost(method: str, path: str, body: bytes) -> Cost:
    """What is known before the answer: an action by the length of its batch, a read by its type."""
    known = _body.decode(body)
    if path == EXCHANGE_PATH:
        action = known.action or _Action()
        longest = max(len(action.orders), len(action.cancels), len(action.modifies))
        return Cost(1 + longest // BATCH_PER_WEIGHT, is_command=True, may_rest=action.type not in CANCELS)
    return Cost(WEIGHTS.get(known.type, USUAL))


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


TARIFF = Tariff(weight=1200, cost=cost, surcharge=surcharge, rest=rest, is_halt=is_halt)
