"""The policy as arithmetic: it can only tighten what the venue allows, and a trader's own choice goes before it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenants.console.consequences import conflicts, consequence, remarks
from tenants.policy import Policy, highest_leverage, offered_modes, slider_marks, starting_leverage, starting_mode
from tests.factories import make_spec
from trading.margin.types import MarginMode, MarginRestriction

ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS
LEVERAGES = some.integers(1, 200)
POLICIES = some.builds(
    Policy,
    offers_cross=some.booleans(),
    default_mode=some.sampled_from(MarginMode),
    isolated_leverage=LEVERAGES,
    cross_leverage=LEVERAGES,
    leverage_cap=some.none() | LEVERAGES,
    slider_marks=some.lists(LEVERAGES, max_size=8).map(tuple),
)


@given(POLICIES, LEVERAGES, some.none() | LEVERAGES, some.sampled_from(MarginMode))
def test_no_policy_and_no_choice_goes_beyond_the_venue(
    policy: Policy, venue: int, chosen: int | None, mode: MarginMode
) -> None:
    highest = highest_leverage(policy, venue)
    marks = slider_marks(policy, highest)

    assert highest <= venue
    assert 1 <= starting_leverage(policy, mode, highest, chosen) <= highest
    assert (marks[0], marks[-1], list(marks)) == (1, highest, sorted(set(marks)))


@given(POLICIES, some.sampled_from(MarginRestriction), some.none() | some.sampled_from(MarginMode))
def test_mode_is_always_one_that_is_offered(
    policy: Policy, restriction: MarginRestriction, chosen: MarginMode | None
) -> None:
    offered = offered_modes(policy, restriction)

    assert ISOLATED in offered
    assert starting_mode(policy, offered, chosen) in offered
    assert CROSS not in offered or (policy.offers_cross and restriction is MarginRestriction.NONE)


@pytest.mark.parametrize(
    ("chosen", "highest", "expected"), [(None, 40, 3), (7, 40, 7), (20, 5, 5), (None, 2, 2), (1, 40, 1)]
)
def test_own_choice_goes_before_the_default_and_both_are_clamped(
    chosen: int | None, highest: int, expected: int
) -> None:
    assert starting_leverage(Policy(isolated_leverage=3), ISOLATED, highest, chosen) == expected


@pytest.mark.parametrize(
    ("marks", "highest", "expected"),
    [
        ((1, 3, 5, 10), 40, (1, 3, 5, 10, 40)),
        ((1, 3, 5, 10), 5, (1, 3, 5)),
        ((20, 25), 10, (1, 2, 5, 8, 10)),
        ((), 40, (1, 10, 20, 30, 40)),
        ((), 1, (1,)),
        ((2,), 2, (1, 2)),
    ],
)
def test_marks_end_where_the_slider_ends(marks: tuple[int, ...], highest: int, expected: tuple[int, ...]) -> None:
    assert slider_marks(Policy(slider_marks=marks), highest) == expected


def test_market_that_follows_the_policy_has_no_conflict() -> None:
    outcome = consequence(Policy(isolated_leverage=3, cross_leverage=3, leverage_cap=5), make_spec("BTC", 40))

    assert (outcome.mode, outcome.isolated, outcome.cross, outcome.highest, outcome.conflict) == (
        "Isolated",
        "3x (venue max 40x)",
        "3x",
        "5x",
        "",
    )


def test_venue_that_allows_less_is_told_once_for_all_its_markets() -> None:
    policy = Policy(isolated_leverage=10, cross_leverage=4)
    outcomes = [consequence(policy, make_spec(name, most)) for name, most in (("BTC", 40), ("OP", 5), ("INJ", 5))]

    (conflict,) = conflicts(outcomes)
    assert conflict.markets == ("OP", "INJ")
    assert conflict.sentence == "The venue allows 5x, so the isolated default of 10x becomes 5x."
    assert [outcome.isolated for outcome in outcomes] == [
        "10x (venue max 40x)",
        "5x (venue max 5x)",
        "5x (venue max 5x)",
    ]


def test_market_without_cross_opens_isolated_and_says_so() -> None:
    policy = Policy(default_mode=CROSS)
    outcome = consequence(policy, make_spec("NEW", 5, MarginRestriction.STRICT_ISOLATED))

    assert (outcome.mode, outcome.cross) == ("Isolated", "not offered")
    assert outcome.conflict == "The venue takes isolated margin only, so it opens isolated."


def test_cap_and_marks_beyond_every_market_are_remarked_on() -> None:
    specs = [make_spec("BTC", 40), make_spec("OP", 5)]

    assert remarks(Policy(leverage_cap=40), specs) == (
        "No market allows more than 40x, so the cap of 40x changes nothing.",
    )
    assert remarks(Policy(leverage_cap=10, slider_marks=(1, 20, 50)), specs) == (
        "20x, 50x will not be shown: no market goes that far here.",
    )
    assert remarks(Policy(leverage_cap=10, margin_presets=(Decimal(5),)), specs) == ()
