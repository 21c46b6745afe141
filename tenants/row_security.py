"""The second wall between operators: PostgreSQL's row-level security, as migration operations."""

from django.db.migrations.operations import RunSQL

SERVED = "nullif(current_setting('perpsstudio.operator', true), '')::bigint"
OWNED = f"(operator_id = {SERVED} OR {SERVED} = 0)"


def protect(table: str) -> RunSQL:
    """Let a connection see and write only rows of the operator it serves, the table's owner included."""
    return RunSQL(
        sql=[
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY operator_only ON {table} USING {OWNED} WITH CHECK {OWNED}",
        ],
        reverse_sql=[
            f"DROP POLICY operator_only ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def protect_append_only(table: str) -> RunSQL:
    """As ``protect``, but rows can only be added and read: no policy admits an update or a delete."""
    return RunSQL(
        sql=[
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY operator_reads ON {table} FOR SELECT USING {OWNED}",
            f"CREATE POLICY operator_adds ON {table} FOR INSERT WITH CHECK {OWNED}",
        ],
        reverse_sql=[
            f"DROP POLICY operator_reads ON {table}",
            f"DROP POLICY operator_adds ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def refuse_changes(table: str) -> RunSQL:
    """Refuse every update and delete of the table loudly, whoever tries and whatever rows are meant."""
    return RunSQL(
        sql=[
            f"""
            CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$
            """,
            f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()
            """,
        ],
        reverse_sql=[f"DROP TRIGGER append_only ON {table}", f"DROP FUNCTION {table}_is_append_only()"],
    )
