"""Every page of an exchange, and who may open it."""

from collections.abc import Iterator

from tests.factories import Belongings, Exchange
from tests.tenants.addresses import MEMBERS, OPEN, ROLES, Address, addresses, ids_of
from tests.tenants.test_access import ANSWERS


def visited(alpha: Exchange, alices: Belongings) -> Iterator[tuple[Address, str, str]]:
    """Every address with its path and a role that may see it."""
    place = {"market_name": f"{alices.position.market.venue}:BTC", "venue": alices.position.market.venue}
    for address in addresses():
        is_form = ANSWERS.get(address.name) == 405
        if not is_form and address.policy != (OPEN,):
            path = address.path(ids_of(alpha, alices) | place)
            for role in ROLES:
                if {role, MEMBERS} & set(address.policy):
                    yield address, path, role
