"""What is kept of a proof: all that was asked for it, and of a long answer what it was cut from."""

from collections.abc import Iterator

import pytest

from tenants.scope import operator_scope
from tests.factories import Belongings, Exchange, browser_at
from trading.models import Command
from trading.models.events import Step
from trading.services.events import LONGEST_ANSWER, record
from trading.venues import transport
from trading.venues.transport import Response

LONG = b"x" * 54_321


@pytest.fixture
def command(alpha: Exchange, alices: Belongings) -> Iterator[Command]:
    with operator_scope(alpha.operator.pk):
        yield alices.command


def asked(place: int, body: bytes = b"{}") -> transport.Exchange:
    return transport.Exchange(f"/question/{place}?signature=secret", b"", Response(200, body))


def test_every_question_of_a_proof_is_kept_in_its_order(command: Command) -> None:
    record(command, Step.SETTLED, command.state, asked=[asked(place) for place in range(30)])

    kept = list(command.events.exclude(step=Step.PREPARED).values_list("step", "path"))
    assert kept == [*((Step.ASKED, f"/question/{place}") for place in range(29)), (Step.SETTLED, "/question/29")]


def test_long_answer_is_kept_and_shown_as_cut_with_its_full_length(command: Command, alpha: Exchange) -> None:
    record(command, Step.SETTLED, command.state, asked=[asked(0, LONG), asked(1, b"short")])
    cut, whole = command.events.exclude(step=Step.PREPARED)
    page = browser_at(alpha, alpha.support).get(f"/support/traders/{alpha.trader.pk}/timeline/").content.decode()

    assert (bytes(cut.answer), cut.answer_length) == (LONG[:LONGEST_ANSWER], len(LONG))
    assert (bytes(whole.answer), whole.answer_length) == (b"short", 5)
    assert "xxx… (cut: the first 2,000 of 54,321 bytes)" in page
    assert ("/question/1 HTTP 200 short" in page, page.count("(cut:")) == (True, 1)
