"""Actions on leverage and margin, and on the account itself (Hyperliquid rules 3.3, 3.8, 3.9, 5.3, 8)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.sandbox.engine import Engine
from trading.sandbox.hyperliquid import books
from trading.sandbox.hyperliquid.actions import DEFAULT, Json
from trading.sandbox.hyperliquid.authority import Authority
from trading.sandbox.hyperliquid.order_actions import market_of
from trading.sandbox.markets import Market
from trading.sandbox.numbers import parse
from trading.sandbox.refusals import RefusedError
from trading.sandbox.state import Account

LARGEST_BUILDER_RATE = 100
BUILDER_APPROVALS = 10
BUILDER_BALANCE = Decimal(100)
PORTFOLIO_VALUE = Decimal(10_000)

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_MODE_LETTERS = {"i": "disabled", "u": "unifiedAccount", "p": "portfolioMargin"}
_NO_TRANSITION = "Abstraction transition not allowed"


@dataclass(frozen=True)
class AccountActions:
    engine: Engine
    authority: Authority

    def performers(self) -> Mapping[str, Callable[[Account, Json], Json]]:
        """The actions that this carries out."""
        return {
            "updateLeverage": self.update_leverage,
            "updateIsolatedMargin": self.update_margin,
            "topUpIsolatedOnlyMargin": self.top_up,
            "agentSetAbstraction": self.set_abstraction,
            "userSetAbstraction": self.set_abstraction,
            "approveAgent": self.approve_agent,
            "approveBuilderFee": self.approve_builder,
        }

    def _book(self, account: Account, action: Json) -> tuple[Account, Market]:
        market = market_of(self.engine, action["asset"])
        return books.opened(self.engine, account, books.dex_of(market.name)), market

    def update_leverage(self, account: Account, action: Json) -> Json:
        book, market = self._book(account, action)
        self.engine.ledger.update_leverage(book, market, isolated=not action["isCross"], leverage=action["leverage"])
        return DEFAULT

    def update_margin(self, account: Account, action: Json) -> Json:
        book, market = self._book(account, action)
        self.engine.ledger.update_margin(book, market, Decimal(action["ntli"]).scaleb(-6))
        return DEFAULT

    def top_up(self, account: Account, action: Json) -> Json:
        book, market = self._book(account, action)
        self.engine.ledger.top_up(book, market, parse(action["leverage"]))
        return DEFAULT

    def approve_agent(self, account: Account, action: Json) -> Json:
        name = action.get("agentName", "")
        self.authority.approve(account, action["agentAddress"], name, self.engine.clock())
        return DEFAULT

    def approve_builder(self, account: Account, action: Json) -> Json:
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

    def set_abstraction(self, account: Account, action: Json) -> Json:
        """Positions and orders in builder-deployed books keep an account in its mode: their collateral would move."""
        chosen: str = action["abstraction"]
        mode = _MODE_LETTERS.get(chosen, chosen)
        if action.get("user", account.address) != account.address:
            raise RefusedError(_NO_TRANSITION)
        if mode == "portfolioMargin" and self.engine.ledger.cross_equity(account) < PORTFOLIO_VALUE:
            raise RefusedError(_NO_TRANSITION)
        was_unified = account.unified
        if was_unified != (mode != "disabled") and books.is_open_beyond(self.engine, account.address, books.MAIN):
            raise RefusedError(_NO_TRANSITION)
        account.abstraction = mode
        if account.unified:
            books.join(self.engine, account)
        return DEFAULT
