"""The Hyperliquid adapter: strings wire, signing, parse and a transport together, and holds nothing else.

Reads need no key; commands are signed with the agent key of one account. The network that signatures are valid on is
given by name, and the transport's URL is never looked at.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from trading.margin.types import AccountMode, FeeRates, MarginMode
from trading.venues.base import (
    AccountSnapshot,
    Acknowledgement,
    Agent,
    Book,
    CancelOrders,
    Candle,
    Capabilities,
    CollateralMove,
    Command,
    Fill,
    FundingPayment,
    LedgerEntry,
    MarginMove,
    Markets,
    MarketSetting,
    MarketSpec,
    Network,
    Noop,
    OpenOrder,
    OrderReport,
    RequestAllowance,
    SignedRequest,
    SpotBalance,
    TimeInForce,
    Trade,
    Venue,
)
from trading.venues.decoding import moment
from trading.venues.errors import Malformed, MissingKey, OutcomeUnknown, Unavailable
from trading.venues.hyperliquid import answers, books, questions, rules, signing, wire
from trading.venues.hyperliquid.history import is_perpetual
from trading.venues.hyperliquid.markets import MAIN_COLLATERAL
from trading.venues.hyperliquid.questions import Question
from trading.venues.paging import pages
from trading.venues.transport import Response, Transport

logger = logging.getLogger(__name__)

T = TypeVar("T")


def utc_now() -> datetime:
    """The present, aware."""
    return datetime.now(UTC)


class HyperliquidAdapter:
    """Hyperliquid on one network, for one agent key or none; ``dexes`` are the builder-deployed books to show, and
    ``collaterals`` tells the tokens they are known to use, whenever an account is read.

    ``account`` is the address that the key trades for: the only receiver that collateral can be moved to."""

    venue = Venue.HYPERLIQUID
    # A nonce is used by the very block that executes the request (Hyperliquid 5.3); what is read follows within this.
    settling = timedelta(seconds=1)
    burning_proves = True
    renames_changed = True
    taken_along = frozenset({"reduceOnlyCanceled", "siblingFilledCanceled"})
    times_in_force: tuple[TimeInForce, ...] = (
        TimeInForce.GOOD_TILL_CANCELLED,
        TimeInForce.IMMEDIATE_OR_CANCEL,
        TimeInForce.POST_ONLY,
    )
    attaches_exits = True
    stacks_exits = True

    def __init__(
        self,
        transport: Transport,
        network: Network,
        key: signing.SigningKey | None = None,
        *,
        dexes: Sequence[str] = (),
        collaterals: Callable[[], Mapping[str, str]] = dict,
        account: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.network = network
        self.dexes = tuple(dexes)
        self._collaterals = collaterals
        self._account = account
        self._transport = transport
        self._key = key
        self._clock = clock

    def __repr__(self) -> str:
        return f"HyperliquidAdapter({self._transport!r}, {self.network!s}, {self._key!r})"

    def ask(self, question: Question[T]) -> T:
        """The answer to one read. Raises ``Unavailable``, ``UnknownState``, and ``Malformed`` also where the venue did
        not understand the question."""
        try:
            response = self._transport.request("POST", wire.INFO_PATH, question.body)
        except OutcomeUnknown as error:
            raise Unavailable(error.cause, retry_after=error.retry_after) from None
        if response.status >= 300:
            raise Malformed(f"HTTP {response.status}: {response.body[:200].decode(errors='replace')}")
        return question.parse(response.body, self._clock())

    def markets(self) -> Markets:
        """Every market of the main book and of the books in ``dexes`` that was understood."""
        if not self.dexes:
            return self.ask(questions.markets())
        indices, tokens = self.ask(questions.dexes()), self.ask(questions.tokens())
        pages = [found := self.ask(questions.markets(tokens=tokens))]
        for dex in self.dexes:
            if dex in indices:
                pages.append(self.ask(questions.markets(dex, indices[dex], tokens)))
            else:
                logger.warning("Hyperliquid knows no book %r", dex)
        specs = tuple(spec for page in pages for spec in page.specs)
        states = tuple(state for page in pages for state in page.states)
        unread = frozenset(name for page in pages for name in page.unread)
        return Markets(specs, states, None, found.received_at, unread)

    def account_mode(self, address: str) -> AccountMode:
        """How the account's balances back its positions (weight 20: keep it)."""
        return self.ask(questions.account_mode(address))

    def account(self, address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        """Money and positions on every book; in unified and portfolio accounts the spot balance is read too."""
        known = self.account_mode(address) if mode is None else mode
        spot = () if known is AccountMode.STANDARD else self.spot_balances(address)
        tokens = {**(self._collaterals() if self.dexes else {}), "": MAIN_COLLATERAL}
        main, *others = (
            self.ask(questions.account(address, mode=known, spot=spot, dex=dex, collateral=tokens.get(dex, "")))
            for dex in ("", *self.dexes)
        )
        return books.together(main, others, tokens) if others else main

    def spot_balances(self, address: str) -> tuple[SpotBalance, ...]:
        """The tokens of an account."""
        return self.ask(questions.spot_balances(address))

    def venue_time(self, address: str) -> datetime:
        """The clock of the account's state (weight 2)."""
        return self.ask(questions.account(address, mode=AccountMode.STANDARD)).venue_time

    def market_setting(self, address: str, market: MarketSpec) -> MarketSetting:
        """Margin mode, leverage and what may be traded, with or without a position."""
        return self.ask(questions.market_setting(address, market.name))

    def open_orders(self, address: str, markets: Sequence[MarketSpec] = ()) -> tuple[OpenOrder, ...]:
        """Every resting order of the main book and of the books in ``dexes`` (weight 20 each), or of the books that
        some markets are in."""
        books_asked = dict.fromkeys(market.dex for market in markets) or ("", *self.dexes)
        return tuple(order for dex in books_asked for order in self.ask(questions.open_orders(address, dex)))

    def order_status(self, address: str, order: int | str, *, market: MarketSpec | None = None) -> OrderReport:
        """What became of the order with this id or client id; the venue finds it whatever its market."""
        return self.ask(questions.order_status(address, order))

    def order_history(self, address: str) -> tuple[OrderReport, ...]:
        """The newest 2000 orders in their last state, newest first."""
        return self.ask(questions.order_history(address))

    def fills(self, address: str, since: datetime) -> tuple[Fill, ...]:
        """Executions on perpetuals from ``since`` (inclusive) on, oldest first, each once."""
        rows = pages(
            lambda start: self.ask(questions.fills(address, start)),
            since,
            questions.FILLS_PAGE,
            key=lambda fill: fill.key,
            time=lambda fill: fill.time,
        )
        return tuple(fill for fill in rows if is_perpetual(fill.market))

    def funding(self, address: str, since: datetime) -> tuple[FundingPayment, ...]:
        """Funding payments from ``since`` (inclusive) on, oldest first, each once."""
        return pages(
            lambda start: self.ask(questions.funding(address, start)),
            since,
            questions.PAGE,
            key=lambda payment: payment.key,
            time=lambda payment: payment.time,
        )

    def ledger(self, address: str, since: datetime) -> tuple[LedgerEntry, ...]:
        """Balance changes besides trades and funding from ``since`` (inclusive) on, oldest first, each once."""
        return pages(
            lambda start: self.ask(questions.ledger(address, start)),
            since,
            questions.PAGE,
            key=lambda entry: entry.key,
            time=lambda entry: entry.time,
        )

    def margin_moves(self, address: str, market: MarketSpec, since: datetime) -> tuple[MarginMove, ...] | None:
        """None: the venue keeps no record of them, only the position's cash leg (Hyperliquid 2.3)."""
        return None

    def collateral_moves(self, address: str, since: datetime) -> tuple[CollateralMove, ...]:
        """Transfers between the account's own books from ``since`` (inclusive) on, oldest first."""
        return self.ask(questions.collateral_moves(address, since))

    def candles(self, market: MarketSpec, interval: str, start: datetime, end: datetime) -> tuple[Candle, ...]:
        """Price history, oldest first; the venue keeps the newest 5000 of each interval."""
        return self.ask(questions.candles(market.name, interval, start, end))

    def book(self, market: MarketSpec) -> Book:
        """The order book, 20 levels a side."""
        return self.ask(questions.book(market.name))

    def trades(self, market: MarketSpec) -> tuple[Trade, ...]:
        """The newest public trades, oldest first."""
        return self.ask(questions.trades(market.name))

    def current_tiers(self, market: MarketSpec) -> None:
        """They come with the markets, which anybody may read at any time (Hyperliquid 2.1)."""

    def request_allowance(self, address: str) -> RequestAllowance:
        """What the address may still send before the venue slows it down."""
        return self.ask(questions.request_allowance(address))

    def fee_rates(self, address: str) -> FeeRates:
        """The account's own taker and maker rates."""
        return self.ask(questions.fee_rates(address))

    def agents(self, address: str) -> tuple[Agent, ...]:
        """The account's named trading keys."""
        return self.ask(questions.agents(address))

    def builder_fee(self, address: str, builder: str) -> Decimal:
        """The highest fee rate the account allows this builder; zero without an approval."""
        return self.ask(questions.builder_fee(address, builder))

    def capabilities(
        self,
        market: MarketSpec,
        *,
        has_position: bool,
        has_orders: bool,
        mode: MarginMode | None = None,
        account_mode: AccountMode = AccountMode.STANDARD,
        hedge_mode: bool = False,
    ) -> Capabilities:
        """What may be done in the market now."""
        return rules.capabilities(
            market, has_position=has_position, has_orders=has_orders, mode=mode, account_mode=account_mode
        )

    def client_id(self, command: UUID) -> str:
        """The command's id as a client order id: 0x and 32 hexadecimal digits."""
        return wire.client_id(command)

    def sign(self, command: Command, *, nonce: int, expires_after: int | None = None) -> SignedRequest:
        """The complete request; the same arguments give the same bytes. ``nonce`` and ``expires_after`` are
        milliseconds."""
        if self._key is None:
            raise MissingKey
        rules.check(command)
        action = wire.action(command, self._account, nonce)
        signature = signing.sign_action(self._key, action, nonce, self.network, expires_after=expires_after)
        body = wire.envelope(action, nonce, signature, expires_after)
        dead_at = None if expires_after is None else moment(expires_after)
        return SignedRequest(wire.EXCHANGE_PATH, body, nonce, dead_at=dead_at)

    def moment(self, at: datetime) -> int:
        """Milliseconds since 1970."""
        return wire.milliseconds(at)

    def steps(self, command: Command) -> tuple[Command, ...]:
        """The command itself, for each is one request here; of cancellations as many as a request may hold."""
        match command:
            case CancelOrders(cancels):
                most = rules.MAX_CANCELS
                return tuple(CancelOrders(cancels[at : at + most]) for at in range(0, len(cancels), most))
            case _:
                return (command,)

    def burn(self, nonce: int) -> SignedRequest | None:
        """A ``noop`` with this nonce (Hyperliquid 4.2)."""
        return self.sign(Noop(), nonce=nonce)

    def deliver(self, signed: SignedRequest, *, repeated: bool = False) -> Response:
        """Post the bytes as they are; commands and wallet approvals alike. A repeat does no harm: a used nonce is
        refused."""
        return self._transport.request(signed.method, signed.path, signed.body)

    def judge(self, signed: SignedRequest, answer: Response, *, repeated: bool = False) -> Acknowledgement:
        """What an answer means."""
        return answers.acknowledgement(answer, repeated=repeated)

    def send(self, signed: SignedRequest, *, repeated: bool = False) -> Acknowledgement:
        """Post the bytes as they are and say what the answer means."""
        return self.judge(signed, self.deliver(signed, repeated=repeated), repeated=repeated)
