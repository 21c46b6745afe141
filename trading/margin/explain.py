"""The same computation as named steps with the trader's own numbers in them: for the panel, support and the audit.

Nothing is computed twice here: every result comes from the function that the panels use, and the last two steps check
it by definition, equity against maintenance at the liquidation price.

Sources: as in `liquidation.py`, `cross.py` and `isolated.py`.

>>> from trading.margin.rules import HYPERLIQUID
>>> from trading.margin.types import TierTable
>>> held = Position("BTC", Decimal("0.002"), Decimal("64815"), Decimal("64794"), MarginMode.ISOLATED, 5,
...                 TierTable.single(40), cash=Decimal("-103.731933"))
>>> for step in explain_liquidation(Account.of([held]), "BTC").steps:
...     print(f"{step.name}: {step.formula} = {plain(step.result)}")
Cash leg of the position: 25.856067 − 0.002 × 64794 = -103.731933
Maintenance rate at liquidation: value from 0 = 0.0125
Maintenance deduction: tier from 0 = 0
Liquidation price: −(-103.731933 + 0) / (0.002 × (1 − 0.0125)) = 52522.4977215
Equity there: -103.731933 + 0.002 × 52522.4977215 = 1.31306244304
Maintenance there: 105.044995443 × 0.0125 − 0 = 1.31306244304
Distance from the mark: (64794 − 52522.4977215) / 64794 = 0.189392571511
>>> explain_maximum_loss(Account.of([held]), "BTC", HYPERLIQUID).steps[-1].result
Decimal('25.898067')
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from trading.margin.cross import CrossState, liquidations_in, state_of
from trading.margin.errors import MarginInputError, Problem
from trading.margin.isolated import distance, maximum_loss
from trading.margin.liquidation import within_reach
from trading.margin.rules import MarginRules
from trading.margin.types import Account, Basis, FeeRates, Liquidation, MarginMode, Position, Side

_ZERO = Decimal(0)
_SHOWN_FIGURES = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an explanation; no result where the step cannot be taken."""

    name: str
    formula: str
    result: Decimal | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps in order, and the answer they lead to as it is told."""

    steps: tuple[Step, ...]
    liquidation: Liquidation


def explain_liquidation(account: Account, market: str) -> Explanation:
    """How the liquidation price of one position comes about, or why there is none."""
    state = state_of(account)
    held = _position(state, market)
    answer = liquidations_in(state)[market]
    backing, cash = _backing(state, held)
    if cash is None:
        return Explanation((*backing, Step("Liquidation price", _reason(answer), None)), answer)
    if answer.price is None:
        solved = (Step("Liquidation price", f"no price above zero: {_reason(answer)}", None),)
        return Explanation((*backing, *solved), answer)
    told = within_reach(answer, held.side, held.mark_price)
    return Explanation((*backing, *_solution(held, cash, answer.price)), told)


def explain_maximum_loss(
    account: Account, market: str, rules: MarginRules, fees: FeeRates | None = None, opening_fee: Decimal = _ZERO
) -> Explanation:
    """How the maximum loss of one position comes about."""
    state = state_of(account)
    held = _position(state, market)
    answer = liquidations_in(state)[market]
    if held.mode is MarginMode.CROSS:
        formula = "everything in the cross account answers for a cross position"
        return Explanation((Step("Maximum loss", formula, state.equity),), answer)
    loss = maximum_loss(held, rules, fees, opening_fee)
    put_in = f"{plain(held.bucket)} + {plain(held.size)} × {plain(held.entry_price)}"
    steps = (
        Step("Collateral in the position", put_in, held.collateral),
        Step("Opening fees paid beside it", "fee of the venue and of the operator", opening_fee),
        Step("Fee of a forced close", "paid from the collateral, inside the total", loss.closing_fee),
        Step("Maximum loss", f"{plain(loss.collateral)} + {plain(opening_fee)}, rounded up", loss.total),
    )
    return Explanation(steps, answer)


def plain(number: Decimal | None) -> str:
    """A number as a reader writes it: no exponent, no trailing zeros, at most twelve significant figures."""
    if number is None:
        return "none"
    figures = number.adjusted() + 1
    shown = round(number, max(0, _SHOWN_FIGURES - figures)) if number else _ZERO
    text = f"{shown:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _position(state: CrossState, market: str) -> Position:
    held = state.position(market)
    if held is None:
        raise MarginInputError("market", Problem.UNKNOWN_VALUE, "there is no position in this market")
    return held


def _backing(state: CrossState, held: Position) -> tuple[tuple[Step, ...], Decimal | None]:
    """The cash leg behind a position."""
    value = f"{plain(held.size)} × {plain(held.mark_price)}"
    if held.mode is MarginMode.ISOLATED:
        formula = f"{plain(held.equity)} − {value}"
        return (Step("Cash leg of the position", formula, held.bucket),), held.bucket
    equity, others = state.equity, state.maintenance - held.maintenance
    known = Step("Equity of the cross account", _source(state), equity)
    if equity is None:
        return (known,), None
    cash = equity - others - held.size * held.mark_price
    return (
        known,
        Step(
            "Maintenance of the other cross positions",
            f"{plain(state.maintenance)} − {plain(held.maintenance)}",
            others,
        ),
        Step("Cash leg behind the position", f"{plain(equity)} − {plain(others)} − {value}", cash),
    ), cash


def _solution(held: Position, cash: Decimal, price: Decimal) -> tuple[Step, ...]:
    size, mark, answer = plain(held.size), plain(held.mark_price), plain(price)
    value = abs(held.size) * price
    tier = held.tiers.at(value)
    rate, deduction, start = plain(tier.maintenance_rate), plain(tier.deduction), plain(tier.lower_bound)
    sign = "−" if held.side is Side.LONG else "+"
    away = f"({mark} − {answer})" if held.side is Side.LONG else f"({answer} − {mark})"
    solved = f"−({plain(cash)} + {deduction}) / ({size} × (1 {sign} {rate}))"
    return (
        Step("Maintenance rate at liquidation", f"value from {start}", tier.maintenance_rate),
        Step("Maintenance deduction", f"tier from {start}", tier.deduction),
        Step("Liquidation price", solved, price),
        Step("Equity there", f"{plain(cash)} + {size} × {answer}", cash + held.size * price),
        Step("Maintenance there", f"{plain(value)} × {rate} − {deduction}", held.tiers.maintenance(value)),
        Step("Distance from the mark", f"{away} / {mark}", distance(held.side, held.mark_price, price)),
    )


def _source(state: CrossState) -> str:
    basis = state.collateral.basis
    if state.collateral.equity is None:
        return _reason(Liquidation(None, state.collateral.reason))
    if basis is Basis.OWN:
        return "value of the cross account at the present marks"
    if basis is Basis.SPOT:
        return "spot balance less the equity of isolated positions"
    if basis is Basis.ANCHORED or basis is Basis.VENUE:
        return "implied by the venue's own liquidation prices"
    assert_never(basis)


def _reason(answer: Liquidation) -> str:
    return "" if answer.reason is None else answer.reason.value.replace("_", " ")
