"""Readings leave to the turns of those who settle what a process that died did not do after its command."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.trading.aster.fates import at_venue, left_behind, settled_at
from tests.trading.aster.people import AsterTrader
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.workers import eager  # noqa: F401  # tasks run at once, in this thread
from trading import tasks
from trading.models import VenueAccount
from trading.services import followups
from trading.tasks.readings import look_at_accounts, sync_account_now


def in_turn(account: VenueAccount) -> None:
    VenueAccount.objects.update(synced_at=timezone.now() - timedelta(hours=3))
    assert tasks.sync_due_accounts() == 1


def in_a_batch(account: VenueAccount) -> None:
    look_at_accounts(account.operator_id, [account.pk])


def at_once(account: VenueAccount) -> None:
    sync_account_now(account.operator_id, account.pk)


@pytest.mark.parametrize("read", [in_turn, in_a_batch, at_once])
def test_whoever_reads_an_account_leaves_its_exits_to_the_turns(
    ready: AsterTrader, read: Callable[[VenueAccount], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry was filled, and its exits were not written down. However busy the machine is, it is not too late."""
    monkeypatch.setattr(followups, "LATEST", timedelta(hours=3))
    command = left_behind(ready)
    before = ready.account.readings

    read(ready.account)

    assert ready.account.readings > before
    assert at_venue(ready) == ()
    assert followups.left_behind(settled_at(command) + followups.ITS_OWN_TIME) == [command]
