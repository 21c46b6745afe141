"""Whose turn it is, worked out without a database."""

import doctest
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.services import risk, schedule
from trading.services.risk import Exposure, Floats, distance, nearest
from trading.services.schedule import PROMISES, Need, Roster, choose, due_ages, needs_of, rest_after, turn_weight
from trading.venues.aster import weights as aster
from trading.venues.ledger import Answer, Charge, Ledger, Meter, Priority

NOW = 1_000_000.0
FAR = 0.5


def roster(*accounts: tuple[Need, float], weights: int = 2, not_before: float = 0.0) -> Roster:
    """Accounts by their need and how long they have waited."""
    needs = np.array([need for need, _ in accounts], np.int8)
    return Roster(
        needs,
        due_ages(needs, np.full(len(accounts), FAR)),
        np.array([NOW - waited for _, waited in accounts]),
        np.full(len(accounts), not_before),
        np.full(len(accounts), weights, np.int64),
        np.zeros(len(accounts)),
        np.full(len(accounts), FAR),
    )


def chosen(accounts: Roster, weight: float = 1000) -> list[int]:
    return [int(place) for place in choose(accounts, NOW, weight)]


def test_need_is_the_most_urgent_that_applies() -> None:
    away = np.array([0.001, 0.001, 0.02, 0.0201, 0.05, 0.0501, 1, np.nan])
    looked_at, unsettled = np.arange(8) == 1, np.arange(8) == 0
    in_order = [Need.NEAR, Need.NEAR, Need.OPEN, Need.OPEN, Need.IDLE]

    assert needs_of(away, looked_at, unsettled).tolist() == [
        Need.UNSETTLED,
        Need.LOOKED_AT,
        Need.VERY_NEAR,
        *in_order,
    ]


def test_promise_grows_with_the_distance_and_never_jumps() -> None:
    away = np.linspace(0, 0.2, 20_001)
    ages = due_ages(needs_of(away, away < 0, away < 0), away)

    assert np.all(np.diff(ages) >= 0)
    assert np.max(ages[1:] / ages[:-1]) < 1.06
    assert [ages[0], ages[-1]] == pytest.approx([PROMISES[Need.VERY_NEAR].due, PROMISES[Need.OPEN].due])


def test_who_has_waited_longest_in_parts_of_his_due_goes_first() -> None:
    in_time = [
        (Need.OPEN, 1000.0),
        (Need.NEAR, 26.0),
        (Need.VERY_NEAR, 12.6),
        (Need.LOOKED_AT, 2.4),
        (Need.IDLE, 8120.0),
    ]

    assert chosen(roster(*in_time)) == [4, 3, 2, 1, 0]


def test_among_the_late_risk_goes_first() -> None:
    late = [(Need.IDLE, 7900.0), (Need.OPEN, 7900.0), (Need.NEAR, 120.0), (Need.VERY_NEAR, 17.0), (Need.UNSETTLED, 2.1)]

    assert chosen(roster(*late)) == [4, 3, 2, 0, 1]


HELD = st.tuples(st.sampled_from([Need.VERY_NEAR, Need.NEAR, Need.OPEN]), st.floats(0, 0.99), st.floats(0, 1e9))


@given(st.lists(HELD, min_size=2, max_size=30), st.integers(0, 29))
def test_larger_goes_first_among_equals_within_bounds_and_never_out_of_its_class(
    held: list[tuple[Need, float, float]], twin: int
) -> None:
    """Everybody is late, nobody forgotten or looked at; the last is another one's twin who holds twice as much."""
    need, late, notional = held[twin % len(held)]
    held = [*held, (need, late, 2 * notional + 1000)]
    rows = [
        (one, PROMISES[one].due + part * min(150, PROMISES[one].forgotten - PROMISES[one].due)) for one, part, _ in held
    ]
    waited = np.array([row[1] for row in rows])
    accounts = replace(roster(*rows), notionals=np.array([size for *_, size in held]))
    order = chosen(accounts)

    assert sorted(order) == list(range(len(held)))
    assert order.index(len(held) - 1) < order.index(twin % (len(held) - 1))
    urgencies = [PROMISES[held[place][0]].urgency for place in order]
    assert urgencies == sorted(urgencies, reverse=True)
    for number, place in enumerate(order):
        behind = [other for other in order[number:] if held[other][0] is held[place][0]]
        assert waited[behind].max() <= (1 + schedule.SIZE_COUNTS) * waited[place] * (1 + 1e-9)


