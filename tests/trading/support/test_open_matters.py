"""What is open is never hidden by what is not, and every look at it is on record."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.models import AuditEvent
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at, make_command
from tests.records import make_difference
from trading.models import Command, Difference
from trading.models.commands import CommandState


@pytest.fixture
def support(alpha: Exchange) -> Client:
    return browser_at(alpha, alpha.support)


def page(support: Client, address: str = "/support/open/") -> str:
    answer = support.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_look_at_open_matters_is_on_record(support: Client, alpha: Exchange, alices: Belongings) -> None:
    page(support)

    with operator_scope(alpha.operator.pk):
        event = AuditEvent.objects.select_related("actor").get(action="open matters looked at")
    assert (event.actor.email, event.subject) == ("sam@alpha.example", "")
    assert event.after == {"commands": 1, "unproven": 0, "differences": 1}


def test_healed_differences_never_push_an_open_one_away(support: Client, alpha: Exchange, alices: Belongings) -> None:
    with operator_scope(alpha.operator.pk):
        waiting = Difference.objects.get()
        later = waiting.found_at + timedelta(hours=1)
        for number in range(60):
            make_difference(
                alices.account, waiting.market, subject=f"M{number}", found_at=later, healed_at=later,
                explanation="Explained by events that arrived later.",
            )  # fmt: skip

    first, last = page(support), page(support, "/support/open/?page=3")

    assert first.index("looked at again") < first.index("Explained by events")
    assert ("1 open, 61 in all" in first, "1–25 of 61" in first, "51–61 of 61" in last) == (True, True, True)
    assert ("looked at again" in last, last.count("Explained by events")) == (False, 11)


def test_commands_that_cannot_be_proven_are_listed_with_their_evidence(
    support: Client, alpha: Exchange, alices: Belongings
) -> None:
    now = timezone.now()
    with operator_scope(alpha.operator.pk):
        market = Command.objects.select_related("market").get().market
        Command.objects.update(state=CommandState.ACCEPTED)
        for nonce, days in ((71, 1), (72, 30)):
            make_command(
                alices.account, market, nonce=nonce, prepared_at=now - timedelta(days=days),
                state=CommandState.UNPROVEN, evidence={"effect": f"hidden {nonce}"}, message="It cannot be told.",
            )  # fmt: skip

    text = page(support)

    assert ("Received, effect hidden" in text, "effect: hidden 71" in text, "hidden 72" in text) == (True, True, False)
    assert ("1 in the last seven days" in text, "Nothing is being checked" in text) == (True, True)
