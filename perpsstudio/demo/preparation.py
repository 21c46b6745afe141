"""Runs the management commands on its standard input, one a line, and says when each is done.

It loads Django while the servers still start, which takes as long as their start does, and once for all commands.
"""

import os
import sys

import django
from django.core.management import call_command

from perpsstudio.demo.programs import done


def main() -> None:
    """Serve orders until there are no more; a command that fails ends the process with its traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")
    django.setup()
    for line in sys.stdin:
        command = line.strip()
        call_command(*command.split())
        sys.stdout.write(done(command))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