def test_small_one_near_liquidation_is_read_among_many_large_ones() -> None:
    """Fifty that hold millions would take every turn: one that holds a hundred dollars waits hardly longer."""
    needs, read_at, worst = np.full(51, Need.VERY_NEAR, np.int8), np.full(51, NOW), np.zeros(51)
    due, sizes = np.full(51, 13.5), np.array([5e6] * 50 + [100.0])
    for now in np.arange(NOW, NOW + 2000):
        worst = np.maximum(worst, now - read_at)
        read_at[choose(Roster(needs, due, read_at, np.zeros(51), np.full(51, 2), sizes, np.full(51, FAR)), now, 4)] = (
            now
        )

    assert worst[50] <= 1.3 * 51 / 2
    assert worst[:50].max() <= worst[50]


@pytest.mark.parametrize("weight", [11, 26])
def test_turn_always_has_room_for_one_reading_where_the_budget_has(weight: int) -> None:
    """Of a forgotten one too, whose part of the turn is smaller, and where a second's share is less than its cost."""
    dear = roster((Need.OPEN, 8500.0), (Need.VERY_NEAR, 14.0), weights=weight)

    assert turn_weight(1000, 19, 1.0, weight) == max(22.8, weight)
    assert chosen(dear, turn_weight(1000, 19, 1.0, weight))[:1] == [0]
    assert chosen(dear, turn_weight(weight - 1, 19, 1.0, weight)) == []


def test_aster_readings_keep_the_promises_where_the_budget_suffices() -> None:
    """Four hundred accounts at the limit and the weight of Aster: charged less, turns begin what they cannot finish."""
    needs = np.array([Need.VERY_NEAR] * 20 + [Need.NEAR] * 80 + [Need.OPEN] * 300, np.int8)
    due = due_ages(needs, np.where(needs == Need.OPEN, FAR, 0.01))
    due[20:100] = PROMISES[Need.NEAR].due
    costs = np.full(400, aster.readings(0).account)
    read_at, ledger, meter, ages = NOW - due * np.linspace(0, 1, 400), Ledger(), Meter("a", aster.TARIFF.weight), []
    ceiling = meter.ceiling(Priority.ROUTINE)
    for now in np.arange(NOW, NOW + 600).tolist():
        free = turn_weight(ceiling - ledger.used(meter, now), ceiling / 60, 1.0)
        accounts = Roster(needs, due, read_at, np.zeros(400), costs, np.zeros(400), np.full(400, FAR))
        for place in choose(accounts, now, free).tolist():
            charges = [(f"{place} {now} {number}", (Charge(meter, cost),)) for number, cost in enumerate((1, 5, 5))]
            assert [ledger.take(now, name, Priority.ROUTINE, charge) for name, charge in charges] == [0, 0, 0]
            for name, charge in charges:
                ledger.settle(now + 0.05, name, charge, Answer())
            read_at[place] = now
        ages.append(now + 1 - read_at)

    assert np.quantile(np.array(ages)[60:, :20], 0.99) <= PROMISES[Need.VERY_NEAR].age
    assert np.quantile(np.array(ages)[60:, 20:100], 0.99) <= PROMISES[Need.NEAR].age


def test_forgotten_have_a_part_of_the_turn_before_all() -> None:
    rows = [(Need.VERY_NEAR, 50.0), (Need.IDLE, 8600.0), (Need.NEAR, 230.0), (Need.UNSETTLED, 10.0)]
    assert chosen(roster(*rows)) == [1, 3, 0, 2]

    crowd = [(Need.VERY_NEAR, 20.0 + number / 2) for number in range(50)] + [(Need.OPEN, 8700.0)] * 50
    assert [place >= 50 for place in chosen(roster(*crowd), weight=20)] == [True] * 2 + [False] * 8


