"""Frames that arrive out of order, twice, never, or not at all any more."""

import random

from trading.sandbox.delivery import LONGEST_WAIT, MOST_OVERTAKING, Delivery
from trading.sandbox.faults import FRAME_KINDS, Fault, Faults

ANSWERS = {"info", "hyperliquid"}


def delivery(*faults: Fault) -> Delivery:
    return Delivery(Faults(list(faults)), "hyperliquid", most_overtaking=1)


def arrived(way: Delivery, *frames: str) -> list[str]:
    """What arrives of these frames, each of the stream that its first letter names."""
    return [text for frame in frames for text in way.arriving(frame[0], frame)]


def test_frames_arrive_once_and_in_order_where_nothing_strikes() -> None:
    assert arrived(delivery(), "a1", "b1", "a2") == ["a1", "b1", "a2"]
    assert arrived(delivery(Fault("aster", "drop", count=9)), "a1", "a2") == ["a1", "a2"]


def test_frame_is_overtaken_by_the_next_of_its_stream() -> None:
    way = delivery(Fault("hyperliquid", "reorder"))

    assert arrived(way, "a1", "b1", "a2", "a3") == ["b1", "a2", "a1", "a3"]
    assert way.faults.struck == {("hyperliquid", "reorder"): 1}


def test_frame_is_overtaken_by_a_few_at_most() -> None:
    for seed in range(20):
        way = Delivery(Faults([Fault("any", "reorder")]), "aster", chance=random.Random(seed))
        frames = [f"a{number}" for number in range(MOST_OVERTAKING + 1)]
        found = arrived(way, *frames)
        assert found != frames
        assert sorted(found) == frames


def test_frame_that_nothing_overtakes_arrives_late() -> None:
    way = delivery(Fault("hyperliquid", "reorder"))

    assert arrived(way, "a1", "b1") == ["b1"]
    assert [list(way.tick()) for _ in range(LONGEST_WAIT)] == [[], [], ["a1"]]
    assert arrived(way, "a2") == ["a2"]
    assert not way.faults.struck["hyperliquid", "reorder"]


def test_frames_are_doubled_dropped_and_cut_off() -> None:
    assert arrived(delivery(Fault("any", "double")), "a1", "a2") == ["a1", "a1", "a2"]
    assert arrived(delivery(Fault("any", "drop")), "a1", "a2") == ["a2"]
    cut = delivery(Fault("any", "cut"))
    assert (arrived(cut, "a1", "a2"), cut.is_cut) == ([], True)
    assert cut.faults.struck == {("hyperliquid", "cut"): 1}


def test_frames_by_chance_fare_the_same_with_the_same_seed() -> None:
    def run() -> list[str]:
        ordered = [Fault("any", kind, probability=0.2, chance=random.Random(3)) for kind in FRAME_KINDS[:3]]
        return arrived(delivery(*ordered), *(f"a{number}" for number in range(100)))

    first = run()
    assert first == run()
    assert first != [f"a{number}" for number in range(100)]


def test_faults_of_frames_and_of_requests_leave_each_other_alone() -> None:
    faults = Faults([Fault("any", "drop"), Fault("any", "drop_before")])

    assert faults.plan(ANSWERS).kinds == {"drop_before"}
    assert faults.of_a_frame("hyperliquid") == {"drop"}
    assert (faults.plan(ANSWERS).kinds, faults.of_a_frame("hyperliquid")) == (set(), set())
