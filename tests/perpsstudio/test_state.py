"""The folder of one local copy."""

import os
import stat
from pathlib import Path

import environ
import pytest

from perpsstudio.demo import state as states
from perpsstudio.embedded.errors import StartError
from tests.perpsstudio import servers
from tests.perpsstudio.servers import AS_ROOT, ORDINARY_UID

OPERATOR = {
    "name": "Harbour",
    "host": "harbour.localhost",
    "trader": {"email": "t@example.com", "password": "one"},
    "owner": {"email": "o@example.com", "password": "two"},
    "support": {"email": "s@example.com", "password": "three"},
}


def test_environment_file_is_read_by_the_settings_and_by_nobody_else(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "DATABASE_URL": "postgres://perpsstudio:a-b_c@127.0.0.1:5432/perpsstudio",
        "REDIS_URL": "redis://:x@127.0.0.1:1/0",
        "SECRET_KEY": "spaced # and $signed",
        "AGENT_KEY_SECRETS": "JWqZ8cCkq0yS3pE0m6Hn1tq3mB2l1Yw4v7c9d0e1f2g=",
    }
    path = state / "environment"
    states.write_environment(path, variables)

    assert states.read_environment(path) == variables
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    environ.Env.read_env(path, overwrite=False)
    assert {name: os.environ[name] for name in variables} == variables


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_value_that_the_file_cannot_hold_is_refused(state: Path, value: str) -> None:
    with pytest.raises(StartError, match=r"^SECRET_KEY holds a quotation mark or a line break: give it without one\.$"):
        states.write_environment(state / "environment", {"SECRET_KEY": value})


def test_secrets_are_made_once(state: Path) -> None:
    opened = states.open_state(state)
    first = states.kept_secrets(opened)

    assert states.kept_secrets(opened) == first
    assert sorted(first) == ["AGENT_KEY_SECRETS", "SECRET_KEY"]
    assert stat.S_IMODE(opened.secrets.stat().st_mode) == 0o600
    assert states.kept_secrets(states.open_state(state / "second")) != first


def test_data_of_an_earlier_version_is_refused(state: Path) -> None:
    states.kept_secrets(states.open_state(state))
    assert states.open_state(state).folder == state

    for remove in (False, True):
        (state / "version").unlink() if remove else (state / "version").write_text("1")
        with pytest.raises(StartError, match="holds the data of an earlier version"):
            states.open_state(state)


def test_folder_in_use_is_refused(state: Path) -> None:
    opened = states.open_state(state)
    descriptor = states.claim(opened)

    with pytest.raises(StartError) as refusal:
        states.claim(opened)
    assert str(refusal.value) == (
        f"Another run (process {os.getpid()}) uses {state}: stop it, or choose another folder and port "
        "with STATE= and PORT=."
    )
    os.close(descriptor)
    os.close(states.claim(opened))


def test_full_disk_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "NEEDED_BYTES", 2**62)

    with pytest.raises(StartError, match=r"MB of disk space left and \d+ MB are needed: free some, or choose another"):
        states.open_state(state)


def test_folder_that_cannot_be_made_is_refused(state: Path) -> None:
    (state / "file").touch()

    with pytest.raises(StartError) as refusal:
        states.open_state(state / "file" / "folder")
    assert str(refusal.value) == (
        f"{state}/file/folder cannot be written (Not a directory): choose another folder with STATE=."
    )


@AS_ROOT
def test_folder_of_another_account_is_refused(state: Path) -> None:
    def work() -> None:
        with pytest.raises(StartError, match=r"cannot be written \(Permission denied\): choose another folder"):
            states.open_state(state)

    assert servers.passes(servers.fork(ORDINARY_UID, work))


def test_only_the_run_that_holds_the_folder_clears_its_ready_file(state: Path) -> None:
    opened = states.open_state(state)
    opened.ready.write_text("{}")
    descriptor = states.claim(opened)
    assert opened.ready.exists() is False
    opened.ready.write_text("{}")

    with pytest.raises(StartError):
        states.claim(states.open_state(state))
    assert opened.ready.exists() is True
    os.close(descriptor)


def test_ready_report_lists_every_address_and_sign_in() -> None:
    assert states.ready_report([OPERATOR], port=8000, sandbox_url="http://127.0.0.1:9000") == {
        "platform": "http://localhost:8000",
        "sandbox": "http://127.0.0.1:9000",
        "operators": [
            {
                "name": "Harbour",
                "url": "http://harbour.localhost:8000",
                "trader": {"email": "t@example.com", "password": "one"},
                "owner": {"email": "o@example.com", "password": "two"},
                "support": {"email": "s@example.com", "password": "three"},
            }
        ],
    }
