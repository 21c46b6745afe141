"""Tasks without workers: done at once in this thread, or counted and left."""

from collections import Counter
from collections.abc import Iterator

import pytest
from celery.signals import before_task_publish
from pytest_django.fixtures import Settings
from redis import Redis

from perpsstudio.celery import app
from trading.services import commands
from trading.tasks.accounts import forget_rosters


@pytest.fixture(autouse=True)
def eager(redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Subtasks run at once, in this thread; whatever is called by name from elsewhere is not."""
    monkeypatch.setattr(commands, "settle_soon", lambda command: None)
    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = True
    forget_rosters()
    yield
    app.conf.task_always_eager = False
    app.conf.task_eager_propagates = False


@pytest.fixture
def dealt(redis: Redis) -> Iterator[Counter[str]]:
    """How many accounts were handed out, by task; nobody takes them."""
    app.conf.task_always_eager = False
    sent = Counter[str]()

    def count(sender: str, body: tuple[list[object], object, object], **_: object) -> None:
        accounts = body[0][1]
        sent[sender] += len(accounts) if isinstance(accounts, list) else 1
        sent[f"{sender}, tasks"] += 1

    forget_rosters()
    before_task_publish.connect(count)
    yield sent
    before_task_publish.disconnect(count)
