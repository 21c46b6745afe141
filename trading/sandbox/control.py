"""The controls beside the venues: fund an account, set a mark, change a market or a clock, order a bad day, read the
whole ledger."""

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec

from trading.sandbox.engine import Engine, ShiftedClock
from trading.sandbox.faults import KINDS, Fault, Faults
from trading.sandbox.markets import Market, MarketStatus
from trading.sandbox.numbers import fits_size, parse, shown
from trading.sandbox.prices import DAY
from trading.sandbox.state import Account, ApiKey, MarketChange

PRICE_DECIMALS = 12
LONGEST_DELAY = 600
MONEY_DECIMALS = 8
LARGEST_SHIFT = DAY
NAMES = ("fund", "mark", "fault", "funding", "market", "clock", "api_key", "listen_key", "deleverage")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class ControlError(Exception):
    """A sentence about what was asked for wrongly."""


@dataclass(frozen=True)
class Control:
    """Controls over the engines of all venues, by name; the first is meant where a request names none."""

    engines: Mapping[str, Engine]
    faults: Faults
    end_listen_key: Callable[[str, bool], bool] = lambda _address, _silently: False

    def handle(self, name: str, body: bytes) -> object:
        """Run one control by name; ControlError says what is wrong with it."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ControlError("The body is not JSON.") from error
        if not isinstance(request, dict):
            raise ControlError("The body is not a JSON object.")
        controls: dict[str, Callable[[dict[str, Any]], object]] = {
            "fund": self._fund,
            "mark": self._mark,
            "fault": self._fault,
            "funding": self._funding,
            "market": self._market,
            "clock": self._clock,
            "api_key": self._api_key,
            "listen_key": self._listen_key,
            "deleverage": self._deleverage,
        }
        return controls[name](request)

    def _fund(self, request: dict[str, Any]) -> object:
        address, amount = parse_address(request.get("address")), _number("amount", request.get("amount"))
        if amount == 0 or not fits_size(amount, 6):
            raise ControlError("The amount is dollars with at most six decimals, and not zero.")
        try:
            account = self._engine(request).fund(address, amount)
        except ValueError as error:
            raise ControlError(f"The account cannot pay that: {error}.") from error
        return {"address": address, "balance": shown(account.cash, MONEY_DECIMALS)}

    def _mark(self, request: dict[str, Any]) -> object:
        engine, price = self._engine(request), _number("price", request.get("price"))
        market = _market(engine, request)
        if price <= 0 or not fits_size(price, PRICE_DECIMALS):
            raise ControlError("The price is above zero and has at most twelve decimals.")
        engine.set_mark(market, price)
        return {"venue": engine.venue.name, "market": market.name, "mark": shown(price, PRICE_DECIMALS)}

    def _funding(self, request: dict[str, Any]) -> object:
        """One interval's funding now: a still market pays none by itself."""
        engine = self._engine(request)
        now = engine.clock()
        engine.fund_hour(now, engine.by_index)
        engine.settle()
        return {"time": now}

    def _market(self, request: dict[str, Any]) -> object:
        """Close a market for new positions, or for good, or open it again; give it other brackets."""
        engine = self._engine(request)
        market = _market(engine, request)
        change = replace(engine.state.changes.get(market.name, MarketChange()))
        if "status" in request:
            change.status = _status(request["status"])
        if "brackets" in request:
            change.tiers, change.cap = _brackets(request)
        engine.change_market(market.name, change)
        return {
            "market": market.name,
            "status": change.status,
            "brackets": len(engine.markets[market.name].tiers.tiers),
        }

    def _clock(self, request: dict[str, Any]) -> object:
        """Set a venue's clock ahead of ours by milliseconds, or behind."""
        engine, ahead = self._engine(request), request.get("ahead")
        if not isinstance(engine.clock, ShiftedClock):
            raise ControlError(f"The clock of {engine.venue.name} is everybody's and cannot be set.")
        if type(ahead) is not int or abs(ahead) > LARGEST_SHIFT:
            raise ControlError("The clock is set ahead by whole milliseconds, at most a day.")
        engine.clock.ahead = ahead
        return {"venue": engine.venue.name, "time": engine.clock()}

    def _api_key(self, request: dict[str, Any]) -> object:
        """Give an account a key of the older login, such as nobody can make any more."""
        engine, address = self._engine(request), parse_address(request.get("address"))
        key, secret = request.get("key"), request.get("secret")
        if not (isinstance(key, str) and isinstance(secret, str) and key and secret):
            raise ControlError("The key and the secret are texts.")
        engine.state.api_keys[key] = ApiKey(address, secret)
        return {"address": address, "key": key}

    def _listen_key(self, request: dict[str, Any]) -> object:
        """End the key of an account's private stream, with the venue's last word or in silence."""
        address, silently = parse_address(request.get("address")), request.get("silently", False)
        if not isinstance(silently, bool):
            raise ControlError("Silently is true or false.")
        return {"address": address, "ended": self.end_listen_key(address, silently)}

    def _deleverage(self, request: dict[str, Any]) -> object:
        """Close a position, or ``size`` of it, against a liquidated one: at the mark unless a price is named."""
        engine, address = self._engine(request), parse_address(request.get("address"))
        market, account = _market(engine, request), engine.account(address)
        held = engine.ledger.held_in(account, market) if account else []
        if account is None or not held:
            raise ControlError(f"{address} holds nothing in {market.name}.")
        size, price = abs(held[0].size), engine.marks[market.name]
        amount = _number("size", request.get("size", shown(size)))
        price = _number("price", request.get("price", shown(price, PRICE_DECIMALS)))
        if not 0 < amount <= size or market.to_lot(amount) != amount or price <= 0:
            raise ControlError(f"The size is in lots and at most the position's, {shown(size)}; the price above zero.")
        engine.deleverage(account, held[0], amount, price)
        return {"market": market.name, "closed": shown(amount), "price": shown(price, PRICE_DECIMALS)}

    def _engine(self, request: dict[str, Any]) -> Engine:
        name = request.get("venue", next(iter(self.engines)))
        engine = self.engines.get(name) if isinstance(name, str) else None
        if engine is None:
            raise ControlError(f"There is no venue {name!r}; there are {', '.join(self.engines)}.")
        return engine

    def _fault(self, request: dict[str, Any]) -> object:
        if request.get("clear"):
            self.faults.active.clear()
        else:
            self.faults.active.append(_read_fault(request))
        return {"active": self.faults.listed()}

    def state(self) -> dict[str, Any]:
        """The first venue's ledger as the file holds it, in readable form, and in ``others`` those beside it."""
        first, *others = self.engines.values()
        rest = {engine.venue.name: _ledger(engine) for engine in others}
        return _ledger(first) | {"faults": self.faults.listed(), "others": rest}