def test_in_a_crowd_the_nearest_to_liquidation_goes_first() -> None:
    """Though those at the edge have waited longer, until they are forgotten and have their part of the turn."""
    away = np.array([0.049, 0.03, 0.04, 0.049])
    needs = needs_of(away, away < 0, away < 0)
    waited = np.array([150.0, 60.0, 60.0, 600.0])
    accounts = Roster(needs, due_ages(needs, away), NOW - waited, np.zeros(4), np.full(4, 2), np.zeros(4), away)

    assert chosen(accounts) == [3, 1, 2, 0]


def test_part_of_the_forgotten_grows_with_their_number() -> None:
    """Of ten readings: two while few are forgotten, six where a minute of turns would not read them all."""
    near = [(Need.VERY_NEAR, 15.0)] * 50
    few, many = [*near, *[(Need.OPEN, 8700.0)] * 3], [*near, *[(Need.OPEN, 8700.0)] * 600]

    assert sum(place >= 50 for place in chosen(roster(*few), weight=20)) == 2
    assert sum(place >= 50 for place in chosen(roster(*many), weight=20)) == 6


def test_promises_have_slack_until_many_near_have_waited_for_long() -> None:
    """Half of their due ages; those far off and those looked at say nothing."""
    others = [(Need.OPEN, 8100.0), (Need.LOOKED_AT, 2.4), (Need.UNSETTLED, 1.9)]
    fresh, waiting = (Need.NEAR, 20.0), (Need.VERY_NEAR, 7.0)

    assert schedule.has_slack(roster(*others), NOW)
    assert schedule.has_slack(roster(*others, *[fresh] * 19, waiting), NOW)
    assert not schedule.has_slack(roster(*others, *[fresh] * 18, waiting), NOW)


def test_hopeless_budget_keeps_everybody_in_the_order_of_danger() -> None:
    """Many times more accounts than can be read: the near are far fresher than in a round robin, and all are read."""
    accounts, a_turn, seconds = 1000, 5, 40.0
    distances = np.full(accounts, FAR)
    distances[:2], distances[2:30] = 0.01, 0.035
    needs = needs_of(distances, distances < 0, distances < 0)
    due, read_at, oldest = due_ages(needs, distances), np.full(accounts, NOW), np.zeros(accounts)
    for now in np.arange(NOW, NOW + 100_000, seconds):
        oldest = np.maximum(oldest, now - read_at)
        read_at[
            choose(
                Roster(needs, due, read_at, np.zeros(accounts), np.full(accounts, 2), np.zeros(accounts), distances),
                now,
                2 * a_turn,
            )
        ] = now

    round_robin = accounts / a_turn * seconds
    assert oldest[:2].max() == seconds
    assert oldest[2:30].max() <= round_robin / 4
    assert oldest[30:].max() <= round_robin / schedule.FORGOTTEN_SHARE


def test_reading_goes_through_the_address_that_has_most_left() -> None:
    assert schedule.deal([2] * 6, {"one": 8, "two": 4}) == ["one", "one", "one", "two", "one", "two"]
    assert schedule.deal([4, 2], {"one": 0}) == ["one", "one"]
    assert schedule.deal([], {}) == []


def test_account_that_was_just_read_or_rests_is_left_alone() -> None:
    young = [(need, promise.period - 0.01) for need, promise in PROMISES.items()]

    assert chosen(roster(*young)) == []
    assert chosen(roster((Need.OPEN, 6000.0), not_before=NOW + 1)) == []
    assert chosen(roster((Need.OPEN, 6000.0), not_before=NOW)) == [0]


def test_turn_never_costs_more_than_its_weight() -> None:
    rows = [(Need.LOOKED_AT, 2.0 + number / 1000) for number in range(50)]

    assert chosen(roster(*rows), weight=24) == list(range(49, 37, -1))
    assert len(chosen(roster(*rows, weights=4), weight=24)) == 6
    assert len(chosen(roster(*rows, weights=4), weight=23)) == 5
    assert [chosen(roster(*rows), weight=weight) for weight in (1, 0, -3)] == [[], [], []]


