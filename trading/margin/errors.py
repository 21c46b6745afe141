"""The one error of the margin engine: it names the field that is wrong and what is wrong with it.

A caller turns `field` and `problem` into a sentence; nothing ever matches the message text.
"""

from enum import StrEnum


class Problem(StrEnum):
    """What is wrong with a field."""

    NOT_A_NUMBER = "not_a_number"
    FLOAT_REFUSED = "float_refused"
    OUT_OF_RANGE = "out_of_range"
    NOT_POSITIVE = "not_positive"
    NEGATIVE = "negative"
    ZERO = "zero"
    NOT_WHOLE = "not_whole"
    UNKNOWN_VALUE = "unknown_value"
    MISSING = "missing"
    GAP = "gap"
    OUT_OF_ORDER = "out_of_order"
    INCONSISTENT = "inconsistent"


class MarginInputError(ValueError):
    """An input from which no number may be computed."""

    def __init__(self, field: str, problem: Problem, detail: str = "") -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {detail or problem.value.replace('_', ' ')}")
