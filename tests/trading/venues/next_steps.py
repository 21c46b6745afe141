"""What makes the sentence of a refusal complete: what is wrong, and then what to do about it."""

# How a next step begins. "Nothing": there is none to take.
STEPS = frozenset(
    [
        "Add",
        "Allow",
        "Approve",
        "Ask",
        "Cancel",
        "Change",
        "Check",
        "Choose",
        "Close",
        "Connect",
        "Deposit",
        "Enter",
        "Keep",
        "Leave",
        "Look",
        "Lower",
        "Move",
        "Nothing",
        "Raise",
        "Reduce",
        "Refresh",
        "Remove",
        "Round",
        "Send",
        "Split",
        "Switch",
        "Tell",
        "Try",
        "Use",
        "Wait",
    ]
)


def names_next_step(sentence: str) -> bool:
    """Whether the last of two sentences or more says what to do."""
    *before, last = sentence.removesuffix(".").split(". ")
    return bool(before) and sentence.endswith(".") and last.split()[0] in STEPS
