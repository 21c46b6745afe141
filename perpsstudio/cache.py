"""The cache that all processes share, and what becomes of it while its server is away or keeps silent.

Whatever is in it is counted for minutes or can be worked out again, so no page fails for want of it.
"""

import logging
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from trading.live.connections import manners

logger = logging.getLogger(__name__)

SESSION_SECONDS = 60


class SharedCache(RedisCache):
    """Django's own; meanwhile each process keeps for itself what it is given, so that attempts are counted still."""

    meanwhile: BaseCache = LocMemCache("while the server is away", {"MAX_ENTRIES": 10_000})

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params | {"OPTIONS": params.get("OPTIONS", {}) | manners(server)})

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return self._without(error).get(key, default, version)

    def set(self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        try:
            super().set(key, value, timeout, version)
        except RedisError as error:
            self._without(error).set(key, value, timeout, version)

    def add(self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        try:
            return super().add(key, value, timeout, version)
        except RedisError as error:
            return self._without(error).add(key, value, timeout, version)

    def delete(self, key: Any, version: int | None = None) -> bool:
        try:
            return super().delete(key, version)
        except RedisError as error:
            return self._without(error).delete(key, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return super().incr(key, delta, version)
        except RedisError as error:
            return self._without(error).incr(key, delta, version)

    def has_key(self, key: Any, version: int | None = None) -> bool:
        try:
            return super().has_key(key, version)
        except RedisError as error:
            return self._without(error).has_key(key, version)

    def _without(self, error: RedisError) -> BaseCache:
        logger.warning("The cache cannot be reached: %s", error)
        return self.meanwhile


class SessionCache(SharedCache):
    """Of sessions, which the database keeps. A process alone keeps none, because nobody would tell it of their end; and
    the server none for longer than a minute, because one that ended while it was away is still in it."""

    meanwhile = DummyCache("", {})

    def get_backend_timeout(self, timeout: float | None = DEFAULT_TIMEOUT) -> int | None:
        """Seconds, a minute at most."""
        wanted = super().get_backend_timeout(timeout)
        return SESSION_SECONDS if wanted is None else int(min(wanted, SESSION_SECONDS))