def test_nobody_starves_while_others_are_looked_at() -> None:
    """Forty watched accounts would take everything for ever: an idle one is read as soon as it is forgotten."""
    read_at = np.full(41, NOW)
    needs = np.array([Need.LOOKED_AT] * 40 + [Need.IDLE], np.int8)
    due = due_ages(needs, np.full(41, np.nan))
    waited = []
    for second in range(1, 20_000):
        now = NOW + second
        accounts = Roster(needs, due, read_at, np.zeros(41), np.full(41, 2), np.zeros(41), np.full(41, np.nan))
        places = choose(accounts, now, 16)
        if 40 in places:
            waited.append(now - read_at[40])
        read_at[places] = now

    assert len(waited) == 2
    assert max(waited) <= PROMISES[Need.IDLE].age


@pytest.mark.parametrize("onlookers", [5, 30, 100])
def test_however_many_look_those_near_liquidation_are_read_in_time(onlookers: int) -> None:
    """Twenty within 2 % and two hundred within 5 % take most of what a turn may spend. All who look share a hundredth,
    and who is near himself is read as such."""
    distances = np.array([0.01] * 20 + [0.04] * 200 + [FAR] * onlookers)
    looked_at = np.arange(len(distances)) >= 220
    looked_at[0] = True
    needs = needs_of(distances, looked_at, distances < 0)
    due, oldest = due_ages(needs, distances), np.zeros(len(needs))
    read_at = NOW - np.arange(len(needs), dtype=np.float64) % 40
    nothing, costs = np.zeros(len(needs)), np.full(len(needs), 2)
    for now in np.arange(NOW, NOW + 900):
        oldest = np.maximum(oldest, now - read_at)
        read_at[choose(Roster(needs, due, read_at, nothing, costs, nothing, distances), now, 15)] = now

    assert oldest[:20].max() <= PROMISES[Need.VERY_NEAR].age
    assert oldest[20:220].max() <= PROMISES[Need.NEAR].age
    assert oldest[220:].max() <= 60 + 14 * onlookers


def test_many_poisoned_accounts_do_not_starve_a_good_one() -> None:
    """A hundred accounts fail each time they are read, near liquidation all of them: the good one is read in time."""
    needs = np.full(101, Need.VERY_NEAR, np.int8)
    read_at, not_before, failures = np.full(101, NOW), np.zeros(101), np.zeros(101)
    ages = []
    for second in range(1, 3600):
        now = NOW + second
        ages.append(now - read_at[100])
        for place in choose(
            Roster(needs, np.full(101, 16.0), read_at, not_before, np.full(101, 2), np.zeros(101), np.full(101, 0.01)),
            now,
            16,
        ):
            if place == 100:
                read_at[place] = now
            else:
                failures[place] += 1
                not_before[place] = now + rest_after(int(failures[place]))

    assert np.quantile(ages[300:], 0.99) <= PROMISES[Need.VERY_NEAR].age


def test_turn_spends_what_is_free_but_never_all_at_once() -> None:
    assert turn_weight(1000, 16, 1) == pytest.approx(19.2)
    assert turn_weight(1000, 16, 3) == pytest.approx(57.6)
    assert turn_weight(7, 16, 1) == 7
    assert turn_weight(-5, 16, 1) == -5


def test_venue_that_is_back_after_ten_minutes_meets_no_herd_and_all_are_current_within_30_seconds() -> None:
    """Sixty accounts, all overdue, on one address of Hyperliquid's limit, a turn a second, each answered in 0.2 s."""
    classes = [Need.LOOKED_AT] * 8 + [Need.VERY_NEAR] * 12 + [Need.NEAR] * 20 + [Need.OPEN] * 20
    needs, promised = np.array(classes, np.int8), np.array([PROMISES[need].age for need in classes])
    due = due_ages(needs, np.full(60, FAR))
    read_at = np.where(needs == Need.OPEN, NOW - promised, NOW) - 600
    ledger, meter, spent, current = Ledger(), Meter("address", 1200), [], []
    ceiling = meter.ceiling(Priority.ROUTINE)
    steady = ceiling / meter.seconds
    assert np.all(NOW - read_at > promised)

    for now in np.arange(NOW, NOW + 300).tolist():
        free = turn_weight(ceiling - ledger.used(meter, now), steady, 1.0)
        accounts = Roster(needs, due, read_at, np.zeros(60), np.full(60, 2), np.zeros(60), np.full(60, FAR))
        turn = choose(accounts, now, free)
        for place in turn.tolist():
            name, charges = f"{place} at {now}", (Charge(meter, 2),)
            assert ledger.take(now, name, Priority.ROUTINE, charges) == 0
            ledger.settle(now + 0.2, name, charges, Answer())
        read_at[turn] = now
        spent.append(2 * turn.size)
        current.append(bool(np.all(now - read_at <= promised)))

    assert max(spent) <= schedule.CATCHING_UP * steady
    assert sum(spent[:3]) > 2 * steady
    assert current.index(True) <= 30
    assert all(current[30:])


