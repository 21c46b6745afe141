"""Work in a process of its own, which may die: its connections to database and broker are nobody else's."""

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.chaos.fleet import FORK


@dataclass(frozen=True, slots=True)
class End:
    """What a process answered, None where it failed; ``is_killed``: it was ended by SIGKILL."""

    answer: Any
    is_killed: bool


def in_a_process(work: Callable[[], object], *, seconds: float = 120) -> Any:
    """Run ``work`` in a forked process and return what it returned; None where it died or took too long."""
    return in_processes([work], seconds=seconds)[0]


def in_processes(works: Sequence[Callable[[], object]], *, seconds: float) -> list[Any]:
    """The same of several at once, each in a process of its own."""
    return [end.answer for end in ends_of(works, seconds=seconds)]


def ends_of(works: Sequence[Callable[[], object]], *, seconds: float) -> list[End]:
    """How processes ended that do these works; whoever takes longer is stopped and has failed."""
    with tempfile.TemporaryDirectory() as folder:
        answers = [Path(folder) / str(place) for place in range(len(works))]
        running = [_started(work, answer) for work, answer in zip(works, answers, strict=True)]
        ends = time.monotonic() + seconds
        return [_end(process, answer, ends) for process, answer in zip(running, answers, strict=True)]


def _end(process: BaseProcess, answer: Path, ends: float) -> End:
    process.join(max(0.0, ends - time.monotonic()))
    is_late = process.is_alive()
    if is_late:
        process.kill()
        process.join()
    found = json.loads(answer.read_text())["answer"] if answer.exists() else None
    return End(found, process.exitcode == -signal.SIGKILL and not is_late)


def _started(work: Callable[[], object], answer: Path) -> BaseProcess:
    def run() -> None:
        half = answer.with_suffix(".half")
        try:
            half.write_text(json.dumps({"answer": work()}, default=str))
            half.rename(answer)
        except Exception:
            sys.stderr.write(traceback.format_exc())
            raise
        finally:
            os._exit(0)

    process = FORK.Process(target=run, daemon=True)
    process.start()
    return process
