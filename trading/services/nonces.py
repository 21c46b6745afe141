"""The nonces of one signer: no number twice, and each one above all before it (Hyperliquid 5.3, Aster 1.3).

PostgreSQL hands them out, each with one statement that locks the signer's row until its transaction ends. So all
processes and all accounts with the same key draw from one sequence, and where a clock steps back the sequence goes on
by one.
"""

import hashlib

from django.db import connection

from trading.models import VenueAccount

DRAW = """
INSERT INTO trading_signernonce AS signer (signer, last) VALUES (%(signer)s, %(moment)s)
ON CONFLICT (signer) DO UPDATE SET last = greatest(signer.last + 1, excluded.last)
RETURNING last
"""


def draw(account: VenueAccount, moment: int) -> int:
    """The next nonce of the account's key: the moment in the venue's own unit, or one above the last where that is
    higher. Undone with its transaction, so it must be committed before anything that bears it leaves."""
    with connection.cursor() as cursor:
        cursor.execute(DRAW, {"signer": signer_of(account), "moment": moment})
        (nonce,) = cursor.fetchone()
    return int(nonce)


def signer_of(account: VenueAccount) -> str:
    """The name of the account's key among all signers, the same for every account that was given it."""
    return hashlib.sha256(f"{account.venue} {account.network} {account.agent_address}".encode()).hexdigest()
