"""The Celery application and its beat table.

Every periodic task expires within seconds: a worker that was away works through the present, never through a queue of
the past.
"""

import logging
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perpsstudio.settings")

# Several lines a second for work that went well would bury the lines that matter.
for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(name).setLevel(logging.WARNING)

app = Celery("perpsstudio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds between two turns of a task.
PERIODS = {
    "trading.tasks.markets.sync_markets": 5,
    "trading.tasks.accounts.sync_due_accounts": 1,
    "trading.tasks.commands.settle_commands": 1,
    "trading.tasks.approvals.prove_approvals": 5,
}

# A turn may wait this long behind others: turns of one task exclude each other, so a late one does no harm, and a
# busy worker must not starve what settles commands.
PATIENCE = 5

# Proofs have workers of their own, so that they never wait behind readings.
app.conf.task_routes = {"trading.tasks.commands.*": {"queue": "settle"}}

app.conf.beat_schedule = {
    task: {"task": task, "schedule": float(seconds), "options": {"expires": max(seconds, PATIENCE)}}
    for task, seconds in PERIODS.items()
}
