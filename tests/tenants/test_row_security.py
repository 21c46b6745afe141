"""The second wall: PostgreSQL itself, asked with raw SQL that knows nothing of Django's managers."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from branding.models import Brand
from tenants.models import AuditEvent, User
from tenants.owned import OperatorOwned
from tenants.scope import every_operator, operator_scope
from tests.factories import Belongings, Exchange

# Read before any scope is known, or the same for everybody.
SHARED = {
    "tenants.Operator",
    "tenants.Domain",
    "trading.Market",
    "trading.SignerNonce",
    "sessions.Session",
    "contenttypes.ContentType",
    "auth.Permission",
    "auth.Group",
    "auth.Group_permissions",
}
REFUSAL = "row-level security"
APPEND_ONLY = ("tenants_auditevent", "trading_commandevent", "trading_approvalevent")
MODELS = apps.get_models(include_auto_created=True)
OWNED = [model for model in MODELS if issubclass(model, OperatorOwned)]
TABLES = [model._meta.db_table for model in OWNED]


def rows(sql: str, *values: int | str | None) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def test_every_model_is_owned_or_known_to_be_shared() -> None:
    assert {model._meta.label for model in MODELS if model not in OWNED} == SHARED


def test_owned_models_are_the_ones_we_know() -> None:
    assert sorted(TABLES) == [
        "branding_brand",
        "tenants_auditevent",
        "tenants_domainclaim",
        "tenants_invitation",
        "tenants_marginpolicy",
        "tenants_marketchoice",
        "tenants_user",
        "trading_approvalevent",
        "trading_builderfee",
        "trading_command",
        "trading_commandevent",
        "trading_difference",
        "trading_fill",
        "trading_formerposition",
        "trading_fundingpayment",
        "trading_ledgerentry",
        "trading_liquidation",
        "trading_marginchange",
        "trading_order",
        "trading_position",
        "trading_preference",
        "trading_setting",
        "trading_settingchange",
        "trading_venueaccount",
        "trading_walletapproval",
    ]


@pytest.mark.django_db
def test_role_cannot_bypass_row_security() -> None:
    assert rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user") == [(False, False)]


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_table_is_protected_from_its_owner_too(table: str) -> None:
    assert rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", table) == [
        (True, True)
    ]
    policies = {name for (name,) in rows("SELECT policyname FROM pg_policies WHERE tablename = %s", table)}
    append_only = {"operator_reads", "operator_adds"}
    assert policies == (append_only if table in APPEND_ONLY else {"operator_only"})


@pytest.mark.parametrize("table", TABLES)
def test_connection_without_a_scope_sees_nothing(alices: Belongings, bobs: Belongings, table: str) -> None:
    assert rows(f"SELECT operator_id FROM {table}") == []


@pytest.mark.parametrize("table", TABLES)
def test_scope_sees_its_own_rows_and_no_others(alices: Belongings, bobs: Belongings, table: str) -> None:
    for belongings in (alices, bobs):
        with operator_scope(belongings.account.operator_id):
            assert set(rows(f"SELECT operator_id FROM {table}")) == {(belongings.account.operator_id,)}


@pytest.mark.parametrize("table", TABLES)
def test_both_operators_had_something_to_leak(alices: Belongings, bobs: Belongings, table: str) -> None:
    with every_operator():
        found = set(rows(f"SELECT operator_id FROM {table}"))

    assert found == {(alices.account.operator_id,), (bobs.account.operator_id,)}


def test_scope_follows_a_connection_from_one_operator_to_the_next(alices: Belongings, bobs: Belongings) -> None:
    seen = []
    for belongings in (alices, bobs, alices):
        with operator_scope(belongings.account.operator_id):
            seen.append(rows("SELECT account_id FROM trading_position"))
        seen.append(rows("SELECT account_id FROM trading_position"))

    assert seen == [[(alices.account.pk,)], [], [(bobs.account.pk,)], [], [(alices.account.pk,)], []]


def test_rollback_does_not_leave_another_operators_scope_behind(alices: Belongings, bobs: Belongings) -> None:
    with operator_scope(alices.account.operator_id):
        rows("SELECT 1")
        with transaction.atomic(), operator_scope(bobs.account.operator_id):
            assert rows("SELECT account_id FROM trading_position") == [(bobs.account.pk,)]
            transaction.set_rollback(True)

        assert rows("SELECT account_id FROM trading_position") == [(alices.account.pk,)]


def test_insert_of_another_operators_row_is_refused(alpha: Exchange, beta: Exchange) -> None:
    sql = (
        "INSERT INTO tenants_marginpolicy (operator_id, offers_cross, default_mode, isolated_leverage, cross_leverage,"
    )
    sql += " slider_marks, margin_presets, updated_at) VALUES (%s, true, 'isolated', 3, 3, '{}', '{}', now())"

    with operator_scope(alpha.operator.pk), pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        rows(sql, beta.operator.pk)


def test_update_cannot_give_a_row_away(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk), pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        rows("UPDATE branding_brand SET operator_id = %s RETURNING id", beta.operator.pk)


def test_update_and_delete_touch_nothing_of_others(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE branding_brand SET name = 'Taken' WHERE operator_id = %s", [beta.operator.pk])
        assert cursor.rowcount == 0
        cursor.execute("DELETE FROM branding_brand WHERE operator_id = %s", [beta.operator.pk])
        assert cursor.rowcount == 0

    with operator_scope(beta.operator.pk):
        assert [brand.name for brand in Brand.objects.all()] == ["Beta"]


@pytest.mark.parametrize("sql", ["UPDATE tenants_auditevent SET action = 'forged'", "DELETE FROM tenants_auditevent"])
def test_audit_is_never_changed(alices: Belongings, sql: str) -> None:
    with operator_scope(alices.account.operator_id):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            assert cursor.rowcount == 0
        assert [event.action for event in AuditEvent.objects.all()] == ["brand published"]


def test_unscoped_manager_is_held_back_by_the_database(alpha: Exchange, beta: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        assert set(User.unscoped.all()) == {alpha.trader, alpha.owner, alpha.support}
    assert list(User.unscoped.all()) == []
