"""Overview and audit list: what they show, how they are narrowed down, and what they cost."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.hosts import forget_hosts
from tenants.models import AuditEvent
from tenants.paging import ROWS
from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at

AUDIT = "/console/audit/"


def record(exchange: Exchange, count: int, action: str = "brand published") -> None:
    with operator_scope(exchange.operator.pk):
        for number in range(count):
            AuditEvent(
                actor=exchange.owner if action == "brand published" else exchange.support,
                action=action,
                subject=f"subject {number}",
                before={"accent": "#000000"},
                after={"accent": f"#{number:06d}"},
                at=timezone.now() + timedelta(seconds=number),
            ).save()


def queries(client: Client, path: str) -> int:
    forget_hosts()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_overview_shows_what_is_live_and_what_goes_on(alpha: Exchange, alices: Belongings) -> None:
    page = browser_at(alpha, alpha.owner).get("/console/").content.decode()

    for words in ("#2f6fed", "1x · 3x · 5x · 10x", "Brand published: version 1", "olga@alpha.example"):
        assert words in page
    assert '<dt>Isolated positions</dt><dd class="number">1</dd>' in page
    assert '<dt>Traders</dt><dd class="number">1</dd>' in page


def test_audit_shows_who_what_when_and_before_after(alpha: Exchange) -> None:
    record(alpha, 1)
    page = browser_at(alpha, alpha.owner).get(AUDIT).content.decode()

    with operator_scope(alpha.operator.pk):
        event = AuditEvent.objects.get()
    for words in ("olga@alpha.example", "Brand published", "subject 0", f"{event.at:%d %b %H:%M:%S}"):
        assert words in page
    assert '<span class="before">#000000</span>' in page


def test_audit_is_newest_first_and_in_pages_that_keep_their_filter(alpha: Exchange) -> None:
    record(alpha, ROWS + 2)
    record(alpha, 1, "account looked at")
    owner = browser_at(alpha, alpha.owner)

    first = owner.get(AUDIT, {"what": "brand published"}).content.decode()
    second = owner.get(AUDIT, {"what": "brand published", "page": "2"}).content.decode()

    assert (f"subject {ROWS + 1}" in first, "subject 1<" in first, "subject 1<" in second) == (True, False, True)
    assert (f"1–{ROWS} of {ROWS + 2}" in first, f"{ROWS + 1}–{ROWS + 2} of {ROWS + 2}" in second) == (True, True)
    assert "?what=brand+published&amp;page=2" in first
    assert "sam@" not in first


def test_audit_is_narrowed_down_by_who(alpha: Exchange) -> None:
    record(alpha, 1)
    record(alpha, 1, "account looked at")
    page = browser_at(alpha, alpha.owner).get(AUDIT, {"who": "SAM"}).content.decode()

    body = page.partition("<tbody>")[2]
    assert ("sam@alpha.example" in body, "olga@alpha.example" in body) == (True, False)


def test_nonsense_in_the_filter_shows_an_empty_list(alpha: Exchange) -> None:
    record(alpha, 1)
    for query in ({"who": "%"}, {"what": "nothing\x00"}, {"who": "x" * 500}):
        answer = browser_at(alpha, alpha.owner).get(AUDIT, query)
        assert (answer.status_code, "Nothing to show" in answer.content.decode()) == (200, True)
    assert browser_at(alpha, alpha.owner).get(AUDIT, {"page": "-3; DROP"}).status_code == 200


def test_what_was_recorded_is_escaped(alpha: Exchange) -> None:
    with operator_scope(alpha.operator.pk):
        AuditEvent(actor=alpha.owner, action="x", subject="<script>", after={"name": "<b>bold</b>"}).save()

    page = browser_at(alpha, alpha.owner).get(AUDIT).content.decode()

    assert ("<script>" in page.partition("<main")[2], "<b>bold" in page) == (False, False)


def test_lists_cost_the_same_with_one_row_and_with_thirty(alpha: Exchange) -> None:
    owner = browser_at(alpha, alpha.owner)
    record(alpha, 1)
    one = [queries(owner, path) for path in ("/console/", AUDIT)]
    record(alpha, 29)

    assert [queries(owner, path) for path in ("/console/", AUDIT)] == one
    assert max(one) <= 13
