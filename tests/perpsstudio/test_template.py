"""The cluster that is made at installation and copied by the first start."""

import io
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from perpsstudio.demo import template
from perpsstudio.demo.plan import Plan
from perpsstudio.demo.programs import PROJECT
from perpsstudio.demo.progress import Progress
from perpsstudio.demo.run import STEPS, Run, start_servers
from perpsstudio.demo.state import State
from perpsstudio.demo.supervisor import Supervisor
from perpsstudio.embedded import postgres, processes
from perpsstudio.embedded.processes import Child
from tests.perpsstudio import servers
from tests.perpsstudio.environment import BARE


@pytest.fixture
def kept(state: Path) -> Path:
    """A folder for a template, apart from the state folder's own."""
    (state / "kept").mkdir()
    return state / "kept" / "cluster"


def test_copy_has_all_tables_and_a_password_of_its_own(state: Path, kept: Path, children: list[Child]) -> None:
    scratch = state / "scratch"
    scratch.mkdir(mode=0o711)
    template.make(scratch, kept)
    passwords = []
    for name in ("first", "second"):
        folder = state / name
        folder.mkdir(mode=0o711)
        server = servers.find(folder)
        assert postgres.create(server, may_create_databases=False, template=template.current(kept))
        passwords.append(server.password)
        url = servers.start(server, children)

    assert list(scratch.iterdir()) == [scratch / "postgres.log"]
    assert passwords[0] != passwords[1]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(passwords[1], passwords[0]))
    command = [sys.executable, "manage.py", "migrate", "--check"]
    environment = BARE | {"DATABASE_URL": url, "STATE": str(state), "DEBUG": "true"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert servers.rows(url, "SELECT count(*) FROM tenants_operator") == [(0,)]


def test_template_of_other_migrations_is_passed_over(kept: Path) -> None:
    assert template.current(kept) is None
    kept.mkdir()
    (kept / template.MADE_OF).write_text("other migrations")
    assert template.current(kept) is None
    (kept / template.MADE_OF).write_text(template.fingerprint())

    assert template.current(kept) == kept


@pytest.mark.parametrize(
    "source",
    [
        "requirements.txt",
        "trading/migrations/0001_initial.py",
        "tenants/row_security.py",
        "perpsstudio/embedded/postgres.py",
        "perpsstudio/demo/template.py",
    ],
)
def test_fingerprint_is_of_every_file_that_decides_what_is_made(tmp_path: Path, source: str) -> None:
    before = template.fingerprint(tmp_path)
    (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / source).write_bytes((PROJECT / source).read_bytes())

    assert template.fingerprint(tmp_path) != before


def test_copy_that_broke_off_is_begun_anew(state: Path, cluster: Path, children: list[Child]) -> None:
    (state / "postgres.new").mkdir()
    (state / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = servers.find(state)

    assert postgres.create(server, may_create_databases=False, template=cluster)

    assert servers.rows(servers.start(server, children), "SELECT 1") == [(1,)]
    assert not (state / "postgres.new").exists()
    assert (server.data / postgres.PASSWORD_FILE).read_text() == server.password
    processes.stop_all(children)


def test_of_two_templates_made_at_once_the_first_stays(kept: Path) -> None:
    for name, made_of in (
        ("stale", "other code"),
        ("first", template.fingerprint()),
        ("second", template.fingerprint()),
    ):
        fresh = kept.with_name(name)
        fresh.mkdir()
        (fresh / template.MADE_OF).write_text(made_of)
        (fresh / name).touch()
        template.put_in_place(fresh, kept)

    assert sorted(file.name for file in kept.iterdir()) == ["first", template.MADE_OF]


def test_template_that_cannot_be_kept_is_done_without(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "full").touch()

    assert template.main(state / "full" / "cluster") == 0

    assert capsys.readouterr().err.startswith("The first start will take longer: ")


def test_template_that_goes_while_it_is_copied_leaves_the_tables_to_the_first_start(
    state: Path, children: list[Child], signal_handlers: None
) -> None:
    going = state / "cluster"
    going.mkdir()
    (going / "PG_VERSION").write_text("18\n")
    (going / "base").symlink_to("gone")
    server = servers.find(state)
    progress = Progress(io.StringIO(), steps=STEPS)
    supervisor = Supervisor(record=state / "processes.json", say=progress.say)
    planned = Plan(server, None, 0, {}, "", is_prepared=False, tables=going)
    copy = Run(State(state), 0, {}, planned, {}, supervisor, progress)
    try:
        assert not start_servers(copy)
        assert servers.rows(server.url, "SELECT to_regclass('tenants_operator')") == [(None,)]
    finally:
        supervisor.stop([])
