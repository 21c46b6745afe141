"""Every setting a deployment can make is in the manual, and what its database's address says counts."""

import re
import runpy

import pytest
from django.conf import settings

ENVIRONMENT = re.compile(r'env\.\w+\("([A-Z_]+)"')
PROCFILE = re.compile(r"\$\{([A-Z_]+):-")


def test_every_setting_is_in_the_manual() -> None:
    code = (settings.BASE_DIR / "perpsstudio" / "settings.py").read_text()
    names = {*ENVIRONMENT.findall(code), *PROCFILE.findall((settings.BASE_DIR / "Procfile").read_text())}
    table = [
        line for line in (settings.BASE_DIR / "docs" / "operations.md").read_text().splitlines() if line[:1] == "|"
    ]
    explained = {name for line in table for name in re.findall(r"`([A-Z_]+)`", line.split("|")[1])}

    assert {"SECRET_KEY", "LOG_LEVEL", "PORT"} <= names
    assert names == explained


def test_what_the_database_address_says_of_encryption_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://p@db.example/p?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem")

    options = runpy.run_path(str(settings.BASE_DIR / "perpsstudio" / "settings.py"))["DATABASES"]["default"]["OPTIONS"]

    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ssl/db.pem")
    assert (options["pool"]["timeout"], options["connect_timeout"]) == (5, 5)
