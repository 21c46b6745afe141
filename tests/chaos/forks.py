"""Work in a process of its own, which may die: its connections to database and broker are nobody else's."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.chaos.fleet import FORK


def in_a_process(work: Callable[[], object], *, seconds: float = 120) -> Any:
    """Run ``work`` in a forked process and return what it returned; None where it died or took too long."""
    return in_processes([work], seconds=seconds)[0]


def in_processes(works: Sequence[Callable[[], object]], *, seconds: float) -> list[Any]:
    """The same of several at once, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        answers = [Path(folder) / str(place) for place in range(len(works))]
        running = [_started(work, answer) for work, answer in zip(works, answers, strict=True)]
        ends = time.monotonic() + seconds
        for process in running:
            process.join(max(0.0, ends - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        return [json.loads(answer.read_text())["answer"] if answer.exists() else None for answer in answers]


def _started(work: Callable[[], object], answer: Path) -> BaseProcess:
    def run() -> None:
        half = answer.with_suffix(".half")
        half.write_text(json.dumps({"answer": work()}, default=str))
        half.rename(answer)
        os._exit(0)

    process = FORK.Process(target=run, daemon=True)
    process.start()
    return process
