"""What a piece of work asks of the database, statement by statement."""

import re

from django.test.utils import CaptureQueriesContext

LOCK, FORM, NONCE = "SELECT trading_venueaccount", "SELECT trading_command", "INSERT trading_signernonce"
WRITTEN = ["INSERT trading_command", "INSERT trading_commandevent"]
# The row and the step that tells of it.
CHANGE = "WITH trading_command"


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Of each statement its kind and its first table; a transaction's own are left out."""
    told = (re.match(r'\s*(SELECT|INSERT|UPDATE|WITH).*?"?(trading_\w+)', row["sql"], re.S) for row in captured)
    return [" ".join(one.groups()) for one in told if one is not None]
