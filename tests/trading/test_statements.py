"""A statement gives the rows that a queryset gives, and no other operator's."""

import pytest
from django.forms.models import model_to_dict

from tenants.scope import OutsideScope, every_operator, operator_scope
from tests.factories import Belongings, Exchange
from trading.models import Position, VenueAccount
from trading.portfolio import OPEN_ORDERS, POSITIONS
from trading.services.accounts import ACCOUNT, CURRENT_ACCOUNTS


def test_rows_are_those_of_a_queryset(alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        VenueAccount.objects.update(pools={"xyz": {"equity": "1.50"}}, cursors={"fills": 7})
        accounts, positions = CURRENT_ACCOUNTS.rows(alpha.trader.pk), POSITIONS.rows(alices.account.pk)

        assert [model_to_dict(row) for row in accounts] == [model_to_dict(row) for row in VenueAccount.objects.all()]
        assert [model_to_dict(row) for row in positions] == [model_to_dict(row) for row in Position.objects.all()]
        assert (accounts[0].pools, accounts[0].cursors) == ({"xyz": {"equity": "1.50"}}, {"fills": 7})


def test_rows_of_another_operator_are_out_of_reach(alpha: Exchange, beta: Exchange, alices: Belongings) -> None:
    with operator_scope(beta.operator.pk):
        assert CURRENT_ACCOUNTS.rows(alpha.trader.pk) == []
        assert [*POSITIONS.rows(alices.account.pk), *OPEN_ORDERS.rows(alices.account.pk)] == []
    with every_operator():
        assert [row.pk for row in POSITIONS.rows(alices.account.pk)] == [alices.position.pk]


def test_nothing_is_asked_outside_a_scope(alices: Belongings) -> None:
    with pytest.raises(OutsideScope):
        POSITIONS.rows(alices.account.pk)


def test_version_changes_with_each_write_of_the_row(alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        before = ACCOUNT.rows(alices.account.pk)[0].version  # type: ignore[attr-defined]
        assert POSITIONS.rows(alices.account.pk)[0].account_version == before  # type: ignore[attr-defined]
        VenueAccount.objects.filter(pk=alices.account.pk).update(sync_problem="late")
        after = ACCOUNT.rows(alices.account.pk)[0].version  # type: ignore[attr-defined]

        assert (after != before, POSITIONS.rows(alices.account.pk)[0].account_version) == (True, after)  # type: ignore[attr-defined]
