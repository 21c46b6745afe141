"""What the venue's answer to a command means: accepted, refused, or unknown."""

import copy
import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.next_steps import names_next_step
from trading.venues.base import Acknowledgement, Batch, Done, Filled, Refused, Resting, Waiting
from trading.venues.errors import (
    AlreadyReceived,
    NoLongerAccepted,
    OutcomeUnknown,
    RateLimited,
    Reason,
    Rejected,
    RepeatRefused,
    VenueError,
)
from trading.venues.hyperliquid import refusals
from trading.venues.hyperliquid.answers import acknowledgement
from trading.venues.transport import Response

TOO_SMALL = "Order must have minimum value of $10. asset=0"
UNKNOWN_KEY = "User or API Wallet 0x0123456789012345678901234567890123456789 does not exist."


def ok(*statuses: object, kind: str = "order") -> Response:
    data = {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}
    return Response(200, json.dumps(data).encode())


def refused(text: str) -> Response:
    return Response(200, json.dumps({"status": "err", "response": text}).encode())


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (ok({"resting": {"oid": 7}}), Resting(7)),
        (ok({"resting": {"oid": 7, "cloid": "0xab"}}), Resting(7, "0xab")),
        (
            ok({"filled": {"totalSz": "0.00015", "avgPx": "79449.2", "oid": 8}}),
            Filled(8, Decimal("0.00015"), Decimal("79449.2")),
        ),
        (ok("waitingForTrigger"), Waiting("waitingForTrigger")),
        (ok("success", kind="cancel"), Done()),
        (ok({"resting": {"oid": 7}}, "waitingForFill"), Batch((Resting(7), Waiting("waitingForFill")))),
        (Response(200, b'{"status":"ok","response":{"type":"default"}}'), Done()),
    ],
)
def test_an_acceptance_says_what_happened(answer: Response, meaning: Acknowledgement) -> None:
    assert acknowledgement(answer) == meaning


def test_a_refusal_inside_an_ok_is_a_refusal() -> None:
    with pytest.raises(Rejected) as caught:
        acknowledgement(ok({"error": TOO_SMALL}))
    error = caught.value
    assert (error.reason, error.text, error.mapped) == (Reason.BELOW_MINIMUM, TOO_SMALL, True)
    assert (error.outcome_known, error.retryable, error.retry_after) == (True, False, None)
    assert error.explanation == "The order is worth less than the minimum of 10. Raise the size."


def test_a_batch_keeps_what_was_accepted_beside_what_was_refused() -> None:
    batch = acknowledgement(ok({"resting": {"oid": 7}}, {"error": TOO_SMALL}))
    assert isinstance(batch, Batch)
    accepted, other = batch.outcomes
    assert accepted == Resting(7)
    assert isinstance(other, Refused)
    assert other.error.reason is Reason.BELOW_MINIMUM


def test_a_batch_of_refusals_is_a_refusal() -> None:
    with pytest.raises(Rejected, match="minimum"):
        acknowledgement(ok({"error": TOO_SMALL}, {"error": "Order has zero size."}))


def test_a_refusal_of_the_request_is_a_refusal_the_first_time_only() -> None:
    with pytest.raises(Rejected) as caught:
        acknowledgement(refused(UNKNOWN_KEY))
    assert caught.value.reason is Reason.KEY_UNKNOWN
    with pytest.raises(NoLongerAccepted):
        acknowledgement(refused("Action already expired"), repeated=True)
    for text in (UNKNOWN_KEY, "Something entirely new"):
        with pytest.raises(RepeatRefused) as again:
            acknowledgement(refused(text), repeated=True)
        assert (again.value.outcome_known, again.value.refusal.text) == (False, text)
    with pytest.raises(Rejected):
        acknowledgement(ok({"error": TOO_SMALL}), repeated=True)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_used_nonce_means_that_the_bytes_arrived_before(repeated: bool) -> None:
    with pytest.raises(AlreadyReceived) as caught:
        acknowledgement(refused("Invalid nonce: duplicate nonce 1790000000000"), repeated=repeated)
    assert caught.value.outcome_known is False


def test_a_limit_in_words_is_a_limit() -> None:
    with pytest.raises(RateLimited) as caught:
        acknowledgement(refused("429 Too Many Requests"))
    assert caught.value.retry_after == 60


