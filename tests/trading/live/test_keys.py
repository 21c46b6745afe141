"""The table of names is what the functions make."""

import inspect
import re
from collections.abc import Callable

from trading.live import keys

ROW = re.compile(r"^``([^`]+)``  ", re.MULTILINE)
SHORT_NAMES = {"operator_id": "{operator}", "account_id": "{account}"}


def names_made() -> set[str]:
    """What every function makes of its arguments' names, and the names that need none."""
    members = vars(keys).items()
    functions = [value for _, value in members if inspect.isfunction(value) and value.__module__ == keys.__name__]
    fixed = {value for name, value in members if name.isupper() and isinstance(value, str)}
    return fixed | {function(*placeholders(function)) for function in functions}


def placeholders(function: Callable[..., str]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    needed = [one.name for one in parameters if one.default is inspect.Parameter.empty]
    return [SHORT_NAMES.get(name, f"{{{name}}}") for name in needed]


def test_table_names_every_key_and_no_other() -> None:
    table = ROW.findall(str(keys.__doc__))

    assert {"board:{venue}:{network}", "live:control", "{operator}:turn:{account}"} <= set(table)
    assert sorted(name.removesuffix("…") for name in table) == sorted(names_made())
