"""The beat table."""

from perpsstudio.celery import app


def test_every_periodic_task_exists_and_expires_within_seconds() -> None:
    app.loader.import_default_modules()

    entries = app.conf.beat_schedule
    assert {name: entry["schedule"] for name, entry in entries.items()} == {
        "trading.tasks.markets.sync_markets": 5.0,
        "trading.tasks.accounts.sync_due_accounts": 1.0,
        "trading.tasks.commands.settle_commands": 1.0,
        "trading.tasks.approvals.prove_approvals": 5.0,
    }
    assert {entry["task"] for entry in entries.values()} <= set(app.tasks)
    assert {entry["options"]["expires"] for entry in entries.values()} == {5}
