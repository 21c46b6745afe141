"""Arrows go down: every module is on a floor and imports nothing from a higher one. There are no exceptions."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading.venues.table import GATEWAYS
from trading.venues.vocabulary import Venue

ROOT = Path(__file__).resolve().parent.parent
OURS = ("perpsstudio", "tenants", "branding", "trading")
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# The longest prefix decides. Equal floors may use each other.
FLOORS = {
    "trading": 0,
    "trading.margin": 0,
    "branding.theme": 0,
    "trading.venues": 1,
    "trading.panels.numbers": 1,
    "trading.panels.view_models": 1,
    "trading.panels.elements": 1,
    "trading.panels.rows": 1,
    "trading.audit": 2,
    "tenants.scope": 2,
    "tenants": 2,
    "branding": 3,
    "trading.models": 3,
    "trading.holdings": 4,
    "trading.statements": 4,
    "trading.connect": 4,
    "trading.tiers": 4,
    "trading.metering": 4,
    "trading.live": 4,
    "trading.services": 5,
    "trading.metrics": 5,
    "trading.venue_metrics": 5,
    "trading.forms": 6,
    "trading.markets": 5,
    "trading.candles": 6,
    "trading.survival": 0,
    "trading.panels.survival": 1,
    "trading.balances": 6,
    "trading.backing": 6,
    "trading.desk": 6,
    "trading.portfolio": 6,
    "trading.ownership": 6,
    "trading.past": 6,
    "trading.largest": 6,
    "trading.quoting": 6,
    "trading.protection": 6,
    "trading.moving": 6,
    "trading.books": 6,
    "trading.recent": 6,
    "trading.panels": 7,
    "trading.live.private": 7,
    "trading.live.public": 7,
    "trading.live.render": 7,
    "trading.live.follow": 8,
    "trading.live.lookers": 8,
    "trading.live.followed": 8,
    "trading.live.watching": 8,
    "trading.accounts": 8,
    "trading.accounts.urls": 9,
    "trading.support": 8,
    "trading.views": 8,
    "trading.tasks": 8,
    "trading.urls": 9,
    "trading.management": 9,
    "tenants.console": 9,
    "perpsstudio": 10,
    "trading.sandbox": 0,
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def floor_of(module: str) -> int:
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in FLOORS:
            return FLOORS[".".join(parts[:end])]
    raise AssertionError(f"{module} is on no floor: give it one")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if is_module(name) else str(node.module) for name in names)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_module_imports_nothing_from_a_higher_floor(module: str, path: Path) -> None:
    upward = [name for name in imports_of(path) if name.split(".")[0] in OURS and floor_of(name) > floor_of(module)]

    assert upward == []


def foreign(prefix: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, path in modules():
        if module == prefix or module.startswith(prefix + "."):
            found[module] = {name for name in imports_of(path) if not (name == prefix or name.startswith(prefix + "."))}
    return found


def test_margin_engine_needs_the_standard_library_only() -> None:
    outside = {
        module: names - {name for name in names if name.split(".")[0] in sys.stdlib_module_names}
        for module, names in foreign("trading.margin").items()
    }

    assert {module: names for module, names in outside.items() if names} == {}


@pytest.mark.parametrize("prefix", ["trading.margin", "trading.venues", "trading.sandbox", "branding.theme"])
def test_pure_floors_know_nothing_of_django(prefix: str) -> None:
    knowing = [module for module, names in foreign(prefix).items() if any(name.startswith("django") for name in names)]

    assert knowing == []


def test_sandbox_shares_no_code_with_what_it_checks() -> None:
    shared = {
        module: {name for name in names if name.split(".")[0] in OURS and name != "trading"}
        for module, names in foreign("trading.sandbox").items()
    }

    assert {module: names for module, names in shared.items() if names} == {}


def test_one_venue_adapter_never_looks_at_another() -> None:
    venues = [path.name for path in (ROOT / "trading" / "venues").iterdir() if (path / "adapter.py").is_file()]
    crossings = [
        (module, name)
        for venue in venues
        for module, names in foreign(f"trading.venues.{venue}").items()
        for name in names
        if any(name.startswith(f"trading.venues.{other}") for other in venues if other != venue)
    ]

    assert crossings == []


def test_only_connect_opens_an_agent_key() -> None:
    readers = [
        module
        for module, path in modules()
        if "decrypt" in path.read_text() and not module.startswith(("trading.sandbox", "perpsstudio"))
    ]

    assert readers == ["trading.connect"]


def test_every_file_stays_under_400_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in [*(path for _, path in modules()), *TESTS]}

    assert [str(path) for path, length in lengths.items() if length >= 400] == []


def test_no_file_of_tests_imports_from_another() -> None:
    """What two of them need stands in a module of its own, whose name says what it is."""
    crossings = [
        (str(path), name)
        for path in TESTS
        for name in imports_of(path)
        if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")
    ]

    assert crossings == []


# Nobody else may ask which venue it serves: the venues' folders, their table, the engine's rules as data, and the
# tools that are about one venue.
OF_A_VENUE = (
    "trading.venues", "trading.sandbox", "trading.audit", "trading.margin", "trading.management", "trading.holdings",
)  # fmt: skip
VENUE_WORDS = re.compile(r"\b(hyperliquid|aster)\b", re.IGNORECASE)


def words_of(path: Path) -> Iterator[str]:
    """Every text and name in the code, without docstrings: those name a rule's source."""
    tree = ast.parse(path.read_text())
    spoken = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            yield node.value
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from imports_of_node(node)


def imports_of_node(node: ast.ImportFrom | ast.Import) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield str(node.module)
    yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(
    ("module", "path"),
    [(module, path) for module, path in modules() if not module.startswith((*OF_A_VENUE, "perpsstudio"))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_code_above_the_venues_names_none_of_them(module: str, path: Path) -> None:
    assert [text for text in words_of(path) if VENUE_WORDS.search(text)] == []


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / "templates").rglob("*.html")), *sorted((ROOT / "static").rglob("*.js"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_page_names_no_venue(path: Path) -> None:
    assert VENUE_WORDS.findall(path.read_text()) == []


def test_every_venue_folder_is_in_the_table() -> None:
    folders = {path.parent.name for path in (ROOT / "trading" / "venues").glob("*/gateway.py")}

    assert folders == {venue.value for venue in GATEWAYS} == {venue.value for venue in Venue}
