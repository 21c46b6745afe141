"""The Celery application and its beat table.

Every periodic task expires before its next turn: a worker that was away works through the present, never through a
queue of the past.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")

app = Celery("perpsstudio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds between two turns of a task.
PERIODS = {
    "trading.tasks.sync_markets": 5,
    "trading.tasks.sync_due_accounts": 2,
    "trading.tasks.settle_commands": 1,
}

app.conf.beat_schedule = {
    name: {"task": name, "schedule": float(seconds), "options": {"expires": seconds}}
    for name, seconds in PERIODS.items()
}
