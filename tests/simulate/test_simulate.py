"""A short simulation: the bounds hold, and what counts breaches would notice one."""

import numpy as np
import pytest

from tests.simulate.address import LIMIT
from tests.simulate.pair import AT_RISK, Pair
from tests.simulate.picture import picture
from tests.simulate.platform import FAILING, Plan
from tests.simulate.report import BUDGET, last_line, table, tables
from tests.simulate.run import Finding, round_robin, simulate
from tests.simulate.world import Traders, VenueCounter
from trading.services.schedule import Need


@pytest.fixture(scope="module")
def pair() -> Pair:
    """Twenty-four minutes of 1,500 accounts, the fall of all marks included."""
    plan = Plan(1_500, 1, hours=0.4)
    return Pair(simulate(plan), simulate(plan, round_robin))


def at_risk(finding: Finding) -> int:
    return finding.ages.quantile(0.99, *AT_RISK)


def test_accounts_near_liquidation_are_fresh_through_a_fall_of_all_marks(pair: Pair) -> None:
    assert pair.ours.after_shock.quantile(0.99, Need.VERY_NEAR) <= 20
    assert at_risk(pair.ours) <= 60
    assert pair.ours.oldest <= 9000
    assert at_risk(pair.round_robin) >= 5 * at_risk(pair.ours)


def test_venues_limit_is_used_and_never_broken(pair: Pair) -> None:
    assert [pair.ours.breaches, pair.round_robin.breaches] == [0, 0]
    assert LIMIT * 0.8 < pair.ours.highest <= LIMIT


def test_orders_never_wait_behind_reads(pair: Pair) -> None:
    assert len(pair.ours.command_waits) > 10
    assert pair.ours.command_waits.max() == 0


def test_same_seed_gives_the_same_run() -> None:
    plan = Plan(200, 2, hours=0.35)
    first, second = simulate(plan), simulate(plan)

    assert (first.reads, first.bound, first.highest) == (second.reads, second.bound, second.highest)


def test_leaving_out_those_who_cannot_be_chosen_changes_nothing() -> None:
    """Nor may anybody be chosen who was left out: only the order among equals differs."""
    plan = Plan(1_000, 2, hours=0.35)
    some, all_of_them = simulate(plan), simulate(plan, watch_all=True)

    assert (some.reads, at_risk(some)) == (all_of_them.reads, at_risk(all_of_them))


def test_world_is_that_of_the_goals() -> None:
    """Three in ten hold nothing, and about 2.5 in a hundred are within 5 % of liquidation, over many seeds."""
    everybody, near, flat = np.arange(10_000), [], []
    for seed in range(1, 4):
        away = Traders(np.random.default_rng(seed), 10_000).distances(everybody)
        near.append(np.mean(away <= 0.05))
        flat.append(np.mean(np.isnan(away)))

    assert 0.024 <= np.mean(near) <= 0.029
    assert 0.28 <= np.mean(flat) <= 0.32


def test_counter_notices_a_breach_in_any_sliding_minute() -> None:
    counter = VenueCounter(LIMIT)
    counter.count(np.arange(0.0, 60.0, 0.5), 10)
    assert (counter.highest, counter.breaches) == (1200, 0)
    counter.count(np.array([59.9]), 1)
    counter.count(np.array([60.0]), 10)

    assert (counter.highest, counter.breaches) == (1201, 2)


def test_broken_bounds_are_told(pair: Pair) -> None:
    assert pair.broken() == []
    slow = np.full(100, 0.2)

    assert Pair(_with(pair.ours, command_waits=slow, breaches=3), pair.round_robin).broken() == [
        "1500 accounts on 1: breaches is 3, allowed is 0",
        "1500 accounts on 1: order waits p99 is 0.2, allowed is 0.05",
    ]


def test_goal_of_the_oldest_is_not_about_days_on_which_very_many_look(pair: Pair) -> None:
    day, crowded = Plan(10_000, 1, hours=24), Plan(10_000, 1, hours=24, viewers=100)
    old = [Pair(_with(pair.ours, plan=plan, oldest=9001.0), pair.round_robin).broken() for plan in (day, crowded)]

    assert old == [["10000 accounts on 1: oldest is 9001, allowed is 9000"], []]


def _with(finding: Finding, **changes: object) -> Finding:
    fields = {name: getattr(finding, name) for name in Finding.__dataclass_fields__}
    return Finding(**(fields | changes))


def test_report_carries_the_measured_figures(pair: Pair) -> None:
    ages = pair.ours.ages
    assert last_line(pair) == (
        f"simulate: accounts=1500 within5_p99={at_risk(pair.ours)} within2_p99={ages.quantile(0.99, Need.VERY_NEAR)}"
        f" max={pair.ours.oldest:.0f} breaches=0 round_robin_p99={at_risk(pair.round_robin)}"
    )
    assert f"{at_risk(pair.round_robin)} s" in tables([pair])
    assert f"{at_risk(pair.ours)} s</text>" in picture([pair])


def test_readings_that_fail_are_told(pair: Pair) -> None:
    """Those of the poisoned, and one in a hundred of the others."""
    others = (pair.ours.failures - pair.ours.in_vain) / (pair.ours.reads - pair.ours.in_vain)

    assert FAILING / 2 < others < FAILING * 2
    assert f"{pair.ours.failures:,}" in table(BUDGET, [pair])


def test_poisoned_accounts_starve_nobody() -> None:
    """Two in a hundred can never be read and come first by their age, and everybody else is as fresh as before."""
    poisoned, well = (simulate(Plan(1_000, 1, hours=0.6, poisoned=count)) for count in (20, 0))

    assert well.in_vain == 0
    assert 20 <= poisoned.in_vain <= poisoned.reads / 40
    assert at_risk(poisoned) <= at_risk(well) + 5
    assert poisoned.oldest <= well.oldest * 1.05


def test_onlookers_starve_nobody_near_liquidation() -> None:
    many = simulate(Plan(1_500, 1, hours=0.4, viewers=150))

    assert many.viewers == 150
    assert at_risk(many) <= 60
    assert many.ages.quantile(0.99, Need.VERY_NEAR) <= 20
