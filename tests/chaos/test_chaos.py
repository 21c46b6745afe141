"""A short bad day with the same seed every time, and the checker on records that are wrong on purpose."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.chaos.checker import Belief, Trouble, judge
from tests.chaos.report import ENOUGH, last_line
from tests.chaos.report import broken as broken_promises
from tests.chaos.run import Outcome
from tests.chaos.venue import Execution, Strike

PROJECT = Path(__file__).resolve().parent.parent.parent
LINE = re.compile(r"chaos: commands=(\d+) duplicated=(\d+) lost=(\d+) wrong=(\d+) unresolved=(\d+) p99=\d+\.\d+ max=\d")
STANDING, TURNED = "accounts whose rows were the venue's: 8 of 8", "rows that turned back: 0\n"
BELIEF = Belief(
    command="one", venue="aster", kind="order", state="accepted", request="bytes", burn="noop", account="0xa",
    trader="trader aster 0", prepared=100.0, settled=100.5, sent=("bytes", "bytes"), has_evidence=True,
)  # fmt: skip
DONE = Execution("bytes", 100.1, 200, '{"orderId": 5, "status": "NEW", "executedQty": "0"}')
REFUSED = Execution("bytes", 100.1, 400, '{"code": -2019, "msg": "Margin is insufficient."}')
EXPIRED = Execution("bytes", 100.1, 200, '{"orderId": 5, "status": "EXPIRED", "executedQty": "0"}')
TAKEN = Execution("bytes", 100.1, 200, '{"status":"ok","response":{"data":{"statuses":[{"resting":{"oid":5}}]}}}')
TURNED_DOWN = Execution("bytes", 100.1, 200, '{"status":"ok","response":{"data":{"statuses":[{"error":"No."}]}}}')


def broken(belief: Belief, *executions: Execution) -> set[str]:
    """Which promises the checker finds broken."""
    verdict = judge([belief], executions, [], [])
    names = ("duplicated", "lost", "wrong", "unresolved", "signed_anew", "without_evidence")
    return {name for name in names if getattr(verdict, name)}


def test_checker_finds_what_is_wrong_and_nothing_else() -> None:
    for execution in (DONE, TAKEN):
        assert broken(BELIEF, execution) == set()
        assert broken(BELIEF, execution, execution) == {"duplicated"}
        assert broken(replace(BELIEF, state="dead"), execution) == {"wrong"}
        assert broken(replace(BELIEF, state="rejected"), execution) == {"wrong"}
    for refusal in (REFUSED, EXPIRED, TURNED_DOWN):
        assert broken(BELIEF, refusal) == {"lost"}
        assert broken(replace(BELIEF, state="rejected"), refusal) == set()
    assert broken(BELIEF) == {"lost"}
    assert broken(replace(BELIEF, state="unproven"), DONE) == {"unresolved"}
    assert broken(replace(BELIEF, sent=("bytes", "other bytes")), DONE) == {"signed_anew"}
    assert broken(replace(BELIEF, has_evidence=False), DONE) == {"without_evidence"}
    assert broken(BELIEF, DONE, replace(DONE, request="nobody's")) == {"lost"}


def test_seconds_run_from_the_end_of_the_last_fault_that_touched_the_command() -> None:
    strikes = [Strike("bytes", ["drop_after"], 100.2), Strike("0xa", ["delay"], 100.3), Strike("0xb", ["delay"], 100.4)]
    troubles = [Trouble(99, 100.1), Trouble(100.45, 100.45, "trader aster 1")]

    verdict = judge([BELIEF], [DONE], strikes, troubles)

    assert [round(second, 6) for second in verdict.struck_seconds] == [0.2]
    assert round(judge([BELIEF], [DONE], [], []).seconds[0], 6) == 0.5


def test_hundredth_is_told_of_those_whose_death_nobody_chose_and_the_longest_of_all() -> None:
    walked = replace(BELIEF, command="walked", prepared=200.0, settled=206.0)
    verdict = judge([BELIEF, walked], [DONE, DONE], [], [Trouble(199.0, 201.0, is_of_its_own=True)])

    assert [round(second, 6) for second in (*verdict.seconds, *verdict.walked)] == [0.5, 5.0]
    told = Outcome(verdicts={"hyperliquid": judge([], [], [], []), "aster": verdict})
    assert last_line(told).endswith("p99=0.500 max=5.000")
    assert not any("99 of 100" in line for line in broken_promises(told))
    many = replace(verdict, seconds=[0.5] * ENOUGH, walked=[5.0] * (ENOUGH // 50))
    assert "aster: 99 of 100 took up to 5.00 s" in broken_promises(Outcome(verdicts={"aster": many}))
    slow = Outcome(verdicts={"hyperliquid": many, "aster": replace(verdict, seconds=[1.5] * 30)})
    assert "99 of 100 took up to 1.50 s" in broken_promises(slow)


def test_a_short_bad_day_leaves_nothing_undone_and_nothing_done_twice() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--commands", "20", "--seed", "7", "--points", "400"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=900, check=False)

    found = LINE.match(done.stdout.splitlines()[-1]) if done.stdout else None
    assert found is not None, done.stdout + done.stderr
    assert int(found[1]) >= 40
    assert found.groups()[1:] == ("0", "0", "0", "0"), done.stdout
    assert STANDING in done.stdout, done.stdout
    assert TURNED in done.stdout, done.stdout
