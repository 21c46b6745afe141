"""An audit that takes no row any more, as when its table cannot be written."""

from django.db import connection


def close_the_record() -> None:
    """Until the test ends, every change that is put on record fails at that very step."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE tenants_auditevent ADD CONSTRAINT record_is_closed CHECK (false) NOT VALID")


def open_the_record() -> None:
    """Take rows again."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_auditevent DROP CONSTRAINT record_is_closed")
