"""Leverage, margin type, isolated collateral and the account's modes (Aster rules 3.2, 3.4 to 3.6)."""

from dataclasses import dataclass
from typing import Any

from trading.sandbox.aster import failures
from trading.sandbox.aster.calls import TRADE, Call, Route
from trading.sandbox.aster.listing import largest_notional
from trading.sandbox.aster.numbers import MONEY, decimals, plain
from trading.sandbox.aster.order_requests import wrong_leg
from trading.sandbox.aster.windows import WEEK
from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market
from trading.sandbox.refusals import Refusal
from trading.sandbox.state import Account
from trading.sandbox.tape import News

Json = dict[str, Any]

SUCCESS: Json = {"code": 200, "msg": "success"}
ADD, REMOVE = 1, 2
LONGEST_TRANSFER_ID = 64


@dataclass(frozen=True)
class SettingCalls:
    engine: Engine

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        return {
            ("POST", "leverage"): Route(self._leverage, TRADE),
            ("POST", "marginType"): Route(self._margin_type, TRADE),
            ("POST", "positionMargin"): Route(self._margin, TRADE),
            ("POST", "positionSide/dual"): Route(self._position_mode, TRADE),
            ("POST", "multiAssetsMargin"): Route(self._asset_mode, TRADE),
        }

    def _market(self, call: Call) -> Market:
        market = self.engine.markets.get(call.parameters.text("symbol"))
        if market is None:
            raise failures.bad_symbol()
        return market

    def _leverage(self, call: Call) -> Json:
        market, leverage, ledger = self._market(call), call.parameters.integer("leverage"), self.engine.ledger
        isolated = ledger.is_isolated(call.account, market.name)
        ledger.update_leverage(call.account, market, isolated=isolated, leverage=leverage)
        self.engine.tape.news.append(News("leverage", call.account.address, market.name))
        largest = plain(largest_notional(market, leverage))
        return {"leverage": leverage, "maxNotionalValue": largest, "symbol": market.name}

    def _margin_type(self, call: Call) -> Json:
        market = self._market(call)
        isolated = call.parameters.choice("marginType", ("ISOLATED", "CROSSED")) == "ISOLATED"
        setting = self.engine.ledger.setting(call.account, market)
        if isolated and call.account.joint:
            raise failures.other(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
        if setting.isolated == isolated:
            raise failures.other(-4046, "No need to change margin type.")
        self.engine.ledger.update_leverage(call.account, market, isolated=isolated, leverage=setting.leverage)
        self.engine.tape.news.append(News("margin type", call.account.address, market.name))
        return SUCCESS

    def _margin(self, call: Call) -> Json:
        market, account, amount = self._market(call), call.account, call.parameters.number("amount")
        kind = call.parameters.integer("type")
        if kind not in (ADD, REMOVE):
            raise failures.invalid("type")
        if amount <= 0:
            raise self.engine.venue.rules.refused(Refusal.AMOUNT_NOT_POSITIVE)
        if decimals(amount) > MONEY:
            raise failures.too_precise()
        leg, signed = self._leg(call), amount if kind == ADD else -amount
        client_id = self._transfer_id(call)
        self.engine.ledger.update_margin(account, market, signed, leg)
        if client_id:
            account.transfers[client_id] = self.engine.clock()
        self.engine.tape.record_move(account, market.name, leg, signed, client_id=client_id)
        self.engine.settle()
        return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}

    @staticmethod
    def _leg(call: Call) -> str:
        side = call.parameters.optional("positionSide") or "BOTH"
        if side not in ("BOTH", "LONG", "SHORT"):
            raise failures.other(-4060, "Invalid position side.")
        if (side == "BOTH") == call.account.hedged:
            raise wrong_leg()
        return "" if side == "BOTH" else side

    def _transfer_id(self, call: Call) -> str:
        """A repeat within seven days is refused, and may be sent without harm for that reason (rules 3.6)."""
        name = call.parameters.optional("clientTranId") or ""
        if len(name) > LONGEST_TRANSFER_ID:
            raise failures.other(-4114, "clientTranId  is invalid")
        used = call.account.transfers.get(name)
        if used is not None and self.engine.clock() - used < WEEK:
            raise failures.other(-4115, "clientTranId  is duplicated")
        return name

    def _position_mode(self, call: Call) -> Json:
        hedged = _required_flag(call, "dualSidePosition")
        if call.account.hedged == hedged:
            raise failures.other(-4059, "No need to change position side.")
        if call.account.open_orders:
            raise failures.other(-4067, "Position side cannot be changed if there exists open orders.")
        if call.account.positions:
            raise failures.other(-4068, "Position side cannot be changed if there exists position.")
        call.account.hedged = hedged
        self._announce(call.account)
        return SUCCESS

    def _asset_mode(self, call: Call) -> Json:
        """The codes are the engine family's: the venue documents none (rules 3.2)."""
        joint = _required_flag(call, "multiAssetsMargin")
        if call.account.joint == joint:
            raise failures.other(-4171, "No need to change Multi-Assets mode.")
        isolated = [row for row in call.account.settings.values() if row.isolated]
        if joint and isolated:
            text = "Unable to adjust to Multi-Assets mode with symbols of USDS-M Futures under isolated-margin mode."
            raise failures.other(-4167, text)
        call.account.joint = joint
        self._announce(call.account)
        return SUCCESS

    def _announce(self, account: Account) -> None:
        self.engine.tape.news.append(News("modes", account.address, ""))


def _required_flag(call: Call, name: str) -> bool:
    call.parameters.text(name)
    return call.parameters.flag(name)
