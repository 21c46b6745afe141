"""Scope: fails closed, is restored whatever happens, and guards every way of writing."""

from decimal import Decimal

import pytest

from branding.models import Brand
from tenants.models import MarginPolicy, User
from tenants.scope import CrossOperatorWrite, OutsideScope, current_scope, every_operator, operator_scope
from tests.factories import Belongings, Exchange, make_user
from trading.models import Position, VenueAccount


def test_scope_is_restored_when_the_block_raises() -> None:
    with operator_scope(7), pytest.raises(LookupError), operator_scope(8):
        raise LookupError

    assert current_scope() is None


def test_inner_scope_gives_way_to_the_outer_one() -> None:
    with operator_scope(7):
        with operator_scope(8):
            assert current_scope() == 8
        assert current_scope() == 7


@pytest.mark.parametrize("operator_id", [0, -1])
def test_scope_refuses_what_is_no_operator(operator_id: int) -> None:
    with pytest.raises(ValueError, match="positive"), operator_scope(operator_id):
        pass


def test_manager_raises_outside_a_scope() -> None:
    with pytest.raises(OutsideScope):
        User.objects.all()


def test_manager_sees_the_operator_in_scope_only(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        assert set(User.objects.all()) == {alpha.trader, alpha.owner, alpha.support}
    with operator_scope(beta.operator.pk):
        assert set(User.objects.all()) == {beta.trader, beta.owner, beta.support}


def test_schedulers_see_every_operator(alices: Belongings, bobs: Belongings) -> None:
    with every_operator():
        assert set(VenueAccount.objects.all()) == {alices.account, bobs.account}


def test_new_row_takes_the_operator_in_scope(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        assert make_user("new@alpha.example").operator_id == alpha.operator.pk


def test_row_cannot_be_made_outside_a_scope() -> None:
    with pytest.raises(OutsideScope):
        Brand(name="Nobody's", accent="#000000").save()


def test_save_refuses_another_operators_row(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk), pytest.raises(CrossOperatorWrite):
        Brand(name="Taken over", accent="#000000", operator=beta.operator).save()


def test_bulk_create_refuses_another_operators_row(alpha: Exchange, beta: Exchange) -> None:
    rows = [Brand(name="Mine", accent="#000000"), Brand(name="Theirs", accent="#000000", operator=beta.operator)]

    with operator_scope(alpha.operator.pk), pytest.raises(CrossOperatorWrite):
        Brand.objects.bulk_create(rows)


def test_update_never_moves_a_row_to_another_operator(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk), pytest.raises(CrossOperatorWrite):
        MarginPolicy.objects.update(operator=beta.operator)


def test_update_reaches_own_rows_only(alices: Belongings, bobs: Belongings) -> None:
    with operator_scope(alices.account.operator_id):
        assert Position.objects.update(margin=Decimal(1)) == 1

    with operator_scope(bobs.account.operator_id):
        bobs.position.refresh_from_db()
        assert bobs.position.margin == Decimal("25.856067")


def test_delete_reaches_own_rows_only(alices: Belongings, bobs: Belongings) -> None:
    with operator_scope(alices.account.operator_id):
        assert Position.objects.all().delete()[0] == 1

    with operator_scope(bobs.account.operator_id):
        assert list(Position.objects.all()) == [bobs.position]
