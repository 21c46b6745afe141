"""The shape of an answer, whatever its values, and an account that nobody has."""

from typing import Any

NOBODY = "0x" + "99" * 20


def shape(value: object) -> object:
    """Types without values: objects by key, lists by their first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "null" if value is None else type(value).__name__


def told(sample: Any, answer: Any, path: str = "") -> list[str]:
    """Names that the sample has and the answer has not."""
    if isinstance(sample, dict):
        if not isinstance(answer, dict):
            return [path]
        missing = [f"{path}.{name}" for name in sample if name not in answer]
        return missing + [row for name in sample if name in answer for row in told(sample[name], answer[name], path)]
    if isinstance(sample, list) and sample and isinstance(sample[0], dict):
        rows = answer if isinstance(answer, list) else []
        return told(sample[0], rows[0], path) if rows else [path]
    return []
