"""The embedded Valkey, started for real."""

import os
from pathlib import Path

import pytest
import redis

from perpsstudio.embedded import ports, processes, valkey
from perpsstudio.embedded.processes import Child
from tests.perpsstudio import servers


def start(state: Path, children: list[Child]) -> str:
    server = valkey.find(state, port=ports.choose(), log=state / "valkey.log", environment=os.environ)
    child = processes.start(server.program())
    children.append(child)
    assert processes.wait_until(server.is_ready, seconds=servers.PATIENCE_SECONDS), child.output()
    return server.url


def test_data_outlives_a_restart(state: Path, children: list[Child]) -> None:
    with redis.Redis.from_url(start(state, children)) as client:
        client.set("kept", "42")
    processes.stop_all(children)

    with redis.Redis.from_url(start(state, children)) as client:
        assert client.get("kept") == b"42"


def test_it_asks_for_the_password(state: Path, children: list[Child]) -> None:
    url = start(state, children)
    password, address = url.removeprefix("redis://:").split("@")

    with redis.Redis.from_url(f"redis://{address}") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert password not in " ".join(children[0].process.args)  # type: ignore[arg-type]  # a list of words
    assert (state / "valkey/valkey.conf").stat().st_mode & 0o077 == 0
