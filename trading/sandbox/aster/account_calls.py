"""Reading an account: balance, positions, trades, income, fees (Aster rules 3.1 to 3.4, 3.7)."""

from dataclasses import dataclass
from typing import Any

from trading.sandbox.aster import failures, listing, records
from trading.sandbox.aster.calls import READ, Call, Route
from trading.sandbox.aster.numbers import fixed
from trading.sandbox.aster.positions import Figures
from trading.sandbox.aster.windows import Window
from trading.sandbox.engine import Engine
from trading.sandbox.markets import Market

Json = dict[str, Any]

USUAL_TRADES, USUAL_INCOME, USUAL_MOVES, MOST_ROWS = 500, 100, 500, 1000


@dataclass(frozen=True)
class AccountCalls:
    engine: Engine

    def routes(self) -> dict[tuple[str, str], Route]:
        """What is answered, by method and name."""
        reads = {
            "balance": (lambda call: self._figures(call).balances(), 5),
            "account": (lambda call: self._figures(call).account_rows(), 5),
            "accountWithJoinMargin": (lambda call: self._figures(call).account_rows(), 5),
            "positionRisk": (self._risk, 5),
            "leverageBracket": (self._brackets, 1),
            "leverageBrackets": (self._brackets, 1),
            "userTrades": (self._trades, 5),
            "income": (self._income, 30),
            "positionMargin/history": (self._moves, 1),
            "commissionRate": (self._commission, 20),
            "adlQuantile": (self._quantiles, 5),
            "positionSide/dual": (lambda call: {"dualSidePosition": call.account.hedged}, 30),
            "multiAssetsMargin": (lambda call: {"multiAssetsMargin": call.account.joint}, 30),
        }
        return {("GET", name): Route(answer, READ, weight) for name, (answer, weight) in reads.items()}

    def _figures(self, call: Call) -> Figures:
        return Figures(self.engine, call.account)

    def _market(self, call: Call) -> Market:
        market = self.engine.markets.get(call.parameters.text("symbol"))
        if market is None:
            raise failures.bad_symbol()
        return market

    def _wanted(self, call: Call) -> Market | None:
        return self._market(call) if "symbol" in call.parameters else None

    def _risk(self, call: Call) -> list[Json]:
        figures = self._figures(call)
        return [figures.risk(row) for row in figures.rows(self._wanted(call))]

    def _brackets(self, call: Call) -> Json | list[Json]:
        wanted = self._wanted(call)
        if wanted is not None:
            return listing.brackets(wanted)
        return [listing.brackets(market) for market in self.engine.by_index]

    def _trades(self, call: Call) -> list[Json]:
        market, first = self._market(call), call.parameters.optional_integer("fromId")
        if first is not None and ("startTime" in call.parameters or "endTime" in call.parameters):
            raise failures.unwanted("fromId")
        window = Window.of(
            call, self.engine.clock(), default=USUAL_TRADES, most=MOST_ROWS, is_numbered=first is not None
        )
        order = call.parameters.optional_integer("orderId")
        fills = [
            fill
            for fill in call.account.fills
            if fill.market == market.name and order in (None, fill.oid) and (first is None or fill.tid >= first)
        ]
        return [records.trade_row(fill) for fill in window.of_rows(fills, lambda fill: fill.time)]

    def _income(self, call: Call) -> list[Json]:
        window = Window.unlimited(call, self.engine.clock(), default=USUAL_INCOME, most=MOST_ROWS)
        kind, wanted = call.parameters.optional("incomeType"), self._wanted(call)
        rows = [
            row
            for row in records.income_rows(call.account)
            if kind in (None, row["incomeType"]) and (wanted is None or row["symbol"] == wanted.name)
        ]
        return window.of_rows(rows, lambda row: int(row["time"]))

    def _moves(self, call: Call) -> list[Json]:
        market, kind = self._market(call), call.parameters.optional_integer("type")
        window = Window.unlimited(call, self.engine.clock(), default=USUAL_MOVES, most=MOST_ROWS)
        moves = [move for move in call.account.moves if move.market == market.name]
        rows = [records.move_row(move) for move in window.of_rows(moves, lambda move: move.time)]
        return [row for row in rows if kind in (None, row["type"])]

    def _commission(self, call: Call) -> Json:
        rules = self.engine.venue.rules
        return {
            "symbol": self._market(call).name,
            "makerCommissionRate": fixed(rules.maker_rate, 6),
            "takerCommissionRate": fixed(rules.taker_rate, 6),
        }

    def _quantiles(self, call: Call) -> list[Json]:
        """Nobody is deleveraged here but by a control, so everybody stands at the end of the queue."""
        wanted = self._wanted(call)
        return [
            {"symbol": market.name, "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0}}
            for market in (self.engine.by_index if wanted is None else [wanted])
        ]
