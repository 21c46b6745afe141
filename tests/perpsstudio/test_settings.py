"""Every setting a deployment can make is in the manual."""

import re

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
