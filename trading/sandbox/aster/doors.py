"""The venue's doors: which path and login leads where, and an answer with its headers (Aster rules 1.2, 5)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trading.sandbox.aster.account_calls import AccountCalls
from trading.sandbox.aster.authority import Authority, Caller
from trading.sandbox.aster.calls import Access, Call, Route
from trading.sandbox.aster.failures import not_permitted, undeposited
from trading.sandbox.aster.listen_keys import ListenKeys
from trading.sandbox.aster.market_data import MarketData
from trading.sandbox.aster.market_frames import MarketFrames
from trading.sandbox.aster.order_calls import OrderCalls
from trading.sandbox.aster.parameters import Parameters, Signed, cut, pairs
from trading.sandbox.aster.setting_calls import SettingCalls
from trading.sandbox.aster.wallet_calls import WalletCalls
from trading.sandbox.aster.weights import LimitError, Usage
from trading.sandbox.engine import Engine
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Command

JSON, HTML = "application/json", "text/html"
NOT_FOUND = "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"
CURRENT = 3
_PATH = re.compile(r"/fapi/v(?P<version>[1-4])/(?P<name>[A-Za-z0-9/]+)")
# Names that the older scheme keeps under another version than the first, and those it does not have (rules 1.2).
_OLD = {"balance": (2,), "positionRisk": (1, 2), "account": (2, 4), "accountWithJoinMargin": (4,)}
_BEFORE_DEPOSIT = ("agent", "builder")
_NEW = ("noop", "agent", "builder", "approveAgent", "updateAgent", "approveBuilder", "updateBuilder")


@dataclass(frozen=True)
class Incoming:
    """One request as it arrived: ``query`` and ``body`` are its raw texts."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    api_key: str | None = None
    remote: str = ""

    @property
    def name(self) -> str:
        """The path without its version."""
        found = _PATH.fullmatch(self.path)
        return found["name"] if found else ""

    @property
    def version(self) -> int:
        found = _PATH.fullmatch(self.path)
        return int(found["version"]) if found else 0


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]
    content_type: str = JSON


@dataclass
class Doors:
    """All paths over one engine."""

    engine: Engine
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self.authority = Authority(self.engine.state)
        self.listen_keys = ListenKeys(self.engine.clock)
        self.market_frames = MarketFrames(self.engine)
        engine = self.engine
        self.routes: dict[tuple[str, str], Route] = {
            **MarketData(engine, self.market_frames.ladders).routes(),
            **AccountCalls(engine).routes(),
            **OrderCalls(engine).routes(),
            **SettingCalls(engine).routes(),
            **WalletCalls(engine).routes(),
            **self.listen_keys.routes(),
        }

    def handle(self, request: Incoming) -> Answer:
        """Answer one request; a refusal is an answer, too."""
        route = self._route(request)
        if route is None:
            return Answer(404, NOT_FOUND, {}, HTML)
        ordering: Account | None = None
        try:
            call = self._call(request, route)
            if route.counts and call.caller is not None:
                ordering = call.account
                self.usage.count_orders(ordering.address, _orders_in(call), self.engine.clock())
            status, payload = 200, self._answered(request, route, call)
        except RefusedError as refusal:
            status, payload = 400, {"code": refusal.code, "msg": str(refusal)}
        except LimitError as limit:
            return self._limited(request, limit)
        return Answer(status, json.dumps(payload), self._headers(request, ordering))

    def _headers(self, request: Incoming, account: Account | None) -> dict[str, str]:
        address = None if account is None else account.address
        return dict(self.usage.headers(request.remote, address, self.engine.clock()))

    def _limited(self, request: Incoming, limit: LimitError) -> Answer:
        headers = self._headers(request, None) | {"Retry-After": str(limit.seconds)}
        return Answer(limit.status, json.dumps({"code": limit.code, "msg": str(limit)}), headers)

    def _route(self, request: Incoming) -> Route | None:
        route, version, name = self.routes.get((request.method, request.name)), request.version, request.name
        if route is None or version == CURRENT:
            return route
        if name in _NEW or version not in _OLD.get(name, (1,)):
            return None
        return route

    # logins

    def _call(self, request: Incoming, route: Route) -> Call:
        """The request with whoever sends it; its weight is spent before anything else is looked at."""
        signed = _joined(cut(request.query), cut(request.body))
        parameters = Parameters(pairs(request.body) | pairs(request.query))
        self.usage.spend(request.remote, route.cost(Call(parameters, signed)), self.engine.clock())
        return Call(parameters, signed, self._caller(request, route, signed, parameters))

    def _caller(self, request: Incoming, route: Route, signed: Signed, parameters: Parameters) -> Caller | None:
        now, access = self.engine.clock(), route.access
        if access is Access.PUBLIC:
            return None
        if access in (Access.WALLET, Access.NEWCOMER):
            return self._owner(route, signed, parameters, now)
        if request.version == CURRENT:
            caller = self.authority.by_agent(signed, parameters, now)
        elif access is Access.KEYED:
            caller = Caller(self.authority.of_key(request.api_key), request.api_key or "", may_trade=True, nonce=0)
        else:
            caller = self.authority.by_key(request.api_key, signed, parameters, now)
        if not caller.account.deposited and request.name not in _BEFORE_DEPOSIT:
            raise undeposited()
        if access is Access.TRADE and not caller.may_trade:
            raise not_permitted()
        return caller

    def _owner(self, route: Route, signed: Signed, parameters: Parameters, now: int) -> Caller:
        if route.access is Access.NEWCOMER:
            account = self.authority.by_registration(parameters, signed.signature, now)
        else:
            kind = "ApproveAgentAndBuilder" if route.kind == "ApproveAgent" and "builder" in parameters else route.kind
            account = self.authority.by_wallet(kind, parameters, signed.signature, now)
        return Caller(account, account.address, may_trade=True, nonce=parameters.integer("nonce"))

    def _answered(self, request: Incoming, route: Route, call: Call) -> object:
        """The answer; a command is written down with what came of it."""
        if request.method == "GET" or call.caller is None:
            return route.answer(call)
        caller, kind = call.caller, f"{request.method} {request.name}"
        command = Command(self.engine.clock(), caller.signer, caller.account.address, kind, caller.nonce, "ok")
        self.engine.tape.command(command)
        try:
            return route.answer(call)
        except RefusedError as refusal:
            command.outcome = f"{refusal.code} {refusal}"
            raise


def _joined(query: Signed, body: Signed) -> Signed:
    """Query and body are one text, in this order and with nothing between them (rules 1.2)."""
    return Signed(query.text + body.text, query.signature or body.signature)


def _orders_in(call: Call) -> int:
    try:
        rows = json.loads(call.parameters.values.get("batchOrders", "[0]"))
    except (ValueError, RecursionError):
        return 1
    return len(rows) if isinstance(rows, list) else 1
