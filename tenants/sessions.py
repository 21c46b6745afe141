"""Sessions as Django keeps them, cached and in the database; what this process remembers of one ends with it."""

from django.contrib.sessions.backends import cached_db

from tenants.recent import forget_session


class SessionStore(cached_db.SessionStore):
    """Django's own, but for the end: whoever signs out is forgotten here at once."""

    def delete(self, session_key: str | None = None) -> None:
        super().delete(session_key)
        forget_session(session_key or self.session_key)
