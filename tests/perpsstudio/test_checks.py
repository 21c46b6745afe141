"""System checks that refuse a bad deployment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from django.db import connection
from pytest_django import Settings

from perpsstudio import checks
from perpsstudio.embedded.processes import Child
from perpsstudio.settings import BASE_DIR, INSECURE_SECRET_KEY
from tests.perpsstudio import servers

FERNET_KEY = "JWqZ8cCkq0yS3pE0m6Hn1tq3mB2l1Yw4v7c9d0e1f2g="


def ids(messages: list[CheckMessage]) -> list[str]:
    return [str(message.id) for message in messages]


@pytest.mark.parametrize(
    ("debug", "key", "expected"),
    [
        (False, INSECURE_SECRET_KEY, ["perpsstudio.E001"]),
        (True, INSECURE_SECRET_KEY, []),
        (False, "a key of its own", []),
    ],
)
def test_development_key_is_refused_outside_debug(
    settings: Settings, debug: bool, key: str, expected: list[str]
) -> None:
    settings.DEBUG, settings.SECRET_KEY = debug, key

    assert ids(checks.check_secret_key(None)) == expected


@pytest.mark.parametrize(
    ("debug", "keys", "expected"),
    [
        (False, [], ["perpsstudio.E002"]),
        (True, [], []),
        (False, [FERNET_KEY], []),
        (False, [FERNET_KEY, "short"], ["perpsstudio.E002"]),
        (True, ["not base64 ü"], ["perpsstudio.E002"]),
    ],
)
def test_agent_key_secrets_are_fernet_keys(
    settings: Settings, debug: bool, keys: list[str], expected: list[str]
) -> None:
    settings.DEBUG, settings.AGENT_KEY_SECRETS = debug, keys

    assert ids(checks.check_agent_key_secrets(None)) == expected


@pytest.mark.parametrize(
    ("network", "expected"),
    [("mainnet", []), ("testnet", []), ("Mainnet", ["perpsstudio.E003"]), ("", ["perpsstudio.E003"])],
)
def test_network_is_one_the_venue_has(settings: Settings, network: str, expected: list[str]) -> None:
    settings.HYPERLIQUID_NETWORK = network

    assert ids(checks.check_network(None)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.hyperliquid.xyz", []),
        ("http://127.0.0.1:9000", []),
        ("wss://api.hyperliquid.xyz", ["perpsstudio.E004"]),
        ("api.hyperliquid.xyz", ["perpsstudio.E004"]),
        ("https://", ["perpsstudio.E004"]),
    ],
)
def test_venue_url_is_an_http_address(settings: Settings, url: str, expected: list[str]) -> None:
    settings.HYPERLIQUID_URL = url

    assert ids(checks.check_venue_url(None)) == expected


@pytest.mark.parametrize(
    ("url", "network", "dexes", "expected"),
    [
        ("https://api.hyperliquid.xyz", "mainnet", ["xyz"], []),
        ("https://api.hyperliquid.xyz", "testnet", ["xyz"], ["perpsstudio.W001"]),
        ("https://api.hyperliquid-testnet.xyz/", "mainnet", ["xyz"], ["perpsstudio.W001"]),
        ("https://api.hyperliquid-testnet.xyz", "testnet", [], ["perpsstudio.I001"]),
        ("https://api.hyperliquid.xyz", "testnet", [], ["perpsstudio.W001", "perpsstudio.I001"]),
        ("http://127.0.0.1:9000", "testnet", [], []),
        ("", "mainnet", [], []),
    ],
)
def test_what_has_to_change_with_the_venues_address_is_not_forgotten(
    settings: Settings, url: str, network: str, dexes: list[str], expected: list[str]
) -> None:
    settings.HYPERLIQUID_URL, settings.HYPERLIQUID_NETWORK, settings.HYPERLIQUID_DEXES = url, network, dexes

    assert ids(checks.check_hyperliquid_is_whole(None)) == expected


@pytest.mark.parametrize(
    ("zone", "aware", "expected"),
    [
        ("UTC", True, []),
        ("Europe/Berlin", True, ["perpsstudio.E005"]),
        ("UTC", False, ["perpsstudio.E005"]),
    ],
)
def test_times_are_utc(settings: Settings, zone: str, aware: bool, expected: list[str]) -> None:
    # Set without the settings' signal: Django would change the process's time zone.
    settings.USE_TZ = aware
    settings.TIME_ZONE = zone

    assert ids(checks.check_time_zone(None)) == expected


@pytest.mark.django_db
def test_ordinary_database_role_passes() -> None:
    assert connection.vendor == "postgresql"
    assert checks.check_database_role(None, databases=["default"]) == []
    assert checks.check_database_role(None, databases=None) == []


def test_superuser_is_refused_as_the_database_role(made: Path, children: list[Child]) -> None:
    server = servers.find(made)
    with (server.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all postgres 127.0.0.1/32 trust\n")
    servers.start(server, children)
    superuser = {
        "DATABASE_URL": f"postgres://postgres@127.0.0.1:{server.port}/perpsstudio",
        "SECRET_KEY": "a key of its own",
        "AGENT_KEY_SECRETS": FERNET_KEY,
        "STATE": str(made),
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=BASE_DIR,
        env=os.environ | superuser,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "(perpsstudio.E006) The database role 'postgres' bypasses row-level security." in done.stderr
