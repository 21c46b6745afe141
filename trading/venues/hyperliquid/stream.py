"""Hyperliquid's websocket (Hyperliquid 6): what to subscribe to, and what its frames add up to.

One connection carries the markets and the accounts. An address may hold 1000 subscriptions and follow 10 users, so the
first ten accounts that are wanted are followed and the others are left to be read.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from trading.margin.types import AccountMode
from trading.venues.base import OpenOrder
from trading.venues.connection import Connection, Timings
from trading.venues.errors import Malformed, UnknownState
from trading.venues.hyperliquid import books
from trading.venues.hyperliquid import parse as rows
from trading.venues.hyperliquid.frames import OrdersPart, Part, SpotPart, StatesPart, parse
from trading.venues.hyperliquid.markets import MAIN_COLLATERAL
from trading.venues.streaming import (
    AccountFrame,
    ConfirmedFrame,
    Connected,
    Disconnected,
    Frame,
    Happening,
    HappeningFrame,
    Interest,
    Listen,
    OrdersFrame,
    Topic,
    Unreadable,
    Wanted,
    Watch,
)

logger = logging.getLogger(__name__)

PING = '{"method":"ping"}'
USERS_AT_MOST = 10
SUBSCRIPTIONS_AT_MOST = 1000
CONFIRM_SECONDS = 1.0
CHANNEL_OF = {
    Topic.STATE: "activeAssetCtx",
    Topic.BOOK: "l2Book",
    Topic.TRADES: "trades",
    Topic.CANDLES: "candle",
}
USER_CHANNELS = (
    "allDexsClearinghouseState",
    "spotState",
    "userFills",
    "userFundings",
    "userNonFundingLedgerUpdates",
)

Subscription = tuple[tuple[str, str], ...]


def market_subscription(interest: Interest) -> Subscription:
    """What to subscribe to for one interest."""
    named = (("type", CHANNEL_OF[interest.topic]), ("coin", interest.market))
    return (*named, ("interval", interest.interval)) if interest.topic is Topic.CANDLES else named


def account_subscriptions(address: str, dexes: Iterable[str]) -> Iterator[Subscription]:
    """What to subscribe to for one account; resting orders are told for each book apart."""
    for channel in USER_CHANNELS:
        yield ("type", channel), ("user", address)
    for dex in dexes:
        yield ("type", "openOrders"), ("user", address), ("dex", dex)


def subscriptions(wanted: Wanted, dexes: tuple[str, ...]) -> frozenset[Subscription]:
    """Everything to subscribe to, within the venue's limits: accounts first, then what is looked at, then prices."""
    chosen = [one for watch in wanted.accounts[:USERS_AT_MOST] for one in account_subscriptions(watch.name, dexes)]
    interests = sorted(wanted.interests, key=lambda one: (one.topic is Topic.STATE, one.market, one.topic))
    chosen += [market_subscription(interest) for interest in interests]
    if len(chosen) > SUBSCRIPTIONS_AT_MOST:
        logger.warning("%s subscriptions are more than Hyperliquid allows: the last are left out.", len(chosen))
    return frozenset(chosen[:SUBSCRIPTIONS_AT_MOST])


