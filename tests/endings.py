"""Whether processes that a test has set going are gone."""

import psutil


def is_gone(process: psutil.Process) -> bool:
    """Ended, although its parent may not have asked how."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
