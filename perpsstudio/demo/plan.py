"""Where everything will be, decided before anything starts, so that every process can start when it likes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from perpsstudio.demo import programs, template
from perpsstudio.demo import state as states
from perpsstudio.demo.state import State
from perpsstudio.embedded import ports, postgres, valkey
from perpsstudio.embedded.postgres import Postgres
from perpsstudio.embedded.valkey import Valkey

CODE = ("branding", "perpsstudio", "tenants", "trading")


@dataclass(frozen=True)
class Plan:
    """Addresses and settings of one run; a server is None where the person at the terminal gave one.

    ``tables`` is the cluster that was made at installation, where this run is the first and copies it.
    """

    postgres: Postgres | None
    valkey: Valkey | None
    sandbox_port: int
    settings: Mapping[str, str]
    fingerprint: str
    is_prepared: bool
    tables: Path | None

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox venue answers."""
        return f"http://{ports.LOOPBACK}:{self.sandbox_port}"


def make(state: State, given: Mapping[str, str]) -> Plan:
    """Keep the addresses of the run before where they are free. Raises StartError when a server cannot be had."""
    former = states.read_environment(state.environment)
    database = None if given.get("DATABASE_URL") else _postgres(state, given, former)
    cache = None if given.get("REDIS_URL") else _valkey(state, given, former)
    sandbox_port = ports.choose(_port(former, "HYPERLIQUID_URL"))
    settings = states.kept_secrets(state) | {
        "DEBUG": "false",
        "HTTPS": "false",
        "HYPERLIQUID_URL": f"http://{ports.LOOPBACK}:{sandbox_port}",
        "HYPERLIQUID_NETWORK": "testnet",
        "HYPERLIQUID_DEXES": "xyz",
        "ASTER_URL": f"http://{ports.LOOPBACK}:{sandbox_port}",
        "ASTER_NETWORK": "testnet",
        "DATABASE_URL": database.url if database else "",
        "REDIS_URL": cache.url if cache else "",
    }
    settings |= {name: given[name] for name in settings if given.get(name)}
    fingerprint = _fingerprint(database)
    is_prepared = database is not None and state.is_prepared(fingerprint)
    tables = template.current() if database and not database.data.exists() else None
    return Plan(database, cache, sandbox_port, settings, fingerprint, is_prepared, tables)


def _postgres(state: State, given: Mapping[str, str], former: Mapping[str, str]) -> Postgres:
    port = ports.choose(_port(former, "DATABASE_URL"))
    return postgres.find(state.folder, port=port, log=state.log("postgres"), environment=given)


def _valkey(state: State, given: Mapping[str, str], former: Mapping[str, str]) -> Valkey:
    port = ports.choose(_port(former, "REDIS_URL"))
    return valkey.find(state.folder, port=port, log=state.log("valkey"), environment=given)


def _port(former: Mapping[str, str], variable: str) -> int | None:
    address = urlsplit(former.get(variable, ""))
    return address.port if address.hostname == ports.LOOPBACK else None


def _fingerprint(database: Postgres | None) -> str:
    """Of the code that makes tables and demo data, and of the cluster that holds them."""
    digest = hashlib.sha256(database.password.encode() if database else b"")
    for package in CODE:
        for path in sorted((programs.PROJECT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
