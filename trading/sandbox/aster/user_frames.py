"""Events of the private stream, made of what happened (Aster rules 2.4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.sandbox.aster import records
from trading.sandbox.aster.listing import COLLATERAL
from trading.sandbox.aster.numbers import fixed, plain
from trading.sandbox.aster.positions import Figures, Row
from trading.sandbox.engine import Engine
from trading.sandbox.fills import DELEVERAGING
from trading.sandbox.numbers import ZERO
from trading.sandbox.state import Account, Fill, FundingPayment, LedgerUpdate, MarginMove, Order
from trading.sandbox.tape import News

Json = dict[str, Any]

# The venue advises to stay below this part of what liquidates (rules 4.1); from there on it warns, once a minute.
WARN_AT = Decimal("0.8")
WARN_EVERY = 60_000
_REASONS = {"deposit": "DEPOSIT", "withdraw": "WITHDRAW", "insuranceClear": "INSURANCE_CLEAR"}
_TAKEN_OVER = "backstop"


def _execution(order: Order, fill: Fill) -> tuple[str, str]:
    """Kind of execution, and the state of the order after it."""
    if order.time_in_force == DELEVERAGING:
        return "CALCULATED", "NEW_ADL"
    if fill.liquidation is not None and fill.liquidation.method == _TAKEN_OVER:
        return "CALCULATED", "NEW_INSURANCE"
    return "TRADE", "FILLED" if order.size <= 0 else "PARTIALLY_FILLED"


@dataclass
class UserFrames:
    """``warned`` remembers when an account was last told about a position."""

    engine: Engine
    warned: dict[tuple[str, str], int] = field(default_factory=dict)

    def frames(self, account: Account, news: list[News]) -> list[Json]:
        """Events of one account, in the order in which they happened."""
        rows: list[Json] = []
        updated: set[int] = set()
        for item in news:
            # One update says what all fills of an order did together.
            if item.kind == "fill" and isinstance(item.item, Fill) and item.item.oid not in updated:
                updated.add(item.item.oid)
                rows.append(self._account_update(account, "ORDER", item.item.market, item.item.leg))
            rows += self._of(account, item)
        return rows

    def _of(self, account: Account, item: News) -> Iterator[Json]:
        match item.kind, item.item:
            case "fill", Fill() as fill if item.order is not None:
                yield self._traded(item.order, fill)
            case "entered" | "amended" | "order", Order():
                yield from self._order(item)
            case "move", MarginMove() as move if not move.by_fill:
                yield self._account_update(account, "MARGIN_TRANSFER", move.market, move.leg)
            case "margin type", str() as name:
                yield self._account_update(account, "MARGIN_TYPE_CHANGE", name)
            case "leverage", str() as name:
                leverage = self.engine.ledger.leverage(account, name)
                yield self._stamped("ACCOUNT_CONFIG_UPDATE") | {"ac": {"s": name, "l": leverage}}
            case "modes", _:
                modes = {"j": account.joint, "f": False, "d": account.hedged}
                yield self._stamped("ACCOUNT_CONFIG_UPDATE") | {"ai": modes}
            case "funding", FundingPayment() as payment:
                market = payment.market if payment.isolated else None
                yield self._account_update(account, "FUNDING_FEE", market, change=payment.amount)
            case "ledger", LedgerUpdate() as update if update.delta["type"] in _REASONS:
                yield self._booked(account, update)

    def _stamped(self, kind: str) -> Json:
        now = self.engine.clock()
        return {"e": kind, "E": now, "T": now}

    # the account

    def _booked(self, account: Account, update: LedgerUpdate) -> Json:
        kind, amount = str(update.delta["type"]), Decimal(str(update.delta["usdc"]))
        change = -amount if kind == "withdraw" else amount
        return self._account_update(account, _REASONS[kind], change=change)

    def _account_update(
        self, account: Account, reason: str, market: str | None = None, leg: str | None = None, change: Decimal = ZERO
    ) -> Json:
        """Balance and the positions concerned: all of a market's sides, or one of them; no liquidation price."""
        figures = Figures(self.engine, account)
        rows = [] if market is None else list(figures.rows(self.engine.markets[market]))
        balance = {
            "a": COLLATERAL,
            "wb": fixed(figures.wallet),
            "cw": fixed(figures.cross_wallet),
            "bc": fixed(change),
        }
        positions = [self._position(account, row) for row in rows if leg is None or row.leg == leg]
        return self._stamped("ACCOUNT_UPDATE") | {"a": {"m": reason, "B": [balance], "P": positions}}

    @staticmethod
    def _position(account: Account, row: Row) -> Json:
        mine = (fill for fill in account.fills if fill.market == row.market.name and fill.leg == row.leg)
        return {
            "s": row.market.name,
            "pa": row.sized(row.size),
            "ep": plain(row.entry) if row.position else "0.00000",
            "cr": fixed(sum((fill.closed_pnl for fill in mine), ZERO)),
            "up": fixed(row.profit),
            "mt": "isolated" if row.isolated else "cross",
            "iw": fixed(row.wallet),
            "ps": row.side,
        }

    # orders

    def _order(self, item: News) -> Iterator[Json]:
        order = item.order
        if order is None:
            return
        if item.kind == "entered":
            yield self._order_update(order, "NEW", "NEW")
        elif item.kind == "amended" or order.status == "triggered":
            yield self._order_update(order, "NEW", records.status(order))
        elif order.status not in ("open", "filled"):
            said = records.status(order)
            yield self._order_update(order, said, said)

    def _traded(self, order: Order, fill: Fill) -> Json:
        event = self._order_update(order, *_execution(order, fill))
        event["o"] |= {
            "l": plain(fill.size),
            "L": plain(fill.price),
            "n": fixed(fill.fee),
            "N": COLLATERAL,
            "t": fill.tid,
            "T": fill.time,
            "m": not fill.crossed,
            "rp": fixed(fill.closed_pnl),
        }
        return event

    def _order_update(self, order: Order, execution: str, said: str) -> Json:
        row = records.order_row(order)
        now = self.engine.clock()
        return self._stamped("ORDER_TRADE_UPDATE") | {
            "o": {
                "s": order.market,
                "c": row["clientOrderId"],
                "S": row["side"],
                "o": row["type"],
                "f": row["timeInForce"],
                "q": row["origQty"],
                "p": row["price"],
                "ap": row["avgPrice"],
                "sp": row["stopPrice"],
                "x": execution,
                "X": said,
                "i": order.oid,
                "l": "0",
                "z": row["executedQty"],
                "L": "0",
                "T": now,
                "t": 0,
                "b": "0",
                "a": "0",
                "m": False,
                "R": row["reduceOnly"],
                "wt": row["workingType"],
                "ot": row["origType"],
                "ps": row["positionSide"],
                "cp": row["closePosition"],
                "rp": "0",
            }
        }

    # warnings

    def warnings(self, account: Account) -> list[Json]:
        """MARGIN_CALL for what comes close to its maintenance: cross positions together, isolated ones alone."""
        ledger, figures = self.engine.ledger, Figures(self.engine, account)
        rows = [row for row in figures.rows() if row.position is not None]
        near = [row for row in rows if row.isolated and self._is_near(account, row)]
        cross = [row for row in rows if not row.isolated]
        equity, maintenance = ledger.cross_equity(account), ledger.cross_maintenance(account)
        if cross and maintenance >= equity * WARN_AT and self._is_news(account, "cross"):
            near += cross
        if not near:
            return []
        wallet = {} if near[-1].isolated else {"cw": fixed(figures.cross_wallet)}
        calls = [self._call(row) for row in near]
        return [{"e": "MARGIN_CALL", "E": self.engine.clock(), **wallet, "p": calls}]

    def _is_near(self, account: Account, row: Row) -> bool:
        if row.position is None:
            return False
        ledger = self.engine.ledger
        is_near = ledger.maintenance(row.position) >= ledger.equity(row.position) * WARN_AT
        return is_near and self._is_news(account, row.position.key)

    def _is_news(self, account: Account, key: str) -> bool:
        now, place = self.engine.clock(), (account.address, key)
        if now - self.warned.get(place, -WARN_EVERY) < WARN_EVERY:
            return False
        self.warned[place] = now
        return True

    def _call(self, row: Row) -> Json:
        maintenance = self.engine.ledger.maintenance(row.position) if row.position else ZERO
        return {
            "s": row.market.name,
            "ps": row.side,
            "pa": row.sized(row.size),
            "mt": "ISOLATED" if row.isolated else "CROSSED",
            "iw": fixed(row.wallet),
            "mp": fixed(row.mark),
            "up": fixed(row.profit),
            "mm": fixed(maintenance),
        }
