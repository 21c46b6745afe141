"""Signing in with an e-mail and a password, at one operator."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from tenants.models import User
from tenants.scope import current_scope


class OperatorBackend(BaseBackend):
    """Knows the users of the operator in scope only: another operator's session or password finds nobody."""

    def authenticate(
        self, request: HttpRequest | None, email: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if not email or not password:
            return None
        user: User | None = User.objects.filter(email__iexact=email.strip()).first()
        if user is None:
            User().set_password(password)  # the same work as for a known e-mail, so that timing tells nothing
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        if current_scope() is None:
            return None
        user: User | None = User.objects.filter(pk=user_id, is_active=True).first()
        return user
