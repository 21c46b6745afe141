"""What open pages are told costs the same for an account with a long history as for a new one."""

from tenants.scope import operator_scope
from tests.crowd import analyze, copy_row, most_read, plans
from tests.factories import Belongings, Exchange, make_account
from trading.live.shapes import account_shapes
from trading.models import FundingPayment, LedgerEntry

EVENTS = 5_000


def read_of(exchange: Exchange, account_id: int) -> float:
    """The most rows that any step reads to tell an account's shape."""
    with plans(analyzed=True) as found:
        account_shapes(exchange.operator.pk, [account_id])
    return most_read(found)


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

        assert read_of(alpha, alices.account.pk) < 10
        assert read_of(alpha, quiet.pk) < 10
