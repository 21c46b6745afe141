"""Rows that hang on one that is held: whoever writes them need not wait, or two writers could wait for each other."""

import threading

import pytest
from django.db import OperationalError, connection, transaction

from tenants.scope import operator_scope
from tests.factories import make_fill
from tests.trading.conftest import Desk
from trading.models import Fill, VenueAccount
from trading.services.readings import locked

PATIENCE = "10s"


@pytest.mark.django_db(transaction=True)
def test_execution_is_written_while_another_process_holds_the_account(desk: Desk) -> None:
    """Its key names the account: were that waited for at the end of the transaction, the holder that comes upon the
    same execution would wait in turn."""
    account, errors = VenueAccount.objects.get(pk=desk.account.pk), list[OperationalError]()

    def write() -> None:
        try:
            with operator_scope(account.operator_id), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
                make_fill(account, desk.market)
        except OperationalError as error:
            errors.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    with transaction.atomic():
        locked(account)
        writer.start()
        writer.join()

    assert errors == []
    assert Fill.objects.count() == 1