class Accounts:
    """What the parts of each account's frames add up to on one connection. Pure but for its memory.

    ``dexes`` are the books that make up an account, the main one first: the same that a reading of it asks for,
    whichever markets are followed just now, because what a whole account does not hold is taken for closed.
    Money and positions are complete once every book was told, and in an account whose spot balance backs them once
    that was told too (Hyperliquid 3.9). Where one of them is not told, or its token not known, the account has to be
    read.
    """

    def __init__(self, dexes: tuple[str, ...]) -> None:
        self._modes: Mapping[str, AccountMode] = {}
        self._dexes = dexes
        self._states: dict[str, tuple[tuple[str, bytes], ...]] = {}
        self._spot: dict[str, bytes] = {}
        self._orders: dict[str, dict[str, tuple[OpenOrder, ...]]] = {}
        self._collaterals: Mapping[str, str] = {}

    def follow(self, accounts: Iterable[Watch], collaterals: Mapping[str, str]) -> None:
        """These are followed from now on; what was told of others is forgotten."""
        self._collaterals = {**collaterals, "": MAIN_COLLATERAL}
        self._modes = {watch.name.lower(): watch.mode for watch in accounts}
        for memory in (self._states, self._spot, self._orders):
            for address in memory.keys() - self._modes.keys():
                del memory[address]

    @property
    def told(self) -> tuple[str, ...]:
        """The accounts whose money, positions and resting orders were all told."""
        return tuple(address for address in self._states.keys() & self._orders.keys())

    def forget(self) -> None:
        """The connection is gone and with it all that was told."""
        self._states.clear()
        self._spot.clear()
        self._orders.clear()

    def take(self, part: Part, now: datetime) -> Frame | None:
        """The frame that this part completes, or None. Of an account that is not followed any more there is none."""
        if part.address not in self._modes:
            return None
        match part:
            case OrdersPart(address, dex, orders):
                told = self._orders.setdefault(address, {})
                told[dex] = orders
                is_whole = told.keys() >= set(self._dexes)
                return OrdersFrame(address, tuple(one for rows in told.values() for one in rows)) if is_whole else None
            case StatesPart(address, states):
                self._states[address] = states
            case SpotPart(address, state):
                self._spot[address] = state
        try:
            return self._account(part.address, now)
        except (Malformed, UnknownState) as error:
            return Unreadable(error.cause)

    def _account(self, address: str, now: datetime) -> Frame | None:
        mode, states, spot = self._modes[address], self._states.get(address), self._spot.get(address)
        if states is None or (spot is None and mode is not AccountMode.STANDARD):
            return None
        told = dict(states)
        if not told.keys() >= set(self._dexes):
            return HappeningFrame(address, Happening.POSITION, "not every book was told")
        if not self._collaterals.keys() >= set(self._dexes):
            return HappeningFrame(address, Happening.POSITION, "what backs a book is not known")
        kept = () if spot is None or mode is AccountMode.STANDARD else rows.spot_balances(spot)
        tokens = self._collaterals
        main, *others = (
            rows.account(told[dex], now, mode=mode, spot=kept, dex=dex, collateral=tokens[dex]) for dex in self._dexes
        )
        return AccountFrame(address, books.together(main, others, tokens) if others else main)


class HyperliquidStream:
    """The conversation with Hyperliquid, and the connection it is held on. ``listen`` gets every frame, in order;
    ``dexes`` are the builder-deployed books to show, as for the adapter."""

    probe = PING
    accounts_at_most = USERS_AT_MOST

    def __init__(
        self,
        base_url: str,
        listen: Listen,
        *,
        dexes: Sequence[str] = (),
        timings: Timings | None = None,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = base_url.rstrip("/") + "/ws"
        self._listen = listen
        self._connection = Connection(self, timings=timings or Timings(), jitter=jitter, sleep=sleep)
        self._dexes = ("", *dexes)
        self._accounts = Accounts(self._dexes)
        self._wanted: frozenset[Subscription] = frozenset()
        self._subscribed: frozenset[Subscription] = frozenset()
        self._confirmed_at = 0.0

    def want(self, wanted: Wanted) -> None:
        """Follow exactly this from now on; the change is sent within a second."""
        self._wanted = subscriptions(wanted, self._dexes)
        self._accounts.follow(wanted.accounts[:USERS_AT_MOST], wanted.collaterals)

    async def follow(self) -> None:
        """Connect, listen, and connect again, for ever."""
        await self._connection.keep()

    def opened(self) -> None:
        """A new connection: nothing is subscribed to."""
        self._subscribed = frozenset()
        self._listen(Connected())

    def outgoing(self) -> Iterator[str]:
        """The difference between what is followed and what is wanted; what is not wanted any more makes room first."""
        wanted = self._wanted
        changes = (("unsubscribe", self._subscribed - wanted), ("subscribe", wanted - self._subscribed))
        self._subscribed = wanted
        for method, changed in changes:
            for subscription in sorted(changed):
                yield msgspec.json.encode({"method": method, "subscription": dict(subscription)}).decode()

    def heard(self, text: str | bytes) -> None:
        """Hand on one frame, or what it completes."""
        frame = parse(text)
        if isinstance(frame, Part):
            whole = self._accounts.take(frame, datetime.now(UTC))
            if whole is not None:
                self._listen(whole)
        else:
            self._listen(frame)
        self._confirm()

    def _confirm(self) -> None:
        """Whatever a connection says confirms all that it has told; accounts are told so now and then."""
        if time.monotonic() - self._confirmed_at >= CONFIRM_SECONDS:
            self._confirmed_at = time.monotonic()
            for address in self._accounts.told:
                self._listen(ConfirmedFrame(address))

    def closed(self, cause: str) -> None:
        """Whatever was told is not known to be current any more."""
        self._accounts.forget()
        self._listen(Disconnected(cause))
