"""The picture for ``docs/``: a day of 10,000 accounts on one address, and every run beside a round robin."""

from collections.abc import Iterator, Sequence
from itertools import chain
from math import log10

from tests.simulate.pair import AT_RISK, WITHIN_2, WITHIN_5, Pair
from trading.services.schedule import Need

WIDTH, LEFT, RIGHT = 880, 176, 836
# The curves' panel, and the first row of bars.
TOP, BOTTOM, BARS, ROW = 96, 366, 462, 46
OURS, NEARER, THEIRS, FALL = "#0f766e", "#b45309", "#98a2b3", "#b42318"
INK, QUIET, LINE = "#1d2939", "#667085", "#eaecf0"
TICKS = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (36_000, "10 h"))
SOONEST, LATEST = TICKS[0][0], TICKS[-1][0]


def picture(pairs: Sequence[Pair]) -> str:
    """An SVG: above the curves of the last of these runs, below bars of all, the days of one world once."""
    day, shown = pairs[-1], _once(pairs)
    height = BARS + ROW * len(shown) + 44
    lines = chain(_frame(height, day), _curves(day), _bars(shown, height))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _once(pairs: Sequence[Pair]) -> list[Pair]:
    """Of runs that differ by their seeds only, the last."""
    return list({_name(pair): pair for pair in pairs}.values())


def _name(pair: Pair) -> tuple[str, str]:
    plan = pair.ours.plan
    places = f"{plan.addresses} address{'es' if plan.addresses > 1 else ''}, {plan.hours:g} h"
    return f"{plan.accounts:,} accounts", f"{places}, {plan.viewers} look" if plan.viewers else places


def _frame(height: int, day: Pair) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-size="13" fill="{INK}"'
        ' font-family="Inter, system-ui, sans-serif" role="img"'
        ' aria-label="How old figures near liquidation are, 99th percentile">'
    )
    yield f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>'
    accounts, places = _name(day)
    yield '<text x="24" y="34" font-size="17" font-weight="600">How old figures near liquidation are</text>'
    yield f'<text x="24" y="56" fill="{QUIET}">{accounts}, {places}: 99th percentile of every ten minutes</text>'


def _y(seconds: float) -> float:
    share = log10(max(seconds, SOONEST) / SOONEST) / log10(LATEST / SOONEST)
    return BOTTOM - (BOTTOM - TOP) * share


def _x(seconds: float) -> float:
    return LEFT + (RIGHT - LEFT) * log10(max(seconds, SOONEST) / SOONEST) / log10(LATEST / SOONEST)


def _curves(day: Pair) -> Iterator[str]:
    plan, curve = day.ours.plan, day.ours.curve
    span = (RIGHT - LEFT) / plan.seconds
    for seconds, label in TICKS:
        yield f'<path d="M{LEFT} {_y(seconds):.1f}H{RIGHT}" stroke="{LINE}"/>'
        yield f'<text x="{LEFT - 10}" y="{_y(seconds) + 4:.1f}" text-anchor="end" fill="{QUIET}">{label}</text>'
    for quarter in range(5):
        at = LEFT + (RIGHT - LEFT) * quarter / 4
        hours = f"{plan.hours * quarter / 4:g} h"
        yield f'<text x="{at:.1f}" y="{BOTTOM + 20}" text-anchor="middle" fill="{QUIET}">{hours}</text>'
    fall = LEFT + plan.shock_at * span
    yield f'<path d="M{fall:.1f} {TOP - 8}V{BOTTOM}" stroke="{FALL}" stroke-dasharray="2 3"/>'
    yield f'<text x="{fall + 8:.1f}" y="{TOP + 2}" fill="{FALL}">all marks fall by 10 %</text>'
    theirs = _y(day.round_robin.ages.quantile(0.99, *AT_RISK))
    yield f'<path d="M{LEFT} {theirs:.1f}H{RIGHT}" stroke="{THEIRS}" stroke-width="2"/>'
    yield f'<text x="{LEFT + 8}" y="{theirs - 7:.1f}" fill="{QUIET}">round robin, within 5 %</text>'
    for goal, colour, words in ((WITHIN_5, OURS, "within 5 %"), (WITHIN_2, NEARER, "within 2 %")):
        y = _y(goal)
        yield f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="{colour}" stroke-dasharray="6 4" stroke-opacity=".55"/>'
        label = f"{words}: goal {goal} s"
        yield f'<text x="{RIGHT}" y="{y - 6:.1f}" text-anchor="end" fill="{colour}">{label}</text>'
    for colour, ages in (
        (OURS, [one.within_5 for one in curve]),
        (NEARER, [one.within_2 for one in curve]),
    ):
        points = (f"{LEFT + one.until * span:.1f},{_y(age):.1f}" for one, age in zip(curve, ages, strict=True))
        line = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round"'
        yield f'<polyline points="{" ".join(points)}" {line}/>'


def _bars(pairs: Sequence[Pair], height: int) -> Iterator[str]:
    yield f'<text x="24" y="{BARS - 34}" font-weight="600">Within 5 % of liquidation, whole runs</text>'
    legend = ((OURS, "by risk", 420), (NEARER, "by risk, within 2 %", 500), (THEIRS, "round robin", 660))
    for colour, words, left in legend:
        yield f'<rect x="{left}" y="{BARS - 45}" width="12" height="12" rx="2" fill="{colour}"/>'
        yield f'<text x="{left + 18}" y="{BARS - 34}">{words}</text>'
    for seconds, label in TICKS:
        x = _x(seconds)
        yield f'<path d="M{x:.1f} {BARS - 14}V{height - 38}" stroke="{LINE}"/>'
        yield f'<text x="{x:.1f}" y="{height - 18}" text-anchor="middle" fill="{QUIET}">{label}</text>'
    for row, pair in enumerate(pairs):
        yield from _row(pair, BARS + ROW * row)


def _row(pair: Pair, y: int) -> Iterator[str]:
    accounts, places = _name(pair)
    yield f'<text x="24" y="{y + 12}" font-weight="600">{accounts}</text>'
    yield f'<text x="24" y="{y + 28}" font-size="12" fill="{QUIET}">{places}</text>'
    ages = (
        (OURS, pair.ours.ages.quantile(0.99, *AT_RISK)),
        (NEARER, pair.ours.ages.quantile(0.99, Need.VERY_NEAR)),
        (THEIRS, pair.round_robin.ages.quantile(0.99, *AT_RISK)),
    )
    for place, (colour, seconds) in enumerate(ages):
        x, top = _x(seconds), y + 12 * place
        yield f'<rect x="{LEFT}" y="{top}" width="{x - LEFT:.1f}" height="9" rx="1.5" fill="{colour}"/>'
        yield f'<text x="{x + 6:.1f}" y="{top + 9}" font-size="11">{seconds:,} s</text>'
