"""The signed door: one action in, the venue's answer out (Hyperliquid rules 4)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.sandbox.checks import OrderRequest
from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import actions
from trading.sandbox.hyperliquid.actions import Json, MalformedError
from trading.sandbox.hyperliquid.authority import Authority
from trading.sandbox.markets import Market
from trading.sandbox.numbers import PERP_PRICE_DECIMALS, fits_size, parse, shown
from trading.sandbox.orders import NEVER_PLACED
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account, Command, Order

EXPIRED_COST = 5
LARGEST_BATCH = 200
LARGEST_BUILDER_RATE = 100
BUILDER_APPROVALS = 10
BUILDER_BALANCE = Decimal(100)
PORTFOLIO_VALUE = Decimal(10_000)
SCHEDULE_VOLUME = Decimal(1_000_000)
SCHEDULE_AHEAD = 5000
DEFAULT: Json = {"type": "default"}

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_MODE_LETTERS = {"i": "disabled", "u": "unifiedAccount", "p": "portfolioMargin"}


@dataclass(frozen=True)
class Exchange:
    engine: Engine

    @property
    def authority(self) -> Authority:
        return Authority(self.engine.state)

    def handle(self, body: object) -> Json:
        """Execute one request; MalformedError for what does not deserialize, every other refusal is an answer."""
        request = actions.envelope(body)
        action = request["action"]
        if action["type"] in actions.USER and action["nonce"] != request["nonce"]:
            raise MalformedError("the action's nonce differs from the request's")
        signer = self.authority.signer(request)
        command = Command(self.engine.clock(), signer, "", action["type"], request["nonce"], "ok")
        self.engine.tape.command(command)
        try:
            account = self._admit(signer, request)
            command.address = account.address
            response = self._execute(account, action)
        except RefusedError as refusal:
            command.outcome = str(refusal)
            return {"status": "err", "response": str(refusal)}
        self.engine.tape.touch(account)
        self.engine.settle()
        return {"status": "ok", "response": response}

    def _admit(self, signer: str, request: Json) -> Account:
        now = self.engine.clock()
        account = self.authority.account(signer, request["action"]["type"], now)
        if request["vaultAddress"] is not None:
            raise RefusedError(f"Vault not registered: {request['vaultAddress']}")
        if request["expiresAfter"] is not None and request["expiresAfter"] < now:
            account.requests += EXPIRED_COST
            raise RefusedError("Action already expired")
        self.authority.use_nonce(signer, request["nonce"], now)
        account.requests += _batch_length(request["action"])
        if _batch_length(request["action"]) > LARGEST_BATCH:
            raise RefusedError("Signed action over weight limit of 200.")
        return account

    def _execute(self, account: Account, action: Json) -> Json:
        if action["type"] == "noop":
            return DEFAULT
        return {
            "order": self._order,
            "cancel": self._cancel,
            "cancelByCloid": self._cancel,
            "modify": self._modify,
            "batchModify": self._batch_modify,
            "updateLeverage": self._update_leverage,
            "updateIsolatedMargin": self._update_margin,
            "topUpIsolatedOnlyMargin": self._top_up,
            "scheduleCancel": self._schedule_cancel,
            "agentSetAbstraction": self._set_abstraction,
            "userSetAbstraction": self._set_abstraction,
            "approveAgent": self._approve_agent,
            "approveBuilderFee": self._approve_builder,
            "usdClassTransfer": self._class_transfer,
        }[action["type"]](account, action)

    def _market(self, index: int) -> Market:
        # The venue's words for an unknown or halted asset are not recorded anywhere.
        if index >= len(self.engine.by_index):
            raise RefusedError(f"Asset {index} does not exist.")
        market = self.engine.by_index[index]
        if market.delisted:
            raise RefusedError(f"Trading is halted. asset={index}")
        return market

    # orders

    def _request(self, row: Json, builder: Json | None) -> OrderRequest:
        price, trigger = parse(row["p"]), row["t"].get("trigger")
        if price <= 0:
            raise RefusedError("Order has invalid price.")
        return OrderRequest(
            market=self._market(row["a"]),
            is_buy=row["b"],
            price=price,
            size=parse(row["s"]),
            reduce_only=row["r"],
            time_in_force="" if trigger else row["t"]["limit"]["tif"],
            client_id=row.get("c"),
            trigger_price=parse(trigger["triggerPx"]) if trigger else None,
            trigger_is_market=bool(trigger and trigger["isMarket"]),
            trigger_kind=trigger["tpsl"] if trigger else "",
            builder=builder["b"] if builder else None,
            builder_rate=builder["f"] if builder else 0,
        )

    def _order(self, account: Account, action: Json) -> Json:
        builder = action.get("builder")
        requests = [self._request(row, builder) for row in action["orders"]]
        if not requests:
            raise RefusedError("Order has zero size.")
        attached = requests[1:] if action["grouping"] == "normalTpsl" else requests
        if action["grouping"] != "na" and not all(row.reduce_only and row.trigger_price for row in attached):
            raise RefusedError("TP/SL orders must be reduce-only trigger orders.")
        if builder is not None and builder["f"] > account.builders.get(builder["b"], -1):
            statuses: list[Any] = [_error("Builder fee has not been approved.", row.market) for row in requests]
        elif action["grouping"] == "normalTpsl":
            statuses = self._place_with_children(account, requests)
        elif action["grouping"] == "positionTpsl":
            statuses = self._place_for_position(account, requests)
        else:
            statuses = [self._place(account, row) for row in requests]
        return {"type": "order", "data": {"statuses": statuses}}

    def _place(self, account: Account, request: OrderRequest) -> Json:
        try:
            return self._status(self.engine.desk.place(account, request))
        except RefusedError as refusal:
            return _error(str(refusal), request.market)

    def _place_with_children(self, account: Account, requests: list[OrderRequest]) -> list[Any]:
        try:
            parent, _ = self.engine.desk.place_with_children(account, requests[0], requests[1:])
            waiting = "waitingForFill" if parent.status == "open" else "waitingForTrigger"
        except RefusedError as refusal:
            return [_error(str(refusal), row.market) for row in requests]
        return [self._status(parent), *[waiting for _ in requests[1:]]]

    def _place_for_position(self, account: Account, requests: list[OrderRequest]) -> list[Any]:
        try:
            self.engine.desk.bind(account, requests)
        except RefusedError as refusal:
            return [_error(str(refusal), row.market) for row in requests]
        return ["waitingForTrigger" for _ in requests]

    def _status(self, order: Order) -> Json:
        if order.filled and order.status != "open":
            average = order.filled_value / order.filled
            decimals = PERP_PRICE_DECIMALS - self.engine.markets[order.market].size_decimals
            return {"filled": {"totalSz": shown(order.filled), "avgPx": shown(average, decimals), "oid": order.oid}}
        resting: Json = {"oid": order.oid}
        if order.client_id is not None:
            resting["cloid"] = order.client_id
        return {"resting": resting}

    def _cancel(self, account: Account, action: Json) -> Json:
        return {
            "type": "cancel",
            "data": {"statuses": [self._cancel_one(account, row) for row in action["cancels"]]},
        }

    def _cancel_one(self, account: Account, row: Json) -> Json | str:
        market = self._market(row["a"] if "a" in row else row["asset"])
        order = self.engine.desk.find(account, row["o"] if "o" in row else row["cloid"])
        if order is None or order.market != market.name or (row.get("f") and order.trigger_price is not None):
            return _error(NEVER_PLACED, market)
        try:
            self.engine.desk.cancel(account, order)
        except RefusedError as refusal:
            return _error(str(refusal), market)
        return "success"

    def _modify(self, account: Account, action: Json) -> Json:
        self.engine.desk.modify(account, action["oid"], self._request(action["order"], None))
        return DEFAULT

    def _batch_modify(self, account: Account, action: Json) -> Json:
        statuses = []
        for row in action["modifies"]:
            request = self._request(row["order"], None)
            try:
                statuses.append(self._status(self.engine.desk.modify(account, row["oid"], request)))
            except RefusedError as refusal:
                statuses.append(_error(str(refusal), request.market))
        return {"type": "order", "data": {"statuses": statuses}}

    def _schedule_cancel(self, account: Account, action: Json) -> Json:
        moment = action.get("time")
        if account.volume < SCHEDULE_VOLUME:
            raise RefusedError(
                "Cannot set scheduled cancel time until enough volume traded. "
                f"Required: $1000000. Traded: ${shown(account.volume, 6)}"
            )
        if moment is not None and moment < self.engine.clock() + SCHEDULE_AHEAD:
            raise RefusedError("Scheduled cancel time must be at least 5 seconds ahead.")
        account.cancel_at = moment
        return DEFAULT

    # margin

    def _update_leverage(self, account: Account, action: Json) -> Json:
        self.engine.ledger.update_leverage(
            account, self._market(action["asset"]), isolated=not action["isCross"], leverage=action["leverage"]
        )
        return DEFAULT

    def _update_margin(self, account: Account, action: Json) -> Json:
        amount = Decimal(action["ntli"]).scaleb(-6)
        self.engine.ledger.update_margin(account, self._market(action["asset"]), amount)
        return DEFAULT

    def _top_up(self, account: Account, action: Json) -> Json:
        self.engine.ledger.top_up(account, self._market(action["asset"]), parse(action["leverage"]))
        return DEFAULT

    # the account itself

    def _approve_agent(self, account: Account, action: Json) -> Json:
        name = action.get("agentName", "")
        self.authority.approve(account, action["agentAddress"], name, self.engine.clock())
        return DEFAULT

    def _approve_builder(self, account: Account, action: Json) -> Json:
        percent = _PERCENT.fullmatch(action["maxFeeRate"])
        rate = Decimal(percent[1]) * 1000 if percent else None
        if rate is None or rate != int(rate) or rate > LARGEST_BUILDER_RATE:
            raise RefusedError("Invalid builder fee rate.")
        builder = self.engine.account(action["builder"])
        if builder is None or builder.unified or self.engine.ledger.cross_equity(builder) < BUILDER_BALANCE:
            raise RefusedError("Builder has insufficient balance to be approved.")
        approved = [name for name, value in account.builders.items() if value and name != builder.address]
        if rate and len(approved) >= BUILDER_APPROVALS:
            raise RefusedError("Too many builders approved.")
        account.builders[builder.address] = int(rate)
        return DEFAULT

    def _class_transfer(self, account: Account, action: Json) -> Json:
        if account.unified:
            raise RefusedError("Action disabled when unified account is active")
        try:
            amount = parse(action["amount"])
        except ValueError as error:
            raise RefusedError("Invalid send") from error
        if amount <= 0 or not fits_size(amount, 6):
            raise RefusedError("Invalid send")
        if amount > (account.spot if action["toPerp"] else self.engine.ledger.withdrawable(account)):
            raise RefusedError("Insufficient balance for withdrawal")
        signed = amount if action["toPerp"] else -amount
        account.cash += signed
        account.spot -= signed
        self.engine.tape.record_update(
            account, {"type": "accountClassTransfer", "usdc": shown(amount, 6), "toPerp": action["toPerp"]}
        )
        return DEFAULT

    def _set_abstraction(self, account: Account, action: Json) -> Json:
        chosen: str = action["abstraction"]
        mode = _MODE_LETTERS.get(chosen, chosen)
        if action.get("user", account.address) != account.address:
            raise RefusedError("Abstraction transition not allowed")
        if mode == "portfolioMargin" and self.engine.ledger.cross_equity(account) < PORTFOLIO_VALUE:
            raise RefusedError("Abstraction transition not allowed")
        account.abstraction = mode
        if account.unified:
            account.cash, account.spot = account.cash + account.spot, Decimal(0)
        return DEFAULT


def _batch_length(action: Json) -> int:
    return max((len(value) for value in action.values() if isinstance(value, list)), default=1)


def _error(sentence: str, market: Market) -> Json:
    return {"error": f"{sentence} asset={market.index}"}
