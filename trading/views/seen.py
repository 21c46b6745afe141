"""What the trader saw before he pressed the button, against what holds now."""

from decimal import Decimal

from tenants.access import MemberRequest
from trading.forms import Unreadable, read_number
from trading.services.terms import TIERS_CHANGED

# An estimate that moved further than this since the trader saw it is asked about again.
TOLERANCE = Decimal("0.005")
MOVED = "The estimate moved while you decided. Look at the new numbers and send again."

# With the new numbers in sight the same form may be sent again at once.
_SENT_AGAIN = frozenset({MOVED, TIERS_CHANGED})


def may_be_sent_again(problem: str) -> bool:
    """Whether a refused form may go as it is: nothing was wrong with it, only its estimate was another one by then."""
    return problem in _SENT_AGAIN


def refuse_if_moved(request: MemberRequest, **estimates: str) -> None:
    """Raise ``Unreadable`` where the form carries an estimate that is another one now; empty stands for none.

    A form that carries no such field was made by something that shows none, and is not asked about it.
    """
    if any(name in request.POST and has_moved(request.POST[name].strip(), now) for name, now in estimates.items()):
        raise Unreadable(MOVED)


def has_moved(seen: str, now: str) -> bool:
    """Whether an estimate came, went, or moved further than the tolerance; both as the form writes them.

    >>> has_moved("78418.94", "78500"), has_moved("78418.94", "79000"), has_moved("", "78500"), has_moved("", "")
    (False, True, True, False)
    """
    if seen == now:
        return False
    if not seen or not now:
        return True
    try:
        return abs(Decimal(now) - read_number(seen, "The estimate")) > TOLERANCE * abs(Decimal(now))
    except Unreadable:
        return True
