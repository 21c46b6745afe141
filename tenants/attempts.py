"""How often somebody may try a password: counted per operator, e-mail and address, in the cache all processes share."""

import hashlib

from django.core.cache import cache

ATTEMPTS = 10
WINDOW_SECONDS = 300


def count_attempt(operator_id: int, email: str, address: str) -> bool:
    """Count one attempt and say whether it may be made: ten in five minutes, from the first one on."""
    key = _key(operator_id, email, address)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return cache.incr(key) <= ATTEMPTS
    except ValueError:  # the window ended between the two commands
        return True


def forget_attempts(operator_id: int, email: str, address: str) -> None:
    """Start afresh, after the right password."""
    cache.delete(_key(operator_id, email, address))


def _key(operator_id: int, email: str, address: str) -> str:
    who = hashlib.sha256(f"{email.strip().lower()} {address}".encode()).hexdigest()
    return f"operator:{operator_id}:attempts:{who}"
