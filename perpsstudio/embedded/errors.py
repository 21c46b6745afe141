"""What stops a start, said in one sentence."""


class StartError(Exception):
    """A start that cannot go on; the message is one sentence for the person at the terminal, with the way out."""
