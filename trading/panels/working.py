"""How a position's decisive numbers come about, step by step, with the trader's own figures in them."""

from collections.abc import Iterable
from dataclasses import dataclass

from trading.desk import Desk
from trading.holdings import RULES
from trading.margin.explain import Step, explain_liquidation, explain_maximum_loss, plain
from trading.models import Position
from trading.panels.liquidation import reason_text
from trading.panels.market import liquidation_text
from trading.panels.numbers import MINUS, grouped
from trading.panels.positions import account_freshness
from trading.panels.view_models import Freshness
from trading.venues.snapshots import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One line of a working. ``result`` is empty where the step cannot be taken."""

    name: str
    formula: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """The dialog behind a liquidation price: ours beside the venue's, and both computations."""

    title: str
    badge: str
    mode: str
    ours: str
    venues: str
    steps: tuple[StepRow, ...]
    loss_steps: tuple[StepRow, ...]
    freshness: Freshness


def build_working(desk: Desk, row: Position) -> Working:
    """Work one position out at the newest marks. Raises ``MarginInputError`` where the rows make no sense."""
    spec, account = row.market.rules, desk.engine_in(row.market)
    explained = explain_liquidation(account, spec.name)
    loss = explain_maximum_loss(account, spec.name, RULES[Venue(spec.venue)], desk.fees)
    ours, venues = explained.liquidation.price, row.liquidation_price
    mark = desk.mark(row.market) or row.mark_price
    return Working(
        title=f"{spec.base} {'long' if row.size > 0 else 'short'}: how its numbers come about",
        badge=f"{row.mode.title()} {row.leverage}x",
        mode=row.mode,
        ours=liquidation_text(ours, mark, spec) if ours else reason_text(explained.liquidation),
        venues=liquidation_text(venues, mark, spec) if venues else "The venue gives none.",
        steps=step_rows(explained.steps),
        loss_steps=step_rows(loss.steps),
        freshness=account_freshness(desk),
    )


def step_rows(steps: Iterable[Step]) -> tuple[StepRow, ...]:
    """The engine's steps as they are printed."""
    return tuple(
        StepRow(
            name=step.name,
            formula=grouped(step.formula.replace("-", MINUS)),
            result=grouped(plain(step.result).replace("-", MINUS)) if step.result is not None else "",
        )
        for step in steps
    )
