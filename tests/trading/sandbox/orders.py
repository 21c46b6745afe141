"""Short ways to ask the engine for orders in tests."""

from decimal import Decimal
from typing import Any

from trading.sandbox.checks import OrderRequest
from trading.sandbox.engine import Engine
from trading.sandbox.state import Account, Order


def request(engine: Engine, market: str, size: str, price: str, **options: Any) -> OrderRequest:
    """A Gtc limit order unless told otherwise; a negative size sells."""
    signed = Decimal(size)
    fields: dict[str, Any] = {"reduce_only": False, "time_in_force": "Gtc"} | options
    return OrderRequest(engine.markets[market], signed > 0, Decimal(price), abs(signed), **fields)


def place(engine: Engine, account: Account, market: str, size: str, price: str, **options: Any) -> Order:
    order = engine.desk.place(account, request(engine, market, size, price, **options))
    engine.settle()
    return order


def take(engine: Engine, account: Account, market: str, size: str, **options: Any) -> Order:
    """Buy or sell at once, up to 10 % through the mark."""
    mark = engine.marks[market]
    price = mark * (Decimal("1.1") if Decimal(size) > 0 else Decimal("0.9"))
    text = f"{price:.4g}"
    return place(engine, account, market, size, str(Decimal(text)), time_in_force="Ioc", **options)


def isolate(engine: Engine, account: Account, market: str, leverage: int) -> None:
    engine.ledger.update_leverage(account, engine.markets[market], isolated=True, leverage=leverage)
