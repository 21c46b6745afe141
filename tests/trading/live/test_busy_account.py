"""What open pages are told costs the same for an account with a long history as for a new one."""

import re

from tenants.scope import operator_scope
from tests.crowd import analyze, copy_row, plans
from tests.factories import Belongings, Exchange, make_account
from trading.live.shapes import account_shapes
from trading.models import FundingPayment, LedgerEntry

EVENTS = 5_000
# How many rows a step of a plan has read, those that it left out included.
READ = re.compile(r"rows=([\d.]+) loops=|Rows Removed by Filter: (\d+)")


def most_read(exchange: Exchange, account_id: int) -> float:
    """The most rows that any step reads to tell an account's shape."""
    with plans(analyzed=True) as found:
        account_shapes(exchange.operator.pk, [account_id])
    return max(float(kept or left_out) for _, plan in found for kept, left_out in READ.findall(plan))


def test_shape_is_told_without_reading_history(alpha: Exchange, alices: Belongings) -> None:
    """Of the busy one, and of one that never did anything while the busy one did."""
    with operator_scope(alpha.operator.pk):
        quiet = make_account(alpha.trader, "0x00000000000000000000000000000000000000e1")
        for row in (alices.fill, FundingPayment.objects.get(), LedgerEntry.objects.get()):
            copy_row(row, f"generate_series(1, {EVENTS}) AS n", key="'busy ' || n")
        copy_row(alices.order, f"generate_series(2, {EVENTS}) AS n", venue_id="n", is_open="false")
        ended = {"id": "gen_random_uuid()", "form_key": "gen_random_uuid()", "state": "'accepted'"}
        copy_row(alices.command, f"generate_series(2, {EVENTS}) AS n", nonce="n", **ended)
        analyze()

        assert most_read(alpha, alices.account.pk) < 10
        assert most_read(alpha, quiet.pk) < 10
