"""The books that an account keeps collateral in, and what moving some of it between two of them does.

A standard account at a venue with builder-deployed books has collateral in each of them that backs nothing elsewhere
(Hyperliquid 3.9). What may leave a book is the venue's figure (Hyperliquid 3.7), and the venue has the last word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trading.desk import NO_FIGURES, Desk
from trading.forms import Unreadable, read_number
from trading.holdings import RULES
from trading.margin.cross import liquidations, state_of
from trading.margin.rounding import Direction, to_step
from trading.margin.types import Account, AccountMode, Liquidation, MarginMode
from trading.models import Market
from trading.panels.numbers import field_text
from trading.recent import recent_books
from trading.venues.snapshots import Venue
from trading.venues.table import GATEWAYS

MAIN = "main book"
AMOUNT_DECIMALS = 6
SMALLEST = Decimal("0.000001")
# The marks move while the trader decides: what stands behind cross positions is not taken to the last cent.
CUSHION = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Book:
    """One book: any ``market`` of it, what is in it, what a position there could take beside the orders that rest
    (None where that cannot be known), and what may leave it."""

    market: Market
    equity: Decimal
    free: Decimal | None
    withdrawable: Decimal
    backs: tuple[Decimal, ...] = ()

    @property
    def dex(self) -> str:
        """The venue's name of the book, "" for its own."""
        return self.market.rules.dex

    @property
    def label(self) -> str:
        """What the book is called."""
        return self.dex or MAIN.capitalize()

    @property
    def place(self) -> str:
        """The book in a sentence."""
        return self.dex or f"the {MAIN}"

    @property
    def collateral(self) -> str:
        """The coin that its markets are settled in."""
        return self.market.rules.collateral

    @property
    def usable(self) -> Decimal:
        """What “Max” fills in: all that may leave, less a cushion of one per cent of what it backs."""
        cushion = sum(self.backs, ZERO) * CUSHION
        return max(ZERO, to_step(self.withdrawable - cushion, SMALLEST, Direction.DOWN))


@dataclass(frozen=True, slots=True)
class Moved:
    """The liquidation price of a cross position before and after collateral came to its book or left it."""

    market: Market
    before: Liquidation
    after: Liquidation


def books_of(desk: Desk) -> tuple[Book, ...]:
    """The books of the account that collateral can be moved between, the venue's own first; none where it is one."""
    account = desk.account
    if account is None or account.mode != AccountMode.STANDARD:
        return ()
    firsts = recent_books(account.venue, account.network)
    known = [_book(desk, firsts[dex]) for dex in ("", *account.pools) if dex in firsts]
    movable = tuple(book for book in known if desk.capabilities(book.market).move_collateral.allowed)
    return movable if len(movable) > 1 else ()


def has_elsewhere(desk: Desk, market: Market) -> bool:
    """Whether the market's coin lies in other books of the account, from where it could be moved to the market's."""
    account = desk.account
    if account is None or account.mode != AccountMode.STANDARD:
        return False
    if not desk.capabilities(market).move_collateral.allowed:
        return False
    main = GATEWAYS[Venue(account.venue)].collateral
    told = {dex: (row.get("collateral"), Decimal(row.get("withdrawable", 0))) for dex, row in account.pools.items()}
    held = {"": (main, account.withdrawable)} | told
    there, coin = market.rules.dex, market.rules.collateral
    return any(dex != there and name == coin and amount > 0 for dex, (name, amount) in held.items())


def _book(desk: Desk, market: Market) -> Book:
    dex, account = market.rules.dex, desk.account
    cross = [row for row in desk.positions if row.market.rules.dex == dex and row.mode == MarginMode.CROSS]
    backs = tuple(abs(row.size) * row.mark_price for row in cross)
    if account is None:
        raise ValueError("a book is an account's")
    free = _free(desk, market)
    if not dex:
        return Book(market, account.equity, free, account.withdrawable, backs)
    told: Mapping[str, str] = account.pools[dex]
    equity, withdrawable = (Decimal(told.get(name, 0)) for name in ("equity", "withdrawable"))
    return Book(market, equity, free, withdrawable, backs)


def _free(desk: Desk, market: Market) -> Decimal | None:
    """As the account's own figures have it: at the newest marks, less what resting orders reserve."""
    try:
        return state_of(desk.engine_in(market)).free_collateral(RULES[market.rules.venue])
    except NO_FIGURES:
        return None


def read_amount(source: Book, target: Book, typed: str) -> Decimal | None:
    """What is to be moved; None where nothing is typed. Raises ``Unreadable`` with the sentence for the form."""
    if source.dex == target.dex:
        raise Unreadable("The collateral is there already. Choose two different books.")
    if source.market.rules.token != target.market.rules.token:
        held = f"{source.label} holds {source.collateral}, {target.place} {target.collateral}"
        raise Unreadable(f"{held}: only the same coin can be moved between them.")
    if not typed:
        return None
    amount = read_number(typed, "The amount", AMOUNT_DECIMALS)
    if amount > source.withdrawable:
        raise Unreadable(_too_much(source))
    return amount


def _too_much(source: Book) -> str:
    if source.withdrawable <= 0:
        return f"Nothing can leave {source.place} now: there is nothing, or positions and orders need all of it."
    most = field_text(source.usable or source.withdrawable)
    return f"At most {most} {source.collateral} can leave {source.place} now. Positions and orders need the rest."


def moved_liquidations(desk: Desk, book: Book, change: Decimal) -> tuple[Moved, ...] | None:
    """What the change does to the book's cross positions; None where no figure may be computed."""
    try:
        account = desk.engine_in(book.market)
        before, after = liquidations(account), liquidations(_changed(account, change))
    except NO_FIGURES:
        return None
    markets = {row.market.name: row.market for row in desk.positions}
    return tuple(
        Moved(markets[held.market], was, becomes)
        for held, was, becomes in zip(account.positions, before, after, strict=True)
        if held.mode is MarginMode.CROSS
    )


def _changed(account: Account, change: Decimal) -> Account:
    return replace(account, cross_equity=account.cross_equity + change)