@pytest.mark.parametrize(
    ("mark", "liquidation", "expected"),
    [
        ("100", "90", Decimal("0.1")),
        ("100", "110", Decimal("0.1")),
        ("100", "900", Decimal(1)),
        ("100", None, Decimal(1)),
        (None, "90", Decimal(0)),
        ("0", "90", Decimal(0)),
    ],
)
def test_distance_to_liquidation(mark: str | None, liquidation: str | None, expected: Decimal) -> None:
    assert distance(Decimal(mark) if mark else None, Decimal(liquidation) if liquidation else None) == expected


def exposure(*rows: tuple[int, int, float, float, bool], equity: Floats, maintenance: Floats) -> Exposure:
    """Positions as account, market, size, liquidation price and whether it is cross; told at marks of 100."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return Exposure(
        np.array(columns[0], np.intp), np.array(columns[1], np.intp), np.array(columns[2], float),
        np.array(columns[3], float), np.full(len(rows), 100.0), np.array(columns[4], np.bool_), equity, maintenance,
    )  # fmt: skip


def test_isolated_account_is_as_near_as_its_nearest_position() -> None:
    nobody, far = np.zeros(5), float("nan")
    held = exposure(
        (0, 0, 1, 90, False), (0, 1, -2, 102, False), (1, 0, 1, far, False), (2, 2, 1, 5, False), (4, 0, 1, 120, False),
        equity=nobody, maintenance=nobody,
    )  # fmt: skip

    found = nearest(held, np.array([100.0, 100.0, float("nan")]))
    assert found[[0, 1, 2, 4]].tolist() == pytest.approx([0.02, 1, 0.95, 0])
    assert np.isnan(found[3])


def test_cross_account_moves_with_all_its_marks() -> None:
    """Equity 30 on 2 x 100 long and 1 x 100 short, maintenance 6: told at 100 each, then the long falls to 94."""
    held = exposure((0, 0, 2, 1, True), (0, 1, -1, 1, True), equity=np.array([30.0]), maintenance=np.array([6.0]))

    assert nearest(held, np.array([100.0, 100.0])).tolist() == pytest.approx([(30 - 6) / 300])
    value = 2 * 94 + 100
    assert nearest(held, np.array([94.0, 100.0])).tolist() == pytest.approx([(30 - 12 - 6 * value / 300) / value])
    assert nearest(held, np.array([80.0, 100.0])).tolist() == [0]
    assert nearest(held, np.array([100.0, float("nan")])).tolist() == pytest.approx([(30 - 6) / 300])


def test_mark_that_is_not_known_is_taken_as_it_was_told_last_and_near_only_without_that() -> None:
    held = exposure((0, 0, 1, 90, False), (1, 1, 1, 90, True), equity=np.full(2, 50.0), maintenance=np.full(2, 1.0))
    nothing = np.full(2, np.nan)

    assert nearest(held, nothing).tolist() == pytest.approx([0.1, 0.49])
    held.marks_then[:] = 0
    assert nearest(held, nothing).tolist() == [0, 0]


def test_account_is_as_near_as_the_nearer_of_its_two_kinds() -> None:
    rows = ((0, 0, 2, 1, True), (0, 1, 1, 97, False))
    held = exposure(*rows, equity=np.array([100.0]), maintenance=np.array([1.0]))

    assert nearest(held, np.array([100.0, 100.0])).tolist() == pytest.approx([0.03])
    assert nearest(held, np.array([51.0, 100.0])).tolist() == pytest.approx([(100 - 98 - 0.51) / 102])


@pytest.mark.parametrize("module", [schedule, risk])
def test_modules_open_with_examples_that_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
