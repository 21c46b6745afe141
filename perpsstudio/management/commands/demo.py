"""``manage.py demo``: the whole product on this machine, from the database to the pages."""

import sys

import psutil
from django.core.management.base import BaseCommand

from perpsstudio.demo.run import main


class Command(BaseCommand):
    """Starts everything, lists addresses and sign-ins, runs until Ctrl-C."""

    help = "Run the whole product here: PORT and STATE choose port and folder, DATABASE_URL and REDIS_URL real servers."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        """Run until stopped."""
        # Settings have merged the last run's file into os.environ; what was given is what the process began with.
        sys.exit(main(psutil.Process().environ(), sys.stdout))
