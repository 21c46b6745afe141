"""Registers the system checks, and the Celery application so that every process enqueues to the same broker."""

from django.apps import AppConfig


class PerpsstudioConfig(AppConfig):
    """The project itself as an app: commands, checks, background work."""

    name = "perpsstudio"

    def ready(self) -> None:
        """Import what registers itself."""
        from perpsstudio import celery, checks  # noqa: F401, PLC0415  # the app registry must be loaded first
