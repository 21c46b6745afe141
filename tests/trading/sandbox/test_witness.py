"""The sandbox is a witness: it shares neither wire code nor margin code with what it checks."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3] / "trading"
FILES = [*sorted((PACKAGE / "sandbox").rglob("*.py")), PACKAGE / "management" / "commands" / "sandbox.py"]
OURS = ("trading", "tenants", "branding", "perpsstudio")
CLIENTS = ("hyperliquid", "ccxt", "eth_account", "msgpack", "django.db")


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            names.add(node.module or "")
    return names


def test_it_imports_nothing_of_ours_but_itself() -> None:
    assert len(FILES) > 20
    for file in FILES:
        ours = {name for name in imported(file) if name.split(".")[0] in OURS}
        assert {name for name in ours if not name.startswith("trading.sandbox")} == set(), file.name


def test_it_is_built_on_no_client_and_no_database() -> None:
    for file in FILES:
        assert {name for name in imported(file) if name.startswith(CLIENTS)} == set(), file.name
