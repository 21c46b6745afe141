"""How often somebody may try a password, or have a venue asked for an account: counted per operator in the cache that
all processes share.

Of passwords one count is for a name (an e-mail or a wallet) tried from an address, a higher one for the address
whatever names it tries: nobody sprays one password over many names, and nobody locks a person out from
elsewhere.
"""

import hashlib
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network, ip_address

from django.core.cache import cache

ATTEMPTS = 10
ATTEMPTS_PER_ADDRESS = 100
WINDOW_SECONDS = 300
TOO_MANY_ACCOUNTS = "You have asked the venue for accounts too often. Wait five minutes, then try again."


class TooManyAttempts(Exception):
    """There were too many of late; the text is one sentence for the page."""


def count_attempt(operator_id: int, name: str, address: str) -> bool:
    """Count one attempt and say whether it may be made: ten for a name from an address, a hundred for an address, in
    five minutes from the first one on. One refused for its name tries nothing and is not held against the address."""
    by_name = _count(_name_key(operator_id, name, address)) <= ATTEMPTS
    return by_name and _count(_address_key(operator_id, address)) <= ATTEMPTS_PER_ADDRESS


def forget_attempts(operator_id: int, name: str, address: str) -> None:
    """Start afresh for the name after the right password; the address gets back this one attempt and no more, or an
    account of one's own would be a licence to go on."""
    cache.delete(_name_key(operator_id, name, address))
    with suppress(ValueError):  # the window has ended
        cache.decr(_address_key(operator_id, address))


def count_account(operator_id: int, user_id: int) -> None:
    """Count one account that a venue is to be asked for: ten for a user in five minutes, because one costs the venue's
    limit on everybody a sixth of a minute. Raises ``TooManyAttempts``."""
    if _count(f"operator:{operator_id}:accounts-asked:{user_id}") > ATTEMPTS:
        raise TooManyAttempts(TOO_MANY_ACCOUNTS)


def _count(key: str) -> int:
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return cache.incr(key)
    except ValueError:  # the window ended between the two commands
        return 1


def _name_key(operator_id: int, name: str, address: str) -> str:
    return f"operator:{operator_id}:attempts:{_digest(f'{name.strip().lower()} {_network(address)}')}"


def _address_key(operator_id: int, address: str) -> str:
    return f"operator:{operator_id}:attempts-from:{_digest(_network(address))}"


def _network(address: str) -> str:
    """What one customer of a provider may take addresses from: an IPv4 address itself, the /64 of an IPv6 address."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or IPv6Network((int(known), 64), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