def _market(engine: Engine, request: dict[str, Any]) -> Market:
    name = request.get("market")
    market = engine.markets.get(name) if isinstance(name, str) else None
    if market is None:
        raise ControlError(f"There is no market {name!r}; there are {', '.join(engine.markets)}.")
    return market


def _ledger(engine: Engine) -> dict[str, Any]:
    state = engine.state
    return {
        "venue": engine.venue.name,
        "seed": state.paths.seed,
        "still": engine.still,
        "time": engine.clock(),
        "marks": {name: shown(price, PRICE_DECIMALS) for name, price in engine.marks.items()},
        "oracles": {name: shown(price, PRICE_DECIMALS) for name, price in engine.oracles.items()},
        "accounts": {address: _account(engine, account) for address, account in state.accounts.items()},
        "money": {
            "deposits": shown(state.deposits, MONEY_DECIMALS),
            "pool": shown(state.pool, PRICE_DECIMALS),
            "fees": shown(state.fees, MONEY_DECIMALS),
            "builderRewards": msgspec.to_builtins(state.builder_rewards),
            "total": shown(state.money(), PRICE_DECIMALS),
        },
        "commands": msgspec.to_builtins(state.commands),
        "events": msgspec.to_builtins(state.events),
    }


def _account(engine: Engine, account: Account) -> dict[str, Any]:
    ledger = engine.ledger
    positions = [
        {
            "market": row.market,
            "size": shown(row.size),
            "cash": shown(row.cash, MONEY_DECIMALS),
            "entry": shown(row.cost / row.size),
            "mode": "isolated" if ledger.is_isolated(account, row.market) else "cross",
            "leverage": ledger.leverage(account, row.market),
        }
        for row in account.positions.values()
    ]
    orders = [engine.state.orders[oid] for oid in account.open_orders]
    return {
        "cash": shown(account.cash, MONEY_DECIMALS),
        "spot": shown(account.spot, MONEY_DECIMALS),
        "abstraction": account.abstraction,
        "positions": positions,
        "settings": msgspec.to_builtins(account.settings),
        "orders": msgspec.to_builtins(orders),
        "fills": msgspec.to_builtins(account.fills),
        "funding": msgspec.to_builtins(account.payments),
        "updates": msgspec.to_builtins(account.updates),
        "agents": msgspec.to_builtins(account.agents),
        "builders": account.builders,
    }


