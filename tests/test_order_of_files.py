"""The files of tests are run the quickest kinds first."""

import subprocess
import sys
from pathlib import Path

QUICKEST_FIRST = [
    "tests/perpsstudio/test_settings.py",
    "tests/tenants/test_hosts.py",
    "tests/perpsstudio/test_embedded.py",
    "tests/tenants/test_domains.py",
    "tests/perpsstudio/test_demo.py",
]


def test_servers_of_a_tests_own_start_behind_whatever_needs_none() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *reversed(QUICKEST_FIRST)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip

    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert list(dict.fromkeys(test.split("::")[0] for test in tests)) == QUICKEST_FIRST, done.stdout + done.stderr
