"""Margin utilisation in words and colour: maintenance margin over equity, liquidation at 100 %."""

from dataclasses import dataclass
from decimal import Decimal

from trading.margin.quotes import Readout
from trading.margin.types import MarginMode
from trading.panels.numbers import percent
from trading.panels.view_models import Tone

HIGH = Decimal("0.8")
MEDIUM = Decimal("0.4")
WORDS = {Tone.UP: "low", Tone.WARN: "medium", Tone.DOWN: "high"}


@dataclass(frozen=True, slots=True)
class Utilisation:
    """The number, the word and the colour beside it, and how full its bar is, 0 to 100."""

    text: str
    words: str
    tone: Tone
    gauge: int


UNKNOWN = Utilisation("not known", "", Tone.PLAIN, 0)
EXHAUSTED = Utilisation("over 100\u202f%", WORDS[Tone.DOWN], Tone.DOWN, 100)


def utilisation(maintenance: Decimal, equity: Decimal | None) -> Utilisation:
    """Of an account: unknown where its equity is, exhausted where none is left to carry a maintenance margin."""
    if equity is None:
        return UNKNOWN
    if equity > 0:
        return shown_as(maintenance / equity)
    return EXHAUSTED if maintenance > 0 else shown_as(Decimal(0))


def utilisation_of(readout: Readout) -> Utilisation:
    """Of what answers for a position. The engine gives none where the equity is unknown, and where none is left."""
    if readout.utilisation is not None:
        return shown_as(readout.utilisation)
    is_known = readout.position.mode is MarginMode.ISOLATED or readout.maximum_loss is not None
    return EXHAUSTED if is_known else UNKNOWN


def shown_as(used: Decimal) -> Utilisation:
    """Green below 40 %, amber to 80 %, red above; the number always stands beside it."""
    tone = Tone.DOWN if used >= HIGH else Tone.WARN if used >= MEDIUM else Tone.UP
    return Utilisation(percent(used, 0), WORDS[tone], tone, int(min(used, Decimal(1)) * 100))
