"""What never gets into a log."""

import logging
import re

# Whoever has the address of an invitation may use it, and every answer from 400 on is logged with its address.
LINKS = re.compile(r"(/join/)[^/?\s]+")


class SecretFormatter(logging.Formatter):
    """Writes records, tracebacks included, without the secrets of invitations."""

    def format(self, record: logging.LogRecord) -> str:
        return LINKS.sub(r"\1***", super().format(record))
