"""What the person at the terminal reads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from perpsstudio.demo.state import ROLES


class Progress:
    """Numbered steps with the time that each took, on one line each."""

    def __init__(self, output: TextIO, *, steps: int) -> None:
        self._output = output
        self._steps = steps
        self._step = 0

    def say(self, text: str) -> None:
        """One line."""
        self._output.write(f"{text}\n")
        self._output.flush()

    @contextmanager
    def step(self, title: str, *, since: float | None = None) -> Iterator[None]:
        """Announce a step and, when it is done, its time. ``since``: when it began, if it began beside others."""
        began = time.monotonic() if since is None else since
        self._step += 1
        self._output.write(f"[{self._step}/{self._steps}] {title} … ")
        self._output.flush()
        try:
            yield
        except BaseException:
            self.say("no")
            raise
        self.say(f"{time.monotonic() - began:.1f} s")


def ready_lines(report: dict[str, Any], *, folder: str, seconds: float) -> list[str]:
    """The block that lists every address and sign-in of ``ready.json``."""
    lines = ["", f"Ready after {seconds:.1f} s. Stop with Ctrl-C; everything is kept in {folder}", ""]
    lines.append(f"  {'Platform':<24}{report['platform']}")
    lines.append(f"  {'Sandbox venue':<24}{report['sandbox']}")
    for operator in report["operators"]:
        lines += ["", f"  {operator['name']:<24}{operator['url']}"]
        for role in [role for role in ROLES if role in operator]:
            lines.append(f"    {role:<10}{operator[role]['email']}   password: {operator[role]['password']}")
    return [*lines, ""]