def test_a_request_that_the_venue_cannot_read_is_refused() -> None:
    text = b"Failed to deserialize the JSON body into the target type: missing field at line 1"
    with pytest.raises(Rejected) as caught:
        acknowledgement(Response(422, text))
    assert caught.value.reason is Reason.REQUEST_MALFORMED


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, b""),
        Response(200, b"null"),
        Response(200, b'{"status":"ok","respon'),
        Response(200, b'{"status":"maybe","response":"x"}'),
        Response(200, b'{"status":"err","response":{"code":1}}'),
        Response(200, b'{"status":"ok","response":{"type":"order"}}'),
        Response(403, b"forbidden"),
        Response(404, b"not found"),
        ok(),
        ok("halfFilled"),
        ok({}),
        ok({"parked": {"oid": 1}}),
        ok({"filled": {"totalSz": "NaN", "avgPx": "1", "oid": 1}}),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_unknown_outcome(answer: Response) -> None:
    with pytest.raises(OutcomeUnknown):
        acknowledgement(answer)


def test_recorded_answers_mean_what_they_say(venue_data: Path) -> None:
    recorded = json.loads((venue_data / "hyperliquid" / "order_responses.json").read_text())
    accepted: dict[str, Acknowledgement] = {
        "resting": Resting(59534922489),
        "resting_with_cloid": Resting(77738308, "0x0000000000000000000000000000abcd"),
        "filled": Filled(296683658818, Decimal("1.0"), Decimal("25.585")),
        "filled_testnet": Filled(59534788967, Decimal("0.00015"), Decimal("79449.2")),
        "entry_plus_tp_sl": Batch(
            (
                Filled(211341310459, Decimal("1.0"), Decimal("39.9351")),
                Waiting("waitingForTrigger"),
                Waiting("waitingForTrigger"),
            )
        ),
        "resting_entry_with_children": Batch((Resting(77738308), Waiting("waitingForFill"), Waiting("waitingForFill"))),
        "cancel_ok": Done(),
        "default_ok": Done(),
    }
    refusals_of: dict[str, Reason] = {
        "order_error": Reason.BELOW_MINIMUM,
        "prevalidation_error": Reason.PRICE_INVALID,
        "wrong_signature": Reason.KEY_UNKNOWN,
        "cancel_error": Reason.ORDER_GONE,
        "leverage_error": Reason.MODE_LOCKED,
        "margin_error": Reason.MARGIN_NOT_REMOVABLE,
    }
    for name, meaning in accepted.items():
        assert acknowledgement(as_response(recorded[name])) == meaning, name
    for name, reason in refusals_of.items():
        with pytest.raises(Rejected) as caught:
            acknowledgement(as_response(recorded[name]))
        assert caught.value.reason is reason, name
    assert set(recorded) - set(accepted) - set(refusals_of) == {"_about", "twap_running"}


def as_response(answer: Any) -> Response:
    return Response(200, json.dumps(answer).encode())


def test_every_known_text_of_the_venue_has_a_reason_and_a_sentence(venue_data: Path) -> None:
    rows = json.loads((venue_data / "hyperliquid" / "error_strings.json").read_text())["errors"]
    matched = set()
    for row in rows:
        for text in (row["text"], row["text"] + " asset=3", "L1 error: " + row["text"]):
            error = refusals.rejected(text)
            assert error.mapped, text
            assert error.reason is not Reason.UNMAPPED
        found = refusals.find(row["text"])
        assert found is not None
        matched.add(found.prefix)
    assert len(rows) >= 60
    assert matched == {row.prefix for row in refusals.REFUSALS}


def test_every_sentence_ends_with_a_next_step() -> None:
    assert [row.sentence for row in refusals.REFUSALS if not names_next_step(row.sentence)] == []


def test_sentences_are_whole_and_texts_do_not_shadow_each_other() -> None:
    prefixes = [row.prefix for row in refusals.REFUSALS]
    assert len(set(prefixes)) == len(prefixes)
    for row in refusals.REFUSALS:
        assert refusals.find(row.prefix) is row, row.prefix
        assert row.sentence[0].isupper()
        assert row.sentence.endswith(".")
        assert "{" not in row.sentence


def test_a_text_that_nobody_knows_is_shown_as_it_was_said_and_flagged() -> None:
    error = refusals.rejected("The moon is in the wrong house.")
    assert (error.mapped, error.reason) == (False, Reason.UNMAPPED)
    assert error.explanation == "The venue refused this: The moon is in the wrong house."
    assert refusals.rejected("").explanation == "The venue refused this: no reason given"
    assert len(refusals.rejected("x" * 10_000).explanation) < 400


def test_a_refusal_that_passes_says_when_to_try_again() -> None:
    error = refusals.rejected("Too many cumulative requests sent (11 > 10) for cumulative volume traded $1.")
    assert (error.reason, error.retryable, error.retry_after) == (Reason.ADDRESS_LIMIT, True, 10)


@pytest.mark.parametrize(
    "error", [refusals.rejected(TOO_SMALL), OutcomeUnknown("HTTP 502", retry_after=2.0), AlreadyReceived("nonce")]
)
def test_errors_survive_a_copy_and_a_pickle(error: VenueError) -> None:
    for twin in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert (str(twin), vars(twin)) == (str(error), vars(error))
