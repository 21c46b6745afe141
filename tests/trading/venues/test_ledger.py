"""The ledger: exact over any sliding minute, and deaf to nothing a venue says."""

from itertools import count

import pytest

from tests.trading.venues.meters import CLEAN, KEEPING, MINUTE, ORDERS, SLOW
from trading.venues.ledger import UNDER_WAY, Answer, Charge, Ledger, Meter, Priority

NAMES = count()


def take(ledger: Ledger, now: float, weight: int, priority: Priority = Priority.ROUTINE) -> float:
    return ledger.take(now, f"r{next(NAMES)}", priority, [Charge(MINUTE, weight)])


def spend(ledger: Ledger, now: float, weight: int, priority: Priority) -> float:
    """Ask, and have it answered at once."""
    name, charges = f"s{next(NAMES)}", [Charge(KEEPING, weight)]
    wait = ledger.take(now, name, priority, charges)
    if not wait:
        ledger.settle(now, name, charges, CLEAN)
    return wait


def test_each_stops_at_its_share_and_what_takes_risk_away_at_the_limit() -> None:
    ledger = Ledger()

    shares = {Priority.ROUTINE: 1140, Priority.URGENT: 12, Priority.COMMAND: 12, Priority.PROOF: 24}
    for priority, share in shares.items():
        assert [take(ledger, 0, share, priority), take(ledger, 0, 1, priority)] == [0, UNDER_WAY + 60]
    assert [take(ledger, 0, 12, Priority.RELIEF), take(ledger, 0, 1, Priority.RELIEF)] == [0, UNDER_WAY + 60]


def test_reads_that_come_all_at_once_leave_orders_a_steady_rate_until_they_drop_out() -> None:
    ledger = Ledger()
    read = sum(20 for _ in range(60) if not spend(ledger, 0, 20, Priority.URGENT))

    waits = [spend(ledger, second, 1, Priority.COMMAND) for second in range(60) for _ in range(4)]
    assert read == 860  # another 20 would leave less than 288 of the commands' 1164
    assert set(waits) == {0}


def test_reads_may_fill_up_what_is_kept_as_it_is_not_used() -> None:
    ledger = Ledger()
    while not spend(ledger, 0, 20, Priority.URGENT):
        pass
    used = ledger.used(KEEPING, 0)
    wait = spend(ledger, 0, 20, Priority.URGENT)

    # Until the lump drops out at 60 s, orders may want 4.8 a second.
    assert wait == pytest.approx(60 - (1164 - used - 20) / 4.8)
    assert spend(ledger, wait + 0.001, 20, Priority.URGENT) == 0


def test_reads_that_come_steadily_fill_their_whole_share() -> None:
    ledger = Ledger()
    for second in range(180):
        for _ in range(8):
            spend(ledger, second, 2, Priority.ROUTINE)
    for second in range(180, 240):
        for _ in range(12):
            spend(ledger, second, 2, Priority.ROUTINE)

    assert ledger.used(KEEPING, 239) == 1140
    assert spend(ledger, 239, 12, Priority.COMMAND) == 0


def test_share_of_our_own_binds_only_while_the_limit_is_nearly_used_up() -> None:
    ledger, share = Ledger(), Meter("budget:test:share", 100)
    mine = [Charge(MINUTE, 1), Charge(share, 1, above=900)]
    for number in range(800):
        assert ledger.take(0, f"m{number}", Priority.COMMAND, mine) == 0
    assert take(ledger, 0, 100, Priority.COMMAND) == 0

    assert ledger.take(0, "mine", Priority.COMMAND, mine) == UNDER_WAY + 60
    assert ledger.take(0, "another's", Priority.COMMAND, [Charge(MINUTE, 1)]) == 0


def test_request_counts_until_a_whole_window_after_its_answer() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 1140)]
    ledger.take(0, "slow", Priority.ROUTINE, charges)
    ledger.settle(3.5, "slow", charges, CLEAN)

    assert take(ledger, 63.4, 1) == pytest.approx(0.1)
    assert take(ledger, 63.5, 1) == 0


def test_request_that_was_never_answered_counts_as_if_it_arrived_last() -> None:
    ledger = Ledger()
    take(ledger, 0, 1140)

    assert take(ledger, 74.9, 1140) == pytest.approx(0.1)
    assert take(ledger, 75, 1140) == 0


def test_wait_is_until_enough_has_dropped_out() -> None:
    ledger = Ledger()
    for second in range(57):
        charges = [Charge(MINUTE, 20)]
        ledger.take(second, f"w{second}", Priority.ROUTINE, charges)
        ledger.settle(second, f"w{second}", charges, CLEAN)

    assert [take(ledger, 56, weight) for weight in (1, 20, 21, 40)] == [4, 4, 5, 5]


def test_rows_of_an_answer_are_counted_after_it() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 20)]
    ledger.take(0, "fills", Priority.ROUTINE, charges)
    ledger.settle(0, "fills", charges, Answer(extra=100))

    assert ledger.used(MINUTE, 0) == 120


def test_what_others_spend_from_our_address_is_learnt_from_the_venue() -> None:
    ledger, charges = Ledger(), [Charge(MINUTE, 5)]
    for second, reported in ((125.0, 5), (126.0, 400), (127.0, 405)):
        ledger.take(second, f"a{second}", Priority.ROUTINE, charges)
        ledger.settle(second, f"a{second}", charges, Answer(reported=(reported,)))

    assert ledger.used(MINUTE, 127) == 405
    assert ledger.used(MINUTE, 187) == 0


def test_all_meters_let_a_request_through_or_none_counts_it() -> None:
    ledger = Ledger()
    order = [Charge(MINUTE, 1), Charge(ORDERS, 1)]
    for number in range(30):
        assert ledger.take(0, f"o{number}", Priority.RELIEF, order) == 0

    assert ledger.take(0, "o30", Priority.RELIEF, order) == UNDER_WAY + 10
    assert ledger.used(MINUTE, 0) == 30


def test_ban_is_obeyed_exactly_by_everybody() -> None:
    ledger = Ledger()
    take(ledger, 0, 1)
    ledger.settle(1, "x", [Charge(MINUTE, 1)], Answer(slow_down=True, wait=120))
    ledger.settle(2, "y", [Charge(MINUTE, 1)], Answer(slow_down=True, wait=10))

    assert [take(ledger, 120.5, 1, priority) for priority in Priority] == [0.5] * len(Priority)
    assert [take(ledger, 121, 1, priority) for priority in Priority] == [0] * len(Priority)


def test_pause_of_our_own_choosing_grows_and_stops_no_command() -> None:
    ledger, charges, pauses, now = Ledger(), [Charge(MINUTE, 1)], [], 0.0
    for _ in range(8):
        ledger.settle(now, "x", charges, SLOW)
        ledger.settle(now, "y", charges, SLOW)  # the same event
        assert take(ledger, now, 1, Priority.COMMAND) == 0
        pauses.append(take(ledger, now, 1))
        now += pauses[-1]
    ledger.settle(now, "x", charges, CLEAN)
    ledger.settle(now, "x", charges, SLOW)

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert take(ledger, now, 1) == 0.5
