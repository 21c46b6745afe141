"""Background work as doormen: ids in, scope on, one call to a service, a word to the pages.

Every task may run twice or not at all: what it writes is the venue's newest word, its periodic turns exclude each
other, and a turn that comes too late expires. Locks are in Redis and expire by themselves, because a worker may die
with one; what they guard is safe without them (an older snapshot never overwrites, a used nonce is refused), so a lock
that expires early costs a request and never a wrong number.
"""

from trading.tasks.accounts import sync_due_accounts
from trading.tasks.approvals import prove_approvals
from trading.tasks.commands import settle_commands, settle_now
from trading.tasks.markets import sync_markets
from trading.tasks.readings import sync_account_now
from trading.tasks.turns import OperatorTask

__all__ = [
    "OperatorTask",
    "prove_approvals",
    "settle_commands",
    "settle_now",
    "sync_account_now",
    "sync_due_accounts",
    "sync_markets",
]
