"""The Aster adapter: strings wire, signing, decoding and a door together.

Private data are read with the account's own login, so an adapter reads one account and refuses to answer for another.
The network that signatures are valid on is given by name, and the door's URL is never looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from trading.margin.types import AccountMode, FeeRates, MarginMode, TierTable
from trading.venues.aster import accounts, answers, questions, reading, rules, wire
from trading.venues.aster import markets as public
from trading.venues.aster.brackets import Brackets, always_read
from trading.venues.aster.questions import Question
from trading.venues.aster.rules import MAX_CANCELS
from trading.venues.aster.signing import NONCES, Login, utc_now
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
    OrderState,
    RequestAllowance,
    SetLeverage,
    SetMarginMode,
    SignedRequest,
    TimeInForce,
    Trade,
    Venue,
)
from trading.venues.decoding import EPOCH
from trading.venues.errors import InvalidCommand, MissingKey, OutcomeUnknown, Reason, Rejected, Unavailable
from trading.venues.transport import Response, Transport

T = TypeVar("T")

ATTEMPTS = 3
USUAL_MARKET = "BTCUSDT"


class AsterAdapter:
    """Aster on one network, for one account's login or none.

    Without ``may_trade`` the login serves for reading alone, and nothing is signed that acts. ``brackets`` gives the
    leverage tiers, kept or read with this login. ``nonces`` gives the nonces of reads; those of commands are the
    caller's.
    """

    venue = Venue.ASTER
    # An accepted request waits in the venue's queue before it is executed, and a 503 leaves it there (Aster 1.3, 3.8).
    settling = timedelta(seconds=5)
    # An order in the queue has its nonce behind it already, and a noop that takes it out again is not certain to.
    burning_proves = False
    renames_changed = False
    # No document says how one ends that finds nothing to reduce any more; the engine family calls it expired.
    taken_along = frozenset({"EXPIRED"})
    times_in_force: tuple[TimeInForce, ...] = tuple(TimeInForce)
    attaches_exits = False
    # The engine family refuses a second stop or take-profit for the whole position (-4130); Aster 3.7 is silent on it.
    stacks_exits = False

    def __init__(
        self,
        door: Transport,
        network: Network,
        login: Login | None = None,
        *,
        may_trade: bool = True,
        brackets: Brackets = always_read,
        clock: Callable[[], datetime] = utc_now,
        nonces: Callable[[], int] = NONCES,
    ) -> None:
        self.network = network
        self._door = door
        self._login = login
        self._may_trade = may_trade
        self._brackets = brackets
        self._clock = clock
        self._nonces = nonces

    def __repr__(self) -> str:
        return f"AsterAdapter({self._door!r}, {self.network!s}, {self._login!r})"

    def ask(self, question: Question[T]) -> T:
        """The answer to one read. Raises ``Unavailable``, ``Malformed`` or ``UnknownState``, and ``Rejected`` where the
        venue refuses the login."""
        path, headers = self._address(question)
        try:
            response = self._door.request(question.call.method, path, b"", headers)
        except OutcomeUnknown as error:
            raise Unavailable(error.cause, retry_after=error.retry_after) from None
        if response.status >= 300:
            answers.refuse_read(response)
        return question.parse(response.body)

    def _address(self, question: Question[T]) -> tuple[str, Mapping[str, str]]:
        """Where a read goes: everything is in the query (Aster 1.3), authorised if it is private."""
        text, name = question.call.text, question.call.name
        if not question.is_private:
            path = wire.path(name, is_current=self._login is None or self._login.is_current)
            return f"{path}?{text}" if text else path, {}
        login = self._own_login()
        text = login.authorise(text, self._nonces(), self.network)
        return f"{wire.path(name, is_current=login.is_current)}?{text}", login.headers

    def _own_login(self) -> Login:
        if self._login is None:
            raise MissingKey
        return self._login

    def _ask_of(self, address: str, question: Question[T]) -> T:
        """A private read about ``address``, which has to be the login's own account."""
        if self._own_login().user.lower() != address.lower():
            message = "This trading key belongs to another account. Connect this account's own key."
            raise InvalidCommand(message, reason=Reason.KEY_UNKNOWN)
        return self.ask(question)

    def _asker(self, address: str) -> reading.Ask:
        """``ask`` for the private lists of ``address``."""

        def ask(question: Question[T]) -> T:
            return self._ask_of(address, question)

        return ask

    def venue_time(self, address: str = "") -> datetime:
        """The venue's own clock, the same for all accounts (weight 1)."""
        return self.ask(questions.venue_time())

    def read_brackets(self) -> Mapping[str, TierTable]:
        """The leverage tiers of every market."""
        return self.ask(questions.brackets())

    def current_tiers(self, market: MarketSpec) -> TierTable | None:
        """The market's leverage tiers at this moment, asked of the venue whatever is shared (weight 1)."""
        return self.ask(questions.brackets(market.name)).get(market.name)

    def markets(self) -> Markets:
        """Every market that was understood, with its prices; the leverage tiers have to be known (Aster 3.4)."""
        info = self.ask(questions.exchange_info())
        prices = public.Prices(
            self.ask(questions.premiums()),
            self.ask(questions.funding_hours()),
            self.ask(questions.days()),
            self.ask(questions.best_prices()),
        )
        # Asked last: what is written right after this is the newest that any process has been told.
        return public.markets(info, self._clock(), self._brackets(self.read_brackets), prices)

    def account_mode(self, address: str) -> AccountMode:
        """How the account's balances back its positions (weight 30: keep it)."""
        return self._ask_of(address, questions.multi_assets())

    def account(self, address: str, *, mode: AccountMode | None = None) -> AccountSnapshot:
        """Money and positions. The clock is read first, so the snapshot is never older than it says; the two answers
        are read again where they are of different moments."""
        known = self.account_mode(address) if mode is None else mode
        tiers = self._brackets(self.read_brackets)
        for _ in range(ATTEMPTS):
            venue_time = self.venue_time()
            money = self._ask_of(address, questions.money())
            held = self._ask_of(address, questions.positions())
            if accounts.fits(money, held):
                return accounts.account(
                    money, held, tiers, mode=known, venue_time=venue_time, received_at=self._clock()
                )
        raise Unavailable("the account changed while it was read")

    def market_setting(self, address: str, market: MarketSpec) -> MarketSetting:
        """Margin mode, leverage and what may be traded, with or without a position."""
        held = self._ask_of(address, questions.positions(market.name))
        return accounts.market_setting(held, market, self._ask_of(address, questions.available(market.collateral)))

    def open_orders(self, address: str, markets: Sequence[MarketSpec] = ()) -> tuple[OpenOrder, ...]:
        """Every resting order (weight 40), or those of some markets (weight 1 each)."""
        if not markets:
            return self._ask_of(address, questions.open_orders())
        listed = (self._ask_of(address, questions.open_orders(market.name)) for market in markets)
        return tuple(order for orders in listed for order in orders)

    def order_status(self, address: str, order: int | str, *, market: MarketSpec | None = None) -> OrderReport:
        """What became of the order with this id or client id; without its market the last 7 days are searched."""
        if market is None:
            return reading.found_order(self._asker(address), order, self._clock())
        try:
            return self._ask_of(address, questions.order_status(market.name, order))
        except Rejected as refusal:
            if refusal.reason is Reason.ORDER_GONE:
                return OrderReport(OrderState.UNKNOWN, refusal.text)
            raise

    def fills(self, address: str, since: datetime) -> tuple[Fill, ...]:
        """Executions from ``since`` (inclusive) on, oldest first, each once."""
        return reading.fills(self._asker(address), since, self._clock())

    def funding(self, address: str, since: datetime) -> tuple[FundingPayment, ...]:
        """Funding payments from ``since`` (inclusive) on, oldest first, each once."""
        return reading.funding(self._asker(address), since)

    def ledger(self, address: str, since: datetime) -> tuple[LedgerEntry, ...]:
        """Balance changes besides trades and funding, and liquidations, from ``since`` (inclusive) on."""
        return reading.ledger(self._asker(address), since)

    def margin_moves(self, address: str, market: MarketSpec, since: datetime) -> tuple[MarginMove, ...]:
        """Collateral that moved into and out of the market's position from ``since`` (inclusive) on."""
        return reading.margin_moves(self._asker(address), market.name, since)

    def collateral_moves(self, address: str, since: datetime) -> tuple[CollateralMove, ...]:
        """None: the account has one book."""
        return ()

    def candles(self, market: MarketSpec, interval: str, start: datetime, end: datetime) -> tuple[Candle, ...]:
        """Price history, oldest first."""
        return reading.candles(self.ask, market.name, interval, start, end)

    def book(self, market: MarketSpec) -> Book:
        """The order book, 20 levels a side."""
        return self.ask(questions.book(market.name))

    def trades(self, market: MarketSpec) -> tuple[Trade, ...]:
        """The newest public trades, oldest first."""
        return self.ask(questions.trades(market.name))

    def request_allowance(self, address: str) -> RequestAllowance | None:
        """None: an account's requests are counted by the minute alone (Aster 5)."""
        return None

    def fee_rates(self, address: str, market: MarketSpec | None = None) -> FeeRates:
        """The account's own taker and maker rates in a market; the greatest market stands for all of them."""
        return self._ask_of(address, questions.fee_rates(USUAL_MARKET if market is None else market.name))

    def agents(self, address: str) -> tuple[Agent, ...]:
        """The account's trading keys."""
        return self._ask_of(address, questions.agents())

    def builder_fee(self, address: str, builder: str) -> Decimal:
        """The highest fee rate the account allows this builder; zero without an approval."""
        return self._ask_of(address, questions.builder_fee(builder))

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
        """What may be done in the market now. ``mode`` is the open position's, the rest is the account's."""
        return rules.capabilities(
            has_position=has_position,
            has_orders=has_orders,
            mode=mode,
            account_mode=account_mode,
            hedge_mode=hedge_mode,
        )

    def client_id(self, command: UUID) -> str:
        """The command's id as a client order id: 32 hexadecimal digits."""
        return wire.client_id(command)

    def moment(self, at: datetime) -> int:
        """Microseconds since 1970."""
        return wire.microseconds(at)

    def steps(self, command: Command) -> tuple[Command, ...]:
        """Margin mode and leverage are two requests here, each of which may be refused alone; a mode that is set
        already counts as done (Aster 3.4, 3.5). Ten orders are cancelled by one request (Aster 3.7)."""
        match command:
            case SetLeverage(market, mode):
                return SetMarginMode(market, mode), command
            case CancelOrders(cancels):
                return tuple(CancelOrders(cancels[at : at + MAX_CANCELS]) for at in range(0, len(cancels), MAX_CANCELS))
            case _:
                return (command,)

    def sign(self, command: Command, *, nonce: int, expires_after: int | None = None) -> SignedRequest:
        """The complete request; the same arguments give the same bytes. ``nonce`` is in microseconds.

        The venue takes no expiry of ours: the request dies with its nonce, and ``dead_at`` of the result says when.
        ``SetLeverage`` sets the leverage alone: see ``steps``.
        """
        if not self._may_trade:
            raise MissingKey
        login = self._own_login()
        rules.check(command)
        call = wire.call(command)
        body = login.authorise(call.text, nonce, self.network).encode()
        path = wire.path(call.name, is_current=login.is_current)
        dead_at = EPOCH + login.dead_after(nonce) * wire.MICROSECOND
        return SignedRequest(path, body, nonce, call.method, dead_at)

    def burn(self, nonce: int) -> SignedRequest | None:
        """A ``noop`` with this nonce; the older scheme has neither (Aster 1.2, 1.3)."""
        return self.sign(Noop(), nonce=nonce) if self._own_login().replay_safe else None

    def deliver(self, signed: SignedRequest, *, repeated: bool = False) -> Response:
        """Post the bytes as they are; commands and wallet approvals alike. A repeat that the login cannot protect from
        acting twice is not sent: ask by client id instead."""
        if repeated and self._login is not None and not self._login.replay_safe:
            raise OutcomeUnknown("an API key's request is never sent twice")
        headers = {} if self._login is None else self._login.headers
        return self._door.request(signed.method, signed.path, signed.body, headers)

    def judge(self, signed: SignedRequest, answer: Response, *, repeated: bool = False) -> Acknowledgement:
        """What an answer means."""
        return answers.acknowledgement(signed, answer, repeated=repeated)

    def send(self, signed: SignedRequest, *, repeated: bool = False) -> Acknowledgement:
        """Post the bytes as they are and say what the answer means."""
        return self.judge(signed, self.deliver(signed, repeated=repeated), repeated=repeated)