def _status(value: object) -> MarketStatus:
    try:
        return MarketStatus(str(value))
    except ValueError as error:
        raise ControlError(f"The status is one of {', '.join(MarketStatus)}.") from error


def _brackets(request: dict[str, Any]) -> tuple[list[tuple[Decimal, int, Decimal]], Decimal]:
    """Brackets as [floor, leverage, maintenance ratio] in rising order, and the cap of the last one."""
    rows = request["brackets"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and len(row) == 3 for row in rows):
        raise ControlError("The brackets are rows of floor, leverage and maintenance ratio.")
    read = [(_number("floor", floor), leverage, _number("ratio", ratio)) for floor, leverage, ratio in rows]
    if read[0][0] != 0 or [row[0] for row in read] != sorted({row[0] for row in read}):
        raise ControlError("The floors rise from zero.")
    if not all(type(leverage) is int and leverage > 0 and 0 < ratio < 1 for _, leverage, ratio in read):
        raise ControlError("Each leverage is a whole number above zero, each ratio between 0 and 1.")
    return read, _number("cap", request.get("cap"))


def parse_address(value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ControlError("The address is 0x and 40 hexadecimal digits.")
    return value.lower()


def _number(name: str, value: object) -> Decimal:
    """Decimal text, or a whole JSON number; a JSON fraction has already lost its digits."""
    try:
        return parse(str(value) if type(value) is int else value)
    except ValueError as error:
        raise ControlError(f'The {name} is a decimal number in quotes, such as "100.5".') from error


def _read_fault(request: dict[str, Any]) -> Fault:
    kind, target = request.get("fault"), request.get("request", "any")
    if kind not in KINDS:
        raise ControlError(f"The fault is one of {', '.join(KINDS)}.")
    if not isinstance(target, str):
        raise ControlError("The request is info, exchange, one of their types, or any.")
    count, seconds = request.get("count", 1), request.get("seconds", 0)
    if type(count) is not int or count < 1:
        raise ControlError("The count is a whole number above zero.")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST_DELAY:
        raise ControlError("The seconds are between 0 and 600.")
    probability = request.get("probability")
    if probability is not None and not (isinstance(probability, int | float) and 0 < probability <= 1):
        raise ControlError("The probability is above 0 and at most 1.")
    chance = random.Random(request.get("seed", 0))  # noqa: S311 - a repeatable fault, nothing secret
    return Fault(target, kind, count, probability, float(seconds), chance)
