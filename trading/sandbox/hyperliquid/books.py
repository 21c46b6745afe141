"""The venue's books: its own and the builder-deployed ones, each with an account (Hyperliquid rules 1.2, 3.9).

A standard account keeps its collateral apart in every book, so each is a ledger account of its own under the address
and the book's name. A unified account has one balance for all of them and therefore only one ledger account. What
belongs to the address (agents, builders, requests, the mode) is kept on the main book's.
"""

from decimal import Decimal

from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market
from trading.sandbox.numbers import ZERO
from trading.sandbox.state import Account, Order

MAIN = ""


def dex_of(market: str) -> str:
    """The book that a market's name says it belongs to."""
    return market.rpartition(":")[0]


def key(address: str, dex: str) -> str:
    """Under what the ledger keeps the account of an address in a book."""
    return f"{address}/{dex}" if dex else address


def owner(key: str) -> str:
    """Whose account the ledger keeps under this."""
    return key.partition("/")[0]


def markets(engine: Engine, dex: str) -> list[Market]:
    """A book's markets in the order of their numbers."""
    return [market for market in engine.by_index if dex_of(market.name) == dex]


def find(engine: Engine, address: str, dex: str) -> Account | None:
    """The account in a book; None before its first deposit there. A unified account is the same one everywhere."""
    main = engine.account(address)
    return main if main is None or main.unified else engine.account(key(address, dex))


def opened(engine: Engine, main: Account, dex: str) -> Account:
    """The account of an address in a book, made when it is first needed."""
    if main.unified or dex == MAIN:
        return main
    name = key(main.address, dex)
    return engine.state.accounts.setdefault(name, Account(name))


def all_of(engine: Engine, address: str) -> list[Account]:
    """Every ledger account of an address, the main one first."""
    return [row for name, row in engine.state.accounts.items() if owner(name) == address]


def find_order(engine: Engine, address: str, name: int | str) -> Order | None:
    """An order of any book by its id or client id."""
    found = (engine.desk.find(account, name) for account in all_of(engine, address))
    return next((order for order in found if order is not None), None)


def volume(engine: Engine, address: str) -> Decimal:
    """Dollars traded over all books."""
    return sum((account.volume for account in all_of(engine, address)), ZERO)


def is_open_beyond(engine: Engine, address: str, dex: str) -> bool:
    """Whether there are positions or orders outside one book."""
    orders = engine.state.orders
    return any(
        dex_of(name) != dex
        for account in all_of(engine, address)
        for name in (*account.positions, *(orders[oid].market for oid in account.open_orders))
    )


def join(engine: Engine, main: Account) -> None:
    """One balance for all books and for spot: what an account becomes when it is unified. Histories stay in place."""
    for account in all_of(engine, main.address):
        cash, account.cash = account.cash, ZERO
        main.cash += cash
        main.settings |= account.settings
    main.cash, main.spot = main.cash + main.spot, ZERO
