"""Orders, trades, income and margin changes as the venue prints them (Aster rules 3.6, 3.7)."""

from decimal import Decimal
from typing import Any

from trading.sandbox.aster.listing import COLLATERAL
from trading.sandbox.aster.numbers import fixed, plain
from trading.sandbox.checks import IMMEDIATE
from trading.sandbox.fills import DELEVERAGING, SETTLEMENT
from trading.sandbox.numbers import ZERO
from trading.sandbox.state import Account, Fill, FundingPayment, LedgerUpdate, MarginMove, Order

Json = dict[str, Any]

ONE_WAY = "BOTH"
LIQUIDATION = "LiquidationMarket"
# What the venue's list of its own orders calls them, and what they are here (rules 3.7).
FORCED = {"LIQUIDATION": LIQUIDATION, "ADL": DELEVERAGING}
# Liquidation orders without a limit have one that nothing reaches.
_ANY = Decimal(10) ** 12
# The ledger's own word for why an order ended -> the venue's status; what is not here has expired.
_STATUS = {"open": "NEW", "triggered": "NEW", "filled": "FILLED", "canceled": "CANCELED", "scheduledCancel": "CANCELED"}
_UPDATES = {"deposit": 1, "withdraw": -1}


def status(order: Order) -> str:
    """An order's state in the venue's words."""
    if order.status == "canceled" and order.time_in_force in IMMEDIATE:
        return "EXPIRED"
    said = _STATUS.get(order.status, "EXPIRED")
    return "PARTIALLY_FILLED" if said == "NEW" and order.filled else said


def client_id(order: Order) -> str:
    """The trader's id, the venue's for an order without one, and its mark for an order of its own."""
    if order.time_in_force == LIQUIDATION:
        return f"autoclose-{order.timestamp}{order.oid % 1_000_000:06d}"
    if order.time_in_force == DELEVERAGING:
        return "adl_autoclose"
    if order.time_in_force == SETTLEMENT:
        return f"settlement_autoclose-{order.timestamp}"
    return order.client_id or f"sandbox{order.oid}"


def price(order: Order) -> Decimal:
    """The limit that was asked for; zero for an order at market."""
    kind = order.words.get("type", "LIMIT")
    if order.time_in_force == LIQUIDATION and not ZERO < order.limit_price < _ANY:
        return average(order)
    return ZERO if kind.endswith("MARKET") else order.limit_price


def average(order: Order) -> Decimal:
    return order.filled_value / order.filled if order.filled else ZERO


def order_row(order: Order, *, is_answer: bool = False) -> Json:
    """An order as it is now; ``is_answer`` to a command, which says cumQty and no time."""
    words = order.words
    kind = words.get("type", "LIMIT")
    # A triggered order has become a plain one, and its first type tells what it was.
    now = kind if order.dormant or order.trigger_price is None else ("MARKET" if order.trigger_is_market else "LIMIT")
    row: Json = {
        "orderId": order.oid,
        "symbol": order.market,
        "status": status(order),
        "clientOrderId": client_id(order),
        "price": plain(price(order)),
        "avgPrice": fixed(average(order), 5),
        "origQty": plain(order.original_size or order.filled),
        "executedQty": plain(order.filled),
        "cumQuote": plain(order.filled_value),
        "timeInForce": words.get("timeInForce", "IOC" if order.time_in_force in FORCED.values() else "GTC"),
        "type": now,
        "reduceOnly": order.reduce_only and not order.follows_position and not order.leg,
        "closePosition": order.follows_position,
        "side": "BUY" if order.is_buy else "SELL",
        "positionSide": order.leg or ONE_WAY,
        "stopPrice": "0" if order.trigger_price is None else plain(order.trigger_price),
        "workingType": words.get("workingType", "CONTRACT_PRICE"),
        "priceProtect": words.get("priceProtect") == "true",
        "origType": kind,
        "updateTime": order.status_time,
    }
    return row | ({"cumQty": plain(order.filled)} if is_answer else {"time": order.timestamp})


def trade_row(fill: Fill) -> Json:
    """A row of userTrades; a paid commission is printed below zero."""
    return {
        "buyer": fill.is_buy,
        "commission": fixed(-fill.fee),
        "commissionAsset": COLLATERAL,
        "id": fill.tid,
        "maker": not fill.crossed,
        "orderId": fill.oid,
        "price": plain(fill.price),
        "qty": plain(fill.size),
        "quoteQty": plain(fill.price * fill.size),
        "realizedPnl": fixed(fill.closed_pnl),
        "side": "BUY" if fill.is_buy else "SELL",
        "positionSide": fill.leg or ONE_WAY,
        "symbol": fill.market,
        "time": fill.time,
    }


def move_row(move: MarginMove) -> Json:
    return {
        "amount": fixed(abs(move.amount)),
        "asset": COLLATERAL,
        "symbol": move.market,
        "time": move.time,
        "type": 1 if move.amount > 0 else 2,
        "positionSide": move.leg or ONE_WAY,
        "deltaType": "TRADE" if move.by_fill else "USER_ADJUST",
        "clientTranId": move.client_id,
    }


def income_rows(account: Account) -> list[Json]:
    """Everything that changed the balance, oldest first; (tranId, incomeType) is unique."""
    rows = [row for fill in account.fills for row in _of_fill(fill)]
    rows += [_of_funding(payment) for payment in account.payments]
    rows += [row for update in account.updates if (row := _of_update(update)) is not None]
    return sorted(rows, key=lambda row: int(row["time"]))


def _row(symbol: str, kind: str, amount: Decimal, time: int, number: str, trade: str = "") -> Json:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": fixed(amount),
        "asset": COLLATERAL,
        "info": kind,
        "time": time,
        "tranId": number,
        "tradeId": trade,
    }


def _of_fill(fill: Fill) -> list[Json]:
    number = str(fill.tid)
    rows = [_row(fill.market, "COMMISSION", -fill.fee, fill.time, number, number)] if fill.fee else []
    if fill.closed_pnl:
        rows.append(_row(fill.market, "REALIZED_PNL", fill.closed_pnl, fill.time, number, number))
    return rows


def _number(digest: str) -> str:
    return str(int(digest[2:17], 16))


def _of_funding(payment: FundingPayment) -> Json:
    return _row(payment.market, "FUNDING_FEE", payment.amount, payment.time, _number(payment.hash))


def _of_update(update: LedgerUpdate) -> Json | None:
    kind, amount = update.delta["type"], update.delta.get("usdc")
    if not isinstance(amount, str):
        return None
    if kind == "insuranceClear":
        market = str(update.delta.get("market", ""))
        return _row(market, "INSURANCE_CLEAR", Decimal(amount), update.time, _number(update.hash))
    sign = _UPDATES.get(str(kind))
    return None if sign is None else _row("", "TRANSFER", sign * Decimal(amount), update.time, _number(update.hash))
