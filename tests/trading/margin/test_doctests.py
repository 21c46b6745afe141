"""Every formula module opens with numbers that can be recomputed; here they are."""

import doctest
import importlib
import pkgutil

import pytest

import trading.margin

WITHOUT_FORMULAS = {"errors", "quotes", "refusals"}
MODULES = sorted(found.name for found in pkgutil.iter_modules(trading.margin.__path__))


@pytest.mark.parametrize("name", [name for name in MODULES if name not in WITHOUT_FORMULAS])
def test_module_opens_with_examples_that_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"trading.margin.{name}"))
    assert (result.failed, result.attempted >= 3) == (0, True)
