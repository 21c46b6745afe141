"""The nonces of one signer: no number twice, and each one above all before it (Hyperliquid 5.3, Aster 1.3).

PostgreSQL hands them out, each with one statement that locks the account's row until its transaction ends. So all
processes draw from one sequence, and where a clock steps back the sequence goes on by one.
"""

from django.db import connection

DRAW = """
UPDATE trading_venueaccount SET last_nonce = greatest(last_nonce + 1, %(moment)s)
WHERE id = %(account)s RETURNING last_nonce
"""


def draw(account_id: int, moment: int) -> int:
    """The next nonce of the account's key: the moment in the venue's own unit, or one above the last where that is
    higher. Undone with its transaction, so it must be committed before anything that bears it leaves."""
    with connection.cursor() as cursor:
        cursor.execute(DRAW, {"account": account_id, "moment": moment})
        (nonce,) = cursor.fetchone()
    return int(nonce)
