"""Every look at what is open is on record, as every look at an account is."""

from django.test import Client

from tenants.models import AuditEvent
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at


def test_look_at_open_matters_is_on_record(alpha: Exchange, alices: Belongings) -> None:
    support: Client = browser_at(alpha, alpha.support)

    assert support.get("/support/open/").status_code == 200

    with operator_scope(alpha.operator.pk):
        event = AuditEvent.objects.select_related("actor").get(action="open matters looked at")
    assert (event.actor.email, event.subject) == ("sam@alpha.example", "")
    assert event.after == {"commands": 1, "differences": 1}
