"""The folder ``STATE``: everything that one local copy of the product keeps between runs, and what it tells others."""

import base64
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import replace_file

NEEDED_BYTES = 300_000_000
# Raised when tables or files of the folder change in a way that no migration bridges.
VERSION = "13"
# Whose sign-ins are told; not every operator has a trader with a unified account.
ROLES = ("trader", "unified", "owner", "support")
PLAIN_VALUE = re.compile(r"[\w./:@%?&=+,-]*")


@dataclass(frozen=True)
class State:
    """Paths inside the folder, which exists."""

    folder: Path

    @property
    def environment(self) -> Path:
        """Settings for any ``manage.py`` command that joins this copy, read by ``settings.py``."""
        return self.folder / "environment"

    @property
    def secrets(self) -> Path:
        """Keys made at the first start and kept: without them sessions and stored agent keys are lost."""
        return self.folder / "secrets"

    @property
    def ready(self) -> Path:
        """Addresses and sign-ins; there only while everything answers."""
        return self.folder / "ready.json"

    @property
    def processes(self) -> Path:
        """Who runs, so that the next run can stop what a kill left behind."""
        return self.folder / "processes.json"

    @property
    def sandbox(self) -> Path:
        """The sandbox venue's ledger."""
        return self.folder / "sandbox.json"

    @property
    def demo(self) -> Path:
        """What ``seed_demo`` made: operators, hosts, sign-ins."""
        return self.folder / "demo.json"

    @property
    def version(self) -> Path:
        """Of which version the data is that lies here."""
        return self.folder / "version"

    @property
    def prepared(self) -> Path:
        """Fingerprint of the code that last migrated and seeded this copy."""
        return self.folder / "prepared"

    def is_prepared(self, fingerprint: str) -> bool:
        """Whether this code has made tables and demo data here, and the sandbox still knows its accounts."""
        made = self.demo.exists() and self.sandbox.exists() and self.prepared.exists()
        return made and self.prepared.read_text() == fingerprint

    def log(self, name: str) -> Path:
        """The log of one child."""
        return self.folder / "logs" / f"{name}.log"


def open_state(folder: Path) -> State:
    """Make the folder if need be. Raises StartError when it cannot be written, its disk is full, or another version's
    data lies there."""
    try:
        # Others may pass (PostgreSQL's account under root must), not look around; files with secrets are 0600.
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        state = State(folder)
        if not state.secrets.exists():
            state.version.write_text(VERSION)
    except OSError as problem:
        raise StartError(
            f"{folder} cannot be written ({problem.strerror}): choose another folder with STATE=."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise StartError(
            f"{folder} has {free // 1_000_000} MB of disk space left and {NEEDED_BYTES // 1_000_000} MB are needed: "
            "free some, or choose another folder with STATE=."
        )
    if not state.version.exists() or state.version.read_text() != VERSION:
        raise StartError(
            f"{folder} holds the data of an earlier version, which this one cannot read: move the folder away, or "
            "choose another with STATE=."
        )
    return state


def claim(state: State) -> int:
    """Take the folder until this process ends, however it ends, and clear away what a former run announced.

    Raises StartError when another run holds it.
    """
    descriptor = os.open(state.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode().strip()
        raise StartError(
            f"Another run (process {holder}) uses {state.folder}: stop it, or choose another folder and port "
            "with STATE= and PORT=."
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    state.ready.unlink(missing_ok=True)
    return descriptor


def kept_secrets(state: State) -> dict[str, str]:
    """The keys of this copy, made at the first start."""
    if state.secrets.exists():
        return read_environment(state.secrets)
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "AGENT_KEY_SECRETS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    write_environment(state.secrets, made)
    return made


def read_environment(path: Path) -> dict[str, str]:
    """The variables of a file written by ``write_environment``."""
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value.strip("'") for name, value in pairs}


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write a dotenv file that only its owner can read. Raises StartError for a value that such a file cannot hold."""
    lines = []
    for name, value in variables.items():
        if "'" in value or "\n" in value:
            raise StartError(f"{name} holds a quotation mark or a line break: give it without one.")
        lines.append(f"{name}={value}" if PLAIN_VALUE.fullmatch(value) else f"{name}='{value}'")
    replace_file(path, "\n".join(lines) + "\n")


def operators(state: State) -> list[dict[str, Any]]:
    """What ``seed_demo`` made."""
    made: list[dict[str, Any]] = json.loads(state.demo.read_text())["operators"]
    return made


def ready_report(made: list[dict[str, Any]], *, port: int, sandbox_url: str) -> dict[str, Any]:
    """What ``ready.json`` tells: every address, and a sign-in for every role."""
    return {
        "platform": f"http://localhost:{port}",
        "sandbox": sandbox_url,
        "operators": [
            {"name": operator["name"], "url": f"http://{operator['host']}:{port}"}
            | {role: operator[role] for role in ROLES if role in operator}
            for operator in made
        ],
    }
