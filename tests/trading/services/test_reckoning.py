"""Whether figures follow from their anchors, and as of which moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading.services.reckoning import BALANCE, Anchor, Change, Gap, compare

CLOCK = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
START = Anchor(Decimal(1000), CLOCK - timedelta(minutes=1))
LEG = "margin BTC"


def after(seconds: int) -> datetime:
    return CLOCK + timedelta(seconds=seconds)


def paid(seconds: int, amount: str = "-3") -> Change:
    return Change(BALANCE, Decimal(amount), after(seconds))


def test_figure_without_events_is_as_of_its_own_time() -> None:
    seen = compare({BALANCE: START}, {BALANCE: Decimal(1000)}, [], CLOCK)

    assert (seen.gaps, seen.as_of) == ((), {BALANCE: CLOCK})


def test_figure_that_holds_a_later_event_is_as_of_that_event_and_no_later_one() -> None:
    changes = [paid(-5, "10"), paid(1), paid(2, "-4")]

    seen = compare({BALANCE: START}, {BALANCE: Decimal(1007)}, changes, CLOCK)

    assert (seen.gaps, seen.as_of) == ((), {BALANCE: after(1)})


def test_next_figure_counts_an_event_once() -> None:
    first = compare({BALANCE: START}, {BALANCE: Decimal(997)}, [paid(1)], CLOCK)
    anchor = Anchor(Decimal(997), first.moment_of(BALANCE))

    assert compare({BALANCE: anchor}, {BALANCE: Decimal(997)}, [paid(1)], after(60)).gaps == ()


def test_figure_that_was_not_compared_is_of_the_balances_moment() -> None:
    seen = compare({BALANCE: START}, {BALANCE: Decimal(997), LEG: Decimal(-90)}, [paid(1)], CLOCK)

    assert seen.moment_of(LEG) == after(1)


def test_gap_is_told_as_of_the_figures_time() -> None:
    seen = compare({BALANCE: START}, {BALANCE: Decimal(990)}, [paid(1)], CLOCK)

    assert seen.gaps == (Gap(BALANCE, Decimal(1000), Decimal(990)),)
    assert seen.moment_of(BALANCE) == CLOCK
