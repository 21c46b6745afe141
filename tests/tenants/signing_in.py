"""Signing in with a password."""

from django.test import Client

from tests.factories import PASSWORD


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> tuple[int, str, str]:
    """The status, where it leads, and the page."""
    answer = client.post("/sign-in/", {"email": email, "password": password} | more)
    return answer.status_code, answer.headers.get("Location", ""), answer.content.decode()
