"""What the venue's answers mean: done, refused in words, or unknown."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.trading.venues.next_steps import names_next_step
from trading.venues.aster import answers, refusals
from trading.venues.base import Acknowledgement, Batch, Done, Filled, Refused, Resting, SignedRequest
from trading.venues.errors import (
    AlreadyReceived,
    NoLongerAccepted,
    OutcomeUnknown,
    RateLimited,
    Reason,
    Rejected,
    RepeatRefused,
    Unavailable,
    VenueError,
)
from trading.venues.transport import Response

POST = SignedRequest("/fapi/v3/order", b"", 1)
DELETE = SignedRequest("/fapi/v3/order", b"", 1, method="DELETE")
ORDER = {
    "orderId": 22542179,
    "clientOrderId": "testOrder",
    "status": "NEW",
    "executedQty": "0",
    "avgPrice": "0.00000",
    "origQty": "10",
    "timeInForce": "GTC",
    "symbol": "BTCUSDT",
}


def read(body: object, *, status: int = 200, signed: SignedRequest = POST, repeated: bool = False) -> Acknowledgement:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answers.acknowledgement(signed, Response(status, text), repeated=repeated)


def refused(code: int, text: str = "", *, repeated: bool = False) -> VenueError:
    with pytest.raises(VenueError) as caught:
        read({"code": code, "msg": text}, status=400, repeated=repeated)
    return caught.value


@pytest.mark.parametrize(
    ("body", "signed", "expected"),
    [
        (ORDER, POST, Resting(22542179, "testOrder")),
        (ORDER | {"status": "PARTIALLY_FILLED", "executedQty": "3"}, POST, Resting(22542179, "testOrder")),
        (
            ORDER | {"status": "FILLED", "executedQty": "10", "avgPrice": "9300.5"},
            POST,
            Filled(22542179, Decimal(10), Decimal("9300.5"), "testOrder"),
        ),
        (
            ORDER | {"status": "EXPIRED", "executedQty": "4", "avgPrice": "9300", "timeInForce": "IOC"},
            POST,
            Filled(22542179, Decimal(4), Decimal(9300), "testOrder"),
        ),
        (ORDER | {"status": "CANCELED"}, DELETE, Done()),
        ({"code": "200", "msg": "The operation of cancel all open order is done."}, DELETE, Done()),
        ({"code": 200, "msg": "success"}, POST, Done()),
        ({"amount": 100.0, "code": 200, "msg": "Successfully modify position margin.", "type": 1}, POST, Done()),
        ({"leverage": 21, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"}, POST, Done()),
        ({"symbol": "BTCUSDT", "countdownTime": "100000"}, POST, Done()),
    ],
)
def test_an_acceptance_is_understood(body: object, signed: SignedRequest, expected: Acknowledgement) -> None:
    assert read(body, signed=signed) == expected


@pytest.mark.parametrize(("code", "what"), [(-4046, "margin type"), (-4059, "position side")])
def test_nothing_to_change_is_a_success(code: int, what: str) -> None:
    assert read({"code": code, "msg": f"No need to change {what}."}, status=400) == Done()


@pytest.mark.parametrize(
    ("time_in_force", "reason"),
    [("IOC", Reason.NO_MATCH), ("FOK", Reason.NO_MATCH), ("GTX", Reason.POST_ONLY_WOULD_MATCH)],
)
def test_an_order_that_expired_unfilled_is_a_refusal(time_in_force: str, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        read(ORDER | {"status": "EXPIRED", "timeInForce": time_in_force})
    assert caught.value.reason is reason


def test_a_batch_keeps_its_members_places() -> None:
    found = read([ORDER, {"code": -2022, "msg": "ReduceOnly Order is rejected."}])
    assert isinstance(found, Batch)
    first, second = found.outcomes
    assert first == Resting(22542179, "testOrder")
    assert isinstance(second, Refused)
    assert second.error.reason is Reason.REDUCE_ONLY_WOULD_INCREASE
    assert read([ORDER | {"status": "CANCELED"}], signed=DELETE) == Batch((Done(),))


def test_a_batch_of_refusals_is_a_refusal() -> None:
    with pytest.raises(Rejected) as caught:
        read([{"code": -2011, "msg": "Unknown order sent."}] * 2, signed=DELETE)
    assert caught.value.reason is Reason.ORDER_GONE


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"null", 200),
        (b"{}", 200),
        (b"[]", 200),
        (b"[{}]", 200),
        (b'{"code":"OK"}', 200),
        (b'[{"code":-1006,"msg":""}]', 200),
        (b'[{"code":"OK"}]', 200),
        (json.dumps(ORDER | {"status": "NEW_KIND"}).encode(), 200),
        (json.dumps(ORDER | {"executedQty": "NaN"}).encode(), 200),
        (json.dumps(ORDER | {"executedQty": "lots"}).encode(), 200),
        (b"<html>blocked</html>", 403),
        (b'{"code":"none","msg":"?"}', 400),
        (b"\xff", 400),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_a_refusal(body: bytes, status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        read(body, status=status)


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007])
def test_the_venues_own_doubt_is_ours(code: int) -> None:
    error = refused(code, "Internal error")
    assert (type(error), error.outcome_known) == (OutcomeUnknown, False)


@pytest.mark.parametrize(("code", "wait"), [(-1003, 60.0), (-1015, 10.0)])
def test_too_many_requests_are_told_as_such(code: int, wait: float) -> None:
    error = refused(code, "Too many")
    assert (type(error), error.retryable, error.outcome_known) == (RateLimited, True, False)
    assert error.retry_after == wait


def test_a_repeat_that_is_refused_as_such_says_nothing_of_the_first_sending() -> None:
    for code in (-1022, -2015, -1021, -9999):
        first, again = refused(code, "x"), refused(code, "x", repeated=True)
        assert isinstance(first, Rejected)
        assert isinstance(again, RepeatRefused)
        assert (again.outcome_known, again.refusal.reason) == (False, first.reason)
    assert isinstance(refused(-2019, "Margin is insufficient.", repeated=True), Rejected)


def test_a_nonce_that_is_too_old_may_as_well_be_used_and_proves_no_refusal() -> None:
    for repeated in (False, True):
        assert type(refused(-4225, "Nonce Expired", repeated=repeated)) is NoLongerAccepted


def test_a_used_transfer_id_is_proof_of_an_earlier_arrival() -> None:
    for repeated in (False, True):
        assert isinstance(refused(-4115, "clientTranId  is duplicated", repeated=repeated), AlreadyReceived)


def test_a_used_client_order_id_is_proof_of_an_earlier_arrival() -> None:
    for repeated in (False, True):
        assert isinstance(refused(-4116, "ClientOrderId is duplicated.", repeated=repeated), AlreadyReceived)


# code, reason, and the beginning of what the trader reads
SENTENCES = [
    (-2019, Reason.INSUFFICIENT_MARGIN, "There is not enough free margin for this order."),
    (-2021, Reason.TRIGGER_PRICE, "The trigger price is on the wrong side"),
    (-2027, Reason.MARGIN_TIER, "At this leverage the position would be too large."),
    (-2028, Reason.LEVERAGE_NEEDS_MARGIN, "Less leverage needs more margin"),
    (-4003, Reason.SIZE_ZERO, "The size is zero after rounding."),
    (-4014, Reason.PRICE_TICK, "The price does not fit the market's tick size."),
    (-4016, Reason.PRICE_TOO_FAR, "The price is too far from the market."),
    (-4047, Reason.MODE_LOCKED, "Isolated and cross cannot be switched while orders are open."),
    (-4048, Reason.MODE_LOCKED, "Isolated and cross cannot be switched while the position is open."),
    (-4049, Reason.NOT_ISOLATED, "This position uses cross margin"),
    (-4050, Reason.INSUFFICIENT_MARGIN, "There is not enough free margin to add that much."),
    (-4051, Reason.MARGIN_NOT_REMOVABLE, "That much margin cannot be removed."),
    (-4054, Reason.NO_POSITION, "The position is no longer open."),
    (-4061, Reason.NOT_PERMITTED, "This account holds longs and shorts side by side"),
    (-4161, Reason.MODE_LOCKED, "Leverage cannot be lowered while an isolated position is open."),
    (-4164, Reason.BELOW_MINIMUM, "The order is worth less than the market's minimum."),
    (-4168, Reason.MODE_LOCKED, "This account is in multi-asset mode"),
    (-1021, Reason.EXPIRED, "The request reached the venue at the wrong time"),
    (-5050, Reason.ACCOUNT_UNFUNDED, "The venue takes orders after a first deposit."),
    (-1102, Reason.REQUEST_MALFORMED, "The venue could not use this request"),
]


@pytest.mark.parametrize(("code", "reason", "sentence"), SENTENCES)
def test_a_refusal_is_told_in_one_sentence_with_a_next_step(code: int, reason: Reason, sentence: str) -> None:
    error = refused(code, "the venue's words")
    assert isinstance(error, Rejected)
    assert (error.reason, error.mapped, error.text) == (reason, True, f"{code} the venue's words")
    assert error.explanation.startswith(sentence)


def test_every_sentence_ends_with_a_next_step_and_names_no_code() -> None:
    for code, row in refusals.REFUSALS.items():
        assert names_next_step(row.sentence), code
        assert "code" not in row.sentence.lower(), code


def test_every_documented_code_is_known(venue_data: Path) -> None:
    samples: list[dict[str, Any]] = json.loads((venue_data / "aster" / "errors.json").read_text())["samples"]
    for sample in samples:
        code = sample["code"]
        known = code in refusals.REFUSALS or code in refusals.IN_DOUBT | refusals.TOO_MANY.keys()
        assert known, sample
        if code not in refusals.NOTHING_TO_CHANGE:
            error = refused(code, sample["msg"])
            assert getattr(error, "mapped", True) is True, sample


# Every code that the reference lists (Aster 3.8), as a clone without it knows them.
LISTED = [
    *(-1000, -1001, -1003, -1006, -1007, -1011, -1015, -1020, -1021, -1022),
    *range(-1106, -1099),
    *range(-1121, -1107),
    *(-1125, -1127, -1128, -1130, -1136, -2010, -2011, -2013, -2014, -2015),
    *range(-2028, -2017),
    *range(-4005, -4000),
    *(-4013, -4014, -4015, -4016, -4023, -4024, -4028, -4045, -4054, -4055, -4059, -4060, -4061, -4062),
    *range(-4051, -4045),
    *(-4067, -4068, -4082, -4083, -4084, -4087, -4088, -4114, -4115, -4118, -4131, -4135, -4137, -4138),
    *(-4021, -4140, -4141, -4142, -4161, -4164, -4183, -4184, -4212, -4225),
    *range(-4171, -4166),
    *range(-5053, -5048),
    *(-5060, -5076),
]


def test_every_listed_code_has_a_meaning() -> None:
    known = refusals.REFUSALS.keys() | refusals.IN_DOUBT | refusals.TOO_MANY.keys()
    assert [code for code in LISTED if code not in known] == []


def test_an_unlisted_code_is_shown_and_flagged() -> None:
    error = refused(-9999, "A new rule.")
    assert isinstance(error, Rejected)
    assert (error.reason, error.mapped) == (Reason.UNMAPPED, False)
    assert error.explanation == "The venue refused this: A new rule."
    bare = refused(-9999)
    assert bare.explanation == "The venue refused this: code -9999"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", Unavailable),
        (b'{"code":-1000,"msg":""}', Unavailable),
        (b'{"code":-1003,"msg":""}', Unavailable),
        (b'{"code":-2015,"msg":""}', Rejected),
        (b'{"code":-5050,"msg":""}', Rejected),
    ],
)
def test_a_failed_read_changes_nothing(body: bytes, kind: type[VenueError]) -> None:
    with pytest.raises(VenueError) as caught:
        answers.refuse_read(Response(400, body))
    assert (type(caught.value), caught.value.outcome_known) == (kind, True)


def test_every_recorded_answer_is_understood(venue_data: Path) -> None:
    """Successes and refusals of orders, leverage, margin and modes, whole envelopes."""
    folder = venue_data / "aster"
    understood = 0
    for name in ("order_responses.json", "leverage_margin_modes.json"):
        for sample in json.loads((folder / name).read_text()):
            method = sample["request"].partition(" ")[0]
            if method == "GET":
                continue
            status = sample.get("status", 200)
            signed = SignedRequest("/fapi/v3/order", b"", 1, method=method)
            if status == 200 or sample["response"].get("code") == -4046:
                assert read(sample["response"], status=status, signed=signed) is not None, sample["request"]
            else:
                error = refused(sample["response"]["code"], sample["response"]["msg"])
                assert isinstance(error, Rejected), sample["request"]
                assert error.mapped, sample["request"]
            understood += 1
    assert understood >= 18
