"""What a turn asks of PostgreSQL: each statement by an index, however much has settled since."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tenants.scope import every_operator, operator_scope
from tests.crowd import analyze, copy_row, plans
from tests.factories import Belongings, Exchange
from tests.trading.live.conftest import redis, valkey_url  # noqa: F401  # fixtures
from tests.trading.workers import dealt  # noqa: F401  # fixture
from trading import tasks
from trading.live import board
from trading.models import Market, VenueAccount
from trading.services import claims, followups, roster
from trading.venues.snapshots import MarketState, Network, Venue

ACCOUNTS, SETTLED_EACH, RESTING_EACH, GONE_EACH = 2_000, 10, 2, 8
LARGE = ("trading_venueaccount", "trading_position", "trading_order", "trading_command")


def fill(alices: Belongings) -> None:
    """Thousands of accounts that were read a while ago, each with a position, resting and former orders, and commands
    that have their end; of the belongings there is one command without."""
    copy_row(
        alices.account,
        f"generate_series(1, {ACCOUNTS}) AS n",
        address="'0x' || md5(n::text) || '00000000'",
        attempted_at="now() - interval '1 minute' - n * interval '1 second'",
    )
    others = f"(SELECT id FROM trading_venueaccount WHERE id <> {alices.account.pk}) AS other"
    copy_row(alices.position, others, account_id="other.id")
    copy_row(
        alices.order,
        f"{others}, generate_series(1, {RESTING_EACH + GONE_EACH}) AS n",
        account_id="other.id",
        venue_id="n",
        is_open=f"n <= {RESTING_EACH}",
    )
    copy_row(
        alices.command,
        f"{others}, generate_series(1, {SETTLED_EACH}) AS n",
        id="gen_random_uuid()",
        form_key="gen_random_uuid()",
        account_id="other.id",
        nonce="n",
        state="'accepted'",
        prepared_at="now() - n * interval '1 hour'",
        settled_at="now() - n * interval '1 hour'",
        shown_at="now() - n * interval '1 hour'",
    )
    analyze()


def tell_marks(market: Market) -> None:
    mark = Decimal(64794)
    state = MarketState(market.name, mark, mark, mark, mark, Decimal(0), Decimal(1), Decimal(1))
    board.publish(Venue.HYPERLIQUID, Network.TESTNET, [state], timezone.now())


def test_turn_reads_by_index_alone_among_many(
    alpha: Exchange,
    alices: Belongings,
    dealt: Counter[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roster, "WHOLE_SECONDS", float("inf"))
    with operator_scope(alpha.operator.pk):
        fill(alices)
        tell_marks(alices.position.market)
    tasks.sync_due_accounts()  # knows everybody from here on
    with every_operator():
        few = VenueAccount.objects.order_by("-pk").values_list("pk", flat=True)[:3]
        VenueAccount.objects.filter(pk__in=list(few)).update(attempted_at=timezone.now() + timedelta(seconds=1))

    with plans() as found:
        tasks.sync_due_accounts()
        claims.taken_up(timezone.now(), dict.fromkeys(Venue, 8))
        followups.left_behind(timezone.now())

    for table in LARGE:
        assert [plan for sql, plan in found if table in sql] != []
        assert [plan for _, plan in found if f"Seq Scan on {table}" in plan] == []
